package cacheplugin

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/policy"
)

// MySQL returns no rows from an UPDATE, and no version of it from all statements. What write-through puts into the cache is
// read again there, by a locking read of the same transaction: when its writers have been announced, and before COMMIT. So
// the read shows the last state of the rows, also where a server ended the transaction on the way and the application went
// on: who changes a row between this read and the publication is a second writer on its word, and nothing is installed.

// planReread completes the plan of a statement on MySQL. known says that its rows are among the plan's keys.
func (s *statement) planReread(plan writePlan, kind sqltext.Kind, known bool, table coherence.Tag) writePlan {
	inserts := kind == sqltext.Insert
	_, conflict := s.db.Statement.Clauses["ON CONFLICT"]
	through := s.model.policy.Strategy == policy.WriteThrough && (plan.rel.installs || !switches.On(switches.Triggers)) &&
		!s.plugin.hiding(s.model) && !conflict && plan.bounded && !s.loose()
	switch {
	case through && (known || inserts && !plan.rel.triggered):
		plan.ask = askRows
	case known:
	case inserts && !plan.rel.triggered && s.inTransaction():
		plan.ask = askKeys
	default:
		plan.tags = append(plan.tags, table)
	}
	for _, key := range plan.pins {
		plan.tags = append(plan.tags, table.RowText(key...))
	}
	return plan
}

// keepsKeys reports whether the keys of an INSERT's values are surely those of the rows that come.
func (r *relation) keepsKeys(m *model, keys [][]string) bool {
	if !r.strict || r.triggered {
		return false // what does not fit is stored as something else; triggers may give another key
	}
	for i, f := range m.keys {
		if !strings.EqualFold(f.DBName, r.counted) {
			continue
		}
		for _, key := range keys {
			if key[i] == "0" {
				return false // the server makes a number of its own for it
			}
		}
	}
	return true
}

// conflictsByKey reports whether a row in the way of an INSERT is surely left alone, or one of those the INSERT names.
func (s *statement) conflictsByKey(c clause.OnConflict, rel *relation) bool {
	return s.plugin.dialect == sqltext.MySQL && !rel.triggered && (rel.sole || leavesRows(c.DoUpdates))
}

// leavesRows reports whether a conflict clause only names its columns again, which is how GORM says DO NOTHING to MySQL.
func leavesRows(set clause.Set) bool {
	for _, a := range set {
		column, ok := a.Value.(clause.Column)
		if !ok || column.Table != "" || column.Raw || column.Name != a.Column.Name {
			return false
		}
	}
	return true
}

// noteResult adds the rows that a statement on MySQL changed to the effects, as far as its result tells. Where not all of
// the conditions' rows were changed, the others are not locked, and nobody waits for their locks only to cache them.
func (s *statement) noteResult(ctx context.Context, result sql.Result, plan *writePlan, e *effects) {
	affected, err := result.RowsAffected()
	if err != nil {
		e.touch(s.table())
		return
	}
	keys := plan.pins
	if len(keys) == 0 && plan.inserts {
		var ok bool
		if keys, ok = s.insertedKey(result, affected, plan); !ok {
			e.touch(s.table())
			return
		}
	}
	s.noteKeys(ctx, keys, affected == int64(len(keys)), plan, e)
}

// insertedKey is the key the server made for the only row.
func (s *statement) insertedKey(result sql.Result, affected int64, plan *writePlan) ([][]string, bool) {
	values, _ := s.db.Statement.Clauses["VALUES"].Expression.(clause.Values)
	_, conflict := s.db.Statement.Clauses["ON CONFLICT"]
	if affected != 1 || len(values.Values) > 1 || conflict || len(s.model.keys) != 1 ||
		!strings.EqualFold(s.model.keys[0].DBName, plan.rel.counted) {
		return nil, false
	}
	id, err := result.LastInsertId()
	if err != nil || id <= 0 {
		return nil, false
	}
	key, ok := canonicalKey(plan.classes[0], id)
	return [][]string{{key}}, ok
}

// noteReturned is noteResult for rows that GORM asked for, which MariaDB returns from INSERT and DELETE.
func (s *statement) noteReturned(ctx context.Context, v rowset.View, plan *writePlan, e *effects) {
	columns := make([]int, len(s.model.keys))
	for i, f := range s.model.keys {
		if columns[i] = columnOf(v, f.DBName); columns[i] < 0 || v.NumRows() > maxPinned {
			if len(plan.pins) == 0 {
				e.touch(s.table())
			}
			s.noteKeys(ctx, plan.pins, v.NumRows() == len(plan.pins), plan, e)
			return
		}
	}
	var keys [][]string
	n := installer{statement: s, plan: &writePlan{classes: plan.classes, deletes: true}}
	for it := v.Rows(); it.Next(); {
		key, _, ok := n.read(v, it, columns)
		if !ok {
			e.touch(s.table())
			return
		}
		keys = append(keys, key)
	}
	s.noteKeys(ctx, keys, true, plan, e)
}

// noteKeys notes rows by key; all of them are read again if all were changed.
func (s *statement) noteKeys(ctx context.Context, keys [][]string, changed bool, plan *writePlan, e *effects) {
	var again *rereading
	if plan.ask == askRows && changed && len(keys) > 0 {
		quoted := s.db.Statement.Quote(clause.Table{Name: s.db.Statement.Table})
		columns := make([]string, len(s.model.keys))
		for i, f := range s.model.keys {
			columns[i] = s.db.Statement.Quote(clause.Column{Name: f.DBName})
		}
		again = &rereading{statement: s, plan: plan, scope: s.plugin.engine.Scope(ctx), table: quoted, columns: columns}
	}
	for _, key := range keys {
		tag := s.table().RowText(key...)
		if again == nil {
			e.touch(tag)
			continue
		}
		e.stage(tag, []coherence.Tag{tag}, nil, s.model.policy.OnFail != policy.OnFailInvalidate)
		r := e.row(tag)
		r.again, r.key = again, key
	}
}

// rereading is what is needed to read rows of a statement again.
type rereading struct {
	statement *statement
	plan      *writePlan
	scope     string
	table     string   // as SQL
	columns   []string // those of the key, as SQL
}

// rereadBatch is how many rows are read again by one statement.
const rereadBatch = 200

// reread reads the rows that are to be installed, after their writers were announced and before COMMIT. What the user may
// not read is not installed; any other error ends the transaction, for the server may have ended it itself.
func (t *tx) reread() error {
	type group struct {
		model *model
		scope string
	}
	groups := map[group][]*stagedRow{}
	for i := range t.effects.rows {
		if r := &t.effects.rows[i]; r.again != nil {
			g := group{r.again.statement.model, r.again.scope}
			groups[g] = append(groups[g], r)
		}
	}
	for _, rows := range groups {
		for batch := range slices.Chunk(rows, rereadBatch) {
			if err := t.rereadRows(batch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) rereadRows(rows []*stagedRow) error {
	again := rows[0].again
	query, args, ok := again.query(rows)
	if !ok {
		return nil
	}
	captured, err := capture(t.ctx, t.inner, query, args, 0)
	if e, is := mysqlErrorOf(err); is && e.forbidden() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the rows for the cache: %w", err)
	}
	s, v := again.statement, captured.View()
	columns := make([]int, len(s.model.keys))
	for i, f := range s.model.keys {
		columns[i] = columnOf(v, f.DBName)
	}
	found := map[coherence.Tag][]coherence.Install{}
	n := installer{statement: s, plan: &writePlan{classes: again.plan.classes}, scope: again.scope}
	for it := v.Rows(); it.Next(); {
		key, deleted, ok := n.read(v, it, columns)
		if !ok {
			return nil
		}
		tag := s.table().RowText(key...)
		found[tag] = n.entries(v, it, key, deleted, tag)
	}
	gone := installer{statement: s, plan: &writePlan{deletes: true}, scope: again.scope}
	for _, r := range rows {
		if installs, here := found[r.tag]; here {
			r.installs = installs
		} else {
			r.installs = gone.entries(v, rowset.Iterator{}, r.key, true, r.tag)
		}
	}
	return nil
}

// query is the locking read of the rows.
func (again *rereading) query(rows []*stagedRow) (query string, args []any, ok bool) {
	conditions := make([]string, 0, len(rows))
	for _, r := range rows {
		parts := make([]string, len(again.columns))
		for i, column := range again.columns {
			arg, ok := argumentOf(again.plan.classes[i], r.key[i])
			if !ok {
				return "", nil, false
			}
			parts[i], args = column+" = ?", append(args, arg)
		}
		conditions = append(conditions, strings.Join(parts, " AND "))
	}
	return "SELECT * FROM " + again.table + " WHERE " + strings.Join(conditions, " OR ") + " FOR UPDATE", args, true
}
