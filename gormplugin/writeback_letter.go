package cacheplugin

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// DeadLetter is a row's changes that the database refused for good, as they are kept in cachewright_dead_letters.
type DeadLetter struct {
	// ID is the letter's, for RetryDeadLetter and DiscardDeadLetter.
	ID int64
	// Table is the table's name as GORM has it, Key the row's primary key by column, as JSON has it: whole numbers are
	// json.Number, times and bytes are strings.
	Table string
	Key   map[string]any
	// Changes are the one that was refused and those accepted after it, in order; their values are as in Key.
	Changes []RefusedChange
	// Error is what the database said, At when.
	Error string
	At    time.Time
}

// ErrNoDeadLetter is the error of RetryDeadLetter and DiscardDeadLetter when there is no letter of that number.
var ErrNoDeadLetter = errors.New("cacheplugin: no such dead letter")

// DeadLetters lists what is kept, the oldest first. Where write-back has never been used there is nothing.
func (p *Plugin) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	wb := p.started()
	if wb == nil {
		return nil, errors.New("cacheplugin: DeadLetters before db.Use")
	}
	if err := wb.prepare(ctx); err != nil {
		return nil, err
	}
	return wb.letters(ctx, p.root, "")
}

// DiscardDeadLetter removes a letter: its changes are given up.
func (p *Plugin) DiscardDeadLetter(ctx context.Context, id int64) error {
	wb := p.started()
	if wb == nil {
		return errors.New("cacheplugin: DiscardDeadLetter before db.Use")
	}
	if err := wb.prepare(ctx); err != nil {
		return err
	}
	n, err := wb.discard(ctx, p.root, id)
	if err == nil && n == 0 {
		err = ErrNoDeadLetter
	}
	if err != nil {
		return fmt.Errorf("cacheplugin: discarding dead letter %d: %w", id, err)
	}
	return nil
}

// RetryDeadLetter does the changes of a letter again, in one transaction with the letter's removal: all of them are done
// and the letter is gone, or nothing was done and the error is what the database says now. What is pending for the table is
// flushed first, and others' writes of it wait meanwhile.
func (p *Plugin) RetryDeadLetter(ctx context.Context, id int64) error {
	wb := p.started()
	if wb == nil {
		return errors.New("cacheplugin: RetryDeadLetter before db.Use")
	}
	if err := wb.prepare(ctx); err != nil {
		return err
	}
	if err := wb.retry(ctx, id); err != nil {
		return fmt.Errorf("cacheplugin: retrying dead letter %d: %w", id, err)
	}
	return nil
}

// runner is what a *sql.DB and a *sql.Tx have in common here.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (w *writeback) letters(ctx context.Context, db runner, where string, args ...any) ([]DeadLetter, error) {
	rows, err := db.QueryContext(ctx,
		"SELECT id, table_name, row_key, changes, error, failed_at FROM cachewright_dead_letters"+where+" ORDER BY id", args...)
	if err != nil {
		return nil, fmt.Errorf("cacheplugin: reading dead letters: %w", err)
	}
	defer func() { _ = rows.Close() }() // read to the end below
	var letters []DeadLetter
	for rows.Next() {
		var (
			l            DeadLetter
			key, changes string
		)
		if err := rows.Scan(&l.ID, &l.Table, &key, &changes, &l.Error, &l.At); err != nil {
			return nil, fmt.Errorf("cacheplugin: reading dead letters: %w", err)
		}
		if err := errors.Join(readJSON(key, &l.Key), readJSON(changes, &l.Changes)); err != nil {
			return nil, fmt.Errorf("cacheplugin: reading dead letter %d: %w", l.ID, err)
		}
		letters = append(letters, l)
	}
	return letters, rows.Err()
}

// readJSON keeps numbers as they are written.
func readJSON(text string, into any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	return d.Decode(into)
}

func (w *writeback) discard(ctx context.Context, db runner, id int64) (int64, error) {
	result, err := db.ExecContext(ctx, "DELETE FROM cachewright_dead_letters WHERE id = "+w.plugin.placeholder(1), id)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// retry runs in a transaction of the plugin's own pool, so that gates, announcement and outcome are those of any other.
func (w *writeback) retry(ctx context.Context, id int64) error {
	db := w.db.WithContext(ctx)
	db.Statement.ConnPool = w.plugin.pool
	found, err := w.letters(ctx, w.plugin.root, " WHERE id = "+w.plugin.placeholder(1), id)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return ErrNoDeadLetter
	}
	letter := &found[0]
	t, err := w.letterTarget(ctx, letter)
	if err != nil {
		return err
	}
	writes, err := letter.writes(t)
	if err != nil {
		return err
	}
	return db.Transaction(func(tx *gorm.DB) error {
		own, _ := txOf(tx.Statement.ConnPool)
		if own == nil {
			return gorm.ErrInvalidTransaction
		}
		table := coherence.TableTag(sqltext.Folded(letter.Table))
		release, err := w.gate(ctx, own, []coherence.Tag{table}, nil, nil)
		if err != nil {
			return err
		}
		defer release()
		own.effects.touch(table)
		own.wrote = true
		inner, ok := underlying(own).(runner)
		if !ok {
			return gorm.ErrInvalidTransaction
		}
		n, err := w.discard(ctx, inner, id)
		if err == nil && n == 0 {
			err = ErrNoDeadLetter // somebody else has dealt with it
		}
		for i := range writes {
			if err != nil {
				return err
			}
			err = t.send(ctx, inner, &writes[i])
		}
		return err
	})
}

// letterTarget is the letter's table as the database has it now.
func (w *writeback) letterTarget(ctx context.Context, letter *DeadLetter) (*target, error) {
	stmt := w.db.Session(freshSession()).Statement
	t := &target{plugin: w.plugin, name: stmt.Quote(clause.Table{Name: letter.Table})}
	var err error
	if t.columns, err = readColumns(ctx, w.plugin, t.name); err != nil {
		return nil, err
	}
	for _, c := range t.columns {
		t.quoted = append(t.quoted, stmt.Quote(clause.Column{Name: c.name}))
	}
	for name := range letter.Key {
		at := t.place(name)
		if at < 0 {
			return nil, fmt.Errorf("%w: column %s is gone", ErrUnfit, name)
		}
		t.keyAt = append(t.keyAt, at)
	}
	slices.Sort(t.keyAt)
	return t, nil
}

func (t *target) place(name string) int {
	return slices.IndexFunc(t.columns, func(c dirtyColumn) bool { return c.name == name })
}

// writes are the letter's changes with the values its columns have.
func (l *DeadLetter) writes(t *target) ([]core.Write, error) {
	kinds := map[string]core.Kind{}
	for k := core.KindInsert; k <= core.KindUpsert; k++ {
		kinds[k.String()] = k
	}
	writes := make([]core.Write, len(l.Changes))
	for i, change := range l.Changes {
		w := &writes[i]
		w.Kind, w.Values = kinds[change.Kind], make([]any, len(t.columns))
		for _, told := range []map[string]any{change.Values, l.Key} {
			for name, v := range told {
				at := t.place(name)
				if at < 0 && w.Kind != core.KindInsert && w.Kind != core.KindReplace && w.Kind != core.KindUpsert {
					continue // only to be shown
				}
				value, err := t.fromJSON(at, name, v)
				if err != nil {
					return nil, err
				}
				w.Values[at] = value
			}
		}
		for name, v := range change.Set {
			at := t.place(name)
			value, err := t.fromJSON(at, name, v)
			if err != nil {
				return nil, err
			}
			w.Set = append(w.Set, core.Assign{Column: at, Value: value})
		}
		for name, n := range change.Add {
			at := t.place(name)
			if at < 0 || t.columns[at].kind != columnInteger {
				return nil, fmt.Errorf("%w: column %s is no integer any more", ErrUnfit, name)
			}
			w.Add = append(w.Add, core.Delta{Column: at, N: n})
		}
	}
	return writes, nil
}

// fromJSON is a value of the column as it was before it was written as JSON.
func (t *target) fromJSON(at int, name string, v any) (any, error) {
	if at < 0 {
		return nil, fmt.Errorf("%w: column %s is gone", ErrUnfit, name)
	}
	var err error
	switch was := v.(type) {
	case json.Number:
		if n, whole := was.Int64(); whole == nil && t.columns[at].kind != columnFloat {
			return n, nil
		}
		v, err = was.Float64()
	case string:
		switch t.columns[at].kind {
		case columnTimeZone, columnTimeNoZone, columnTimeText:
			v, err = time.Parse(time.RFC3339Nano, was)
		case columnBytes, columnBytesSome:
			v, err = base64.StdEncoding.DecodeString(was)
		case columnFloat:
			v = map[string]float64{"NaN": math.NaN(), "+Inf": math.Inf(1), "-Inf": math.Inf(-1)}[was]
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: column %s: %w", ErrUnfit, name, err)
	}
	return v, nil
}

// jsonable is a value as a letter has it: JSON knows no NaN.
func jsonable(v any) any {
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return fmt.Sprint(f)
	}
	return v
}
