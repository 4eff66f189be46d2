package writeback

import "time"

// candidate is a lane of a table as the flusher sees it when it looks for the next batch.
type candidate struct {
	table *Table
	lane  lane
	// head is the number of the oldest change, 0 if the lane is empty.
	head uint64
	// due says that the lane should be written, later that others have to go first.
	due, later bool
	// at is when the lane is due by age, or when its table may be tried again.
	at time.Time
}

// next picks the lane for the next batch: of those that are due, may be tried and wait for no other, the one with the
// oldest change. A suspect part goes before. If there is nothing to do it returns no table and when to look again, zero
// for never. Only the flusher calls it.
func (b *Buffer) next() (t *Table, l lane, suspect *part, again time.Time) {
	now, closing := time.Now(), b.isClosing()
	stages := b.stages(now, closing)
	t, suspect, again = b.nextSuspect(stages, now)
	if suspect != nil {
		return t, 0, suspect, again
	}
	b.postpone(stages)
	var best *candidate
	for i := range stages {
		c := &stages[i]
		switch {
		case c.head == 0 || c.later:
		case c.due && !c.at.After(now):
			if best == nil || c.head < best.head {
				best = c
			}
		case again.IsZero() || c.at.Before(again):
			again = c.at
		}
	}
	if best == nil {
		return nil, 0, nil, again
	}
	best.table.cut[best.lane] = 0
	return best.table, best.lane, nil, again
}

// stages are the lanes of all tables in the order in which changes accepted together are written: writes by rising
// rank, then deletes by falling rank.
func (b *Buffer) stages(now time.Time, closing bool) []candidate {
	tables := b.list()
	stages := make([]candidate, 0, int(lanes)*len(tables))
	for _, t := range tables {
		stages = append(stages, t.candidate(writes, now, closing))
	}
	for i := len(tables) - 1; i >= 0; i-- {
		stages = append(stages, tables[i].candidate(deletes, now, closing))
	}
	return stages
}

func (t *Table) candidate(l lane, now time.Time, closing bool) candidate {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := candidate{table: t, lane: l}
	head := t.lanes[l].head()
	if head == nil {
		t.cut[l] = 0
		return c
	}
	c.head, c.at = head.first, head.since.Add(t.cfg.Flush)
	c.due = closing || t.want >= head.first || len(t.rows) >= t.cfg.Pending || !c.at.After(now) ||
		len(t.lanes[writes])+len(t.lanes[deletes]) >= t.cfg.Batch || t.hurries(l)
	if c.due || t.notBefore.After(c.at) {
		c.at = t.notBefore
	}
	return c
}

// hurries reports whether a holder waits for a part in the lane. The lock is held.
func (t *Table) hurries(l lane) bool {
	for _, r := range t.urgent {
		if r.urgent > 0 && r.next != nil && r.next.in == &t.lanes[l] {
			return true
		}
	}
	return false
}

// postpone makes the lanes that are due wait for what tables of another rank have to write before them. What that is, is
// fixed when the lane becomes due: newer changes of the others do not keep it waiting.
func (b *Buffer) postpone(stages []candidate) {
	for i := len(stages) - 1; i >= 0; i-- {
		c := &stages[i]
		if !c.due {
			continue
		}
		if c.table.cut[c.lane] == 0 {
			c.table.cut[c.lane] = b.seq.Load()
		}
		for j := range stages[:i] {
			before := &stages[j]
			if before.head == 0 || before.head > c.table.cut[c.lane] || before.table.cfg.Rank == c.table.cfg.Rank {
				continue
			}
			if !before.due {
				before.due, before.at = true, before.table.notBefore
			}
			c.later = true
		}
	}
}

func (b *Buffer) isClosing() bool {
	select {
	case <-b.closing:
		return true
	default:
		return false
	}
}
