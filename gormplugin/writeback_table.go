package cacheplugin

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/keyenc"
	"github.com/cachewright/cachewright/internal/rowset"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// dirtyTable is the dirty table of one write-back model.
type dirtyTable struct {
	*core.Table
	writeback *writeback
	model     *model
	config    core.TableConfig
	classes   []keyClass      // of the key columns
	columns   []dirtyColumn   // in the order of SELECT *
	index     map[string]int  // of columns, by name
	shape     []rowset.Column // how the driver describes them
	keyAt     []int           // places of the key columns

	selectRow string // reads one row by its key
}

// newTable reads what is needed of the model's table; nil when it cannot have a dirty table.
func (w *writeback) newTable(ctx context.Context, m *model) (*dirtyTable, error) {
	p := w.plugin
	if m.soft != nil || m.odd || len(m.hidden) > 0 {
		return nil, nil
	}
	rel, err := p.relation(ctx, p.pool, tableName(m.schema.Table))
	if err != nil {
		return nil, ctx.Err()
	}
	if !rel.exists || !rel.ordinary || !rel.installs || !rel.returning {
		return nil, nil
	}
	t := &dirtyTable{writeback: w, model: m, classes: keyClasses(rel, m), index: map[string]int{}}
	for _, class := range t.classes {
		if class == keyNone {
			return nil, nil
		}
	}
	stmt := w.db.Session(freshSession()).Statement
	table := stmt.Quote(clause.Table{Name: m.schema.Table})
	if t.columns, err = readColumns(ctx, p, table); err != nil {
		return nil, err
	}
	if t.shape, err = readShape(ctx, p, table); err != nil {
		return nil, err
	}
	if len(t.shape) != len(t.columns) {
		return nil, nil
	}
	for i := range t.columns {
		c := &t.columns[i]
		if t.shape[i].Name != c.name {
			return nil, nil
		}
		t.index[c.name] = i
		c.unique = inOtherUnique(rel.unique, c.name, m)
		t.config.Columns = append(t.config.Columns, c.core())
	}
	var conditions []string
	for i, f := range m.keys {
		at, ok := t.index[f.DBName]
		if !ok {
			return nil, nil
		}
		t.keyAt = append(t.keyAt, at)
		conditions = append(conditions, fmt.Sprintf("%s = %s", stmt.Quote(clause.Column{Name: f.DBName}), p.placeholder(i+1)))
	}
	t.selectRow = "SELECT * FROM " + table + " WHERE " + strings.Join(conditions, " AND ")
	t.config.Name = m.schema.Table
	t.config.Rank = rank(m)
	t.config.Flush, t.config.Batch = m.policy.Flush, m.policy.Batch
	t.config.Pending, t.config.Full = m.policy.Pending, m.policy.Full
	return t, nil
}

// inOtherUnique reports whether the column is in a unique set other than the primary key, whose conflicts only the
// database can see.
func inOtherUnique(sets [][]string, column string, m *model) bool {
	keys := map[string]bool{}
	for _, f := range m.keys {
		keys[strings.ToLower(f.DBName)] = true
	}
	for _, set := range sets {
		others := len(set) != len(keys)
		has := false
		for _, c := range set {
			others = others || !keys[c]
			has = has || c == strings.ToLower(column)
		}
		if has && others {
			return true
		}
	}
	return false
}

// rank puts a table after those its rows refer to, as GORM's relations tell.
func rank(m *model) int { return rankOf(m, 0) }

func rankOf(m *model, depth int) int {
	const deepest = 16
	n := 0
	if depth == deepest {
		return n
	}
	for _, rel := range m.schema.Relationships.BelongsTo {
		if rel.FieldSchema == m.schema {
			continue
		}
		n = max(n, 1+rankOf(&model{schema: rel.FieldSchema}, depth+1))
	}
	return n
}

// key is the row's key in the dirty table.
func (t *dirtyTable) key(parts []string) string {
	var b []byte
	for _, part := range parts {
		b = keyenc.AppendString(b, part)
	}
	return string(b)
}

// tag is the row's tag.
func (t *dirtyTable) tag(parts []string) coherence.Tag { return t.model.table.RowText(parts...) }

// load reads a row as the database has it, through the row cache.
func (t *dirtyTable) load(ctx context.Context, parts []string, args []any) (*core.Base, error) {
	p, m := t.writeback.plugin, t.model
	storeKey := string(p.rowKey(nil, p.engine.Scope(ctx), m.schema, viewLive, parts...))
	rows := p.engine.Rows()
	if hit, ok, err := rows.Get(ctx, storeKey); err != nil {
		return nil, err
	} else if ok {
		return t.base(hit.Value, hit.Stamps(nil))
	}
	tags := [1]coherence.Tag{t.tag(parts)}
	loaded, err := rows.Load(ctx, storeKey, tags[:], func(ctx context.Context) (coherence.Filled, error) {
		answer, err := capture(ctx, underlying(p.pool), t.selectRow, args)
		if err != nil {
			return coherence.Filled{}, err
		}
		if answer.NumRows() == 0 {
			return coherence.Filled{Value: absent, Keep: m.remember, Life: m.negative}, nil
		}
		data, err := answer.Bytes()
		if err != nil {
			return coherence.Filled{}, err
		}
		return coherence.Filled{Value: answerEntry(data), Keep: holdsKey(answer.View(), m, t.classes, parts), Life: m.life}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("cacheplugin: reading a row of %s: %w", t.Name(), err)
	}
	return t.base(loaded.Value, loaded.Stamps)
}

// base turns a cache entry into a row. It holds until another write of the row is published; writers that have not
// published yet are kept apart by the dirty table's own lock and gates.
func (t *dirtyTable) base(entry []byte, stamps coherence.Stamps) (*core.Base, error) {
	engine := t.writeback.plugin.engine
	b := &core.Base{Valid: func() bool { return !engine.Moved(stamps) }}
	data, gone, err := openEntry(entry)
	if err != nil || gone {
		return b, err
	}
	v, err := rowset.Open(data)
	if err != nil {
		return nil, err
	}
	it := v.Rows()
	if !it.Next() || v.NumColumns() != len(t.columns) {
		return nil, fmt.Errorf("cacheplugin: %s has other columns than when it was first written", t.Name())
	}
	b.Exists = true
	b.Values = make([]any, len(t.columns))
	for i := range b.Values {
		value := it.Value()
		b.Values[i] = value.Any()
		if _, whole := b.Values[i].(int64); t.columns[i].kind == columnInteger && !whole && !value.IsNull() {
			return nil, core.ErrSync // SQLite keeps what it was given: additions are its own business then
		}
	}
	return b, it.Err()
}

// entry is a pending row as a read of the database would answer it.
func (t *dirtyTable) entry(row core.Row) ([]byte, error) {
	if row.Deleted {
		return absent, nil
	}
	b, err := rowset.NewBuilder(t.shape)
	if err != nil {
		return nil, err
	}
	if err := b.Append(row.Values...); err != nil {
		return nil, err
	}
	return answerEntry(b.Bytes()), nil
}

// pending answers a read by key from the dirty table. A page stands on the row's stamps, taken before looking.
func (r *reader) pending(parts []string) bool {
	w := r.plugin.writeback
	t := w.list()[r.model.folded]
	if t == nil {
		return false
	}
	if t.model != r.model {
		// Another struct over the table: the database answers, after a flush.
		if err := w.flushFor(r.ctx, r.db.Statement.ConnPool, t); err != nil {
			_ = r.db.AddError(err)
			return true
		}
		return false
	}
	var stamps coherence.Stamps
	if r.deps != nil {
		stamps = r.plugin.engine.Stamp(nil, t.tag(parts))
	}
	row, ok := t.Get(t.key(parts))
	if !ok {
		return false
	}
	if err := r.ctx.Err(); err != nil {
		_ = r.db.AddError(err)
		return true
	}
	if r.deps != nil {
		r.deps.Read(stamps)
	}
	entry, err := t.entry(row)
	if err != nil || !r.deliver(entry) {
		_ = r.db.AddError(fmt.Errorf("cacheplugin: showing a pending row of %s: %w", t.Name(), errorOr(err, errEntry)))
		return true
	}
	r.plugin.stats.hits.Add(1)
	return true
}

func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
