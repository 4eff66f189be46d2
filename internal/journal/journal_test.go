package journal_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

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
	dir := t.TempDir()
	j := openNew(t, dir, options())
	payload := make([]byte, 400)
	slow, err := j.Append(t.Context(), payload, journal.AckDisk)
	require.NoError(t, err)
	for range 100 {
		sequence, err := j.Append(t.Context(), payload, journal.AckDisk)
		require.NoError(t, err)
		j.Release(sequence, sequence)
	}
	stats := j.Stats()
	require.Equal(t, 1, stats.Live)
	require.Equal(t, slow, stats.OldestLive)
	require.Zero(t, stats.Recycled)
	require.Greater(t, stats.Segments, 10)

	j.Release(slow)
	require.NoError(t, j.Close(t.Context()))
	require.Zero(t, j.Stats().Live)
}
