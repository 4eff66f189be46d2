package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	unborn = "identity.new" // the identity of a journal that is being made
	gone   = "gone-"        // before the name of a journal that is being removed
)

var idPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

// folder is the locked sub-folder of one journal.
type folder struct {
	parent, name string
	identity     *os.File // has the lock
}

// Open makes a journal of this process's own, in a sub-folder of dir that no other process takes while this one lives. dir
// is made if it is missing. What ended processes left there is not touched: see Adopt.
//
// The error is ErrFolder if dir is no folder or cannot be written to, ErrMemoryFS, or, if it holds a journal of another kind,
// ErrDatabase or ErrVersion.
func Open(dir string, options Options) (*Journal, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	volatile, err := checkMemory(dir, options)
	if err != nil {
		return nil, err
	}
	names, err := journals(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := checkIdentity(filepath.Join(dir, name), options.Database); err != nil {
			return nil, err
		}
	}
	id := newID()
	f, err := beget(dir, id, options.Database)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	j, err := born(f, id, options)
	if err != nil {
		return nil, errors.Join(err, f.identity.Close(), os.RemoveAll(filepath.Join(dir, f.name)))
	}
	j.volatile = volatile
	j.start()
	return j, nil
}

// Adopt locks and returns every journal in dir that no process has: what ended ones left, in any order. Each is to be
// replayed, and then removed or closed. It may be called at any time, and a folder that does not exist has none.
//
// The errors are those of Open, and ErrCorrupt; nothing stays locked then.
func Adopt(dir string, options Options) ([]*Journal, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	names, err := journals(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	volatile, err := checkMemory(dir, options)
	if err != nil {
		return nil, err
	}
	var found []*Journal
	for _, name := range names {
		j, err := adopt(dir, name, options)
		if err != nil {
			for _, j := range found {
				err = errors.Join(err, j.folder.leave(false))
			}
			return nil, err
		}
		if j != nil {
			j.volatile = volatile
			found = append(found, j)
		}
	}
	return found, nil
}

// leave gives the lock back, and takes the folder away first if that is asked for.
func (f *folder) leave(remove bool) error {
	var err error
	if remove {
		away := filepath.Join(f.parent, gone+f.name)
		if err = os.Rename(filepath.Join(f.parent, f.name), away); err == nil {
			err = errors.Join(syncFolder(f.parent), os.RemoveAll(away))
		}
	}
	return errors.Join(err, f.identity.Close())
}

// makeFolder makes a folder and those above it that are missing, durably.
func makeFolder(dir string) error {
	stat, err := os.Stat(dir)
	switch {
	case err == nil && !stat.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if parent == dir {
		return err
	}
	if err := makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

// checkMemory reports whether a folder is in memory, and refuses that if AckDisk will be asked for.
func checkMemory(dir string, options Options) (bool, error) {
	volatile, err := inMemory(dir)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if volatile && options.Disk {
		return false, fmt.Errorf("%w: %s", ErrMemoryFS, dir)
	}
	return volatile, nil
}

// journals returns the names of all journals in a folder, and takes away the rest of those that were being removed.
func journals(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case idPattern.MatchString(name):
			names = append(names, name)
		case idPattern.MatchString(strings.TrimPrefix(name, gone)):
			_ = os.RemoveAll(filepath.Join(dir, name)) // whoever removes it may be at it, too; it is no journal any more
		}
	}
	return names, nil
}

// checkIdentity reads whose journal a folder is. A folder without identity is being made, or is the rest of one that
// never was: its header is empty.
func checkIdentity(dir, database string) (header, error) {
	path := filepath.Join(dir, identityName)
	f, err := os.Open(path) //nolint:gosec // the folder is the caller's choice
	if errors.Is(err, fs.ErrNotExist) {
		return header{}, nil
	}
	if err != nil {
		return header{}, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	defer func() { _ = f.Close() }()
	h, err := readHeader(diskFile{f})
	if err != nil {
		return header{}, located(err, path)
	}
	if h.id.String() != filepath.Base(dir) || h.number != 0 {
		return header{}, &CorruptError{File: path, Reason: "it is the header of another journal or of a segment"}
	}
	if h.database != database {
		return header{}, fmt.Errorf("%w: %s is about %q, not about %q", ErrDatabase, dir, h.database, database)
	}
	return h, nil
}

// located adds the path to an error of a header.
func located(err error, path string) error {
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		return &CorruptError{File: path, Offset: corrupt.Offset, Reason: corrupt.Reason}
	}
	return fmt.Errorf("journal: read %s: %w", path, err)
}

// beget makes the sub-folder of a new journal, with an identity that is locked before it gets its name.
func beget(dir string, id journalID, database string) (*folder, error) {
	f := &folder{parent: dir, name: id.String()}
	if err := os.Mkdir(filepath.Join(dir, f.name), 0o700); err != nil {
		return nil, err
	}
	identity, err := os.OpenFile(filepath.Join(dir, f.name, unborn), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // as above
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(filepath.Join(dir, f.name)))
	}
	f.identity = identity
	locked, err := lock(identity)
	if err == nil && !locked {
		err = fmt.Errorf("somebody else has locked %s", identity.Name())
	}
	if err == nil {
		_, err = identity.Write(header{id: id, database: database}.encode())
	}
	if err == nil {
		err = identity.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, identity.Close(), os.RemoveAll(filepath.Join(dir, f.name)))
	}
	return f, nil
}

// born makes the first segment of a new journal, and then gives its identity the name by which others find it.
func born(f *folder, id journalID, options Options) (*Journal, error) {
	dir := filepath.Join(f.parent, f.name)
	files, err := options.FileSystem(dir)
	if err != nil {
		return nil, fmt.Errorf("journal: open the file system of %s: %w", dir, err)
	}
	j := newJournal(id, files, options)
	j.folder = f
	if err := j.create(); err != nil {
		return nil, fmt.Errorf("journal: make the first segment: %w", err)
	}
	err = os.Rename(filepath.Join(dir, unborn), filepath.Join(dir, identityName))
	if err == nil {
		err = errors.Join(syncFolder(dir), syncFolder(f.parent))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, errors.Join(err, j.current.file.Close()))
	}
	return j, nil
}

// adopt locks a journal; nil if somebody has it, or there is none.
func adopt(dir, name string, options Options) (*Journal, error) {
	sub := filepath.Join(dir, name)
	h, err := checkIdentity(sub, options.Database)
	if err != nil {
		return nil, err
	}
	if h.database == "" {
		return nil, clearUnborn(sub)
	}
	path := filepath.Join(sub, identityName)
	identity, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // as above
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // it was removed since
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	locked, err := lock(identity)
	if err != nil || !locked || !isAt(identity, path) {
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrFolder, err)
		}
		return nil, errors.Join(err, identity.Close())
	}
	files, err := options.FileSystem(sub)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal: open the file system of %s: %w", sub, err), identity.Close())
	}
	j := newJournal(h.id, files, options)
	j.folder = &folder{parent: dir, name: name, identity: identity}
	return j, nil
}

// clearUnborn takes away what a process left that ended while it made a journal. Nothing was ever put into it.
func clearUnborn(dir string) error {
	path := filepath.Join(dir, unborn)
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // as above
	if err != nil {
		return nil // it is a moment old, or was never more than a folder: harmless
	}
	defer func() { _ = f.Close() }()
	locked, err := lock(f)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if !locked || !isAt(f, path) {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return nil
}

// isAt reports whether an open file still has a path: whoever had the lock before may have removed it.
func isAt(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	found, err := os.Stat(path)
	return err == nil && os.SameFile(opened, found)
}
