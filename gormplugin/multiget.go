package cacheplugin

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/keyenc"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/switches"
)

// multiGet is a read of the rows with some integer keys, in the order of these: the one order of which it is known, without
// asking the database, where each row goes. Each row is an entry of its own; only those that are missing are read.
type multiGet struct {
	*reader

	keys    []int64
	tags    []coherence.Tag
	stored  []string           // the store keys
	entries [][]byte           // nil: missing
	stamps  []coherence.Stamps // of the entries found, or taken for those missing before they are read
	missing []int              // places in keys
}

// byKeys serves a read of several rows by their keys. It reports false, and has left no trace but the SQL it may have built,
// when the statement is anything else, or when its rows are not known to have been there together at one moment.
func (r *reader) byKeys() bool {
	g, ok := r.multiGet()
	if !ok {
		return false
	}
	if !g.look() {
		return r.db.Error != nil
	}
	if len(g.missing) == 0 {
		if !g.finish(nil) {
			return false
		}
		r.hit()
		r.leaveClauses(nil)
		return true
	}
	if callbacks.BuildQuerySQL(r.db); r.db.Error != nil {
		return true
	}
	return g.load()
}

// multiGet reads the statement: whole rows of the model by nothing but keys, ordered by them.
func (r *reader) multiGet() (*multiGet, bool) {
	p, m, stmt := r.plugin, r.model, r.db.Statement
	if m.odd || len(m.keys) != 1 || p.hiding(m) || stmt.ReflectValue.Kind() != reflect.Slice {
		return nil, false
	}
	order, ordered := stmt.Clauses["ORDER BY"]
	if _, limited := stmt.Clauses["LIMIT"]; limited || !ordered || !r.whole() {
		return nil, false
	}
	if p.writeback.used() && p.writeback.list()[m.folded] != nil {
		return nil, false // what is pending is flushed before a query
	}
	desc, ok := r.keyOrder(order)
	if !ok {
		return nil, false
	}
	for name, c := range stmt.Clauses {
		if !bare(c) || name != "WHERE" && name != "soft_delete_enabled" && name != "ORDER BY" {
			return nil, false
		}
	}
	rel := r.relation()
	if rel == nil {
		return nil, false
	}
	class := rel.keys[strings.ToLower(m.keys[0].DBName)]
	if !class.integer() {
		return nil, false
	}
	found, ok := pinned(stmt, m, []keyClass{class})
	if !ok || !found.exact || len(found.keys) == 0 {
		return nil, false
	}
	g := &multiGet{reader: r, keys: make([]int64, len(found.keys))}
	for i, key := range found.keys {
		n, err := strconv.ParseInt(key[0], 10, 64)
		if err != nil {
			return nil, false
		}
		g.keys[i] = n
	}
	slices.Sort(g.keys)
	g.keys = slices.Compact(g.keys)
	if desc {
		slices.Reverse(g.keys)
	}
	return g, true
}

// keyOrder reads an ORDER BY of nothing but the key.
func (r *reader) keyOrder(c clause.Clause) (desc, ok bool) {
	order, is := c.Expression.(clause.OrderBy)
	if !is || order.Expression != nil || len(order.Columns) != 1 {
		return false, false
	}
	by := order.Columns[0]
	pins := pinReader{stmt: r.db.Statement, model: r.model}
	if !by.Column.Raw {
		return by.Desc, pins.column(by.Column) == 0
	}
	name, direction, _ := strings.Cut(strings.TrimSpace(by.Column.Name), " ")
	switch strings.ToLower(strings.TrimSpace(direction)) {
	case "", "asc":
		return by.Desc, pins.named(name) == 0
	case "desc":
		return true, !by.Desc && pins.named(name) == 0
	default:
		return false, false
	}
}

// bare reports a clause that nobody has put anything around.
func bare(c clause.Clause) bool {
	return c.Builder == nil && c.BeforeExpression == nil && c.AfterNameExpression == nil && c.AfterExpression == nil
}

// look looks for each row. Stamps for the missing ones are taken. It reports false when the caller's context has ended.
func (g *multiGet) look() bool {
	p, m, n := g.plugin, g.model, len(g.keys)
	scope, v := p.engine.Scope(g.ctx), viewLive
	if m.soft != nil && g.db.Statement.Unscoped {
		v = viewAll
	}
	if g.deps != nil {
		g.deps.Scoped(scope)
	}
	g.tags, g.stored = make([]coherence.Tag, n), make([]string, n)
	g.entries, g.stamps = make([][]byte, n), make([]coherence.Stamps, n)
	var buf []byte
	for i, key := range g.keys {
		text := strconv.FormatInt(key, 10)
		buf = p.rowKey(buf[:0], scope, m, v, text)
		g.tags[i], g.stored[i] = m.table.RowText(text), string(buf)
		hit, ok, err := p.engine.Rows().Get(g.ctx, g.stored[i])
		switch {
		case err != nil:
			_ = g.db.AddError(err)
			return false
		case ok:
			g.entries[i], g.stamps[i] = hit.Value, hit.Stamps(nil)
		default:
			g.missing = append(g.missing, i)
			g.stamps[i] = p.engine.Stamp(nil, g.tags[i])
		}
	}
	return true
}

// load reads what is missing, and shares that with others who miss the same.
func (g *multiGet) load() bool {
	p := g.plugin
	query, args, ok := g.query()
	if !ok {
		return false
	}
	var (
		flight []byte
		tags   = make([]coherence.Tag, len(g.missing))
		own    *rowset.Captured
	)
	flight = append(flight, 'm')
	for j, i := range g.missing {
		flight, tags[j] = keyenc.AppendString(flight, g.stored[i]), g.tags[i]
	}
	all := len(g.missing) == len(g.keys)
	loaded, err := p.engine.Rows().Load(g.ctx, string(flight), tags, func(ctx context.Context) (coherence.Filled, error) {
		var err error
		own, err = capture(ctx, g.db.Statement.ConnPool, query, args, maxAnswer)
		if err != nil {
			return coherence.Filled{}, err
		}
		data, err := own.Bytes()
		if err != nil {
			return coherence.Filled{}, nil //nolint:nilerr // the answer is handed on as it came
		}
		return coherence.Filled{Value: data}, nil
	})
	if loaded.Value != nil && err == nil && g.take(loaded) && g.finish(loaded.Stamps) {
		g.missed()
		return true
	}
	if own == nil {
		return false // the whole query goes to the database
	}
	if !all || err != nil && !brokeOff(own, err) {
		_ = own.Close() // what it still holds is of no use
		return false
	}
	g.missed()
	if g.deps != nil {
		g.deps.Read(loaded.Stamps)
	}
	g.resume(own) // it is the whole query's answer, whatever moved since
	return true
}

// query is the statement for what is missing: the caller's own if that is everything.
func (g *multiGet) query() (string, []any, bool) {
	stmt := g.db.Statement
	if len(g.missing) == len(g.keys) {
		return stmt.SQL.String(), stmt.Vars, true
	}
	values := make([]any, len(g.missing))
	for j, i := range g.missing {
		values[j] = g.keys[i]
	}
	db := &gorm.DB{Config: g.db.Config}
	db.Statement = &gorm.Statement{
		DB: db, Table: stmt.Table, Model: stmt.Model, Schema: stmt.Schema, Dest: stmt.Dest, ReflectValue: stmt.ReflectValue,
		Unscoped: stmt.Unscoped, ConnPool: stmt.ConnPool, Context: g.ctx, BuildClauses: stmt.BuildClauses,
		Clauses: map[string]clause.Clause{},
	}
	column := clause.Column{Table: clause.CurrentTable, Name: g.model.keys[0].DBName}
	db.Statement.AddClause(clause.Where{Exprs: []clause.Expression{clause.IN{Column: column, Values: values}}})
	callbacks.BuildQuerySQL(db)
	return db.Statement.SQL.String(), db.Statement.Vars, db.Error == nil
}

// take makes entries of the rows that were read, and of those that are not there. It reports false if the answer is none to
// the question.
func (g *multiGet) take(loaded coherence.Loaded) bool {
	v, err := rowset.Open(loaded.Value)
	if err != nil {
		return false
	}
	column := columnOf(v, g.model.keys[0].DBName)
	if column < 0 {
		return false
	}
	for it := v.Rows(); it.Next(); {
		key, ok := intAt(it, column)
		place, known := slices.BinarySearchFunc(g.missing, key, func(i int, key int64) int { return g.compare(g.keys[i], key) })
		if !ok || !known {
			return false
		}
		entry, err := rowEntry(v, it)
		if err != nil {
			return false
		}
		g.entries[g.missing[place]] = entry
	}
	for _, i := range g.missing {
		life := g.model.life
		if g.entries[i] == nil {
			g.entries[i], life = absent, g.model.negative
			if !g.model.remember {
				continue
			}
		}
		if !loaded.Shared {
			_ = g.plugin.engine.Rows().Put(g.ctx, g.stored[i], g.entries[i], g.stamps[i], life) // counted; the reader has its answer
		}
	}
	return true
}

// compare compares two keys in the order of the statement.
func (g *multiGet) compare(a, b int64) int {
	if len(g.keys) > 1 && g.keys[0] > g.keys[1] {
		a, b = b, a
	}
	return cmp.Compare(a, b)
}

// intAt is the integer in a column of the row the iterator stands on.
func intAt(it rowset.Iterator, column int) (int64, bool) {
	for range column {
		it.Value()
	}
	v := it.Value()
	if v.Kind() == rowset.KindInt64 {
		return v.Int64(), true
	}
	text, ok := keyOfValue(keyInt, v) // of an unsigned column
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// together reports whether all stamps are valid now: those of the rows found, and those of what was read.
func (g *multiGet) together(read coherence.Stamps) bool {
	e := g.plugin.engine
	for i, s := range g.stamps {
		if _, now := slices.BinarySearch(g.missing, i); !now && !e.Valid(s) {
			return false
		}
	}
	return len(read) == 0 || e.Valid(read)
}

// finish hands all rows to the destination if they were there together: every stamp is checked once more. read are the stamps
// of what was read now.
func (g *multiGet) finish(read coherence.Stamps) bool {
	if switches.On(switches.RecheckTogether) && !g.together(read) {
		return false
	}
	entry, ok := g.join()
	if !ok || !g.deliver(entry) {
		return false
	}
	if g.deps != nil {
		for i, s := range g.stamps {
			if _, now := slices.BinarySearch(g.missing, i); !now {
				g.deps.Read(s)
			}
		}
		if len(read) > 0 {
			g.deps.Read(read)
		}
	}
	return true
}

// join makes one answer of the rows, if they have the same columns.
func (g *multiGet) join() ([]byte, bool) {
	var (
		b      *rowset.Builder
		header string
	)
	for _, entry := range g.entries {
		data, gone, err := openEntry(entry)
		if err != nil {
			return nil, false
		}
		if gone {
			continue
		}
		v, err := rowset.Open(data)
		if err != nil || v.NumRows() != 1 {
			return nil, false
		}
		if b == nil {
			if b, err = rowset.NewBuilderLike(v); err != nil {
				return nil, false
			}
			header = string(v.Header())
		}
		it := v.Rows()
		if string(v.Header()) != header || !it.Next() || b.AppendRow(it) != nil {
			return nil, false
		}
	}
	if b == nil {
		return absent, true
	}
	return answerEntry(b.Bytes()), true
}
