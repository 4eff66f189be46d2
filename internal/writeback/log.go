package writeback

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cachewright/cachewright/internal/journal"
	"github.com/cachewright/cachewright/policy"
)

// ErrUndecided marks the error of a sink that could not find out how a batch ended before its context did. Nothing is
// recorded of its end then: whoever replays the journal asks the database.
var ErrUndecided = errors.New("writeback: how the batch ended is not known")

// ErrJournal marks the error of a change whose journal record is not as sure as was asked for. The change may be flushed
// all the same.
var ErrJournal = errors.New("writeback: the journal did not take the change")

// logs reports whether changes of the table are recorded.
func (t *Table) logs() bool { return t.cfg.Journaled }

// record puts a change of the row into the journal and returns its sequence there, 0 if the table has no journal. The lock
// is held, and nothing is changed yet.
func (t *Table) record(r *row, c *Change, existed bool, seq uint64) (uint64, error) {
	if !t.logs() {
		return 0, nil
	}
	image := c.Values
	if existed || c.Op == Delete || c.Op == Update {
		image = r.values
	}
	b := append(t.scratch[:0], recordChange)
	b = binary.AppendUvarint(b, seq)
	b = appendText(b, t.cfg.Name)
	b = append(b, byte(c.Op))
	b = appendBool(b, existed)
	var err error
	b = binary.AppendUvarint(b, uint64(len(t.cfg.KeyAt)))
	for _, at := range t.cfg.KeyAt {
		if b, err = t.appendField(b, at, image[at]); err != nil {
			return 0, err
		}
	}
	if c.Op == Create || c.Op == Upsert {
		b = binary.AppendUvarint(b, uint64(len(image)))
		for at, v := range image {
			if b, err = t.appendField(b, at, v); err != nil {
				return 0, err
			}
		}
	} else {
		b = binary.AppendUvarint(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(c.Set)))
	for _, s := range c.Set {
		if b, err = t.appendField(b, s.Column, s.Value); err != nil {
			return 0, err
		}
	}
	b = binary.AppendUvarint(b, uint64(len(c.Add)))
	for _, d := range c.Add {
		b = appendText(b, t.cfg.Columns[d.Column].Name)
		b = binary.AppendVarint(append(b, valueInt), d.N)
	}
	t.scratch = b
	record, err := t.buffer.opts.Journal.Put(b)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return record, nil
}

func (t *Table) appendField(b []byte, at int, v any) ([]byte, error) {
	return appendValue(appendText(b, t.cfg.Columns[at].Name), v)
}

// ackOf is the level of a journal's acknowledgement.
func ackOf(a policy.Ack) journal.Ack {
	switch a {
	case policy.AckDisk:
		return journal.AckDisk
	case policy.AckJournal:
		return journal.AckJournal
	default:
		return journal.AckMemory
	}
}

// CheckDisk reports why the journal cannot make changes sure against power loss; nil if it can.
func CheckDisk(ctx context.Context, j *journal.Journal) error {
	_, err := j.Append(ctx, appendSettled(nil, settledRecord{}), journal.AckDisk)
	return err
}

// intend records what a batch is about to write, and is sure of it before anything is sent.
func (b *Buffer) intend(t *Table, number uint64, parts []*part) error {
	if !t.logs() {
		return nil
	}
	j := b.opts.Journal
	lasts := make([]uint64, len(parts))
	for i, p := range parts {
		lasts[i] = p.last
	}
	slices.Sort(lasts)
	record, err := j.Put(appendIntent(nil, intentRecord{number: number, on: b.committed, lasts: lasts}))
	if err != nil {
		return fmt.Errorf("record what is to be flushed: %w", err)
	}
	// The changes may survive power loss by chance, even those that need not. Then this must survive, too.
	if err := b.ensure(record); err != nil {
		return fmt.Errorf("record what is to be flushed: %w", err)
	}
	return nil
}

// ensure waits until a record is as sure as the journal can make it.
func (b *Buffer) ensure(record uint64) error {
	err := b.opts.Journal.Wait(b.ctx, record, journal.AckDisk)
	if errors.Is(err, journal.ErrMemoryFS) {
		err = b.opts.Journal.Wait(b.ctx, record, journal.AckJournal)
	}
	return err
}

// forget releases changes that have cancelled out, once that is sure.
func (b *Buffer) forget() {
	if b.cancels.Load() != 0 {
		b.release()
	}
}

// conclude records how a batch ended, if that is known. The next intent is behind it, and so surer than it need be.
func (b *Buffer) conclude(t *Table, number uint64, err error) {
	if !t.logs() || errors.Is(err, ErrUndecided) {
		return
	}
	if err == nil {
		b.committed = number
	}
	_, _ = b.opts.Journal.Put(outcomeBytes(outcomeRecord{number: number, committed: err == nil})) // one that fails takes nothing more
}

// manyRecords is how many the journal may keep although nothing is pending, before the flusher is woken for them.
const manyRecords = 10_000

// cancelled records that changes of a row have come to nothing: what is left of them in the journal must not be replayed
// without those it cancels out with. The lock is held.
func (t *Table) cancelled(first, last uint64) {
	if t.logs() {
		t.scratch = appendSettled(t.scratch[:0], settledRecord{first, last})
		if record, err := t.buffer.opts.Journal.Put(t.scratch); err == nil {
			t.buffer.cancels.Store(record)
			if record-t.buffer.released.Load() > manyRecords {
				t.buffer.poke()
			}
		}
	}
}

// release lets the journal forget what is not pending any more. No lock is held.
func (b *Buffer) release() {
	j := b.opts.Journal
	if j == nil {
		return
	}
	if record := b.cancels.Swap(0); record != 0 && b.ensure(record) != nil {
		return
	}
	through := j.Stats().Last // what is put from now on is not looked at
	for _, t := range b.list() {
		if !t.logs() {
			continue
		}
		t.mu.Lock()
		for _, o := range [...]order{t.lanes[writes], t.lanes[deletes], t.flying, t.suspects} {
			if p := o.head(); p != nil {
				through = min(through, p.record-1)
			}
		}
		t.mu.Unlock()
	}
	j.ReleaseThrough(through)
	b.released.Store(through)
}
