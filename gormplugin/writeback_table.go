package cacheplugin

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/keyenc"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

// dirtyTable is the dirty table of one write-back model. What is known of its columns does not change: after DDL that
// matters it is retired, and another takes its place.
type dirtyTable struct {
	*core.Table
	writeback *writeback
	model     *model
	config    core.TableConfig
	classes   []keyClass      // of the key columns
	index     map[string]int  // of columns, by name
	shape     []rowset.Column // how the driver describes them
	cascades  bool            // deleting a row changes other tables, so that it cannot wait

	target
	selectRow string // reads one row by its key

	generation atomic.Uint64 // of the catalogue when the table was last looked at
	retired    atomic.Bool   // no more changes are accepted
	users      atomic.Int64  // statements that may be accepting one
	born       atomic.Uint64 // its number among the passages; 0 until it has one
	guarded    atomic.Bool   // all who passed before it was there have ended
}

// newTable reads what is needed of the model's table; nil when it cannot have a dirty table: rows that triggers, rules or
// defaults of the database would make into something else must be written to be known.
func (w *writeback) newTable(ctx context.Context, m *model) (*dirtyTable, error) {
	p := w.plugin
	if m.soft != nil || m.odd || p.hiding(m) {
		return nil, nil
	}
	rel, err := p.relation(ctx, p.pool, tableName(m.schema.Table))
	if err != nil {
		return nil, ctx.Err()
	}
	if !rel.exists || !rel.ordinary || !rel.identifiedBy(m) || rel.rowSecurity || !rel.installs || !rel.returning || rel.triggered ||
		len(rel.reachedInserting()) > 0 {
		return nil, nil
	}
	t := &dirtyTable{writeback: w, model: m, classes: keyClasses(rel, m), index: map[string]int{}, target: target{plugin: p}}
	if slices.Contains(t.classes, keyNone) {
		return nil, nil
	}
	t.cascades = len(rel.reached(opDelete)) > 0
	stmt := w.db.Session(freshSession()).Statement
	t.name = stmt.Quote(clause.Table{Name: m.schema.Table})
	if t.columns, err = readColumns(ctx, p, t.name); err != nil {
		return nil, err
	}
	if t.shape, err = readShape(ctx, p, t.name); err != nil {
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
		// A column that foreign keys follow is like one in a unique set: its changes reach further than its row.
		c.unique = inOtherUnique(rel.unique, c.name, m) || len(rel.reachedSetting([]string{c.name})) > 0
		t.quoted = append(t.quoted, stmt.Quote(clause.Column{Name: c.name}))
		t.config.Columns = append(t.config.Columns, c.core())
	}
	var conditions []string
	for i, f := range m.keys {
		at, ok := t.index[f.DBName]
		if !ok {
			return nil, nil
		}
		t.keyAt = append(t.keyAt, at)
		conditions = append(conditions, t.quoted[at]+" = "+p.placeholder(i+1))
	}
	t.selectRow = "SELECT * FROM " + t.name + " WHERE " + strings.Join(conditions, " AND ")
	t.config.Name = m.schema.Table
	if t.config.Rank, err = readRank(ctx, p, m.folded); err != nil {
		return nil, err
	}
	t.config.Flush, t.config.Batch = m.policy.Flush, m.policy.Batch
	t.config.Pending, t.config.Full = m.policy.Pending, m.policy.Full
	t.config.Ack, t.config.KeyAt = m.policy.Ack, t.keyAt
	t.config.Journaled = w.journal != nil && m.policy.Ack != policy.AckMemory
	if err := w.checkDisk(ctx, m); err != nil {
		return nil, err
	}
	return t, w.readIsolation(ctx)
}

// readIsolation learns whether transactions begin under a snapshot here.
func (w *writeback) readIsolation(ctx context.Context) error {
	if w.plugin.dialect != sqltext.Postgres {
		return nil
	}
	var level string
	if err := w.plugin.root.QueryRowContext(ctx, "SELECT current_setting('default_transaction_isolation')").Scan(&level); err != nil {
		return fmt.Errorf("cacheplugin: reading the default isolation: %w", err)
	}
	w.frozen.Store(level != "read committed" && level != "read uncommitted")
	return nil
}

// like reports whether the table was found as it is described here already.
func (t *dirtyTable) like(fresh *dirtyTable) bool {
	return slices.Equal(t.columns, fresh.columns) && slices.Equal(t.classes, fresh.classes) && slices.Equal(t.keyAt, fresh.keyAt) &&
		t.cascades == fresh.cascades && reflect.DeepEqual(t.shape, fresh.shape)
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
func (t *dirtyTable) load(ctx context.Context, c *rowChange) (*core.Base, error) {
	p, m := t.writeback.plugin, t.model
	storeKey := string(p.rowKey(nil, p.engine.Scope(ctx), m, viewLive, c.parts...))
	rows := p.engine.Rows()
	if hit, ok, err := rows.Get(ctx, storeKey); err != nil {
		return nil, err
	} else if ok {
		return t.base(hit.Value, hit.Stamps(nil))
	}
	args, ok := t.arguments(c.parts)
	if !ok {
		return nil, core.ErrSync
	}
	tags := [1]coherence.Tag{t.tag(c.parts)}
	loaded, err := rows.Load(ctx, storeKey, tags[:], func(ctx context.Context) (coherence.Filled, error) {
		// Another may have changed the row since it was found not to be pending: then the stamps, taken after that change,
		// would vouch for what the database has not got yet.
		_, pending := t.Get(c.Key)
		answer, err := captureFresh(ctx, p.root, t.selectRow, args)
		if err != nil {
			return coherence.Filled{}, err
		}
		if answer.NumRows() == 0 {
			return coherence.Filled{Value: absent, Keep: m.remember && !pending, Life: m.negative}, nil
		}
		data, err := answer.Bytes()
		if err != nil {
			return coherence.Filled{}, err
		}
		keep := !pending && holdsKey(answer.View(), m, t.classes, c.parts)
		return coherence.Filled{Value: answerEntry(data), Keep: keep, Life: m.life}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("cacheplugin: reading a row of %s: %w", m.schema.Table, err)
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
		t.writeback.plugin.catalogue.forget()
		return nil, core.ErrSync // somebody has changed the table behind the plugin: this write goes to the database
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
