package journal_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
)

func TestFoldersThatCannotHoldAJournalAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	for name, path := range map[string]string{"a file": file, "below a file": filepath.Join(file, "sub")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := journal.Open(path, options())
			require.ErrorIs(t, err, journal.ErrFolder)
			require.ErrorContains(t, err, file)
			_, err = journal.Adopt(path, options())
			require.ErrorIs(t, err, journal.ErrFolder)
			require.ErrorContains(t, err, file)
		})
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]journal.Options{
		"no database":         {},
		"a long database":     {Database: string(make([]byte, 257))},
		"a small segment":     {Database: "shop", SegmentBytes: 1024},
		"an odd segment":      {Database: "shop", SegmentBytes: 5000},
		"a huge segment":      {Database: "shop", SegmentBytes: 2 << 30},
		"a negative highmark": {Database: "shop", HighWater: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := journal.Open(t.TempDir(), o)
			require.ErrorContains(t, err, "journal: Options.")
			_, err = journal.Adopt(t.TempDir(), o)
			require.ErrorContains(t, err, "journal: Options.")
		})
	}
}

func TestFoldersThatAreMissingAreMade(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	left, err := journal.Adopt(dir, options())
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoDirExists(t, dir)
	j := openNew(t, dir, options())
	require.DirExists(t, filepath.Join(dir, j.ID()))
}

func TestAJournalOfAnotherDatabaseOrVersionIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openNew(t, dir, options())
	other := options()
	other.Database = "warehouse"
	for range 2 { // while it is open, and afterwards
		for _, err := range []error{second(journal.Open(dir, other)), second(journal.Adopt(dir, other))} {
			require.ErrorIs(t, err, journal.ErrDatabase)
			require.ErrorContains(t, err, `about "shop", not about "warehouse"`)
			require.ErrorContains(t, err, j.ID())
		}
		require.NoError(t, j.Close(t.Context()))
	}

	identity := filepath.Join(dir, j.ID(), "identity")
	content, err := os.ReadFile(identity)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(identity, journal.OfVersion(content, 2), 0o600))
	for _, err := range []error{second(journal.Open(dir, options())), second(journal.Adopt(dir, options()))} {
		require.ErrorIs(t, err, journal.ErrVersion)
		require.ErrorContains(t, err, identity)
		require.ErrorContains(t, err, "2, and this code knows 1")
	}

	content[20] ^= 1
	require.NoError(t, os.WriteFile(identity, content, 0o600))
	for _, err := range []error{second(journal.Open(dir, options())), second(journal.Adopt(dir, options()))} {
		require.ErrorIs(t, err, journal.ErrCorrupt)
		require.ErrorContains(t, err, identity)
	}
}

func second[T any](_ T, err error) error { return err }

// When one of several journals cannot be adopted, none stays locked.
func TestAdoptTakesAllOrNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 5 {
		require.NoError(t, openNew(t, dir, options()).Close(t.Context()))
	}
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, names, 5)
	damaged := filepath.Join(dir, names[3].Name(), "identity")
	whole, err := os.ReadFile(damaged)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(damaged, whole[:100], 0o600))
	_, err = journal.Adopt(dir, options())
	require.ErrorIs(t, err, journal.ErrCorrupt)
	require.NoError(t, os.WriteFile(damaged, whole, 0o600))
	left, err := journal.Adopt(dir, options())
	require.NoError(t, err)
	require.Len(t, left, 5)
	for _, j := range left {
		require.NoError(t, j.Close(t.Context()), "closed without having been replayed")
	}
}

func TestManyWhoAdoptAtOnceShareThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 8 {
		require.NoError(t, openNew(t, dir, options()).Close(t.Context()))
	}
	var mu sync.Mutex
	seen := make(map[string]int)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			left, err := journal.Adopt(dir, options())
			if err != nil {
				t.Error(err)
			}
			for _, j := range left {
				mu.Lock()
				seen[j.ID()]++
				mu.Unlock()
				t.Cleanup(func() { _ = j.Close(context.Background()) })
			}
		})
	}
	group.Wait()
	require.Len(t, seen, 8)
	for id, n := range seen {
		require.Equal(t, 1, n, id)
	}
}

func TestRemoveLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openNew(t, dir, options())
	sequence, err := j.Append(t.Context(), []byte("x"), journal.AckDisk)
	require.NoError(t, err)
	require.ErrorIs(t, j.Remove(t.Context()), journal.ErrLive)
	_, err = j.Append(t.Context(), []byte("y"), journal.AckDisk)
	require.NoError(t, err, "nothing has happened")
	j.Release(sequence, sequence+1, sequence+2, 99)
	j.ReleaseThrough(j.Stats().Last)
	require.NoError(t, j.Remove(t.Context()))
	require.NoError(t, j.Remove(t.Context()), "again")
	require.NoError(t, j.Close(t.Context()), "and again")
	_, err = j.Put(nil)
	require.ErrorIs(t, err, journal.ErrClosed)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)

	j = openNew(t, dir, options())
	_, err = j.Append(t.Context(), []byte("x"), journal.AckDisk)
	require.NoError(t, err)
	require.NoError(t, j.Close(t.Context()))
	adopted := adoptOne(t, dir, options())
	require.ErrorIs(t, adopted.Remove(t.Context()), journal.ErrNotReplayed)
	_, err = adopted.Put(nil)
	require.ErrorIs(t, err, journal.ErrNotReplayed)
	entriesOf, _ := replayed(t, adopted)
	require.Len(t, entriesOf, 1)
	require.ErrorIs(t, adopted.Remove(t.Context()), journal.ErrLive)
	adopted.Release(entriesOf[0].sequence)
	require.NoError(t, adopted.Remove(t.Context()))
}

// What crashes leave at the beginning and the end of a journal's life is taken away, and what is being made is not.
func TestRemainsAreClearedAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openNew(t, dir, options())
	require.NoError(t, j.Close(t.Context()))
	goneID, unbornID := "gone-0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff"
	require.NoError(t, os.CopyFS(filepath.Join(dir, goneID), os.DirFS(filepath.Join(dir, j.ID()))))
	require.NoError(t, os.CopyFS(filepath.Join(dir, unbornID), os.DirFS(filepath.Join(dir, j.ID()))))
	require.NoError(t, os.Rename(filepath.Join(dir, unbornID, "identity"), filepath.Join(dir, unbornID, "identity.new")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a folder of somebody"), 0o700))

	adopted := adoptOne(t, dir, options())
	require.Equal(t, j.ID(), adopted.ID())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.ElementsMatch(t, []string{j.ID(), "a folder of somebody"}, names)
}

// A file system that cannot be opened, or fails while the journal is made, leaves nothing behind.
func TestAJournalThatCannotBeMadeLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := options()
	o.FileSystem = func(string) (journal.FileSystem, error) { return nil, fs.ErrPermission }
	_, err := journal.Open(dir, o)
	require.ErrorIs(t, err, fs.ErrPermission)
	o.FileSystem = func(string) (journal.FileSystem, error) {
		disk := newCrashFS()
		disk.before = failAt(3)
		return disk, nil
	}
	_, err = journal.Open(dir, o)
	require.ErrorIs(t, err, errPowerLost)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
