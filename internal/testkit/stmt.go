package testkit

import (
	"context"
	"database/sql/driver"
)

// contextStmt is what a probe needs of a prepared statement.
type contextStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// probeStmt is one prepared statement; each of its uses is an Exec or Query call with its text.
type probeStmt struct {
	inner contextStmt
	conn  *probeConn
	query string
}

var (
	_ contextStmt              = (*probeStmt)(nil)
	_ driver.NamedValueChecker = (*probeStmt)(nil)
)

func (s *probeStmt) Close() error {
	if s.conn.detained {
		return nil
	}
	return s.inner.Close()
}

func (s *probeStmt) NumInput() int { return s.inner.NumInput() }

func (s *probeStmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), positional(args))
}

func (s *probeStmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), positional(args))
}

func (s *probeStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.exec(ctx, s.query, args, func() (driver.Result, error) { return s.inner.ExecContext(ctx, args) })
}

func (s *probeStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.query(ctx, s.query, args, func() (driver.Rows, error) { return s.inner.QueryContext(ctx, args) })
}

func (s *probeStmt) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := s.inner.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}

func positional(args []driver.Value) []driver.NamedValue {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return named
}
