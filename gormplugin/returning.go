package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/sqltext"
)

// execModel runs a model's write that GORM wants no rows of.
func (s *statement) execModel(ctx context.Context, query string, args []any) (sql.Result, error) {
	plan, err := s.planWrite(ctx, query, false)
	if err != nil {
		return nil, err
	}
	release, err := s.gate(ctx, query, &plan)
	if err != nil {
		return nil, err
	}
	defer release()
	var result sql.Result
	err = s.run(ctx, plan.announce(), plan.ask != askNothing, func(c gorm.ConnPool, e *effects) error {
		if plan.ask == askNothing {
			var err error
			result, err = c.ExecContext(ctx, query, args...)
			return err
		}
		if s.plugin.dialect == sqltext.MySQL {
			var err error
			args, panicked := s.plugin.guard(args)
			result, err = c.ExecContext(ctx, query, args...)
			panicked.again()
			if err == nil {
				s.noteResult(ctx, result, &plan, e)
			}
			return err
		}
		text, counted := s.extend(query, &plan, false)
		captured, err := s.plugin.captureWrite(ctx, c, text, args)
		if err != nil {
			s.failed(&plan, e, err)
			return err
		}
		view := captured.View()
		affected := int64(view.NumRows())
		if counted {
			affected = s.noteCounted(ctx, view, &plan, e)
		} else {
			s.note(ctx, view, &plan, e)
		}
		result = rowsAffected(affected)
		return nil
	})
	return result, err
}

// queryModel runs a model's write whose rows GORM asked for. What the plugin asks for stands behind GORM's own columns
// and is cut off before GORM sees it.
func (s *statement) queryModel(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	plan, err := s.planWrite(ctx, query, true)
	if err != nil {
		return nil, err
	}
	release, err := s.gate(ctx, query, &plan)
	if err != nil {
		return nil, err
	}
	defer release()
	var (
		captured *rowset.Captured
		live     *sql.Rows
		own      int // columns that are GORM's
	)
	inside, mysql := s.inTransaction(), s.plugin.dialect == sqltext.MySQL
	// What MySQL returned in full has committed; elsewhere a statement commits when its rows are closed.
	err = s.run(ctx, plan.announce(), !inside && (!mysql || plan.ask == askRows), func(c gorm.ConnPool, e *effects) error {
		if plan.ask == askNothing && inside {
			var err error
			live, err = c.QueryContext(ctx, query, args...)
			return err
		}
		text := query
		if plan.ask != askNothing && !mysql {
			text, _ = s.extend(query, &plan, true)
		}
		var err error
		captured, err = s.plugin.captureWrite(ctx, c, text, args)
		if captured != nil {
			own = captured.View().NumColumns()
		}
		if err != nil {
			s.failed(&plan, e, err)
			if plan.ask != askNothing && !mysql {
				own -= s.added(&plan)
			}
			return err
		}
		switch {
		case plan.ask == askNothing:
		case mysql:
			s.noteReturned(ctx, captured.View(), &plan, e)
		default:
			own = s.noteBehind(ctx, captured.View(), &plan, e)
		}
		return nil
	})
	if live != nil || err != nil && (own <= 0 || !brokeOff(captured, err)) {
		return live, err
	}
	return s.plugin.replayer.Resume(context.WithoutCancel(ctx), captured, 0, own)
}

// gate holds the write-back rows the plan touches. Rows that only the database can name are the whole table, but for
// those an INSERT makes that changes no row in its way.
func (s *statement) gate(ctx context.Context, query string, plan *writePlan) (release func(), err error) {
	if err := s.plugin.writeback.beforeText(ctx, s.inner, query, s.model); err != nil {
		return nothing, err
	}
	tags := plan.tags
	conflict, upserts := s.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if plan.ask == askKeys && !plan.inserts && !plan.known || plan.inserts && upserts && !conflict.DoNothing {
		tags = append(tags[:len(tags):len(tags)], s.table())
	}
	return s.plugin.writeback.gate(ctx, s.inner, tags, s.model, plan.pins)
}

// extend makes the statement return what the plan asks for. A new line keeps a trailing comment from swallowing it.
// counted says that the answer is the number of rows and at most maxPinned+1 keys, so that a write of a million rows
// does not send a million keys.
func (s *statement) extend(query string, plan *writePlan, returns bool) (text string, counted bool) {
	asked := "*"
	if plan.ask == askKeys || plan.deletes {
		columns := make([]string, 0, s.added(plan))
		for _, f := range s.model.keys {
			columns = append(columns, s.db.Statement.Quote(clause.Column{Name: f.DBName}))
		}
		if plan.tells != nil {
			for _, name := range plan.tells.names {
				columns = append(columns, quoted(name))
			}
		}
		asked = strings.Join(columns, ", ")
	}
	switch {
	case returns:
		return query + "\n, " + asked, false
	case plan.ask == askKeys && !plan.bounded && s.plugin.dialect == sqltext.Postgres:
		return "WITH cachewright_changed AS (" + query + "\nRETURNING " + asked +
			") SELECT (SELECT count(*) FROM cachewright_changed), cachewright_changed.* FROM cachewright_changed LIMIT 1001", true
	default:
		return query + "\nRETURNING " + asked, false
	}
}

// quoted is a column's name as it is stored, in quotes that PostgreSQL and SQLite understand.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// noteCounted notes the rows of a counted answer and returns how many there were.
func (s *statement) noteCounted(ctx context.Context, v rowset.View, plan *writePlan, e *effects) int64 {
	if v.NumRows() == 0 {
		return 0
	}
	it := v.Rows()
	if !it.Next() {
		e.touch(s.table())
		return 0
	}
	n := it.Value().Int64()
	rest, err := v.Project(1, v.NumColumns())
	if err != nil || n > maxPinned {
		e.touch(s.table())
		return n
	}
	s.touchKeys(ctx, rest, plan, e)
	return n
}

// added is how many columns the statement was made to return besides GORM's.
func (s *statement) added(plan *writePlan) int {
	if plan.ask == askRows && !plan.deletes {
		return len(plan.rel.columns)
	}
	if plan.tells != nil {
		return len(s.model.keys) + len(plan.tells.columns)
	}
	return len(s.model.keys)
}

// noteBehind notes what stands behind GORM's columns and returns how many columns are GORM's.
func (s *statement) noteBehind(ctx context.Context, v rowset.View, plan *writePlan, e *effects) int {
	own := v.NumColumns() - s.added(plan)
	if rest, err := v.Project(max(own, 0), v.NumColumns()); own > 0 && err == nil && (plan.ask == askKeys || plan.deletes || named(rest, plan.rel.columns)) {
		s.note(ctx, rest, plan, e)
		return own
	}
	// The table has other columns than the catalogue knew: GORM's come first all the same.
	s.plugin.catalogue.forget()
	e.touch(s.table())
	if r, ok := s.db.Statement.Clauses["RETURNING"].Expression.(clause.Returning); ok && len(r.Columns) > 0 && r.Columns[0].Name != "*" {
		return len(r.Columns)
	}
	return v.NumColumns() / 2
}

func named(v rowset.View, columns []string) bool {
	if v.NumColumns() != len(columns) {
		return false
	}
	for i, name := range columns {
		if v.ColumnName(i) != name {
			return false
		}
	}
	return true
}

func (s *statement) table() coherence.Tag { return s.model.table }

// note adds the rows a statement changed and got back to the effects.
func (s *statement) note(ctx context.Context, v rowset.View, plan *writePlan, e *effects) {
	if plan.ask == askKeys {
		s.touchKeys(ctx, v, plan, e)
		return
	}
	if v.NumRows() > maxPinned {
		e.touch(s.table())
		return
	}
	n := installer{statement: s, plan: plan, effects: e, scope: s.plugin.engine.Scope(ctx)}
	n.install(ctx, v)
}

// touchKeys adds the rows of the returned keys with the values behind them, or the table if there are too many.
func (s *statement) touchKeys(ctx context.Context, v rowset.View, plan *writePlan, e *effects) {
	if v.NumRows() > maxPinned {
		e.touch(s.table())
		return
	}
	key := make([]string, len(plan.classes))
	for it := v.Rows(); it.Next(); {
		for i, class := range plan.classes {
			var ok bool
			if key[i], ok = keyOfValue(class, it.Value()); !ok {
				e.touch(s.table())
				return
			}
		}
		values, told := []coherence.Tag(nil), plan.tells != nil
		for i := 0; told && i < len(plan.tells.columns); i++ {
			values, told = plan.tells.value(values, s.table(), i, it.Value())
		}
		e.touch(s.told(ctx, plan.tells, s.table().RowText(key...), key, values, told)...)
	}
}

// rowsAffected is the result of a statement that was made to return rows.
type rowsAffected int64

var errNoInsertID = errors.New("cacheplugin: the statement returned its rows instead of a last insert id")

// LastInsertId is not known: GORM asks for it only where the dialect has no RETURNING.
func (r rowsAffected) LastInsertId() (int64, error) { return 0, errNoInsertID }

func (r rowsAffected) RowsAffected() (int64, error) { return int64(r), nil }
