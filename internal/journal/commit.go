package journal

import (
	"fmt"
	"runtime"
	"time"
)

const keptBuffer = 4 << 20 // a buffer that has grown larger is not used again

// commit is the committer: it writes, syncs and begins new segments until quit is closed.
func (j *Journal) commit() {
	defer j.done.Done()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	for {
		for j.round() {
		}
		if delay, ok := j.untilSync(); ok {
			timer.Reset(delay)
		} else {
			timer.Stop()
		}
		select {
		case <-j.wake:
		case <-timer.C:
		case <-j.quit:
			return
		}
	}
}

// round does what there is to do, and reports whether there may be more.
func (j *Journal) round() bool {
	j.mu.Lock()
	sync := j.wanted > j.durable || j.due()
	write := j.pushed && j.written+1 < j.next
	failed := j.err != nil
	if !sync && !write && !failed && j.durable+1 == j.next && !j.marked && j.durable > 0 && j.state == open {
		// Nothing waits and all is durable: a mark after it says so. With it, damage to the last record is no torn tail.
		j.encode(kindMark, nil)
		write = true
	}
	j.mu.Unlock()
	if failed || (!sync && !write) {
		return false
	}
	if sync && j.together > 1 {
		j.gather()
	}
	j.turn <- struct{}{}
	_, err := j.flush(true)
	<-j.turn
	if err != nil {
		return false
	}
	if sync {
		err = j.sync()
	}
	return err == nil
}

// gather lets those go first who were told of the last sync together and may be about to put their next record. The first of
// them woke the committer, and without this it would sync that record alone while all others wait for the sync after it.
func (j *Journal) gather() {
	for seen, tries := 0, 0; tries < 3; tries++ {
		runtime.Gosched()
		j.mu.Lock()
		backlog := j.backlog
		j.mu.Unlock()
		if backlog == seen {
			return
		}
		seen = backlog
	}
}

// flush writes what is pending to its segments. Unless a new segment may be begun, it writes nothing if that is needed
// and returns false. The caller has the turn.
func (j *Journal) flush(begin bool) (bool, error) {
	j.mu.Lock()
	if j.err != nil {
		defer j.mu.Unlock()
		return false, j.err
	}
	if !begin && len(j.pending) > 0 && j.pending[len(j.pending)-1].segment != j.current {
		j.mu.Unlock()
		return false, nil
	}
	chunks, last := j.pending, j.next-1
	j.pending, j.chunks = j.chunks[:0], nil
	j.backlog, j.pushed = 0, false
	if len(chunks) > 0 && j.unsynced.IsZero() && !j.onlyMark() {
		j.unsynced = time.Now()
	}
	j.mu.Unlock()

	for _, c := range chunks {
		if c.segment != j.current {
			if err := j.begin(c.segment); err != nil {
				return false, err
			}
		}
		if _, err := c.segment.file.WriteAt(c.data, c.offset); err != nil {
			return false, j.fail("write "+segmentName(c.segment.number), err)
		}
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil { // a sync that failed meanwhile
		return false, j.err
	}
	j.written = max(j.written, last)
	j.stats.Writes += uint64(len(chunks))
	for i := range chunks {
		if b := chunks[i].data; cap(b) <= keptBuffer && len(j.buffers) < 4 {
			j.buffers = append(j.buffers, b[:0])
		}
		chunks[i] = chunk{}
	}
	j.chunks = chunks[:0]
	signal(&j.handed)
	return true, nil
}

// sync makes sure of what is written. Only the committer calls it, so the current segment stays.
func (j *Journal) sync() error {
	j.mu.Lock()
	if j.err != nil {
		defer j.mu.Unlock()
		return j.err
	}
	target := j.written
	j.syncing = target
	j.underWay, j.following = j.following, nil
	j.mu.Unlock()

	start := time.Now()
	err := j.current.file.Sync()
	took := time.Since(start)
	if err != nil {
		return j.fail("sync "+segmentName(j.current.number), err)
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil { // nothing is acknowledged any more
		return j.err
	}
	j.syncing = 0
	j.together = target - min(j.durable, target)
	j.synced(target, took)
	signal(&j.underWay)
	return nil
}

// synced notes a sync. The caller has mu.
func (j *Journal) synced(through uint64, took time.Duration) {
	j.durable = max(j.durable, through)
	j.unsynced = time.Time{}
	if j.written > j.durable {
		j.unsynced = time.Now()
	}
	j.stats.Syncs++
	j.stats.SyncTime += took
	j.stats.SlowestSync = max(j.stats.SlowestSync, took)
	if len(j.segments) > 1 {
		nudge(j.tend) // a segment may be recycled only now
	}
}

// begin syncs the current segment for the last time and goes on to the next. Only the committer calls it, with the turn.
func (j *Journal) begin(next *segment) error {
	old := j.current
	start := time.Now()
	if err := old.file.Sync(); err != nil {
		return j.fail("sync "+segmentName(old.number), err)
	}
	took := time.Since(start)

	j.mu.Lock()
	j.written = max(j.written, next.first-1)
	j.synced(next.first-1, took)
	signal(&j.following)
	j.mu.Unlock()
	made := j.demand()
	switch {
	case made.err != nil:
		return j.fail("make "+segmentName(next.number), made.err)
	case made.number != next.number || made.size != next.size:
		return j.fail("make "+segmentName(next.number), fmt.Errorf("segment %d of %d bytes was made instead", made.number, made.size))
	}
	next.file, j.current = made.file, next
	if err := old.file.Close(); err != nil {
		return j.fail("close "+segmentName(old.number), err)
	}
	old.file = nil
	return nil
}

// demand returns the next segment that the keeper has made, or asks for it. The keeper answers, also when it cannot make
// one; if the journal has failed and is closed meanwhile, nobody does.
func (j *Journal) demand() prepared {
	select {
	case made := <-j.ready:
		return made
	default:
	}
	j.mu.Lock()
	j.demanded = true
	j.mu.Unlock()
	nudge(j.tend)
	var made prepared
	select {
	case made = <-j.ready:
	case <-j.quit:
		made.err = ErrClosed
	}
	j.mu.Lock()
	j.demanded = false // the answer may be older than the question
	j.mu.Unlock()
	return made
}

// due reports whether something has been unsynced for too long. The caller has mu.
func (j *Journal) due() bool {
	return j.options.SyncEvery > 0 && !j.unsynced.IsZero() && !j.onlyMark() && time.Since(j.unsynced) >= j.options.SyncEvery
}

// onlyMark reports whether nothing but a mark is unsynced. The caller has mu.
func (j *Journal) onlyMark() bool { return j.marked && j.durable+2 == j.next }

// untilSync is when due will be true; ok is false if never.
func (j *Journal) untilSync() (delay time.Duration, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil || j.options.SyncEvery < 0 || j.unsynced.IsZero() || j.onlyMark() {
		return 0, false
	}
	return max(0, j.options.SyncEvery-time.Since(j.unsynced)), true
}
