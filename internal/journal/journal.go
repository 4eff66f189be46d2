package journal

import (
	"fmt"
	"sync"
	"time"
)

// Journal is a sequence of records on disk. Its methods may be called from any goroutine.
type Journal struct {
	// Fixed when it was opened.
	id       journalID
	fs       FileSystem
	options  Options
	folder   *folder // nil if nothing is locked
	volatile bool    // the folder is in memory

	// turn is held, by an element in it, by whoever writes to the current segment.
	turn    chan struct{}
	current *segment // the segment that is written; nil before the first. Changed by the committer only, with the turn.

	together uint64 // how many frames the last sync was the first for; the committer's

	wake  chan struct{}  // to the committer: there may be something to do
	tend  chan struct{}  // to the keeper: the same
	ready chan prepared  // from the keeper to the committer: the next segment, or why not
	spare bool           // there is a file to be used again; the keeper's, once it runs
	quit  chan struct{}  // closed when the goroutines are to end
	done  sync.WaitGroup // of the goroutines
	ended chan struct{}  // closed when Close is through

	closed error // what Close says; set before ended is closed

	mu sync.Mutex
	// Everything below is guarded by mu.

	state    state
	removing bool  // Close is to take the folder away
	err      error // why the journal failed; nothing changes afterwards
	segments []*segment
	tail     int64 // where in the last segment the next frame goes

	next    uint64 // the sequence of the next frame
	written uint64 // the operating system has everything up to here
	durable uint64 // the disk has
	marked  bool   // the last frame is a mark
	wanted  uint64 // somebody waits until this is durable
	pushed  bool   // somebody wants what is pending written

	pending []chunk // not yet written, in order
	backlog int     // their bytes
	buffers [][]byte
	chunks  []chunk // room for the next pending

	syncing   uint64        // a sync of everything up to here is under way; 0 if none
	underWay  chan struct{} // closed when it ends; nil if nobody waits for it
	following chan struct{} // closed when the one after it ends; nil if nobody waits for it
	handed    chan struct{} // closed at the next end of a write by the committer; nil if nobody waits for it

	demanded  bool      // the committer waits for a segment, and the keeper has not answered
	preparing bool      // the keeper was told that the last segment is half full
	made      uint64    // number of the newest segment that has a file
	unsynced  time.Time // when the oldest unsynced frame was made; zero if none

	stats Stats
}

// state is how far the life of a Journal has come.
type state uint8

const (
	adopted state = iota // locked, to be replayed
	open                 // records may be put
	closing              // Close was called
)

// chunk is a run of frames that goes into one segment.
type chunk struct {
	segment *segment
	offset  int64
	data    []byte
}

// prepared is what the keeper hands over.
type prepared struct {
	number uint64
	file   File
	size   int64
	err    error
}

// newJournal is a journal without segments.
func newJournal(id journalID, fs FileSystem, options Options) *Journal {
	return &Journal{
		id: id, fs: fs, options: options, next: 1,
		turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), tend: make(chan struct{}, 1),
		ready: make(chan prepared, 1), quit: make(chan struct{}), ended: make(chan struct{}),
	}
}

// create makes the first segment of a new journal. Its name is durable when create returns.
func (j *Journal) create() error {
	f, _, err := j.make(1)
	if err != nil {
		return err
	}
	j.made = 1
	s := j.newSegment(1)
	s.file = f
	j.segments, j.current, j.tail, j.state = []*segment{s}, s, headerSize, open
	return nil
}

// start begins the goroutines.
func (j *Journal) start() {
	j.done.Add(2)
	go j.commit()
	go j.keep()
}

// ID names this journal among all others, in 32 hexadecimal digits.
func (j *Journal) ID() string { return j.id.String() }

// Err is why the journal has failed; nil if it has not.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// header is that of a segment of this journal.
func (j *Journal) header(number uint64, size int64) header {
	return header{id: j.id, number: number, size: size, database: j.options.Database}
}

// newSegment is a segment without frames, to be made in this process.
func (j *Journal) newSegment(number uint64) *segment {
	size := j.options.SegmentBytes
	return &segment{number: number, size: size, seed: j.header(number, size).seed(), first: j.next}
}

// last is the segment where the next frame goes. The caller has mu.
func (j *Journal) last() *segment { return j.segments[len(j.segments)-1] }

// fail ends the journal for good, and returns what everybody is told. Only the first cause counts.
func (j *Journal) fail(doing string, cause error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = fmt.Errorf("%w: %s: %w", ErrFailed, doing, cause)
		j.pending, j.backlog = nil, 0
		signal(&j.underWay)
		signal(&j.following)
		signal(&j.handed)
	}
	return j.err
}

// refusal is why nothing may be put; nil if it may. The caller has mu.
func (j *Journal) refusal() error {
	switch {
	case j.err != nil:
		return j.err
	case j.state == adopted:
		return ErrNotReplayed
	case j.state == closing:
		return ErrClosed
	default:
		return nil
	}
}

// signal wakes who waits on a channel, and forgets it.
func signal(c *chan struct{}) {
	if *c != nil {
		close(*c)
		*c = nil
	}
}

// waiting returns the channel to wait on. The caller has mu.
func waiting(c *chan struct{}) <-chan struct{} {
	if *c == nil {
		*c = make(chan struct{})
	}
	return *c
}

// nudge tells a goroutine to look, without waiting.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
