package journal_test

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/cachewright/cachewright/internal/journal"
)

var errPowerLost = errors.New("the power is lost")

const sector = 512

// crashFS is a folder in memory that forgets what was not synced, as a machine does that loses its power.
type crashFS struct {
	mu      sync.Mutex
	names   map[string]*crashFile // as a process sees them
	durable map[string]*crashFile // as they were at the last sync of the folder
	changes []nameChange          // since then
	steps   int                   // calls so far that change something
	lost    bool

	copyOnWrite bool // the files' bytes are others', too

	// before is asked before a call has its effect: an error is returned instead of it, errPowerLost from then on, for
	// all. It is set before the folder is used, and called without a lock.
	before func(step int, call, name string) error
	// after is told of a call that has had its effect and not yet returned.
	after func(call, name string)
}

// nameChange is a file made (from is empty), renamed, or removed (to is empty).
type nameChange struct {
	from, to string
	made     *crashFile
}

// crashFile is a file as a process sees it, and what the disk knows of it.
type crashFile struct {
	seen, durable []byte
	dirty         map[int][][]byte // sector: all that was written to it since it was synced, in order
	lengths       []int            // all lengths it had since then
}

// crashHandle is an open file.
type crashHandle struct {
	fs   *crashFS
	file *crashFile
}

var (
	_ journal.FileSystem = (*crashFS)(nil)
	_ journal.File       = (*crashHandle)(nil)
)

func newCrashFS() *crashFS {
	return &crashFS{names: make(map[string]*crashFile), durable: make(map[string]*crashFile)}
}

func (c *crashFS) Open(name string, create bool) (journal.File, error) {
	if !create {
		c.mu.Lock()
		defer c.mu.Unlock()
		file, ok := c.names[name]
		switch {
		case c.lost:
			return nil, errPowerLost
		case !ok:
			return nil, fs.ErrNotExist
		}
		return &crashHandle{c, file}, nil
	}
	file := &crashFile{dirty: make(map[int][][]byte)}
	err := c.change("create", name, nameChange{to: name, made: file})
	return &crashHandle{c, file}, err
}

func (c *crashFS) List() ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost {
		return nil, errPowerLost
	}
	return slices.Collect(maps.Keys(c.names)), nil
}

func (c *crashFS) Rename(from, to string) error {
	return c.change("rename", from, nameChange{from: from, to: to})
}

func (c *crashFS) Remove(name string) error { return c.change("remove", name, nameChange{from: name}) }

func (c *crashFS) Sync() error {
	return c.step("sync", "", func() error {
		c.durable, c.changes = maps.Clone(c.names), nil
		return nil
	})
}

// step is a call that changes something.
func (c *crashFS) step(call, name string, do func() error) error {
	c.mu.Lock()
	c.steps++
	step, before := c.steps, c.before
	c.mu.Unlock()
	var err error
	if before != nil {
		err = before(step, call, name)
	}
	if c.after != nil {
		defer c.after(call, name)
	}
	c.mu.Lock()
	defer runtime.Gosched() // others may write between what the call did and its return
	defer c.mu.Unlock()
	if c.lost {
		return errPowerLost
	}
	// What the call would have done may have happened in part, unless it would have made something sure.
	if errors.Is(err, errPowerLost) {
		c.lost = true
		if call != "sync" {
			_ = do()
		}
	}
	if err != nil {
		return err
	}
	return do()
}

// change is a step that changes names.
func (c *crashFS) change(call, name string, do nameChange) error {
	return c.step(call, name, func() error {
		if err := do.apply(c.names); err != nil {
			return err
		}
		c.changes = append(c.changes, do)
		return nil
	})
}

func (n nameChange) apply(names map[string]*crashFile) error {
	file := n.made
	switch {
	case n.from != "" && names[n.from] == nil:
		return fs.ErrNotExist
	case n.to != "" && names[n.to] != nil:
		return fs.ErrExist
	case n.from != "":
		file = names[n.from]
		delete(names, n.from)
	}
	if n.to != "" {
		names[n.to] = file
	}
	return nil
}

// reboot is the folder that the next process finds after the power was lost: of what was not synced, anything may be
// there, each sector and each change of a name for itself, as the random numbers say.
func (c *crashFS) reboot(random *rand.Rand) *crashFS {
	return c.restart(func(n int) int { return random.IntN(n) })
}

// forget is the folder that the next process finds if nothing survived that was not synced.
func (c *crashFS) forget() *crashFS { return c.restart(func(int) int { return 0 }) }

// kill is the folder that the next process finds if only the process ended: everything is there, and as sure as it was.
func (c *crashFS) kill() *crashFS {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := newCrashFS()
	copies := make(map[*crashFile]*crashFile)
	for _, pair := range [][2]map[string]*crashFile{{c.names, next.names}, {c.durable, next.durable}} {
		for name, file := range pair[0] {
			if copies[file] == nil {
				copies[file] = file.clone()
			}
			pair[1][name] = copies[file]
		}
	}
	for _, change := range c.changes {
		if change.made != nil {
			if copies[change.made] == nil {
				copies[change.made] = change.made.clone()
			}
			change.made = copies[change.made]
		}
		next.changes = append(next.changes, change)
	}
	return next
}

// restart chooses, of n states of a thing from the synced one to the last, which one is found.
func (c *crashFS) restart(choose func(n int) int) *crashFS {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := maps.Clone(c.durable)
	for _, change := range c.changes {
		if choose(2) == 1 {
			_ = change.apply(names) // on a file whose making is forgotten, nothing
		}
	}
	next := newCrashFS()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		content := names[name].survivor(choose)
		next.names[name] = &crashFile{seen: content, durable: slices.Clone(content), dirty: make(map[int][][]byte)}
	}
	next.durable = maps.Clone(next.names)
	return next
}

// survivor is what is found of a file.
func (f *crashFile) survivor(choose func(n int) int) []byte {
	content := slices.Clone(f.durable)
	if n := len(f.lengths); n > 0 {
		if i := choose(n + 1); i > 0 {
			content = resized(content, f.lengths[i-1])
		}
	}
	for _, at := range slices.Sorted(maps.Keys(f.dirty)) {
		if i := choose(len(f.dirty[at]) + 1); i > 0 && at*sector < len(content) {
			copy(content[at*sector:], f.dirty[at][i-1])
		}
	}
	return content
}

func (f *crashFile) clone() *crashFile {
	dirty := make(map[int][][]byte, len(f.dirty))
	for at, versions := range f.dirty {
		dirty[at] = slices.Clone(versions)
	}
	return &crashFile{seen: slices.Clone(f.seen), durable: slices.Clone(f.durable), dirty: dirty, lengths: slices.Clone(f.lengths)}
}

// name is what the file is called now.
func (h *crashHandle) name() string {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	for name, file := range h.fs.names {
		if file == h.file {
			return name
		}
	}
	return ""
}

func (h *crashHandle) ReadAt(b []byte, offset int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.fs.lost {
		return 0, errPowerLost
	}
	if offset >= int64(len(h.file.seen)) {
		return 0, io.EOF
	}
	n := copy(b, h.file.seen[offset:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *crashHandle) WriteAt(b []byte, offset int64) (int, error) {
	err := h.fs.step("write", h.name(), func() error {
		f, end := h.file, int(offset)+len(b)
		if h.fs.copyOnWrite {
			f.seen = slices.Clone(f.seen)
		}
		if end > len(f.seen) {
			f.seen = resized(f.seen, end)
			f.lengths = append(f.lengths, end)
		}
		copy(f.seen[offset:], b)
		for at := int(offset) / sector; at*sector < end; at++ {
			f.dirty[at] = append(f.dirty[at], slices.Clone(f.seen[at*sector:min((at+1)*sector, len(f.seen))]))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// Sync makes sure of what is dirty. If it fails otherwise than by loss of power, what was dirty is taken for clean.
func (h *crashHandle) Sync() error {
	err := h.fs.step("sync", h.name(), func() error {
		f := h.file
		f.durable = resized(f.durable, len(f.seen))
		for at, versions := range f.dirty {
			copy(f.durable[at*sector:], versions[len(versions)-1])
		}
		f.lengths = nil
		clear(f.dirty)
		return nil
	})
	if err != nil && !errors.Is(err, errPowerLost) {
		h.fs.mu.Lock()
		defer h.fs.mu.Unlock()
		h.file.durable = resized(h.file.durable, len(h.file.seen))
		clear(h.file.dirty)
	}
	return err
}

func (h *crashHandle) Close() error { return nil }

// resized is a slice of another length, zeros at the end.
func resized(b []byte, length int) []byte {
	if length <= len(b) {
		return b[:length:length]
	}
	return append(slices.Clone(b), make([]byte, length-len(b))...)
}
