package cacheplugin

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/migrations"
)

// sink writes batches of the dirty tables to the database.
type sink struct{ writeback *writeback }

var _ core.Sink = (*sink)(nil)

var errNoRow = errors.New("the row to update is not there")

// Write writes a batch in one transaction, announced before COMMIT and published after it.
func (s *sink) Write(ctx context.Context, b core.Batch) error {
	t, p := s.table(b.Table), s.writeback.plugin
	tx, err := p.root.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a flush: %w", err)
	}
	done := false
	defer func() {
		if !done {
			_ = tx.Rollback() // the error that led here is the one to report
		}
	}()
	for i := range b.Writes {
		if err := t.send(ctx, tx, &b.Writes[i]); err != nil {
			return classify(err)
		}
	}
	number := ""
	if p.dialect == sqltext.Postgres {
		if err := tx.QueryRowContext(ctx, "SELECT txid_current()::text").Scan(&number); err != nil {
			return fmt.Errorf("numbering a flush: %w", err)
		}
	}
	w, err := p.engine.Begin(ctx, t.tagsOf(b.Writes)...)
	if err != nil {
		return err
	}
	defer w.Settle()
	err = tx.Commit()
	done = true
	if err == nil {
		return nil
	}
	switch p.outcome(err) {
	case rolledBack:
		w.Release()
		return classify(err)
	case committed:
		return nil
	}
	happened, asked := s.ask(ctx, number)
	if asked != nil {
		return errors.Join(err, asked)
	}
	if happened {
		return nil
	}
	w.Release()
	return err
}

// ask finds out how a COMMIT without an answer ended. It does not give up before its context: until the outcome is known
// the batch may be neither dropped nor sent again.
func (s *sink) ask(ctx context.Context, number string) (happened bool, err error) {
	p := s.writeback.plugin
	if number == "" {
		return false, nil // SQLite in this process: a COMMIT that failed has not happened
	}
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		var status sql.NullString
		err := p.root.QueryRowContext(ctx, "SELECT txid_status($1::text::bigint)", number).Scan(&status)
		if err == nil && status.String != "in progress" {
			return status.String == "committed", nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false, ctx.Err()
		case <-timer.C:
		}
	}
}

func (s *sink) table(name string) *dirtyTable {
	return s.writeback.list()[sqltext.Folded(name)]
}

// tagsOf are the tags of the rows of a batch.
func (t *dirtyTable) tagsOf(writes []core.Write) []coherence.Tag {
	tags := make([]coherence.Tag, 0, len(writes))
	for i := range writes {
		tags = append(tags, t.tagOf(&writes[i]))
	}
	return tags
}

func (t *dirtyTable) tagOf(w *core.Write) coherence.Tag {
	parts := make([]string, len(t.keyAt))
	for i, at := range t.keyAt {
		var ok bool
		if parts[i], ok = canonicalKey(t.classes[i], w.Values[at]); !ok {
			return t.model.table
		}
	}
	return t.tag(parts)
}

// classify marks what trying again cannot mend: data, integrity and syntax errors of PostgreSQL, constraints and types of
// SQLite.
func classify(err error) error {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		switch class, _, _ := strings.Cut(state.SQLState()+"  ", " "); {
		case strings.HasPrefix(class, "22"), strings.HasPrefix(class, "23"), strings.HasPrefix(class, "42"), strings.HasPrefix(class, "44"):
			return core.Poison(err)
		}
	}
	var code interface{ Code() int }
	if errors.As(err, &code) {
		switch code.Code() & 0xff {
		case 1, 18, 19, 20: // error in the statement, too big, constraint, mismatch
			return core.Poison(err)
		}
	}
	if errors.Is(err, errNoRow) {
		return core.Poison(err)
	}
	return err
}

// send runs what one row's write asks for.
func (t *dirtyTable) send(ctx context.Context, tx *sql.Tx, w *core.Write) error {
	switch w.Kind {
	case core.KindInsert:
		return t.exec(ctx, tx, w, t.insert)
	case core.KindUpdate:
		if len(w.Set)+len(w.Add) == 0 {
			return nil
		}
		return t.exec(ctx, tx, w, t.update)
	case core.KindDelete:
		return t.exec(ctx, tx, w, t.remove)
	case core.KindReplace:
		if err := t.exec(ctx, tx, w, t.remove); err != nil {
			return err
		}
		return t.exec(ctx, tx, w, t.insert)
	case core.KindUpsert:
		return t.exec(ctx, tx, w, t.merge)
	default:
		return fmt.Errorf("writing a row: no statement for kind %s", w.Kind)
	}
}

func (t *dirtyTable) exec(ctx context.Context, tx *sql.Tx, w *core.Write, build func(*script, *core.Write)) error {
	s := script{table: t, plugin: t.writeback.plugin}
	build(&s, w)
	result, err := tx.ExecContext(ctx, s.text.String(), s.args...)
	if err != nil {
		return err
	}
	if w.Kind != core.KindUpdate {
		return nil
	}
	if n, err := result.RowsAffected(); err == nil && n == 0 {
		return errNoRow
	}
	return nil
}

// script builds one statement of a flush.
type script struct {
	table  *dirtyTable
	plugin *Plugin
	text   strings.Builder
	args   []any
}

func (s *script) quote(name string) string {
	return s.table.writeback.db.Session(freshSession()).Statement.Quote(clause.Column{Name: name})
}

func (s *script) name() string {
	return s.table.writeback.db.Session(freshSession()).Statement.Quote(clause.Table{Name: s.table.model.schema.Table})
}

func (s *script) param(v any) string {
	s.args = append(s.args, v)
	return s.plugin.placeholder(len(s.args))
}

// where names the row by its key.
func (s *script) where(w *core.Write) {
	for i, at := range s.table.keyAt {
		if i == 0 {
			s.text.WriteString(" WHERE ")
		} else {
			s.text.WriteString(" AND ")
		}
		s.text.WriteString(s.quote(s.table.columns[at].name) + " = " + s.param(w.Values[at]))
	}
}

func (t *dirtyTable) insert(s *script, w *core.Write) {
	var names, params []string
	for i := range t.columns {
		if t.columns[i].generated {
			continue
		}
		names = append(names, s.quote(t.columns[i].name))
		params = append(params, s.param(w.Values[i]))
	}
	s.text.WriteString("INSERT INTO " + s.name() + " (" + strings.Join(names, ", ") + ")")
	if s.plugin.dialect == sqltext.Postgres {
		s.text.WriteString(" OVERRIDING SYSTEM VALUE") // the key was the caller's choice, identity or not
	}
	s.text.WriteString(" VALUES (" + strings.Join(params, ", ") + ")")
}

func (t *dirtyTable) update(s *script, w *core.Write) {
	s.text.WriteString("UPDATE " + s.name() + " SET ")
	s.assignments(w, "")
	s.where(w)
}

// assignments writes what an update does; table, if given, tells the row that is there from the one proposed.
func (s *script) assignments(w *core.Write, table string) {
	for i, a := range w.Set {
		if i > 0 {
			s.text.WriteString(", ")
		}
		s.text.WriteString(s.quote(s.table.columns[a.Column].name) + " = " + s.param(a.Value))
	}
	for i, d := range w.Add {
		if i > 0 || len(w.Set) > 0 {
			s.text.WriteString(", ")
		}
		column := s.quote(s.table.columns[d.Column].name)
		s.text.WriteString(column + " = " + table + column + " + " + s.param(d.N))
	}
}

func (t *dirtyTable) remove(s *script, w *core.Write) {
	s.text.WriteString("DELETE FROM " + s.name())
	s.where(w)
}

func (t *dirtyTable) merge(s *script, w *core.Write) {
	t.insert(s, w)
	keys := make([]string, len(t.keyAt))
	for i, at := range t.keyAt {
		keys[i] = s.quote(t.columns[at].name)
	}
	s.text.WriteString(" ON CONFLICT (" + strings.Join(keys, ", ") + ") DO ")
	if len(w.Set)+len(w.Add) == 0 {
		s.text.WriteString("NOTHING")
		return
	}
	s.text.WriteString("UPDATE SET ")
	s.assignments(w, s.name()+".")
}

// Dead records a change that was refused for good, and takes its row out of the dirty table in an announced write.
func (s *sink) Dead(ctx context.Context, dead *core.FlushError, leave func()) error {
	p := s.writeback.plugin
	if err := s.prepareDead(ctx); err != nil {
		return err
	}
	t := s.table(dead.Table)
	changes, err := json.Marshal(t.describe(dead.Changes))
	if err != nil {
		return fmt.Errorf("describing a dead letter: %w", err)
	}
	key, err := json.Marshal(t.describeKey(&dead.Changes[0]))
	if err != nil {
		return fmt.Errorf("describing a dead letter: %w", err)
	}
	query := fmt.Sprintf("INSERT INTO cachewright_dead_letters (table_name, row_key, changes, error) VALUES (%s, %s, %s, %s)",
		p.placeholder(1), p.placeholder(2), p.placeholder(3), p.placeholder(4))
	if _, err := p.root.ExecContext(ctx, query, dead.Table, string(key), string(changes), dead.Err.Error()); err != nil {
		return fmt.Errorf("recording a dead letter: %w", err)
	}
	w, err := p.engine.Begin(ctx, t.tagOf(&dead.Changes[0]))
	if err != nil {
		return err
	}
	defer w.Settle()
	leave()
	return nil
}

// prepareDead makes sure of the dead-letter table when the first letter is to be kept.
func (s *sink) prepareDead(ctx context.Context) error {
	w := s.writeback
	w.deadMu.Lock()
	defer w.deadMu.Unlock()
	if w.deadReady {
		return nil
	}
	scripts, err := migrations.LibraryScripts(w.db.Name())
	if err != nil {
		return fmt.Errorf("finding the dead-letter table: %w", err)
	}
	for _, script := range scripts {
		if w.plugin.settings.noMigrations {
			if _, err := w.plugin.root.ExecContext(ctx, "SELECT 1 FROM cachewright_dead_letters WHERE 1 = 0"); err != nil {
				return fmt.Errorf("the table cachewright_dead_letters is missing: apply migrations/%s: %w", script.File, err)
			}
			continue
		}
		for _, text := range script.Up {
			if _, err := w.plugin.root.ExecContext(ctx, text); err != nil {
				return fmt.Errorf("creating the tables of migrations/%s: %w", script.File, err)
			}
		}
	}
	w.deadReady = true
	return nil
}

// described is a change as a dead letter keeps it.
type described struct {
	Kind   string           `json:"kind"`
	Values map[string]any   `json:"values,omitempty"`
	Set    map[string]any   `json:"set,omitempty"`
	Add    map[string]int64 `json:"add,omitempty"`
}

func (t *dirtyTable) describe(writes []core.Write) []described {
	all := make([]described, 0, len(writes))
	for i := range writes {
		w := &writes[i]
		d := described{Kind: w.Kind.String(), Values: map[string]any{}, Set: map[string]any{}, Add: map[string]int64{}}
		for at, v := range w.Values {
			d.Values[t.columns[at].name] = v
		}
		for _, a := range w.Set {
			d.Set[t.columns[a.Column].name] = a.Value
		}
		for _, a := range w.Add {
			d.Add[t.columns[a.Column].name] = a.N
		}
		all = append(all, d)
	}
	return all
}

func (t *dirtyTable) describeKey(w *core.Write) map[string]any {
	key := map[string]any{}
	for _, at := range t.keyAt {
		key[t.columns[at].name] = w.Values[at]
	}
	return key
}
