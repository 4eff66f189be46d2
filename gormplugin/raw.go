package cacheplugin

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/sqltext"
)

// execRaw runs SQL whose effects only its text can tell.
func (s *statement) execRaw(ctx context.Context, query string, args []any) (sql.Result, error) {
	v := s.plugin.texts.Write(s.plugin.dialect, query)
	if t, _ := txOf(s.inner); t != nil && s.savepoint(t, v) {
		return underlying(s.inner).ExecContext(ctx, query, args...)
	}
	s.ends = s.mayEnd(v)
	tags, err := s.rawTags(ctx, v)
	if err != nil {
		return nil, err
	}
	if len(tags) == 0 {
		return underlying(s.inner).ExecContext(ctx, query, args...)
	}
	if err := s.plugin.writeback.beforeText(ctx, s.inner, query, nil); err != nil {
		return nil, err
	}
	release, err := s.plugin.writeback.gate(ctx, s.inner, tags, nil, nil)
	if err != nil {
		return nil, err
	}
	defer release()
	var result sql.Result
	err = s.run(ctx, tags, false, func(c gorm.ConnPool, e *effects) error {
		var err error
		result, err = c.ExecContext(ctx, query, args...)
		s.afterRaw(v, e)
		return err
	})
	return result, err
}

// savepoint follows SAVEPOINT, ROLLBACK TO and RELEASE, which change no row themselves.
func (s *statement) savepoint(t *tx, v *sqltext.Write) bool {
	if v.Statements != 1 {
		return false
	}
	switch v.Kind {
	case sqltext.Savepoint:
		t.effects.save(v.Savepoint)
	case sqltext.RollbackTo:
		t.effects.rollbackTo(v.Savepoint)
	case sqltext.Release:
		t.effects.release(v.Savepoint)
	default:
		return false
	}
	return true
}

// rawTags are the tables the text writes, with what the catalogue says a write of them reaches; everything, when that
// cannot be told.
func (s *statement) rawTags(ctx context.Context, v *sqltext.Write) ([]coherence.Tag, error) {
	if v.All || v.EndsTransaction {
		return []coherence.Tag{coherence.Everything()}, nil
	}
	var tags []coherence.Tag
	for _, name := range v.Tables {
		tag := coherence.TableTag(name.Folded())
		tags = append(tags, tag)
		if v.Kind == sqltext.DDL {
			continue // the table is changed as a whole, and may not exist yet
		}
		rel, err := s.plugin.relation(ctx, s.inner, name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return []coherence.Tag{coherence.Everything()}, nil //nolint:nilerr // a write of nobody knows what
		}
		tags = append(tags, rel.reached(opRaw)...)
	}
	return tags, nil
}

// mayEnd reports whether the text may end the transaction it is sent in. MySQL commits before and after most statements
// that are no queries, and procedures of its may commit.
func (s *statement) mayEnd(v *sqltext.Write) bool {
	return v.EndsTransaction || v.All && s.plugin.dialect == sqltext.MySQL
}

// afterRaw notes what a text did besides writing rows.
func (s *statement) afterRaw(v *sqltext.Write, e *effects) {
	if v.Kind == sqltext.DDL || v.All {
		e.ddl = true
		s.plugin.catalogue.forget()
	}
}

// queryRaw runs SQL that returns rows. What writes nothing is left alone; what writes outside a transaction commits only
// when its rows are closed, so it gets a transaction of its own, is read in full, and played back.
func (s *statement) queryRaw(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	v := s.plugin.texts.Write(s.plugin.dialect, query)
	if !writes(v) {
		rows, err := underlying(s.inner).QueryContext(ctx, query, args...)
		if t, _ := txOf(s.inner); t != nil && err != nil {
			t.watch(err)
		}
		return rows, err
	}
	c, err := s.captureRaw(ctx, v, query, args)
	if err != nil && !brokeOff(c, err) {
		return nil, err
	}
	return s.plugin.replayer.Resume(context.WithoutCancel(ctx), c, 0, c.View().NumColumns())
}

// rowRaw is queryRaw for one row.
func (s *statement) rowRaw(ctx context.Context, query string, args []any) *sql.Row {
	v := s.plugin.texts.Write(s.plugin.dialect, query)
	if !writes(v) {
		row := underlying(s.inner).QueryRowContext(ctx, query, args...)
		if t, _ := txOf(s.inner); t != nil {
			t.watch(row.Err())
		}
		return row
	}
	c, err := s.captureRaw(ctx, v, query, args)
	return s.plugin.replayer.Row(context.WithoutCancel(ctx), c, err)
}

func writes(v *sqltext.Write) bool { return v.All || v.EndsTransaction || len(v.Tables) > 0 }

// captureRaw runs a text that writes and reads all it returns.
func (s *statement) captureRaw(ctx context.Context, v *sqltext.Write, query string, args []any) (*rowset.Captured, error) {
	s.plugin.noteWrite(ctx)
	s.ends = s.mayEnd(v)
	tags, err := s.rawTags(ctx, v)
	if err != nil {
		return nil, err
	}
	if err := s.plugin.writeback.beforeText(ctx, s.inner, query, nil); err != nil {
		return nil, err
	}
	release, err := s.plugin.writeback.gate(ctx, s.inner, tags, nil, nil)
	if err != nil {
		return nil, err
	}
	defer release()
	var c *rowset.Captured
	own := s.plugin.dialect != sqltext.MySQL // there, what was read in full has committed, and a procedure may begin what it likes
	err = s.run(ctx, tags, own, func(inner gorm.ConnPool, e *effects) error {
		var err error
		c, err = s.plugin.captureWrite(ctx, inner, query, args)
		s.afterRaw(v, e)
		return err
	})
	return c, err
}

// brokeOff reports that the error is the one an answer's rows ended with. Some drivers tell of a refused write only when
// its rows are read: the application is to see it there, after the rows before it.
func brokeOff(c *rowset.Captured, err error) bool {
	return c != nil && c.Err() != nil && errors.Is(err, c.Err()) && c.View().NumColumns() > 0
}

// captureWrite is capture for a statement in a transaction that must be able to end whatever its arguments do.
func (p *Plugin) captureWrite(ctx context.Context, c gorm.ConnPool, query string, args []any) (*rowset.Captured, error) {
	args, panicked := p.guard(args)
	captured, err := capture(ctx, c, query, args, 0)
	panicked.again()
	return captured, err
}

// capture runs a query and reads its rows: all, or those in about limit bytes.
func capture(ctx context.Context, c gorm.ConnPool, query string, args []any, limit int) (*rowset.Captured, error) {
	rows, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	captured := rowset.Capture(rows, limit)
	return captured, captured.Err()
}
