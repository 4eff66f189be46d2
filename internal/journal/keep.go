package journal

import (
	"errors"
	"fmt"
)

// keep is the keeper: it makes segments ready ahead of their use and recycles those that nobody needs, until quit is
// closed.
func (j *Journal) keep() {
	defer j.done.Done()
	for {
		for j.makeReady() || j.recycle() {
		}
		select {
		case <-j.tend:
		case <-j.quit:
			select {
			case unused := <-j.ready: // recovery takes it away
				if unused.file != nil {
					_ = unused.file.Close()
				}
			default:
			}
			return
		}
	}
}

// makeReady makes the next segment if it will be needed soon, and reports whether it did. If the disk is full, that is
// no failure until the segment is needed: others may make room.
func (j *Journal) makeReady() bool {
	j.mu.Lock()
	last, number, failed, demanded := j.last(), j.made+1, j.err, j.demanded
	soon := last.number >= number || (last.number == j.made && j.tail > last.size/2)
	j.mu.Unlock()
	if len(j.ready) > 0 || (!demanded && (!soon || failed != nil)) {
		return false
	}
	answer := prepared{number: number, size: j.options.SegmentBytes, err: failed}
	if failed == nil {
		var fatal bool
		if answer.file, fatal, answer.err = j.make(number); fatal {
			answer.err = j.fail("make "+segmentName(number), answer.err)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case answer.err == nil:
		j.made = number
	case !j.demanded:
		return false
	case !demanded:
		return true // it was asked for while this attempt failed: one more
	}
	j.demanded = false
	j.ready <- answer // has room, for only the keeper sends
	return true
}

// make makes the file of a segment, from the spare one if there is one; its header and its name are durable then. After
// an error that is not fatal, the folder is as it was.
func (j *Journal) make(number uint64) (f File, fatal bool, err error) {
	h := j.header(number, j.options.SegmentBytes)
	recycled := j.spare
	f, err = j.fs.Open(spareName, !recycled)
	if err != nil {
		return nil, false, fmt.Errorf("open: %w", err)
	}
	if !recycled {
		err = writeZeros(f, headerSize, h.size)
	}
	if err == nil {
		_, err = f.WriteAt(h.encode(), 0)
	}
	if err != nil {
		j.spare = false
		err = errors.Join(fmt.Errorf("write ahead: %w", err), f.Close())
		if removed := j.fs.Remove(spareName); removed != nil {
			return nil, true, errors.Join(err, removed)
		}
		return nil, false, err
	}
	if err = f.Sync(); err == nil {
		err = j.fs.Rename(spareName, segmentName(number))
	}
	if err == nil {
		err = j.fs.Sync()
	}
	if err != nil {
		return nil, true, errors.Join(fmt.Errorf("make durable: %w", err), f.Close())
	}
	j.spare = false
	return f, false, nil
}

// recycle takes away the oldest segment if nothing in it is live, and reports whether it did. There must be a durable
// frame in the next one: so if recovery finds that the first frame of the oldest segment is damaged, it is no torn tail.
func (j *Journal) recycle() bool {
	j.mu.Lock()
	if j.err != nil || len(j.segments) < 2 || j.segments[0].records > 0 || j.durable < j.segments[1].first {
		j.mu.Unlock()
		return false
	}
	s := j.segments[0]
	j.segments[0] = nil
	j.segments = j.segments[1:]
	j.stats.Recycled++
	j.mu.Unlock()

	keep := !j.spare && s.size == j.options.SegmentBytes
	var err error
	if keep {
		err = j.fs.Rename(segmentName(s.number), spareName)
	} else {
		err = j.fs.Remove(segmentName(s.number))
	}
	if err == nil {
		err = j.fs.Sync() // before anything is written to the spare file, or the next one is taken away
	}
	if err != nil {
		_ = j.fail("recycle "+segmentName(s.number), err)
		return false
	}
	j.spare = j.spare || keep
	return true
}

// writeZeros fills a file from one offset to another.
func writeZeros(f File, from, to int64) error {
	zeros := make([]byte, min(max(to-from, 0), 1<<20))
	for from < to {
		n := min(int64(len(zeros)), to-from)
		if _, err := f.WriteAt(zeros[:n], from); err != nil {
			return err
		}
		from += n
	}
	return nil
}
