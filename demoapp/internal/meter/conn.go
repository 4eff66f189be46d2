package meter

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// contextConn is what a connection must be able to do to be counted.
type contextConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
}

// conn is one connection. database/sql uses it from one goroutine at a time.
type conn struct {
	contextConn
	meter *Meter
}

var (
	_ driver.SessionResetter   = (*conn)(nil)
	_ driver.Validator         = (*conn)(nil)
	_ driver.NamedValueChecker = (*conn)(nil)
)

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	inner, err := c.contextConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	full, ok := inner.(contextStmt)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("count the uses of a %T: it does not take contexts", inner)
	}
	return &stmt{contextStmt: full, conn: c, kind: kindOf(query)}, nil
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.meter.wait(ctx); err != nil {
		return nil, err
	}
	inner, err := c.contextConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.meter.add(Kind{Verb: "BEGIN"}, 0)
	return &tx{inner: inner, meter: c.meter}, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.meter.wait(ctx); err != nil {
		return nil, err
	}
	result, err := c.contextConn.ExecContext(ctx, query, args)
	c.meter.sent(kindOf(query), result, err)
	return result, err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.meter.wait(ctx); err != nil {
		return nil, err
	}
	rows, err := c.contextConn.QueryContext(ctx, query, args)
	c.meter.sent(kindOf(query), nil, err)
	return rows, err
}

func (c *conn) ResetSession(ctx context.Context) error {
	if inner, ok := c.contextConn.(driver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	inner, ok := c.contextConn.(driver.Validator)
	return !ok || inner.IsValid()
}

func (c *conn) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := c.contextConn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return driver.ErrSkip // database/sql then converts it as it does for a driver without a checker
}

// sent counts a statement that the driver took. One it wants prepared first (driver.ErrSkip) comes again and is counted
// then; one that failed at the database was sent all the same.
func (m *Meter) sent(kind Kind, result driver.Result, err error) {
	if err == driver.ErrSkip { //nolint:errorlint // database/sql itself asks for exactly this value
		return
	}
	var rows int64
	if err == nil && result != nil {
		rows, _ = result.RowsAffected() // a driver that cannot tell has changed none, as far as anybody knows
	}
	m.add(kind, rows)
}

// tx counts how a transaction ends.
type tx struct {
	inner driver.Tx
	meter *Meter
}

func (t *tx) Commit() error {
	t.meter.add(Kind{Verb: "COMMIT"}, 0)
	return t.inner.Commit()
}

func (t *tx) Rollback() error {
	t.meter.add(Kind{Verb: "ROLLBACK"}, 0)
	return t.inner.Rollback()
}

// contextStmt is what a prepared statement must be able to do to be counted.
type contextStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// stmt is one prepared statement; each use of it is counted.
type stmt struct {
	contextStmt
	conn *conn
	kind Kind
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.conn.meter.wait(ctx); err != nil {
		return nil, err
	}
	result, err := s.contextStmt.ExecContext(ctx, args)
	s.conn.meter.sent(s.kind, result, err)
	return result, err
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.conn.meter.wait(ctx); err != nil {
		return nil, err
	}
	rows, err := s.contextStmt.QueryContext(ctx, args)
	s.conn.meter.sent(s.kind, nil, err)
	return rows, err
}

func (s *stmt) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := s.contextStmt.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}
