package testkit

import (
	"context"
	"database/sql/driver"
)

// probeTx is one transaction of database/sql.
type probeTx struct {
	inner driver.Tx
	conn  *probeConn
}

var _ driver.Tx = (*probeTx)(nil)

func (t *probeTx) Commit() error {
	if t.conn.detained {
		return driver.ErrBadConn
	}
	err := t.conn.probe.run(context.Background(), t.conn.call(Commit, "", nil), func(f *fault) error {
		if f != nil && f.late != nil {
			t.detain(f.late)
			return nil
		}
		return t.inner.Commit()
	}, func() { _ = t.inner.Rollback() }, nil)
	t.conn.inTx = false
	return err
}

func (t *probeTx) Rollback() error {
	if t.conn.detained {
		return driver.ErrBadConn
	}
	err := t.conn.probe.run(context.Background(), t.conn.call(Rollback, "", nil),
		func(*fault) error { return t.inner.Rollback() },
		func() { t.conn.broken = true }, nil) // the server rolls back when the connection closes
	t.conn.inTx = false
	return err
}

// detain takes the connection from database/sql and commits when the gate is released. The COMMIT goes as text, for the
// transaction's own context may have ended by then.
func (t *probeTx) detain(gate *Gate) {
	t.conn.detained = true
	inner := t.conn.inner
	gate.detains.Store(true)
	gate.reach.Do(func() { close(gate.reached) })
	go func() {
		defer close(gate.done)
		<-gate.released
		_, gate.err = inner.ExecContext(context.Background(), "COMMIT", nil)
		_ = inner.Close()
	}()
}
