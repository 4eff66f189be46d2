package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// disk is a folder of the operating system.
type disk struct{ dir string }

var _ FileSystem = disk{}

// Disk is the file system of a folder that exists.
func Disk(dir string) FileSystem { return disk{dir} }

func (d disk) Open(name string, create bool) (File, error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(filepath.Join(d.dir, name), flags, 0o600) //nolint:gosec // the folder is the caller's choice
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (d disk) List() ([]string, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names, nil
}

func (d disk) Rename(from, to string) error {
	// os.Rename replaces a file that is there; a segment must never be replaced.
	if _, err := os.Lstat(filepath.Join(d.dir, to)); !errors.Is(err, fs.ErrNotExist) {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	}
	return os.Rename(filepath.Join(d.dir, from), filepath.Join(d.dir, to))
}

func (d disk) Remove(name string) error { return os.Remove(filepath.Join(d.dir, name)) }

func (d disk) Sync() error { return syncFolder(d.dir) }

// diskFile is a file of the operating system.
type diskFile struct{ *os.File }

// Sync is fdatasync where there is one: a segment is written ahead, so only its bytes change.
func (f diskFile) Sync() error { return datasync(f.File) }

// syncFolder makes sure of the names in a folder.
func syncFolder(dir string) error {
	f, err := os.Open(dir) //nolint:gosec // the folder is the caller's choice
	if err != nil {
		return err
	}
	err = f.Sync()
	return errors.Join(err, f.Close())
}
