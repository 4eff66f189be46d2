package journal

import (
	"context"
	"fmt"
)

// Put adds a record and returns its sequence, which is greater than every one before. It copies the payload, costs no
// call of the operating system and never waits: call it under the lock that orders your own changes, and Wait outside of it.
// Until somebody waits for it or for a later one, the record is only in memory. It is live until released.
//
// An error, of ErrTooLarge, ErrNotReplayed, ErrClosed and ErrFailed, says that nothing was added.
func (j *Journal) Put(payload []byte) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.refusal(); err != nil {
		return 0, err
	}
	// Behind every record there is room for a mark.
	if limit := j.options.SegmentBytes - headerSize - frameSize(0); frameSize(len(payload)) > limit {
		return 0, fmt.Errorf("%w: %d bytes, of at most %d", ErrTooLarge, len(payload), limit-frameHeader)
	}
	j.stats.Live++
	j.stats.Appends++
	j.stats.AppendedBytes += uint64(len(payload))
	return j.encode(kindRecord, payload), nil
}

// Wait returns nil once the record of that sequence, and with it every one before, is as sure as ack says.
//
// If the context ends first, its cause is returned, wrapped, and the record stays in the journal: it may or may not be
// replayed, so the caller must not take this for a no. The same goes for ErrFailed and, after Close, ErrClosed.
func (j *Journal) Wait(ctx context.Context, sequence uint64, ack Ack) error {
	switch {
	case ack == AckDisk && j.volatile:
		return ErrMemoryFS
	case ack == AckDisk:
		return j.waitDurable(ctx, sequence)
	case ack == AckJournal:
		return j.waitWritten(ctx, sequence)
	default:
		return j.waitAccepted(ctx, sequence)
	}
}

// Append is Put and Wait. A sequence other than 0 beside an error says that the record was put and that its outcome is
// unknown; see Wait.
func (j *Journal) Append(ctx context.Context, payload []byte, ack Ack) (uint64, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, fmt.Errorf("journal: append: %w", err)
	}
	if ack == AckDisk && j.volatile {
		return 0, ErrMemoryFS
	}
	sequence, err := j.Put(payload)
	if err != nil {
		return 0, err
	}
	return sequence, j.Wait(ctx, sequence, ack)
}

// encode adds a frame to what is pending. The caller has mu and has seen to it that it fits into a segment.
func (j *Journal) encode(kind byte, payload []byte) uint64 {
	s, size := j.last(), frameSize(len(payload))
	room := size
	if kind == kindRecord {
		room += frameSize(0)
	}
	if j.tail+room > s.size {
		s = j.newSegment(s.number + 1)
		j.segments = append(j.segments, s)
		j.tail = headerSize
		j.preparing = false
	}
	if n := len(j.pending); n == 0 || j.pending[n-1].segment != s {
		j.pending = append(j.pending, chunk{segment: s, offset: j.tail, data: j.buffer()})
	}
	c := &j.pending[len(j.pending)-1]
	c.data = appendFrame(c.data, s.seed, kind, j.next, j.durable, payload)
	s.add(kind == kindRecord)
	j.marked = kind == kindMark
	j.tail += size
	j.backlog += int(size)
	sequence := j.next
	j.next++
	if j.tail > s.size/2 && !j.preparing {
		j.preparing = true
		nudge(j.tend)
	}
	return sequence
}

// buffer is an empty one. The caller has mu.
func (j *Journal) buffer() []byte {
	if n := len(j.buffers); n > 0 {
		b := j.buffers[n-1]
		j.buffers = j.buffers[:n-1]
		return b
	}
	return nil
}

// waitAccepted makes sure that the record is written soon. If more than a bound is waiting to be, it waits, too.
func (j *Journal) waitAccepted(ctx context.Context, sequence uint64) error {
	j.mu.Lock()
	over, err := j.over(j.written, sequence)
	full := j.backlog > backlogBytes
	if !over {
		j.pushed = true
		nudge(j.wake)
	}
	j.mu.Unlock()
	if !over && full {
		return j.waitWritten(ctx, sequence)
	}
	return err
}

// waitWritten writes what is pending itself, if that needs no new segment; else the committer does.
func (j *Journal) waitWritten(ctx context.Context, sequence uint64) error {
	for {
		j.mu.Lock()
		over, err := j.over(j.written, sequence)
		j.mu.Unlock()
		if over {
			return err
		}
		select {
		case j.turn <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("journal: wait for the write: %w", context.Cause(ctx))
		}
		wrote, err := j.flush(false)
		<-j.turn
		switch {
		case err != nil:
			return err
		case wrote:
			continue
		}
		j.mu.Lock()
		if over, err = j.over(j.written, sequence); over {
			j.mu.Unlock()
			return err
		}
		j.pushed = true
		handed := waiting(&j.handed)
		nudge(j.wake)
		j.mu.Unlock()
		select {
		case <-handed:
		case <-ctx.Done():
			return fmt.Errorf("journal: wait for the write: %w", context.Cause(ctx))
		}
	}
}

// waitDurable joins the next sync that covers the record.
func (j *Journal) waitDurable(ctx context.Context, sequence uint64) error {
	for {
		j.mu.Lock()
		if over, err := j.over(j.durable, sequence); over {
			j.mu.Unlock()
			return err
		}
		var synced <-chan struct{}
		if sequence <= j.syncing {
			synced = waiting(&j.underWay)
		} else {
			synced = waiting(&j.following)
			j.wanted = max(j.wanted, sequence)
			nudge(j.wake)
		}
		j.mu.Unlock()
		select {
		case <-synced:
		case <-ctx.Done():
			return fmt.Errorf("journal: wait for the disk: %w", context.Cause(ctx))
		}
	}
}

// over reports whether a wait for a sequence is over, and how. The caller has mu.
func (j *Journal) over(reached, sequence uint64) (bool, error) {
	switch {
	case sequence == 0 || sequence >= j.next:
		return true, fmt.Errorf("journal: there is no record %d", sequence)
	case reached >= sequence:
		return true, nil
	default:
		return j.err != nil, j.err
	}
}
