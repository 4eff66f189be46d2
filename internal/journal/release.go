package journal

import "sort"

// Release says that records are not needed any more. It may name them in any order, and more than once. A segment is used
// again, or removed, when no record in it or before it is live. That a record was released is not written down: replay
// may yield it again.
func (j *Journal) Release(sequences ...uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, sequence := range sequences {
		i := sort.Search(len(j.segments), func(i int) bool { return j.segments[i].first > sequence })
		if i > 0 && j.segments[i-1].release(sequence) {
			j.stats.Live--
		}
	}
	j.tendIfFree()
}

// ReleaseThrough releases every record up to a sequence.
func (j *Journal) ReleaseThrough(sequence uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.segments {
		j.stats.Live -= s.releaseThrough(sequence)
	}
	j.tendIfFree()
}

// Crowded reports whether the segments hold more than Options.HighWater, and what to do about it: put every record again
// that is live below the sequence, as it is needed now, wait for it as long as for the first time, and release the old one.
func (j *Journal) Crowded() (below uint64, crowded bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.segments) < 2 || j.bytes() <= j.options.HighWater {
		return 0, false
	}
	// The older half: so much is free afterwards that this is not asked again at once.
	return j.segments[len(j.segments)/2].first, true
}

// bytes is the size of all segments. The caller has mu.
func (j *Journal) bytes() (sum int64) {
	for _, s := range j.segments {
		sum += s.size
	}
	return sum
}

// tendIfFree wakes the keeper if a segment may be recycled. The caller has mu.
func (j *Journal) tendIfFree() {
	if len(j.segments) > 1 && j.segments[0].records == 0 {
		nudge(j.tend)
	}
}
