package cacheplugin

import (
	"context"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/policy"
)

// askKind is what a write statement is made to return besides what GORM asked for.
type askKind uint8

const (
	askNothing askKind = iota
	askKeys            // the keys of the rows it changed
	askRows            // the rows as the database stored them
)

// writePlan is what is known of a model's write before it runs.
type writePlan struct {
	tags    []coherence.Tag // announced before the statement
	ask     askKind
	rel     *relation
	classes []keyClass
	pins    [][]string // keys the conditions name, when they name any
	known   bool       // the statement stays within the pins
	table   coherence.Tag
	tells   *telling // how its rows' values are told; nil if they are not
	inserts bool     // rows come
	deletes bool     // rows go: what is asked are keys, and what is installed their absence
	bounded bool     // no more than maxPinned rows can be changed
}

// planWrite judges a statement GORM has built. The SQL says which table is written and how, the clauses which rows.
// returns says that GORM reads rows of it, for which it runs in a transaction in any case.
func (s *statement) planWrite(ctx context.Context, query string, returns bool) (writePlan, error) {
	p, stmt := s.plugin, s.db.Statement
	v := p.texts.Write(p.dialect, query)
	if v.All || v.EndsTransaction || v.Statements != 1 || len(v.Tables) == 0 {
		return writePlan{tags: []coherence.Tag{coherence.Everything()}}, nil
	}
	op, modified := opOf(v.Kind), modified(stmt)
	if modified {
		op = opRaw
	}
	var (
		plan writePlan
		rel  *relation
		err  error
	)
	for _, name := range v.Tables {
		if rel, err = p.relation(ctx, s.inner, name); err != nil {
			if ctx.Err() != nil {
				return writePlan{}, ctx.Err()
			}
			return writePlan{tags: []coherence.Tag{coherence.Everything()}}, nil
		}
		plan.tags = append(plan.tags, s.reached(rel, op)...)
	}
	table := coherence.TableTag(v.Tables[0].Folded())
	if len(v.Tables) > 1 || !s.rowwise(rel, v.Tables[0], v.Kind) {
		for _, name := range v.Tables {
			plan.tags = append(plan.tags, coherence.TableTag(name.Folded()))
		}
		return plan, nil
	}
	if modified {
		plan.tags = append(plan.tags, table)
		return plan, nil
	}
	plan.rel, plan.classes = rel, keyClasses(rel, s.model)
	plan.inserts, plan.deletes = v.Kind == sqltext.Insert, v.Kind == sqltext.Delete
	if s.changesKey(stmt, v.Kind) {
		plan.tags = append(plan.tags, table) // what comes back are the new keys; the old ones are gone, too
		return plan, nil
	}
	plan.table = table
	known := s.knownKeys(stmt, &plan, v.Kind)
	plan.known = known
	if p.dialect == sqltext.MySQL {
		return s.planReread(plan, v.Kind, known, table), nil
	}
	readable := rel.returning && p.returning && !s.loose() && (returns || s.inTransaction()) && stmt.Result == nil
	if readable {
		plan.tells = s.tells(rel, v.Kind)
	}
	through := s.model.policy.Strategy == policy.WriteThrough && p.returning && rel.returning && !s.loose() &&
		(rel.installs || !switches.On(switches.Triggers))
	switch {
	case through && known && plan.bounded && stmt.Result == nil:
		plan.ask = askRows
	case known && plan.tells != nil:
		plan.ask = askKeys
	case known:
	case through && v.Kind == sqltext.Insert && plan.bounded && stmt.Result == nil:
		plan.ask = askRows
	case readable:
		plan.ask = askKeys
	default:
		plan.tags = append(plan.tags, table)
	}
	if plan.ask == askRows && plan.tells == nil {
		plan.tells = s.tells(rel, v.Kind) // it has a transaction, its own if no other
	}
	for _, key := range plan.pins {
		plan.tags = append(plan.tags, table.RowText(key...))
	}
	return plan, nil
}

// modified reports whether the verb has a word of the application's behind it: OR REPLACE and its like remove rows nobody names.
func modified(stmt *gorm.Statement) bool {
	insert, _ := stmt.Clauses["INSERT"].Expression.(clause.Insert)
	update, _ := stmt.Clauses["UPDATE"].Expression.(clause.Update)
	return insert.Modifier != "" || update.Modifier != ""
}

// opOf maps the verb of the SQL, which differs from GORM's callback for a soft delete.
func opOf(k sqltext.Kind) operation {
	switch k {
	case sqltext.Insert:
		return opCreate
	case sqltext.Update:
		return opUpdate
	case sqltext.Delete:
		return opDelete
	default:
		return opRaw
	}
}

// reached are the tags of what the write may reach besides its own rows, as precisely as its clauses tell.
func (s *statement) reached(rel *relation, op operation) []coherence.Tag {
	if !switches.On(switches.Triggers) {
		return nil
	}
	stmt := s.db.Statement
	switch op {
	case opCreate:
		if _, conflict := stmt.Clauses["ON CONFLICT"]; !conflict {
			return rel.reachedInserting()
		}
	case opUpdate:
		if set, ok := stmt.Clauses["SET"].Expression.(clause.Set); ok && len(set) > 0 {
			columns := make([]string, len(set))
			for i, a := range set {
				if columns[i] = a.Column.Name; a.Column.Raw {
					return rel.reached(op)
				}
			}
			return rel.reachedSetting(columns)
		}
	}
	return rel.reached(op)
}

// rowwise reports whether rows of the statement's table can be told apart by tags of their own.
func (s *statement) rowwise(rel *relation, name sqltext.Name, kind sqltext.Kind) bool {
	m, stmt := s.model, s.db.Statement
	if m.off() || rel == nil || !rel.exists || !rel.ordinary || !rel.identifiedBy(m) || m.folded != name.Folded() {
		return false
	}
	if _, joined := stmt.Clauses["FROM"]; joined && kind == sqltext.Update || len(stmt.Joins) > 0 {
		return false
	}
	for _, class := range keyClasses(rel, m) {
		if class == keyNone {
			return false
		}
	}
	return true
}

// keyClasses are the classes of the model's key columns, in their order.
func keyClasses(rel *relation, m *model) []keyClass {
	classes := make([]keyClass, len(m.keys))
	for i, f := range m.keys {
		classes[i] = rel.keys[strings.ToLower(f.DBName)]
	}
	return classes
}

func (s *statement) inTransaction() bool {
	t, foreign := txOf(s.inner)
	return t != nil && !t.loose || foreign
}

// loose reports whether the statement is in a transaction that may have ended.
func (s *statement) loose() bool {
	t, _ := txOf(s.inner)
	return t != nil && t.loose
}

// knownKeys fills in the keys that the statement surely stays within, and whether there is a bound.
func (s *statement) knownKeys(stmt *gorm.Statement, plan *writePlan, kind sqltext.Kind) bool {
	if kind == sqltext.Insert {
		values, _ := stmt.Clauses["VALUES"].Expression.(clause.Values)
		plan.bounded = len(values.Values) <= maxPinned
		if c, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok && !c.DoNothing && !s.conflictsByKey(c, plan.rel) {
			return false // the row in the way may have another key
		}
		keys, ok := s.insertedKeys(values, plan.classes)
		if ok = ok && (s.plugin.dialect != sqltext.MySQL || plan.rel.keepsKeys(s.model, keys)); ok {
			plan.pins = keys
		}
		return ok
	}
	found, ok := pinned(stmt, s.model, plan.classes)
	plan.bounded = ok
	plan.pins = found.keys
	return ok
}

// insertedKeys are the keys among the values of an INSERT, when all rows give theirs.
func (s *statement) insertedKeys(values clause.Values, classes []keyClass) ([][]string, bool) {
	place := make([]int, len(s.model.keys))
	for i, f := range s.model.keys {
		place[i] = -1
		for j, c := range values.Columns {
			if c.Name == f.DBName {
				place[i] = j
			}
		}
		if place[i] < 0 {
			return nil, false
		}
	}
	if len(values.Values) > maxPinned {
		return nil, false
	}
	keys := make([][]string, 0, len(values.Values))
	for _, row := range values.Values {
		key := make([]string, len(place))
		for i, j := range place {
			if j >= len(row) {
				return nil, false
			}
			var ok bool
			if key[i], ok = canonicalKey(classes[i], row[j]); !ok {
				return nil, false
			}
		}
		keys = append(keys, key)
	}
	return keys, len(keys) > 0
}

// changesKey reports whether the statement assigns a key column, which gives its row another key.
func (s *statement) changesKey(stmt *gorm.Statement, kind sqltext.Kind) bool {
	var set clause.Set
	if kind == sqltext.Insert {
		c, _ := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
		set = c.DoUpdates
	} else {
		set, _ = stmt.Clauses["SET"].Expression.(clause.Set)
	}
	if s.plugin.dialect == sqltext.MySQL && kind == sqltext.Insert && leavesRows(set) {
		return false
	}
	for _, a := range set {
		for _, f := range s.model.keys {
			if a.Column.Name == f.DBName || a.Column.Name == f.Name || a.Column.Raw {
				return true
			}
		}
	}
	return false
}

// relation returns what the catalogue says of a table, from the connection the statement runs on.
func (p *Plugin) relation(ctx context.Context, c gorm.ConnPool, name sqltext.Name) (*relation, error) {
	if t, _ := txOf(c); t != nil && t.effects.ddl {
		return p.catalogue.fresh(ctx, underlying(c), name) // what this transaction made of its tables is nobody else's
	}
	return p.catalogue.table(ctx, underlying(c), name)
}
