package writeback_test

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
	"github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

// fullDisk is a file system that has no room once full is set.
type fullDisk struct {
	journal.FileSystem
	full *atomic.Bool
}

type fullFile struct {
	journal.File
	full *atomic.Bool
}

func (d fullDisk) Open(name string, create bool) (journal.File, error) {
	f, err := d.FileSystem.Open(name, create)
	if err != nil {
		return nil, err
	}
	return fullFile{f, d.full}, nil
}

func (f fullFile) WriteAt(b []byte, at int64) (int, error) {
	if f.full.Load() {
		return 0, syscall.ENOSPC
	}
	return f.File.WriteAt(b, at)
}

// TestAFullDiskFailsTheWriteAndWhatWasAcknowledgedIsStillThere: nothing is acknowledged behind a record that was not written,
// nothing is flushed without an intent, and the next start has all that was acknowledged.
func TestAFullDiskFailsTheWriteAndWhatWasAcknowledgedIsStillThere(t *testing.T) {
	t.Parallel()
	dir, full := t.TempDir(), new(atomic.Bool)
	options := journalOptions()
	options.FileSystem = func(dir string) (journal.FileSystem, error) { return fullDisk{journal.Disk(dir), full}, nil }
	j, err := journal.Open(dir, options)
	require.NoError(t, err)
	db := newDatabase()
	db.put("t", rowOf("a", int64(10), nil))
	buffer := writeback.New(db, writeback.Options{Journal: j, BackoffMin: time.Microsecond, BackoffMax: time.Microsecond})
	table := addTable(t, buffer, func(cfg *writeback.TableConfig) {
		cfg.Flush, cfg.Journaled, cfg.Ack, cfg.KeyAt = time.Hour, true, policy.AckJournal, []int{colKey}
	})
	add := func() (writeback.Outcome, error) {
		return table.Apply(t.Context(), writeback.Change{
			Key: "a", Op: writeback.Update, Add: []writeback.Delta{{Column: colHits, N: 1}},
		}, &writeback.Base{Exists: true, Values: db.row("t", "a")})
	}
	for range 3 {
		_, err := add()
		require.NoError(t, err)
	}
	full.Store(true)
	out, err := add()
	require.ErrorIs(t, err, writeback.ErrJournal)
	require.ErrorIs(t, err, syscall.ENOSPC, "the caller sees why")
	require.EqualValues(t, 1, out.Affected, "it may come all the same")
	out, err = add()
	require.ErrorIs(t, err, writeback.ErrJournal)
	require.Zero(t, out.Affected, "a journal that has failed takes nothing more")
	full.Store(false)
	_, err = add()
	require.ErrorIs(t, err, writeback.ErrJournal, "also when there is room again")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, buffer.Close(ctx), "1 rows stay pending")
	require.Empty(t, db.batches, "nothing is sent that the journal does not know of")
	require.ErrorIs(t, j.Close(t.Context()), journal.ErrFailed)

	left, err := journal.Adopt(dir, journalOptions())
	require.NoError(t, err)
	require.Len(t, left, 1)
	found, err := writeback.Recover(left[0])
	require.NoError(t, err)
	tables, err := found.Tables()
	require.NoError(t, err)
	require.Len(t, tables, 1)
	require.EqualValues(t, 3, tables[0].Writes()[0][0].Add[0].N)
	require.NoError(t, left[0].Close(t.Context()))
}
