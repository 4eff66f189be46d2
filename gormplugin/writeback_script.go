package cacheplugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

var errNoRow = errors.New("the row to update is not there")

// send runs what one row's write asks for.
func (t *target) send(ctx context.Context, tx runner, w *core.Write) error {
	switch w.Kind {
	case core.KindInsert:
		return t.exec(ctx, tx, w, (*script).insert)
	case core.KindUpdate:
		if len(w.Set)+len(w.Add) == 0 {
			return nil
		}
		return t.exec(ctx, tx, w, (*script).update)
	case core.KindDelete:
		return t.exec(ctx, tx, w, (*script).remove)
	case core.KindReplace:
		if err := t.exec(ctx, tx, w, (*script).remove); err != nil {
			return err
		}
		return t.exec(ctx, tx, w, (*script).insert)
	case core.KindUpsert:
		return t.exec(ctx, tx, w, (*script).merge)
	default:
		return fmt.Errorf("writing a row: no statement for kind %s", w.Kind)
	}
}

func (t *target) exec(ctx context.Context, tx runner, w *core.Write, build func(*script, *core.Write)) error {
	s := script{table: t, plugin: t.plugin}
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
	table  *target
	plugin *Plugin
	text   strings.Builder
	args   []any
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
		s.text.WriteString(s.table.quoted[at] + " = " + s.param(w.Values[at]))
	}
}

func (s *script) insert(w *core.Write) {
	places := s.table.inserted()
	params := make([]string, len(places))
	for i, at := range places {
		params[i] = s.param(w.Values[at])
	}
	s.text.WriteString(s.table.into(places) + " VALUES (" + strings.Join(params, ", ") + ")")
}

func (s *script) update(w *core.Write) {
	s.text.WriteString("UPDATE " + s.table.name + " SET ")
	s.assignments(w, "")
	s.where(w)
}

// assignments writes what an update does; table, if given, tells the row that is there from the one proposed.
func (s *script) assignments(w *core.Write, table string) {
	for i, a := range w.Set {
		if i > 0 {
			s.text.WriteString(", ")
		}
		s.text.WriteString(s.table.quoted[a.Column] + " = " + s.param(a.Value))
	}
	for i, d := range w.Add {
		if i > 0 || len(w.Set) > 0 {
			s.text.WriteString(", ")
		}
		column := s.table.quoted[d.Column]
		n := s.param(d.N)
		if s.plugin.dialect == sqltext.Postgres {
			n += "::bigint" // else it is taken for one of the column's type, whose range a difference may exceed
		}
		s.text.WriteString(column + " = " + table + column + " + " + n)
	}
}

func (s *script) remove(w *core.Write) {
	s.text.WriteString("DELETE FROM " + s.table.name)
	s.where(w)
}

func (s *script) merge(w *core.Write) {
	t := s.table
	s.insert(w)
	s.text.WriteString(t.conflictKeys())
	if len(w.Set)+len(w.Add) == 0 {
		s.text.WriteString("NOTHING")
		return
	}
	s.text.WriteString("UPDATE SET ")
	s.assignments(w, t.name+".")
}
