package writeback_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/writeback"
)

func TestAGateIsTakenWhenTheRowIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		db, answers := newDatabase(), make(chan error)
		db.before = func(context.Context, writeback.Batch) error { return <-answers }
		b, table := newTable(t, db, func(cfg *writeback.TableConfig) { cfg.Flush, cfg.Batch = time.Hour, 1000 })
		for i := range 10 {
			apply(t, db, table, create(rowOf(fmt.Sprint(i), int64(0), nil)))
		}
		h, start := b.Holder(), time.Now()
		held := make(chan error)
		go func() { held <- h.Hold(ctx, table, "7") }()
		synctest.Wait()

		added := make(chan error)
		go func() {
			base := db.base("t", "7")
			base.Valid = func() bool { return false } // by the time it may be used
			_, err := table.Apply(ctx, add("7", 1), base)
			added <- err
		}()
		synctest.Wait() // the change waits already: the row must not be dirty again when its batch has come back
		answers <- nil
		require.NoError(t, <-held)
		require.Zero(t, time.Since(start), "the row did not wait for its age")
		_, pending := table.Get("7")
		require.False(t, pending)
		require.NotNil(t, db.row("t", "7"))
		apply(t, db, table, create(rowOf("other", nil, nil)))

		late, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := table.Apply(late, add("7", 1), db.base("t", "7"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, table.Ready(late, "7"), context.DeadlineExceeded)
		h.Release()
		h.Release()
		require.ErrorIs(t, <-added, writeback.ErrNeedBase)
		close(answers)
	})
}

func TestAGateOnTheTableKeepsOutAllRows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		db := newDatabase()
		b, table := newTable(t, db, nil)
		apply(t, db, table, create(rowOf("a", nil, nil)))
		row := b.Holder()
		require.NoError(t, row.Hold(ctx, table, "x"))

		all, held := b.Holder(), make(chan error)
		go func() { held <- all.HoldAll(ctx, table) }()
		synctest.Wait()
		apply(t, db, table, create(rowOf("b", nil, nil))) // the table is not held yet
		require.NoError(t, row.Hold(ctx, table, "y"))     // one that holds a row of it may go on
		late, cancel := context.WithTimeout(ctx, time.Second)
		require.ErrorIs(t, b.Holder().Hold(late, table, "z"), context.DeadlineExceeded) // a newcomer waits
		cancel()
		apply(t, db, table, create(rowOf("d", nil, nil)))
		row.Release()
		require.NoError(t, <-held)
		require.Zero(t, table.Pending())
		require.Len(t, db.tables["t"], 3)
		require.NoError(t, all.Hold(ctx, table, "a"))
		require.NoError(t, all.HoldAll(ctx, table))

		late, cancel = context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := table.Apply(late, create(rowOf("c", nil, nil)), db.base("t", "c"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, b.Holder().Hold(late, table, "z"), context.DeadlineExceeded)
		require.ErrorIs(t, b.Holder().HoldAll(late, table), context.DeadlineExceeded)
		all.Release()
		apply(t, db, table, create(rowOf("c", nil, nil)))
	})
}

func TestAnAbandonedWaitForATableLeavesNoGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		b, table := newTable(t, newDatabase(), nil)
		row, all := b.Holder(), b.Holder()
		require.NoError(t, row.Hold(ctx, table, "x"))
		late, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		require.ErrorIs(t, all.HoldAll(late, table), context.DeadlineExceeded)
		all.Release()
		other := b.Holder()
		require.NoError(t, other.Hold(ctx, table, "y"))
		other.Release()
		row.Release()
	})
}

func TestHoldersThatWaitForEachOtherGetAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		b, table := newTable(t, newDatabase(), nil)
		holders := [3]*writeback.Holder{b.Holder(), b.Holder(), b.Holder()}
		for i, h := range holders {
			require.NoError(t, h.Hold(ctx, table, fmt.Sprint(i)))
		}
		waiting := make(chan error, 2)
		for i := range 2 {
			go func() { waiting <- holders[i].Hold(ctx, table, fmt.Sprint(i+1)) }()
			synctest.Wait()
		}
		require.ErrorIs(t, holders[2].Hold(ctx, table, "0"), writeback.ErrGateDeadlock)
		require.ErrorIs(t, holders[2].HoldAll(ctx, table), writeback.ErrGateDeadlock)
		holders[2].Release()
		require.NoError(t, <-waiting)
		holders[1].Release()
		require.NoError(t, <-waiting)
		holders[0].Release()
		require.ErrorIs(t, holders[0].Hold(ctx, table, "0"), writeback.ErrClosed)
	})
}

// A flush may wait in the database for the locks of the transaction that waits for it.
func TestAHolderWaitsForOneBatchOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		db := newDatabase()
		db.before = func(context.Context, writeback.Batch) error {
			<-time.After(time.Second) // the lock timeout
			return errDown
		}
		b, table := newTable(t, db, nil)
		apply(t, db, table, create(rowOf("a", nil, nil)))
		h := b.Holder()
		require.NoError(t, h.Hold(ctx, table, "x"))
		err := h.Hold(ctx, table, "a")
		require.ErrorIs(t, err, writeback.ErrGateDeadlock)
		require.ErrorIs(t, err, errDown)
		h.Release()

		first := b.Holder()
		defer first.Release()
		late, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		require.ErrorIs(t, first.Hold(late, table, "a"), context.DeadlineExceeded)
		db.behave(nil)
	})
}

func TestChangesThatWaitEndWithClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		db := newDatabase()
		b, table := newTable(t, db, func(cfg *writeback.TableConfig) { cfg.Pending = 1 })
		hang := make(chan struct{})
		db.before = func(context.Context, writeback.Batch) error { <-hang; return nil }
		apply(t, db, table, create(rowOf("a", nil, nil)))
		h := b.Holder()
		defer h.Release()
		require.NoError(t, h.Hold(ctx, table, "x"))
		errs := make(chan error, 2)
		for _, key := range []string{"b", "x"} {
			go func() {
				_, err := table.Apply(ctx, create(rowOf(key, nil, nil)), &writeback.Base{})
				errs <- err
			}()
		}
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- b.Close(ctx) }()
		require.ErrorIs(t, <-errs, writeback.ErrClosed)
		require.ErrorIs(t, <-errs, writeback.ErrClosed)
		close(hang)
		require.NoError(t, <-closed)
	})
}
