package journal

import "time"

// Stats are figures of one Journal since it was opened.
type Stats struct {
	// Bytes is the size of the segments in use, Segments their number. A segment made ready ahead and one kept to be used
	// again are not counted.
	Bytes    int64
	Segments int
	// Live is how many records are not released, OldestLive the sequence of the first of them; 0 if there is none.
	Live       int
	OldestLive uint64
	// Last is the sequence that was given last, Written the last that the operating system has, Durable the last that is
	// surely on disk. Marks of the journal's own are counted.
	Last, Written, Durable uint64
	// Appends is how many records were put, AppendedBytes the sum of their payloads.
	Appends, AppendedBytes uint64
	// Writes and Syncs are calls of the file system for frames, SyncTime what the latter took together, SlowestSync the
	// longest of them.
	Writes, Syncs         uint64
	SyncTime, SlowestSync time.Duration
	// Recycled is how many segments were taken away because nothing in them was live.
	Recycled uint64
}

// Stats returns the figures of now.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.Bytes, s.Segments = j.bytes(), len(j.segments)
	s.Last, s.Written, s.Durable = j.next-1, j.written, j.durable
	for _, segment := range j.segments {
		if segment.records > 0 {
			s.OldestLive, _ = segment.oldest()
			break
		}
	}
	return s
}
