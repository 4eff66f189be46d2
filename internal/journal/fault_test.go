package journal_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
)

// openOn is a new journal in a file system in memory, closed at the end of the test.
func openOn(tb testing.TB, disk *crashFS, o journal.Options) *journal.Journal {
	tb.Helper()
	j, err := journal.OpenOn(disk, o)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = j.Close(context.Background()) })
	return j
}

// TestTheFirstFailureIsTheLastWord has one call fail, once; the file system is well before and afterwards.
func TestTheFirstFailureIsTheLastWord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call  string
		ack   journal.Ack
		cause error
	}{
		"a sync fails":                        {"sync", journal.AckDisk, syscall.EIO},
		"a write fails":                       {"write", journal.AckDisk, syscall.EIO},
		"a write fails, no sync was asked of": {"write", journal.AckJournal, syscall.EIO},
		"the disk is full":                    {"write", journal.AckDisk, syscall.ENOSPC},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := newCrashFS()
			var armed atomic.Bool
			disk.before = func(_ int, call, _ string) error {
				if call == c.call && armed.CompareAndSwap(true, false) {
					return c.cause
				}
				return nil
			}
			j := openOn(t, disk, options())
			w := newTold()
			sequence, err := j.Append(t.Context(), []byte("before"), journal.AckDisk)
			require.NoError(t, err)
			w.payloads[sequence], w.live[sequence], w.sure = []byte("before"), true, sequence

			armed.Store(true)
			sequence, err = j.Append(t.Context(), []byte("during"), c.ack)
			require.ErrorIs(t, err, journal.ErrFailed)
			require.ErrorIs(t, err, c.cause)
			require.False(t, armed.Load(), "it was this call")
			if sequence != 0 {
				w.payloads[sequence] = []byte("during")
			}

			// The file system works again, and is not believed.
			require.ErrorIs(t, j.Wait(t.Context(), w.sure, journal.AckDisk), nil, "what was told stays told")
			for _, ack := range []journal.Ack{journal.AckMemory, journal.AckJournal, journal.AckDisk} {
				none, err := j.Append(t.Context(), []byte("after"), ack)
				require.ErrorIs(t, err, journal.ErrFailed)
				require.ErrorIs(t, err, c.cause)
				require.Zero(t, none)
				if sequence != 0 {
					require.ErrorIs(t, j.Wait(t.Context(), sequence, journal.AckDisk), journal.ErrFailed)
				}
			}
			require.ErrorIs(t, j.Err(), c.cause)
			require.ErrorIs(t, j.Close(t.Context()), journal.ErrFailed)

			again := journal.AdoptOn(disk, j, options())
			_, err = w.check(again, w.sure)
			require.NoError(t, err)
			require.NoError(t, again.Close(t.Context()))
		})
	}
}

// After a failed fsync the kernel takes the pages for clean: the next process reads them, and a sync of its own writes none.
func TestWhatCouldNotBeSyncedIsWrittenAgainByRecovery(t *testing.T) {
	t.Parallel()
	disk := newCrashFS()
	var armed atomic.Bool
	disk.before = func(_ int, call, _ string) error {
		if call == "sync" && armed.Load() {
			return syscall.EIO
		}
		return nil
	}
	j := openOn(t, disk, options())
	armed.Store(true)
	payload := strings.Repeat("never synced, ", 100) // several sectors
	_, err := j.Append(t.Context(), []byte(payload), journal.AckDisk)
	require.ErrorIs(t, err, syscall.EIO)
	require.Error(t, j.Close(t.Context()))
	armed.Store(false)

	again := journal.AdoptOn(disk, j, options())
	before, _ := replayed(t, again)
	require.Equal(t, []entry{{1, payload}}, before)
	require.NoError(t, again.Wait(t.Context(), 1, journal.AckDisk))
	last := journal.AdoptOn(disk.forget(), j, options())
	after, _ := replayed(t, last)
	require.Equal(t, before, after, "what was replayed once is on disk")
	require.NoError(t, again.Close(t.Context()))
	require.NoError(t, last.Close(t.Context()))
}

func TestADiskThatIsFullIsFoundOutBeforeTheSegmentIs(t *testing.T) {
	t.Parallel()
	disk := newCrashFS()
	var full atomic.Bool
	disk.before = func(_ int, call, name string) error {
		if full.Load() && name == "spare" && call == "write" {
			return syscall.ENOSPC
		}
		return nil
	}
	j := openOn(t, disk, options())
	full.Store(true)
	payload := make([]byte, 700)
	for range 4 { // past the half of the segment; making the next one fails, and nobody needs it yet
		_, err := j.Append(t.Context(), payload, journal.AckDisk)
		require.NoError(t, err)
	}
	full.Store(false)
	for range 4 {
		_, err := j.Append(t.Context(), payload, journal.AckDisk)
		require.NoError(t, err, "there is room again")
	}
	full.Store(true)
	var err error
	for range 8 {
		if _, err = j.Append(t.Context(), payload, journal.AckDisk); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, journal.ErrFailed)
	require.ErrorIs(t, err, syscall.ENOSPC)
	full.Store(false)
	_, err = j.Append(t.Context(), payload, journal.AckMemory)
	require.ErrorIs(t, err, syscall.ENOSPC, "room that comes later changes nothing")
}

// Room that a recycled segment makes is enough to go on with: nothing is allocated then.
func TestRecycledSegmentsNeedNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		var full atomic.Bool
		disk.before = func(_ int, call, _ string) error {
			if full.Load() && call == "create" {
				return syscall.ENOSPC
			}
			return nil
		}
		j := openOn(t, disk, options())
		for i := range 200 {
			sequence, err := j.Append(t.Context(), make([]byte, 700), journal.AckDisk)
			require.NoError(t, err)
			j.Release(sequence)
			synctest.Wait()
			if i == 40 {
				full.Store(true)
			}
		}
		require.Greater(t, j.Stats().Recycled, uint64(20))
		require.Less(t, j.Stats().Segments, 3)
		names, err := disk.List()
		require.NoError(t, err)
		require.LessOrEqual(t, len(names), 4, "%v", names)
		require.NoError(t, j.Close(t.Context()))
	})
}

func TestOneSyncServesAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		hold := make(chan chan struct{}, 1)
		disk.before = func(_ int, call, _ string) error {
			if call == "sync" {
				select {
				case gate := <-hold:
					<-gate
				default:
				}
			}
			return nil
		}
		j := openOn(t, disk, journal.Options{Database: "shop", SegmentBytes: 1 << 20, SyncEvery: -1})
		gate := make(chan struct{})
		hold <- gate
		var acknowledged atomic.Int64
		put := func() {
			if _, err := j.Append(t.Context(), []byte("x"), journal.AckDisk); err == nil {
				acknowledged.Add(1)
			}
		}
		go put()
		synctest.Wait() // in its sync
		for range 63 {
			go put()
		}
		synctest.Wait()
		require.Zero(t, acknowledged.Load(), "nobody is told before the sync")
		second := make(chan struct{})
		hold <- second
		close(gate)
		synctest.Wait()
		require.EqualValues(t, 1, acknowledged.Load(), "a sync speaks of what was written before it")
		require.EqualValues(t, 1, j.Stats().Durable)
		close(second)
		synctest.Wait()
		require.EqualValues(t, 64, acknowledged.Load())
		require.EqualValues(t, 2, j.Stats().Syncs)
		require.NoError(t, j.Close(t.Context()))
	})
}

// A sync has done its work and not yet returned when another record is written: it does not count for that one.
func TestASyncSpeaksOnlyOfWhatWasWrittenBeforeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		gate := make(chan struct{})
		disk.after = func(call, name string) {
			if call == "sync" && strings.HasSuffix(name, ".seg") {
				<-gate
			}
		}
		j := openOn(t, disk, options())
		result := make(chan error, 1)
		go func() {
			_, err := j.Append(t.Context(), []byte("before"), journal.AckDisk)
			result <- err
		}()
		synctest.Wait()
		sequence, err := j.Append(t.Context(), []byte("beside"), journal.AckJournal)
		require.NoError(t, err, "it does not wait for the sync")
		gate <- struct{}{}
		require.NoError(t, <-result)
		synctest.Wait()
		require.Less(t, j.Stats().Durable, sequence)
		close(gate)
		require.NoError(t, j.Close(t.Context()))
	})
}

// While a sync is under way that will fail, another record is written. It must not be acknowledged, at any level.
func TestNothingIsAcknowledgedBesideASyncThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		gate := make(chan struct{})
		disk.before = func(step int, call, name string) error {
			if call == "sync" && name != "" && name != "spare" {
				<-gate
				return syscall.EIO
			}
			return nil
		}
		j := openOn(t, disk, options())
		results := make(chan error, 64)
		go func() {
			_, err := j.Append(t.Context(), []byte("synced"), journal.AckDisk)
			results <- err
		}()
		synctest.Wait()
		sequence, err := j.Append(t.Context(), []byte("written beside it"), journal.AckJournal)
		require.NoError(t, err, "the operating system has it")
		for range 31 {
			go func() {
				_, err := j.Append(t.Context(), []byte("waiting"), journal.AckDisk)
				results <- err
			}()
		}
		synctest.Wait()
		close(gate)
		for range 32 {
			require.ErrorIs(t, <-results, syscall.EIO)
		}
		require.ErrorIs(t, j.Wait(t.Context(), sequence, journal.AckDisk), journal.ErrFailed)
		require.ErrorIs(t, j.Close(t.Context()), journal.ErrFailed)
	})
}

// The other way round: the sync succeeds, and a write beside it has failed.
func TestASyncBesideAWriteThatFailsAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		gate := make(chan struct{})
		writes := 0
		disk.before = func(_ int, call, name string) error {
			switch {
			case call == "sync" && strings.HasSuffix(name, ".seg"):
				<-gate
			case call == "write" && strings.HasSuffix(name, ".seg"):
				if writes++; writes == 2 {
					return syscall.EIO
				}
			}
			return nil
		}
		j := openOn(t, disk, options())
		result := make(chan error, 1)
		go func() {
			_, err := j.Append(t.Context(), []byte("synced"), journal.AckDisk)
			result <- err
		}()
		synctest.Wait()
		_, err := j.Append(t.Context(), []byte("not written"), journal.AckJournal)
		require.ErrorIs(t, err, syscall.EIO)
		require.ErrorIs(t, <-result, syscall.EIO, "told at once, with the sync still under way")
		close(gate)
		synctest.Wait()
		require.Zero(t, j.Stats().Durable)
		require.ErrorIs(t, j.Wait(t.Context(), 1, journal.AckDisk), journal.ErrFailed, "and never otherwise")
		require.ErrorIs(t, j.Close(t.Context()), journal.ErrFailed)
	})
}

func TestAWaitEndsWithItsContextAndTheRecordStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		gate := make(chan struct{})
		disk.before = func(_ int, call, name string) error {
			if call == "sync" && strings.HasSuffix(name, ".seg") {
				<-gate
			}
			return nil
		}
		o := options()
		j, err := journal.OpenOn(disk, o)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sequence, err := j.Append(ctx, []byte("who knows"), journal.AckDisk)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, journal.ErrFailed)
		require.EqualValues(t, 1, sequence, "it was put")

		none, err := j.Append(ctx, []byte("too late"), journal.AckMemory)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, none, "it was not")

		closing, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, j.Close(closing), context.DeadlineExceeded)
		_, err = j.Put([]byte("closed"))
		require.ErrorIs(t, err, journal.ErrClosed)
		close(gate)
		require.NoError(t, j.Close(t.Context()), "it went on by itself")
		again := journal.AdoptOn(disk, j, o)
		entries, _ := replayed(t, again)
		require.Equal(t, []entry{{1, "who knows"}}, entries)
		require.NoError(t, again.Close(t.Context()))
	})
}

func TestWhatNobodyAskedToSyncIsSyncedAfterAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		o := options()
		o.SyncEvery = time.Second
		j := openOn(t, disk, o)
		start := time.Now()
		sequence, err := j.Append(t.Context(), []byte("x"), journal.AckJournal)
		require.NoError(t, err)
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		require.Zero(t, j.Stats().Durable)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		require.Equal(t, sequence, j.Stats().Durable)
		require.Equal(t, time.Second, time.Since(start))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.EqualValues(t, 1, j.Stats().Syncs, "an idle journal rests")
		require.NoError(t, j.Close(t.Context()))
	})
}

func TestEveryCloseEndsWhateverFailed(t *testing.T) {
	t.Parallel()
	for step := 1; step < 120; step++ {
		disk := newCrashFS()
		j, err := journal.OpenOn(disk, options())
		require.NoError(t, err)
		at := disk.steps + step
		disk.mu.Lock()
		disk.before = func(step int, _, _ string) error {
			if step == at {
				return syscall.EIO
			}
			return nil
		}
		disk.mu.Unlock()
		for err == nil && j.Stats().Last < 200 {
			var sequence uint64
			sequence, err = j.Append(t.Context(), make([]byte, 900), journal.AckJournal)
			j.Release(sequence)
		}
		if err := j.Close(t.Context()); err != nil && !errors.Is(err, journal.ErrFailed) {
			require.NoError(t, err)
		}
	}
}
