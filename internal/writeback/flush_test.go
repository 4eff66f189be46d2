package writeback_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/writeback"
)

func TestAChangeWaitsNoLongerThanFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		db.put("t", rowOf("k", int64(0), nil))
		_, table := newTable(t, db, func(cfg *writeback.TableConfig) { cfg.Flush = 2 * time.Second })
		apply(t, db, table, add("k", 1))
		<-time.After(1999 * time.Millisecond)
		apply(t, db, table, add("k", 1)) // does not make the first wait longer
		synctest.Wait()
		require.Empty(t, db.writes())
		require.Equal(t, 1999*time.Millisecond, table.Stats().Oldest)
		<-time.After(time.Millisecond)
		synctest.Wait()
		require.Len(t, db.writes(), 1)
		require.Zero(t, table.Pending())
	})
}

func TestAFullBatchDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		_, table := newTable(t, db, func(cfg *writeback.TableConfig) { cfg.Batch, cfg.Flush = 3, time.Hour })
		for i := range 7 {
			apply(t, db, table, create(rowOf(fmt.Sprint(9-i), nil, nil)))
			synctest.Wait()
			require.Len(t, db.batches, (i+1)/3)
		}
		require.Equal(t, "7", db.batches[0].Writes[0].Key) // sorted
		require.Equal(t, 1, table.Pending())
	})
}

func TestWhatCameAfterTheBatchWasSentStaysPending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, answer := range []error{nil, errDown} {
			db, answers := newDatabase(), make(chan error)
			db.put("t", rowOf("k", int64(0), nil))
			db.before = func(context.Context, writeback.Batch) error { return <-answers }
			buffer := writeback.New(db, writeback.Options{})
			table := addTable(t, buffer, nil)
			apply(t, db, table, add("k", 1))
			apply(t, db, table, create(rowOf("new", int64(0), nil)))
			apply(t, db, table, add("new", 1))
			<-time.After(time.Second)
			synctest.Wait()
			apply(t, db, table, add("k", 10))
			apply(t, db, table, add("new", 10)) // must not reach into the insert that is being written
			answers <- answer
			synctest.Wait()
			row, pending := table.Get("k")
			require.True(t, pending)
			require.Equal(t, int64(11), row.Values[colHits])
			close(answers)
			require.NoError(t, buffer.Close(context.Background()))
			require.Equal(t, int64(11), db.row("t", "k")[colHits])
			require.Equal(t, int64(11), db.row("t", "new")[colHits])
		}
	})
}

func TestADatabaseThatIsDownIsTriedUntilItIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, up := newDatabase(), make(chan struct{})
		var sent []time.Time
		db.before = func(context.Context, writeback.Batch) error {
			select {
			case <-up:
				return nil
			default:
				sent = append(sent, time.Now())
				return errDown
			}
		}
		b, table := newTable(t, db, nil)
		writeback.Steady(b)
		apply(t, db, table, create(rowOf("k", int64(0), nil)))
		<-time.After(10 * time.Minute)
		synctest.Wait()
		for i, wait := range []int{50, 100, 200, 400, 800, 1600, 3200, 5000, 5000} {
			require.Equal(t, time.Duration(wait)*time.Millisecond, sent[i+1].Sub(sent[i]))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err := b.Flush(ctx)
		var stayed *writeback.StayedError
		require.ErrorAs(t, err, &stayed)
		require.Equal(t, 1, stayed.Rows)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errDown)
		require.ErrorIs(t, table.Stats().LastError, errDown)
		close(up)
		require.NoError(t, b.Flush(context.Background()))
		require.NotNil(t, db.row("t", "k"))
		require.NoError(t, table.Stats().LastError)
	})
}

func TestAFailingTableDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		db.before = func(_ context.Context, b writeback.Batch) error {
			if b.Table == "bad" {
				return errDown
			}
			return nil
		}
		b, good := newTable(t, db, nil)
		bad := addTable(t, b, func(cfg *writeback.TableConfig) { cfg.Name = "bad" })
		apply(t, db, bad, create(rowOf("k", nil, nil)))
		apply(t, db, good, create(rowOf("k", nil, nil)))
		require.NoError(t, good.Flush(context.Background()))
		require.Equal(t, 1, bad.Pending())
		db.behave(nil)
	})
}

func TestFlushWithNothingPendingReturnsAtOnce(t *testing.T) {
	t.Parallel()
	db := newDatabase()
	b, table := newTable(t, db, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, b.Flush(ctx))
	require.NoError(t, table.Flush(ctx))
	require.Empty(t, db.batches)
}

func TestPoisonIsLeftOutAndTheRestIsWritten(t *testing.T) {
	t.Parallel()
	db := newDatabase()
	told := make(chan *writeback.FlushError, 1)
	b := writeback.New(db, writeback.Options{OnError: func(e *writeback.FlushError) {
		told <- e
		panic("a bug of the user's")
	}})
	table := addTable(t, b, nil)
	db.leaving = func(dead *writeback.FlushError) {
		row, pending := table.Get(dead.Key)
		require.True(t, pending, "readers see the change until it leaves")
		require.Equal(t, "poison", row.Values[colName])
	}
	for i := range 100 {
		name := any(nil)
		if i == 42 {
			name = "poison"
		}
		apply(t, db, table, create(rowOf(fmt.Sprintf("%02d", i), int64(0), name)))
	}
	err := b.Flush(context.Background())
	var stayed *writeback.StayedError
	require.ErrorAs(t, err, &stayed)
	require.Equal(t, writeback.StayedError{Dead: 1}, *stayed)
	require.Len(t, db.tables["t"], 99)
	dead := <-told
	require.Equal(t, "42", dead.Key)
	require.ErrorContains(t, dead, "violates a check")
	require.Len(t, dead.Changes, 1)
	require.Equal(t, []*writeback.FlushError{dead}, db.dead)
	require.Less(t, len(db.batches), 20)
	_, pending := table.Get("42")
	require.False(t, pending)
	require.NoError(t, b.Close(context.Background()))
}

func TestChangesBehindPoisonGoWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, answers := newDatabase(), make(chan error)
		db.before = func(context.Context, writeback.Batch) error { return <-answers }
		_, table := newTable(t, db, nil)
		apply(t, db, table, create(rowOf("k", int64(0), "poison")))
		<-time.After(time.Second)
		synctest.Wait()
		apply(t, db, table, set("k", colName, "good"))
		close(answers)
		synctest.Wait()
		require.Zero(t, table.Pending())
		require.Len(t, db.dead, 1)
		require.Len(t, db.dead[0].Changes, 2)
		require.Equal(t, writeback.KindInsert, db.dead[0].Changes[0].Kind)
		require.Equal(t, "poison", db.dead[0].Changes[0].Values[colName])
		require.Equal(t, writeback.KindUpdate, db.dead[0].Changes[1].Kind)
		require.Equal(t, "good", db.dead[0].Changes[1].Values[colName])
		require.Nil(t, db.row("t", "k"))
	})
}

func TestADeadLetterThatCannotBeRecordedStaysPending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		db.deadFails = errDown
		_, table := newTable(t, db, nil)
		apply(t, db, table, create(rowOf("k", int64(0), "poison")))
		<-time.After(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, table.Pending())
		apply(t, db, table, set("k", colName, "cured")) // the row is not closed for good
		<-time.After(time.Minute)
		synctest.Wait()
		require.Zero(t, table.Pending())
		require.Equal(t, "cured", db.row("t", "k")[colName])
	})
}

func TestParentsAreWrittenBeforeTheirChildrenAndDeletedAfterThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		db.parents["child"] = "t"
		b, parent := newTable(t, db, func(cfg *writeback.TableConfig) { cfg.Flush = time.Hour })
		kids := addTable(t, b, func(cfg *writeback.TableConfig) { cfg.Name, cfg.Rank, cfg.Flush = "child", 1, time.Second })
		apply(t, db, parent, create(rowOf("p", nil, nil)))
		apply(t, db, kids, create(child("c", "p")))
		<-time.After(time.Second)
		synctest.Wait()
		require.NotNil(t, db.row("child", "c"))
		require.Len(t, db.batches, 2, "no batch was refused")

		apply(t, db, kids, remove("c"))
		apply(t, db, parent, remove("p"))
		require.NoError(t, parent.Flush(context.Background()))
		require.Nil(t, db.row("child", "c"))
		require.Len(t, db.batches, 4, "no batch was refused")
		require.Empty(t, db.dead)
	})
}

// A row may depend on one that was accepted after the row's own first change. It is refused then, and must not die.
func TestAChildWhoseParentCameLaterIsNoPoison(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		db.parents["t"] = "t" // a tree
		b, table := newTable(t, db, func(cfg *writeback.TableConfig) { cfg.Batch = 1 })
		db.before = func(context.Context, writeback.Batch) error { return errDown }
		for _, key := range []string{"a", "b", "c", "d"} {
			apply(t, db, table, create(rowOf(key, nil, nil)))
		}
		apply(t, db, table, set("a", colParent, "b"))
		apply(t, db, table, set("b", colParent, "c"))
		apply(t, db, table, set("c", colParent, "d"))
		synctest.Wait()
		db.behave(nil)
		require.NoError(t, b.Flush(context.Background()))
		require.Empty(t, db.dead)
		require.Equal(t, "b", db.row("t", "a")[colParent])
		require.Equal(t, "c", db.row("t", "b")[colParent])

		apply(t, db, table, set("a", colParent, "nobody"))
		require.Error(t, b.Flush(context.Background()))
		require.Len(t, db.dead, 1)
	})
}

// A suspect may come to depend on a newer row while it waits for its turn.
func TestASuspectThatGrowsIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, hang := newDatabase(), make(chan struct{})
		db.parents["t"] = "t"
		db.before = func(context.Context, writeback.Batch) error { return errDown }
		up := func(_ context.Context, b writeback.Batch) error {
			if b.Writes[0].Key == "b" {
				<-hang
			}
			return nil
		}
		buffer, table := newTable(t, db, func(cfg *writeback.TableConfig) { cfg.Batch, cfg.Flush = 1, time.Hour })
		apply(t, db, table, create(rowOf("a", nil, nil)))
		apply(t, db, table, create(rowOf("b", nil, nil)))
		apply(t, db, table, set("a", colParent, "b"))
		synctest.Wait()
		db.behave(up)
		<-time.After(time.Minute) // a was refused for want of b, and b is being written
		apply(t, db, table, create(rowOf("z", nil, nil)))
		apply(t, db, table, set("a", colParent, "z"))
		close(hang)
		require.NoError(t, buffer.Flush(context.Background()))
		require.Empty(t, db.dead)
		require.Equal(t, "z", db.row("t", "a")[colParent])
	})
}

func TestTheOldestChangeGoesFirst(t *testing.T) {
	t.Parallel()
	db := newDatabase()
	b, table := newTable(t, db, nil)
	for _, name := range []string{"c", "b", "a"} {
		other := addTable(t, b, func(cfg *writeback.TableConfig) { cfg.Name = name })
		apply(t, db, other, create(rowOf("k", nil, nil)))
	}
	apply(t, db, table, create(rowOf("k", nil, nil)))
	require.NoError(t, b.Flush(context.Background()))
	var order []string
	for _, batch := range db.batches {
		order = append(order, batch.Table)
	}
	require.Equal(t, []string{"c", "b", "a", "t"}, order)
}

func TestARowMadeAnewWhileItsInsertWasRolledBackIsInserted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, answers := newDatabase(), make(chan error)
		db.before = func(context.Context, writeback.Batch) error { return <-answers }
		b, table := newTable(t, db, nil)
		apply(t, db, table, create(rowOf("k", int64(1), nil)))
		<-time.After(time.Second)
		synctest.Wait()
		apply(t, db, table, remove("k"))
		apply(t, db, table, create(rowOf("k", int64(2), nil)))
		answers <- errDown
		close(answers)
		require.NoError(t, b.Flush(context.Background()))
		require.Len(t, db.writes(), 1)
		require.Equal(t, writeback.KindInsert, db.writes()[0].Kind)
		require.Equal(t, int64(2), db.row("t", "k")[colHits])
	})
}

// What a change adds to a row after its dead letter was recorded would be in neither.
func TestChangesWaitWhileTheirRowIsBuried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, buried := newDatabase(), make(chan struct{})
		db.leaving = func(*writeback.FlushError) { <-buried }
		b, table := newTable(t, db, nil)
		apply(t, db, table, create(rowOf("k", int64(1), "poison")))
		<-time.After(time.Second)
		synctest.Wait()
		affected := make(chan int64)
		go func() { affected <- apply(t, db, table, set("k", colName, "good")) }()
		synctest.Wait()
		select {
		case <-affected:
			require.Fail(t, "the change did not wait")
		default:
		}
		close(buried)
		require.Zero(t, <-affected) // the row was never made
		require.NoError(t, b.Flush(context.Background()))
	})
}

func TestCloseReportsByNumberWhatStayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		db.before = func(ctx context.Context, _ writeback.Batch) error {
			<-ctx.Done()
			return ctx.Err()
		}
		b, table := newTable(t, db, nil)
		for i := range 5 {
			apply(t, db, table, create(rowOf(fmt.Sprint(i), nil, nil)))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		err := b.Close(ctx)
		var stayed *writeback.StayedError
		require.ErrorAs(t, err, &stayed)
		require.Equal(t, 5, stayed.Rows)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, err, b.Close(context.Background()))
		_, pending := table.Get("0")
		require.True(t, pending)
		_, err = table.Apply(context.Background(), add("0", 1), nil)
		require.ErrorIs(t, err, writeback.ErrClosed)
		require.ErrorIs(t, table.Flush(context.Background()), writeback.ErrClosed)
		_, err = b.Table(writeback.TableConfig{Name: "u", Columns: columns()})
		require.ErrorIs(t, err, writeback.ErrClosed)
	})
}

func TestCloseOfABufferWithoutTables(t *testing.T) {
	t.Parallel()
	require.NoError(t, writeback.New(newDatabase(), writeback.Options{}).Close(context.Background()))
}

// TestNothingIsLostUnderContention increments from many goroutines while batches fail, rows die and are made again, and
// others read, flush and hold gates. What the database has at the end is what was acknowledged.
func TestNothingIsLostUnderContention(t *testing.T) {
	t.Parallel()
	const workers, rounds, keys = 8, 400, 5
	db := newDatabase()
	for i := range keys {
		db.put("t", rowOf(fmt.Sprint(i), int64(0), nil))
	}
	var calls int
	db.before = func(context.Context, writeback.Batch) error {
		if calls++; calls%3 == 0 {
			return errDown
		}
		return nil
	}
	b := writeback.New(db, writeback.Options{BackoffMin: time.Microsecond, BackoffMax: time.Millisecond})
	table := addTable(t, b, func(cfg *writeback.TableConfig) {
		cfg.Flush, cfg.Batch, cfg.Pending = time.Millisecond, 3, 4
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				key := fmt.Sprint((w + i) % keys)
				if w == 0 && i%20 == 0 {
					incrementInTransaction(ctx, t, b, table, db, key)
					continue
				}
				increment(ctx, t, table, db, key)
				if i%50 == 0 {
					require.NoError(t, table.Flush(ctx))
				}
				table.Get(key)
				table.Stats()
			}
		})
	}
	wg.Wait()
	require.NoError(t, b.Close(ctx))
	var total int64
	for i := range keys {
		total += db.row("t", fmt.Sprint(i))[colHits].(int64)
	}
	require.Equal(t, int64(workers*rounds), total)
}

// increment does what a caller does: look, load if need be, try again if the base is too old by then.
func increment(ctx context.Context, t testing.TB, table *writeback.Table, db *database, key string) {
	t.Helper()
	for {
		base := db.base("t", key)
		base.Valid = func() bool { return &db.row("t", key)[0] == &base.Values[0] }
		_, err := table.Apply(ctx, add(key, 1), base)
		if errors.Is(err, writeback.ErrNeedBase) {
			continue
		}
		require.NoError(t, err)
		return
	}
}

// incrementInTransaction writes the row itself while it holds its gate.
func incrementInTransaction(
	ctx context.Context, t testing.TB, b *writeback.Buffer, table *writeback.Table, db *database, key string,
) {
	t.Helper()
	h := b.Holder()
	defer h.Release()
	require.NoError(t, h.Hold(ctx, table, key))
	_, pending := table.Get(key)
	require.False(t, pending)
	db.put("t", updated(db.row("t", key), writeback.Write{Add: []writeback.Delta{{Column: colHits, N: 1}}}))
}
