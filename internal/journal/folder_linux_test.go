package journal_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
)

func TestAFolderInMemoryPromisesNoDisk(t *testing.T) {
	t.Parallel()
	var stat syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &stat); err != nil || stat.Type != 0x01021994 {
		t.Skip("/dev/shm is no tmpfs here")
	}
	dir, err := os.MkdirTemp("/dev/shm", "journal") //nolint:usetesting // of all folders, this one
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	o := options()
	o.Disk = true
	_, err = journal.Open(dir, o)
	require.ErrorIs(t, err, journal.ErrMemoryFS)
	require.ErrorContains(t, err, dir)

	j := openNew(t, dir, options())
	sequence, err := j.Append(t.Context(), []byte("x"), journal.AckJournal)
	require.NoError(t, err, "that it can promise")
	require.ErrorIs(t, j.Wait(t.Context(), sequence, journal.AckDisk), journal.ErrMemoryFS)
	none, err := j.Append(t.Context(), []byte("x"), journal.AckDisk)
	require.ErrorIs(t, err, journal.ErrMemoryFS)
	require.Zero(t, none, "nothing was put")
	require.NoError(t, j.Close(t.Context()))
	_, err = journal.Adopt(dir, o)
	require.ErrorIs(t, err, journal.ErrMemoryFS)
	require.Len(t, adoptAll(t, dir), 1)
}

func adoptAll(tb testing.TB, dir string) []*journal.Journal {
	tb.Helper()
	left, err := journal.Adopt(dir, options())
	require.NoError(tb, err)
	for _, j := range left {
		tb.Cleanup(func() { _ = j.Close(context.Background()) })
	}
	return left
}

func TestAFolderThatCannotBeWrittenToIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	locked := filepath.Join(dir, "read-only")
	require.NoError(t, os.Mkdir(locked, 0o555))
	asNobody(t, dir, func() error {
		_, err := journal.Open(locked, options())
		return err
	}, func(err error) {
		require.ErrorIs(t, err, journal.ErrFolder)
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, locked)
	})
	asNobody(t, dir, func() error {
		_, err := journal.Open(filepath.Join(locked, "below"), options())
		return err
	}, func(err error) {
		require.ErrorIs(t, err, journal.ErrFolder)
		require.ErrorIs(t, err, fs.ErrPermission)
	})

	// A journal of another user: it cannot be locked, and that is no reason to leave it out silently.
	private := filepath.Join(dir, "private")
	require.NoError(t, openNew(t, private, options()).Close(t.Context()))
	require.NoError(t, os.Chmod(private, 0o755))
	asNobody(t, dir, func() error {
		_, err := journal.Adopt(private, options())
		return err
	}, func(err error) {
		if os.Geteuid() == 0 { // its owner may
			require.ErrorIs(t, err, journal.ErrFolder)
			require.ErrorIs(t, err, fs.ErrPermission)
		}
	})
}

// asNobody runs something without root's rights over files, if the test has them.
func asNobody(tb testing.TB, dir string, do func() error, check func(error)) {
	tb.Helper()
	for up := dir; up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		_ = os.Chmod(up, 0o755)
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if os.Geteuid() == 0 {
			_ = syscall.Setfsgid(65534)
			_ = syscall.Setfsuid(65534)
		}
		result <- do()
	}()
	check(<-result)
}
