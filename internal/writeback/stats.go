package writeback

import "time"

// Stats are the figures of one table.
type Stats struct {
	// Rows is the number of rows with something pending or in flight, Bytes an estimate of the memory they take.
	Rows  int
	Bytes int64
	// Oldest is the age of the oldest change that is not in the database; 0 if there is none.
	Oldest time.Duration
	// Changes counts the changes accepted, Merged those of them that needed no write of their own.
	Changes, Merged uint64
	// Batches counts those committed, Flushed the rows in them, Retries the batches that were rolled back and come again,
	// Dead the rows that became dead letters.
	Batches, Flushed, Retries, Dead uint64
	// Largest is the number of rows in the largest batch committed. Lag is how old the oldest change of the last batch was
	// when that was committed, FlushTime what the sink took for all that were.
	Largest        int
	Lag, FlushTime time.Duration
	// LastError is the error of the last batch if that was rolled back and has not been made up for.
	LastError error
}

// counters are the part of Stats that only grows. Guarded by Table.mu.
type counters struct {
	changes, merged, batches, flushed, retries, dead uint64

	largest        int
	lag, flushTime time.Duration
}

// Stats are the figures of this moment.
func (t *Table) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{
		Rows: len(t.rows), Bytes: t.bytes, Changes: t.count.changes, Merged: t.count.merged, Batches: t.count.batches,
		Flushed: t.count.flushed, Retries: t.count.retries, Dead: t.count.dead, LastError: t.lastErr,
		Largest: t.count.largest, Lag: t.count.lag, FlushTime: t.count.flushTime,
	}
	var oldest time.Time
	for _, o := range [...]order{t.lanes[writes], t.lanes[deletes], t.flying, t.suspects} {
		if p := o.head(); p != nil && (oldest.IsZero() || p.since.Before(oldest)) {
			oldest = p.since
		}
	}
	if !oldest.IsZero() {
		s.Oldest = time.Since(oldest)
	}
	return s
}
