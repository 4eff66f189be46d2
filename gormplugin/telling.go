package cacheplugin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/policy"
)

// telling is how a statement tells the values that its rows had and have in the columns that queries of the table are
// narrowed on: it returns the columns beside the keys. What it returns of a column that it does not assign is the old value,
// too; of one that it assigns the old value is asked of the row's entry in the cache.
type telling struct {
	columns  []string // in lower case, by their places
	names    []string // as stored
	classes  []keyClass
	assigned []bool
	assigns  bool // one of them is assigned
	keyed    bool // no two rows have the same key, so that a row in the cache is the row
}

// tells says how the statement can tell its rows' values, nil if it cannot, or if nobody asks: then its rows are announced
// as plain rows, which moves the queries of all values.
func (s *statement) tells(rel *relation, kind sqltext.Kind) *telling {
	columns := s.plugin.narrowed.columns(s.model.folded)
	if len(columns) == 0 || rel.fixable == nil || s.model.policy.Strategy == policy.WriteBack {
		return nil
	}
	t := &telling{
		columns: columns, names: make([]string, len(columns)), classes: make([]keyClass, len(columns)),
		assigned: make([]bool, len(columns)),
	}
	for i, column := range columns {
		var ok bool
		if t.names[i], ok = rel.fixable[column]; !ok {
			return nil // gone, or not what it was
		}
		t.classes[i] = rel.keys[column]
	}
	keys := make([]string, len(s.model.keys))
	for i, f := range s.model.keys {
		keys[i] = f.DBName
	}
	t.keyed = rel.identifies(keys)
	set, known := assignments(s.db.Statement, kind)
	for _, a := range set {
		name := strings.ToLower(a.Column.Name[strings.LastIndexByte(a.Column.Name, '.')+1:])
		if _, is := rel.keys[name]; a.Column.Raw || !is {
			known = false // by another name
		}
		if i := slices.Index(columns, name); i >= 0 {
			t.assigned[i], t.assigns = true, true
		}
	}
	if !known {
		t.assigns = true
		for i := range t.assigned {
			t.assigned[i] = true
		}
	}
	return t
}

// assignments are what the statement assigns to rows that are there already; known is false where that cannot be told.
func assignments(stmt *gorm.Statement, kind sqltext.Kind) (set clause.Set, known bool) {
	name := "SET"
	switch kind {
	case sqltext.Delete:
		return nil, true
	case sqltext.Insert:
		name = "ON CONFLICT"
	}
	c, ok := stmt.Clauses[name]
	if c.Builder != nil || c.BeforeExpression != nil || c.AfterNameExpression != nil || c.AfterExpression != nil {
		return nil, false
	}
	switch e := c.Expression.(type) {
	case clause.Set:
		return e, len(e) > 0
	case clause.OnConflict:
		return e.DoUpdates, e.DoNothing || len(e.DoUpdates) > 0
	default:
		return nil, kind == sqltext.Insert && !ok
	}
}

// announce are the tags of the plan as they are announced before the statement: rows whose values it will tell, as such.
func (plan *writePlan) announce() []coherence.Tag {
	if plan.tells == nil {
		return plan.tags
	}
	tags := make([]coherence.Tag, len(plan.tags))
	for i, tag := range plan.tags {
		tags[i] = tag
		if tag.Table() == plan.table {
			tags[i] = tag.Told(len(plan.tells.columns))
		}
	}
	return tags
}

// failed notes that the statement ended with an error: the rows it named may tell nothing, and one that fails in the middle, as
// SQLite's may, has changed rows nobody knows. Perhaps it failed for a column that it was made to return and that another process
// has dropped: then the next one must not ask for it.
func (s *statement) failed(plan *writePlan, e *effects, err error) {
	var state interface{ SQLState() string }
	if errors.As(err, &state) && state.SQLState() == undefinedColumn {
		s.plugin.catalogue.forget()
	}
	switch {
	case plan.tells == nil:
	case plan.known:
		e.touch(plan.tags...)
	default:
		e.touch(plan.table)
	}
}

// undefinedColumn is PostgreSQL's code of an error. SQLite has none: there a name in quotes that is no column is a text.
const undefinedColumn = "42703"

// value adds the tag of what the statement returned of the column at i, and reports whether that could be told. NULL needs no
// tag: no condition that fixes a column is met by it.
func (t *telling) value(tags []coherence.Tag, table coherence.Tag, i int, v rowset.Value) ([]coherence.Tag, bool) {
	if v.IsNull() {
		return tags, true
	}
	text, ok := keyOfValue(t.classes[i], v)
	if !ok {
		return tags, false
	}
	return append(tags, table.Value(t.columns[i], text, i+1)), true
}

// before adds the values that the row with the key had in the columns the statement assigned, out of the cache. The statement
// has returned the row and holds its lock, and nothing of the transaction is announced yet: if the entry is valid now, it is
// the row that everybody else sees, and nobody can change it before COMMIT.
func (s *statement) before(ctx context.Context, t *telling, tags []coherence.Tag, key []string) ([]coherence.Tag, bool) {
	if !t.assigns || !switches.On(switches.OldValueAsked) {
		return tags, true
	}
	if !t.keyed {
		return tags, false
	}
	m := s.model
	views := []view{viewLive, viewAll}
	if m.soft == nil {
		views = views[:1]
	}
	for _, v := range views {
		entry, ok := s.plugin.engine.Rows().Before(ctx, string(s.plugin.rowKey(nil, s.plugin.engine.Scope(ctx), m, v, key...)))
		if !ok {
			continue
		}
		data, gone, err := openEntry(entry)
		if err != nil || gone {
			continue
		}
		row, err := rowset.Open(data)
		if err != nil || row.NumRows() != 1 {
			continue
		}
		return t.old(tags, m.table, row)
	}
	return tags, false
}

// old adds the values of a row as it is in the cache.
func (t *telling) old(tags []coherence.Tag, table coherence.Tag, row rowset.View) ([]coherence.Tag, bool) {
	for i, assigned := range t.assigned {
		if !assigned {
			continue
		}
		at := columnOf(row, t.names[i])
		if at < 0 {
			return tags, false
		}
		one, err := row.Project(at, at+1)
		if err != nil {
			return tags, false
		}
		it := one.Rows()
		if !it.Next() {
			return tags, false
		}
		var ok bool
		if tags, ok = t.value(tags, table, i, it.Value()); !ok {
			return tags, false
		}
	}
	return tags, true
}

// told are the tags of a row that the statement returned: the row and its values, or the plain row if they are not all known.
// now are the values it returned, ok says whether all could be told.
func (s *statement) told(ctx context.Context, t *telling, row coherence.Tag, key []string, now []coherence.Tag, ok bool) []coherence.Tag {
	if t != nil && ok {
		if all, ok := s.before(ctx, t, now, key); ok {
			return append(all, row.Told(len(t.columns)))
		}
	}
	return append(now[:0], row)
}
