package testkit

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// contextConn is what a probe needs of a connection; the drivers for PostgreSQL and SQLite have all of it.
type contextConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
}

// probeConn is one connection. database/sql calls it from one goroutine at a time.
type probeConn struct {
	inner  contextConn
	probe  *Probe
	id     int64
	inTx   bool
	broken bool // database/sql is to close it at the next look
	// detained: the inner connection belongs to the goroutine that carries out a late COMMIT. Nobody else touches it.
	detained bool
}

var (
	_ contextConn              = (*probeConn)(nil)
	_ driver.SessionResetter   = (*probeConn)(nil)
	_ driver.Validator         = (*probeConn)(nil)
	_ driver.NamedValueChecker = (*probeConn)(nil)
)

func (c *probeConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *probeConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.detained {
		return nil, driver.ErrBadConn
	}
	var inner driver.Stmt
	err := c.probe.run(ctx, c.call(Prepare, query, nil), func(*fault) (err error) {
		inner, err = c.inner.PrepareContext(ctx, query)
		return err
	}, nil, func() { _ = inner.Close() })
	if err != nil {
		return nil, err
	}
	full, ok := inner.(contextStmt)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("put a probe on %T: it does not take contexts", inner)
	}
	return &probeStmt{inner: full, conn: c, query: query}, nil
}

func (c *probeConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *probeConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if c.detained {
		return nil, driver.ErrBadConn
	}
	var inner driver.Tx
	err := c.probe.run(ctx, c.call(Begin, "", nil), func(*fault) (err error) {
		inner, err = c.inner.BeginTx(ctx, opts)
		return err
	}, nil, func() { _ = inner.Rollback() })
	if err != nil {
		return nil, err
	}
	c.inTx = true
	return &probeTx{inner: inner, conn: c}, nil
}

func (c *probeConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.exec(ctx, query, args, func() (driver.Result, error) { return c.inner.ExecContext(ctx, query, args) })
}

func (c *probeConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(ctx, query, args, func() (driver.Rows, error) { return c.inner.QueryContext(ctx, query, args) })
}

func (c *probeConn) Ping(ctx context.Context) error {
	if c.detained {
		return driver.ErrBadConn
	}
	return c.inner.Ping(ctx)
}

func (c *probeConn) ResetSession(ctx context.Context) error {
	if c.detained || c.broken {
		return driver.ErrBadConn
	}
	if inner, ok := c.inner.(driver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

func (c *probeConn) IsValid() bool {
	if c.detained || c.broken {
		return false
	}
	if inner, ok := c.inner.(driver.Validator); ok {
		return inner.IsValid()
	}
	return true
}

func (c *probeConn) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := c.inner.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip // database/sql then converts it as it does for a driver without a checker
}

func (c *probeConn) Close() error {
	if c.detained {
		return nil
	}
	return c.inner.Close()
}

// exec and query are shared with prepared statements.
func (c *probeConn) exec(ctx context.Context, query string, args []driver.NamedValue, send func() (driver.Result, error)) (driver.Result, error) {
	if c.detained {
		return nil, driver.ErrBadConn
	}
	var result driver.Result
	err := c.probe.run(ctx, c.call(Exec, query, args), func(*fault) (err error) {
		result, err = send()
		return err
	}, nil, nil)
	if err != nil {
		return nil, err
	}
	return result, nil
}

func (c *probeConn) query(ctx context.Context, query string, args []driver.NamedValue, send func() (driver.Rows, error)) (driver.Rows, error) {
	if c.detained {
		return nil, driver.ErrBadConn
	}
	var rows driver.Rows
	err := c.probe.run(ctx, c.call(Query, query, args), func(f *fault) (err error) {
		if rows, err = send(); err == nil && f != nil && f.cut != nil {
			rows = &cutRows{Rows: rows, left: f.cut.rows, err: f.cut.err}
		}
		return err
	}, nil, func() { _ = rows.Close() })
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (c *probeConn) call(kind Kind, query string, args []driver.NamedValue) Call {
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg.Value
	}
	return Call{Kind: kind, SQL: query, Args: values, Conn: c.id, InTx: c.inTx}
}
