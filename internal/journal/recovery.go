package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Recovery says what Replay found.
type Recovery struct {
	// Records is how many were handed over.
	Records int
	// Torn says that the journal ended in the middle of a write that was never durable, in TornFile at TornOffset. From there on
	// everything was cut.
	Torn       bool
	TornFile   string
	TornOffset int64
	// Dropped is how many whole records were cut because one before them was torn. None of them was acknowledged with
	// AckDisk; some may have been with AckJournal, and then the machine has crashed, not only the process.
	Dropped int
}

// Replay hands over every record in order, and makes the journal ready for Put. Each is live afterwards. A payload is valid
// during the call only. Act on what was handed over when Replay has returned nil, not before: damage may come at the end.
//
// What can only be a write that never became durable is cut. If something durable is damaged the error is a CorruptError; if
// the function returns an error, that is returned. In both cases Replay may be called again. For a journal that is new, or
// has been replayed, it does nothing.
func (j *Journal) Replay(each func(sequence uint64, payload []byte) error) (Recovery, error) {
	j.mu.Lock()
	state, err := j.state, j.err
	j.mu.Unlock()
	switch {
	case err != nil:
		return Recovery{}, err
	case state == open:
		return Recovery{}, nil
	case state == closing:
		return Recovery{}, ErrClosed
	}
	r := &replay{j: j, each: each}
	if err := r.run(); err != nil {
		return Recovery{}, err
	}
	j.mu.Lock()
	if j.state != adopted {
		j.mu.Unlock()
		return Recovery{}, errors.Join(ErrClosed, r.file.Close())
	}
	j.segments, j.tail, j.next = r.segments, r.offset, r.expected
	j.current, j.made = j.last(), j.last().number
	j.current.file = r.file
	j.written, j.durable = j.next-1, j.next-1
	j.stats.Live = r.found.Records
	j.marked = r.marked
	j.state = open
	j.start()
	j.mu.Unlock()
	return r.found, nil
}

// replay is one attempt to read a journal.
type replay struct {
	j    *Journal
	each func(sequence uint64, payload []byte) error

	buffer   []byte   // the segment that is read, all of it
	segment  *segment // the same
	segments []*segment
	expected uint64 // the sequence of the next frame; 0 until one was found, if segments before it are gone
	offset   int64  // where in the segment it must begin
	marked   bool   // the last frame is a mark
	found    Recovery
	file     File // the last segment, when run is through
}

// run reads all segments, hands over what is in them, and makes the last one fit to be written.
func (r *replay) run() error {
	numbers, useless, err := r.list()
	if err != nil {
		return err
	}
	if numbers[0] == 1 {
		r.expected = 1
	}
	for i, number := range numbers {
		if err := r.load(number); err != nil {
			return err
		}
		if err := r.scan(i == len(numbers)-1); err != nil {
			return err
		}
	}
	if err := r.cut(); err != nil {
		return r.j.fail("write "+segmentName(r.segment.number)+" again", err)
	}
	if err := r.clear(useless); err != nil {
		return r.j.fail("take away segments that were never used", errors.Join(err, r.file.Close()))
	}
	return nil
}

// list returns the numbers of the segments, up to the last that has a whole frame, and the names of files behind it, which
// were made ahead and not used.
func (r *replay) list() (numbers []uint64, useless []string, err error) {
	names, err := r.j.fs.List()
	if err != nil {
		return nil, nil, fmt.Errorf("journal: list the segments: %w", err)
	}
	for _, name := range names {
		if number, ok := segmentNumber(name); ok {
			numbers = append(numbers, number)
		} else if name == spareName {
			useless = append(useless, name)
		}
	}
	slices.Sort(numbers)
	if len(numbers) == 0 {
		return nil, nil, &CorruptError{File: r.j.path(""), Reason: "there is no segment, and every journal has one"}
	}
	for i, number := range numbers[1:] {
		if number != numbers[i]+1 {
			return nil, nil, &CorruptError{
				File:   r.j.path(segmentName(numbers[i] + 1)),
				Reason: fmt.Sprintf("it is missing, and segment %d is there", number),
			}
		}
	}
	for len(numbers) > 1 {
		number := numbers[len(numbers)-1]
		if err := r.load(number); err != nil {
			return nil, nil, err
		}
		if r.wholeAfter(headerSize, func(frame) bool { return true }) > 0 {
			break
		}
		numbers = numbers[:len(numbers)-1]
		useless = append(useless, segmentName(number))
	}
	return numbers, useless, nil
}

// load reads a segment. What is missing at the end of the file is read as zeros.
func (r *replay) load(number uint64) error {
	if r.segment != nil && r.segment.number == number && r.segment.frames == 0 {
		return nil
	}
	name := segmentName(number)
	f, err := r.j.fs.Open(name, false)
	if err != nil {
		return fmt.Errorf("journal: open a segment: %w", err)
	}
	defer func() { _ = f.Close() }()
	h, err := readHeader(f)
	if err != nil {
		return located(err, r.j.path(name))
	}
	switch {
	case h.id != r.j.id || h.number != number:
		return &CorruptError{File: r.j.path(name), Reason: "it is the header of another segment"}
	case h.database != r.j.options.Database:
		return fmt.Errorf("%w: %s is about %q, not about %q", ErrDatabase, r.j.path(name), h.database, r.j.options.Database)
	}
	if int64(cap(r.buffer)) < h.size {
		r.buffer = make([]byte, h.size)
	}
	r.buffer = r.buffer[:h.size]
	n, err := readFull(f, r.buffer)
	if err != nil {
		return fmt.Errorf("journal: read a segment: %w", err)
	}
	clear(r.buffer[n:])
	r.segment = &segment{number: number, size: h.size, seed: h.seed()}
	return nil
}

// scan hands over the frames of the segment up to the first that is not whole or not the next, and decides what that means.
func (r *replay) scan(last bool) error {
	before := len(r.segments)
	r.segments = append(r.segments, r.segment)
	ended := r.offset // where the segment before ended
	r.offset = headerSize
	r.segment.first = r.expected
	for {
		f, whole := parseFrame(r.buffer[r.offset:], r.segment.seed)
		if whole && r.expected == 0 {
			r.expected, r.segment.first = f.sequence, f.sequence
		}
		if whole && before > 0 && r.offset == headerSize && f.sequence > r.expected {
			return r.corrupt(before-1, ended, fmt.Sprintf("the next segment begins with frame %d", f.sequence))
		}
		if !whole || f.sequence != r.expected {
			break
		}
		r.segment.add(f.kind == kindRecord)
		r.marked = f.kind == kindMark
		if f.kind == kindRecord {
			r.found.Records++
			if err := r.each(f.sequence, f.payload); err != nil {
				return err
			}
		}
		r.expected++
		r.offset += int64(f.size)
	}
	return r.judge(last)
}

// judge decides about the place where the frames of a segment end: its proper end, damage, or a torn tail.
func (r *replay) judge(last bool) error {
	if r.expected == 0 {
		return r.corrupt(len(r.segments)-1, r.offset, "it is damaged, and was durable before the segment before was recycled")
	}
	// A segment is durable before the next one is begun. In the last one a frame was durable if a later one says so.
	evidence := r.wholeAfter(r.offset, func(f frame) bool {
		return f.sequence >= r.expected && (!last || f.durable >= r.expected)
	})
	switch {
	case evidence > 0:
		return r.corrupt(len(r.segments)-1, r.offset, "it is damaged, and a later frame shows that it was durable")
	case !last:
		return nil
	}
	r.found.Dropped = r.wholeAfter(r.offset, func(f frame) bool { return f.sequence >= r.expected })
	if r.found.Dropped > 0 || r.begun() {
		r.found.Torn, r.found.TornFile, r.found.TornOffset = true, r.j.path(segmentName(r.segment.number)), r.offset
	}
	return nil
}

// corrupt is the error for the frame that should be at an offset of a segment.
func (r *replay) corrupt(segment int, offset int64, how string) error {
	return &CorruptError{
		File:   r.j.path(segmentName(r.segments[segment].number)),
		Offset: offset,
		Reason: fmt.Sprintf("frame %d should be here; %s", r.expected, how),
	}
}

// wholeAfter counts whole frames that begin at an offset or later, wherever frames can begin.
func (r *replay) wholeAfter(offset int64, counts func(frame) bool) (n int) {
	for {
		next := bytes.Index(r.buffer[offset:], []byte(frameMagic))
		if next < 0 {
			return n
		}
		offset += int64(next)
		f, whole := frame{}, false
		if offset%frameAlign == 0 {
			f, whole = parseFrame(r.buffer[offset:], r.segment.seed)
		}
		if !whole {
			offset++
			continue
		}
		if counts(f) {
			n++
		}
		offset += int64(f.size)
	}
}

// begun reports whether the beginning of the next frame is there.
func (r *replay) begun() bool {
	b := r.buffer[r.offset:]
	return len(b) >= frameHeader && string(b[:3]) == frameMagic && binary.LittleEndian.Uint64(b[8:]) == r.expected
}

// cut writes the last segment again as it was understood, with zeros after the last frame. So nothing that was torn can be
// taken for a frame later; and what the process before may have written without being able to sync it is surely on disk.
func (r *replay) cut() error {
	f, err := r.j.fs.Open(segmentName(r.segment.number), false)
	if err != nil {
		return err
	}
	clear(r.buffer[r.offset:])
	if _, err = f.WriteAt(r.buffer[headerSize:], headerSize); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file = f
	return nil
}

// clear takes away files that hold nothing.
func (r *replay) clear(names []string) error {
	for _, name := range names {
		if err := r.j.fs.Remove(name); err != nil {
			return err
		}
		if err := r.j.fs.Sync(); err != nil { // the last first: no gap
			return err
		}
	}
	return nil
}

// path is where a file of the journal is, for messages.
func (j *Journal) path(name string) string {
	if j.folder == nil {
		return name
	}
	return filepath.Join(j.folder.parent, j.folder.name, name)
}
