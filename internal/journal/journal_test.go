package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
)

// options are for small journals that sync only when asked to.
func options() journal.Options {
	return journal.Options{Database: "shop", SegmentBytes: 4096, SyncEvery: -1}
}

// openNew is a new journal in a folder, closed at the end of the test.
func openNew(tb testing.TB, dir string, o journal.Options) *journal.Journal {
	tb.Helper()
	j, err := journal.Open(dir, o)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = j.Close(context.Background()) })
	return j
}

// adoptOne locks the only journal that nobody has.
func adoptOne(tb testing.TB, dir string, o journal.Options) *journal.Journal {
	tb.Helper()
	left, err := journal.Adopt(dir, o)
	require.NoError(tb, err)
	require.Len(tb, left, 1)
	tb.Cleanup(func() { _ = left[0].Close(context.Background()) })
	return left[0]
}

// entry is a record as replay yields it.
type entry struct {
	sequence uint64
	payload  string
}

// replayed is everything in a journal.
func replayed(tb testing.TB, j *journal.Journal) ([]entry, journal.Recovery) {
	tb.Helper()
	var entries []entry
	found, err := j.Replay(func(sequence uint64, payload []byte) error {
		entries = append(entries, entry{sequence, string(payload)})
		return nil
	})
	require.NoError(tb, err)
	require.Equal(tb, found.Records, len(entries))
	return entries, found
}

func TestWhatWasPutComesBackInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openNew(t, dir, options())
	var want []entry
	for i := range 200 { // several segments
		payload := strings.Repeat(fmt.Sprint(i), i)
		sequence, err := j.Append(t.Context(), []byte(payload), journal.Ack(i%3))
		require.NoError(t, err)
		want = append(want, entry{sequence, payload})
	}
	require.Greater(t, j.Stats().Segments, 5)
	require.NoError(t, j.Close(t.Context()))

	again := adoptOne(t, dir, options())
	require.Equal(t, j.ID(), again.ID())
	got, found := replayed(t, again)
	require.Equal(t, want, got)
	require.False(t, found.Torn)

	sequence, err := again.Append(t.Context(), []byte("more"), journal.AckDisk)
	require.NoError(t, err)
	require.NoError(t, again.Close(t.Context()))
	got, _ = replayed(t, adoptOne(t, dir, options()))
	require.Equal(t, append(want, entry{sequence, "more"}), got)
}

func TestSegmentsAreRecycledOnceNothingBeforeThemIsLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		j := openOn(t, disk, options())
		payload := make([]byte, 400)
		slow, err := j.Append(t.Context(), payload, journal.AckDisk)
		require.NoError(t, err)
		for range 100 {
			sequence, err := j.Append(t.Context(), payload, journal.AckDisk)
			require.NoError(t, err)
			j.Release(sequence, sequence)
		}
		synctest.Wait()
		stats := j.Stats()
		require.Equal(t, 1, stats.Live)
		require.Equal(t, slow, stats.OldestLive)
		require.Zero(t, stats.Recycled)
		require.Greater(t, stats.Segments, 10)
		require.Equal(t, int64(stats.Segments)*4096, stats.Bytes)

		j.Release(slow)
		synctest.Wait()
		stats = j.Stats()
		require.Zero(t, stats.Live)
		require.Zero(t, stats.OldestLive)
		require.Equal(t, 1, stats.Segments)
		names, err := disk.List()
		require.NoError(t, err)
		require.LessOrEqual(t, len(names), 3, "%v: the last, one made ahead, one to be used again", names)
		require.NoError(t, j.Close(t.Context()))
	})
}

func TestReleaseThroughIsReleaseOfEach(t *testing.T) {
	t.Parallel()
	one := openOn(t, newCrashFS(), journal.Options{Database: "shop", SegmentBytes: 8192, SyncEvery: -1})
	other := openOn(t, newCrashFS(), journal.Options{Database: "shop", SegmentBytes: 8192, SyncEvery: -1})
	for range 1000 {
		a, err := one.Put(nil)
		require.NoError(t, err)
		b, err := other.Put(nil)
		require.NoError(t, err)
		require.Equal(t, a, b)
	}
	for _, through := range []uint64{0, 1, 63, 64, 65, 127, 128, 400, 400, 399, 2000} {
		one.ReleaseThrough(through)
		for sequence := range through + 1 {
			other.Release(sequence)
		}
		require.Equal(t, other.Stats().Live, one.Stats().Live, "through %d", through)
		require.Equal(t, other.Stats().OldestLive, one.Stats().OldestLive, "through %d", through)
	}
	require.Zero(t, one.Stats().Live)
}

// A row that is never flushed, among many that are, holds no more disk than the bound if it is put again when asked to.
func TestASlowRecordThatIsPutAgainHoldsNoDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		o := options()
		o.HighWater = 10 * o.SegmentBytes
		j := openOn(t, disk, o)
		slow, err := j.Append(t.Context(), []byte("slow: 0"), journal.AckDisk)
		require.NoError(t, err)
		again, most := 0, int64(0)
		for range 2000 {
			sequence, err := j.Append(t.Context(), make([]byte, 300), journal.AckDisk)
			require.NoError(t, err)
			j.Release(sequence)
			if below, crowded := j.Crowded(); crowded && slow < below {
				again++
				next, err := j.Append(t.Context(), fmt.Appendf(nil, "slow: %d", again), journal.AckDisk)
				require.NoError(t, err)
				j.Release(slow)
				slow = next
			}
			synctest.Wait()
			most = max(most, j.Stats().Bytes)
		}
		require.Greater(t, again, 5)
		require.LessOrEqual(t, most, o.HighWater+2*o.SegmentBytes)
		require.NoError(t, j.Close(t.Context()))

		left := journal.AdoptOn(disk.kill(), j, o)
		entries, _ := replayed(t, left)
		require.Contains(t, entries, entry{slow, fmt.Sprintf("slow: %d", again)})
		require.NoError(t, left.Close(t.Context()))
	})
}

func TestARecordIsAsLargeAsASegmentAllows(t *testing.T) {
	t.Parallel()
	disk := newCrashFS()
	j := openOn(t, disk, options())
	largest := 4096 - journal.HeaderSize - 2*journal.FrameHeader
	_, err := j.Put(make([]byte, largest+1))
	require.ErrorIs(t, err, journal.ErrTooLarge)
	for i := range 3 {
		_, err := j.Append(t.Context(), bytes.Repeat([]byte{byte(i)}, largest), journal.AckDisk)
		require.NoError(t, err)
	}
	_, err = j.Append(t.Context(), nil, journal.AckDisk)
	require.NoError(t, err, "an empty one is one, too")
	require.ErrorContains(t, j.Wait(t.Context(), 99, journal.AckDisk), "no record 99")
	require.ErrorContains(t, j.Wait(t.Context(), 0, journal.AckMemory), "no record 0")
	require.NoError(t, j.Close(t.Context()))
	again := journal.AdoptOn(disk, j, options())
	entries, _ := replayed(t, again)
	require.Len(t, entries, 4)
	require.Len(t, entries[2].payload, largest)
	require.NoError(t, again.Close(t.Context()))
}

func TestReplayMayBeTriedAgainAndIsDoneOnce(t *testing.T) {
	t.Parallel()
	s := newSample(t, 100, 4096, true)
	disk := newCrashFS()
	for name, content := range s.files {
		disk.names[name] = &crashFile{seen: content, dirty: make(map[int][][]byte)}
	}
	j := journal.AdoptOn(disk, s.made, s.options)
	stop := errors.New("stop")
	_, err := j.Replay(func(sequence uint64, _ []byte) error {
		if sequence > 50 {
			return stop
		}
		return nil
	})
	require.ErrorIs(t, err, stop)
	_, err = j.Put(nil)
	require.ErrorIs(t, err, journal.ErrNotReplayed)
	entries, _ := replayed(t, j)
	require.Equal(t, s.entries, entries)
	require.Equal(t, 100, j.Stats().Live)
	entries, _ = replayed(t, j)
	require.Empty(t, entries, "once is enough")
	require.NoError(t, j.Close(t.Context()))
	_, err = j.Replay(func(uint64, []byte) error { return nil })
	require.ErrorIs(t, err, journal.ErrClosed)
}

// A goroutine of many that put at once is told the truth by each call, wherever the power fails.
func TestManyWritersLoseNothingSure(t *testing.T) {
	t.Parallel()
	runs := 150
	if raced || testing.Short() {
		runs = 40
	}
	for run := range uint64(runs) {
		random := rand.New(rand.NewPCG(run, 0))
		disk := newCrashFS()
		j := openOn(t, disk, journal.Options{Database: "shop", SegmentBytes: 8192, SyncEvery: -1})
		disk.mu.Lock()
		disk.before = failAt(disk.steps + 1 + random.IntN(120))
		disk.mu.Unlock()
		var mu sync.Mutex
		w := newTold()
		var group sync.WaitGroup
		for writer := range 6 {
			group.Go(func() {
				for i := range 40 {
					payload := fmt.Appendf(nil, "%d of %d", i, writer)
					mu.Lock()
					sequence, err := j.Put(payload)
					if err == nil {
						w.payloads[sequence], w.live[sequence] = payload, true
					}
					mu.Unlock()
					if err != nil {
						return
					}
					ack := journal.Ack((i + writer) % 3)
					if j.Wait(t.Context(), sequence, ack) != nil {
						return
					}
					mu.Lock()
					if ack == journal.AckDisk {
						w.sure = max(w.sure, sequence)
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		closed := j.Close(t.Context())
		if closed == nil {
			w.sure = j.Stats().Last
		}
		again := journal.AdoptOn(survivors(disk, random, int(run%3)), j, journal.Options{Database: "shop", SegmentBytes: 8192, SyncEvery: -1})
		_, err := w.check(again, w.sure)
		require.NoError(t, err, "run %d", run)
		require.NoError(t, again.Close(t.Context()))
	}
}

func TestSixtyFourWritersShareTheirSyncs(t *testing.T) {
	t.Parallel()
	j := openNew(t, t.TempDir(), journal.Options{Database: "shop", SegmentBytes: 1 << 20, SyncEvery: -1})
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for range 50 {
				if _, err := j.Append(t.Context(), make([]byte, 256), journal.AckDisk); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	stats := j.Stats()
	require.EqualValues(t, 64*50, stats.Appends)
	require.Less(t, stats.Syncs, stats.Appends/15)
	require.Positive(t, stats.SyncTime)
	require.GreaterOrEqual(t, stats.SyncTime, stats.SlowestSync)
}

// Not parallel: allocations are counted for the whole process.
func TestAnAppendAllocatesAtMostOnce(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	j := openNew(t, t.TempDir(), journal.Options{Database: "shop", SegmentBytes: 1 << 20})
	payload := make([]byte, 256)
	for ack, limit := range map[journal.Ack]float64{journal.AckMemory: 0, journal.AckJournal: 0, journal.AckDisk: 1} {
		require.LessOrEqual(t, testing.AllocsPerRun(200, func() {
			sequence, err := j.Append(t.Context(), payload, ack)
			if err != nil {
				t.Error(err)
			}
			j.Release(sequence)
		}), limit, ack.String())
	}
}
