package cacheplugin

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/journal"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// ErrUnfit is the error of db.Use when a journal has changes for a table that do not fit its columns any more.
var ErrUnfit = errors.New("cacheplugin: pending changes do not fit their table")

// recovery writes to the database what the journal of an ended process has. No model is known when it runs: tables are as
// the catalogue shows them.
type recovery struct {
	writeback *writeback
	journal   *journal.Journal
	mark      *watermark
	targets   map[string]*target // by the name in the journal
	dead      int
	number    uint64 // of the last batch used
}

var _ core.Sink = (*recovery)(nil)

// recover empties a journal.
func (w *writeback) recover(ctx context.Context, j *journal.Journal) error {
	found, err := core.Recover(j)
	if err != nil {
		return err
	}
	r := &recovery{
		writeback: w, journal: j, targets: map[string]*target{},
		mark: &watermark{plugin: w.plugin, id: j.ID(), kept: true},
	}
	if err := r.decide(ctx, found); err != nil {
		return err
	}
	tables, err := found.Tables()
	if err != nil {
		return err
	}
	changes, rows := 0, 0
	for _, t := range tables {
		changes, rows = changes+t.Changes, rows+t.Rows()
	}
	if err := r.flush(ctx, tables); err != nil {
		return fmt.Errorf("writing %d changes of %d rows: %w", changes, rows, err)
	}
	j.ReleaseThrough(j.Stats().Last)
	if err := j.Remove(ctx); err != nil {
		return fmt.Errorf("removing it: %w", err)
	}
	r.mark.ready.Store(true)
	r.mark.remove(ctx)
	s := &w.recovered
	s.Journals, s.Changes, s.Rows, s.DeadLetters = s.Journals+1, s.Changes+changes, s.Rows+rows, s.DeadLetters+r.dead
	return nil
}

// decide asks the database how the last batch ended, and makes sure that it is the one the journal is about.
func (r *recovery) decide(ctx context.Context, found *core.Recovery) error {
	at, err := r.mark.read(ctx)
	if errors.Is(err, sql.ErrNoRows) && found.Records == 0 {
		return nil // it ended before it had its row, or after that was removed
	}
	if err != nil {
		return err
	}
	switch {
	case found.Open != 0 && at == found.Open:
		err = found.Decide(true)
	case !found.Known || at == found.Committed:
		err = found.Decide(false)
	case at < found.Committed:
		return fmt.Errorf("%w: the journal knows of batch %d, the database of %d: it is older than the journal", errWatermark, found.Committed, at)
	default:
		return fmt.Errorf("%w: the journal knows of batch %d, the database of %d: the end of the journal is missing", errWatermark, found.Committed, at)
	}
	r.mark.ready.Store(true)
	r.mark.moved(at)
	r.number = max(at, found.Open)
	return err
}

// flush writes all tables, parents before children, by the journal's own batches.
func (r *recovery) flush(ctx context.Context, tables []*core.RecoveredTable) error {
	if len(tables) == 0 {
		return nil
	}
	p := r.writeback.plugin
	configs := make([]core.TableConfig, len(tables))
	var unfit []error
	for i, t := range tables {
		var err error
		if configs[i], err = r.config(ctx, t); err != nil {
			return err
		}
		if err := r.targets[t.Name].fits(t); err != nil {
			unfit = append(unfit, err)
		}
	}
	if len(unfit) > 0 && !p.settings.unfitDead {
		return fmt.Errorf("%w; WithUnfitAsDeadLetters goes on without them: %w", ErrUnfit, errors.Join(unfit...))
	}
	options := core.Options{Journal: r.journal, Number: r.number, Committed: r.mark.last.Load(), Logger: p.logger, OnError: r.tell}
	buffer := core.New(r, options)
	for i, t := range tables {
		if _, err := buffer.Restore(configs[i], t); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, recoveryPatience)
	defer cancel()
	err := buffer.Close(ctx)
	if onlyDead(err) {
		return nil
	}
	return err
}

func (r *recovery) tell(dead *core.FlushError) {
	if f := r.writeback.plugin.settings.onFlushError; f != nil {
		f(r.public(dead))
	}
}

// config describes a table to the buffer. Its target has the journal's columns in the journal's order.
func (r *recovery) config(ctx context.Context, t *core.RecoveredTable) (core.TableConfig, error) {
	w := r.writeback
	stmt := w.db.Session(freshSession()).Statement
	name, _, _ := strings.Cut(t.Name, "#")
	target := &target{plugin: w.plugin, name: stmt.Quote(clause.Table{Name: name}), keyAt: t.KeyAt}
	config := core.TableConfig{Name: t.Name, Journaled: true, KeyAt: t.KeyAt, Pending: max(1, t.Rows())}
	columns, err := readColumns(ctx, w.plugin, target.name)
	if err != nil {
		return config, err
	}
	for _, column := range t.Columns {
		at := slices.IndexFunc(columns, func(c dirtyColumn) bool { return c.name == column })
		c := dirtyColumn{name: column, missing: true}
		if at >= 0 {
			c = columns[at]
		}
		target.columns = append(target.columns, c)
		target.quoted = append(target.quoted, stmt.Quote(clause.Column{Name: column}))
		config.Columns = append(config.Columns, c.core())
	}
	for _, c := range columns {
		if !slices.Contains(t.Columns, c.name) && c.notNull && !c.defaulted && !c.generated {
			target.wants = append(target.wants, c.name)
		}
	}
	r.targets[t.Name] = target
	config.Rank, err = readRank(ctx, w.plugin, sqltext.Folded(name))
	return config, err
}

// fits reports what of a table's pending changes its columns cannot take.
func (t *target) fits(recovered *core.RecoveredTable) error {
	counts := map[string]int{}
	for _, row := range recovered.Writes() {
		for i := range row {
			if why := t.misfit(&row[i]); why != "" {
				counts[why]++
				break
			}
		}
	}
	if len(counts) == 0 {
		return nil
	}
	parts := make([]string, 0, len(counts))
	for why, n := range counts {
		parts = append(parts, fmt.Sprintf("%s (%d rows)", why, n))
	}
	slices.SortFunc(parts, cmp.Compare[string])
	return fmt.Errorf("table %s: %s", t.name, strings.Join(parts, ", "))
}

// misfit says why the write does not fit the columns; "" if it does.
func (t *target) misfit(w *core.Write) string {
	whole := w.Kind == core.KindInsert || w.Kind == core.KindReplace || w.Kind == core.KindUpsert
	if whole && len(t.wants) > 0 {
		return "a value is missing for column " + t.wants[0]
	}
	for at, v := range w.Values {
		if !whole && !t.isKey(at) {
			continue
		}
		if why := t.columns[at].misfit(v, whole); why != "" {
			return why
		}
	}
	for _, a := range w.Set {
		if why := t.columns[a.Column].misfit(a.Value, false); why != "" {
			return why
		}
	}
	for _, d := range w.Add {
		if c := &t.columns[d.Column]; c.missing || c.kind != columnInteger {
			return "column " + c.name + " is no integer any more"
		}
	}
	return ""
}

func (c *dirtyColumn) misfit(v any, inserted bool) string {
	if _, unset := v.(core.Unset); unset {
		if inserted && (c.notNull || c.defaulted) {
			return "a value is missing for column " + c.name
		}
		return ""
	}
	if c.missing {
		return "column " + c.name + " is gone"
	}
	if v == nil && c.notNull && !c.generated {
		return "column " + c.name + " does not take NULL any more"
	}
	if v == nil || c.generated || c.kind == columnOther {
		return ""
	}
	if _, ok := c.normal(v); !ok {
		return "column " + c.name + " is of another type"
	}
	return ""
}

// Write writes a batch. Rows that do not fit are told apart before anything is sent.
func (r *recovery) Write(ctx context.Context, b core.Batch) error {
	t := r.targets[b.Table]
	for i := range b.Writes {
		if why := t.misfit(&b.Writes[i]); why != "" {
			return core.Poison(fmt.Errorf("%w: %s", ErrUnfit, why))
		}
	}
	f := flush{
		plugin: r.writeback.plugin, mark: r.mark, number: b.Number,
		work: func(ctx context.Context, tx *sql.Tx) error { return t.sendAll(ctx, tx, told(b.Writes)) },
		tags: r.tags(b.Table),
	}
	return f.run(ctx)
}

// told are the writes without the values that nobody told, which are NULL where rows are made and not looked at elsewhere.
func told(writes []core.Write) []core.Write {
	writes = slices.Clone(writes)
	for i := range writes {
		values := slices.Clone(writes[i].Values)
		for j, v := range values {
			if _, unset := v.(core.Unset); unset {
				values[j] = nil
			}
		}
		writes[i].Values = values
	}
	return writes
}

func (r *recovery) tags(table string) func() []coherence.Tag {
	name, _, _ := strings.Cut(table, "#")
	return func() []coherence.Tag { return []coherence.Tag{coherence.TableTag(sqltext.Folded(name))} }
}

// Dead records a change that was refused for good.
func (r *recovery) Dead(ctx context.Context, dead *core.FlushError, leave func()) error {
	letter := r.public(dead)
	insert, err := letter.insert(r.writeback.plugin)
	if err != nil {
		return err
	}
	f := flush{
		plugin: r.writeback.plugin, mark: r.mark, number: dead.Number, work: insert, tags: r.tags(dead.Table), then: leave,
	}
	if err := f.run(ctx); err != nil {
		return fmt.Errorf("recording a dead letter: %w", err)
	}
	r.dead++
	return nil
}

func (r *recovery) public(dead *core.FlushError) FlushError {
	t := r.targets[dead.Table]
	name, _, _ := strings.Cut(dead.Table, "#")
	return FlushError{Table: name, Key: t.describeKey(&dead.Changes[0]), Changes: t.describe(dead.Changes), Err: dead.Err}
}

func jsonables(values map[string]any) map[string]any {
	kept := make(map[string]any, len(values))
	for name, v := range values {
		kept[name] = jsonable(v)
	}
	return kept
}

// insert is the statement that keeps the letter.
func (e *FlushError) insert(p *Plugin) (func(ctx context.Context, tx *sql.Tx) error, error) {
	kept := slices.Clone(e.Changes)
	for i := range kept {
		kept[i].Values, kept[i].Set = jsonables(kept[i].Values), jsonables(kept[i].Set)
	}
	changes, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("describing a dead letter: %w", err)
	}
	key, err := json.Marshal(e.Key)
	if err != nil {
		return nil, fmt.Errorf("describing a dead letter: %w", err)
	}
	query := "INSERT INTO cachewright_dead_letters (table_name, row_key, changes, error) VALUES (" + //nolint:gosec // placeholders, no values
		p.placeholder(1) + ", " + p.placeholder(2) + ", " + p.placeholder(3) + ", " + p.placeholder(4) + ")"
	return func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, e.Table, string(key), string(changes), e.Err.Error())
		return err
	}, nil
}
