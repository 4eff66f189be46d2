package journal

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
)

const (
	segmentSuffix = ".seg"
	spareName     = "spare"
	identityName  = "identity"
)

// segment is one file of frames.
type segment struct {
	number uint64
	seed   uint32
	size   int64

	file File // nil until frames may be written to it; belongs to whoever has the turn

	// Guarded by Journal.mu.
	first   uint64 // sequence of its first frame
	frames  uint64
	live    []uint64 // bit i: the record first+i is live
	records int      // how many bits are set
}

// add notes the next frame.
func (s *segment) add(live bool) {
	i := s.frames
	s.frames++
	if i/64 == uint64(len(s.live)) {
		s.live = append(s.live, 0)
	}
	if live {
		s.live[i/64] |= 1 << (i % 64)
		s.records++
	}
}

// release notes that a record is not live, and reports whether it was.
func (s *segment) release(sequence uint64) bool {
	i := sequence - s.first
	if sequence < s.first || i >= s.frames || s.live[i/64]&(1<<(i%64)) == 0 {
		return false
	}
	s.live[i/64] &^= 1 << (i % 64)
	s.records--
	return true
}

// releaseThrough notes that no record up to a sequence is live, and returns how many were.
func (s *segment) releaseThrough(sequence uint64) int {
	if sequence < s.first {
		return 0
	}
	released := s.records
	n := min(sequence-s.first+1, s.frames)
	clear(s.live[:n/64])
	if n%64 != 0 {
		s.live[n/64] &^= 1<<(n%64) - 1
	}
	s.records = 0
	for _, word := range s.live[n/64:] {
		s.records += bits.OnesCount64(word)
	}
	return released - s.records
}

// oldest is the first live record; ok is false if there is none.
func (s *segment) oldest() (sequence uint64, ok bool) {
	for i, word := range s.live {
		if word != 0 {
			return s.first + uint64(i)*64 + uint64(bits.TrailingZeros64(word)), true
		}
	}
	return 0, false
}

func segmentName(number uint64) string { return fmt.Sprintf("%020d%s", number, segmentSuffix) }

// segmentNumber is the number in a file's name; ok is false for other files.
func segmentNumber(name string) (number uint64, ok bool) {
	digits, found := strings.CutSuffix(name, segmentSuffix)
	if !found || len(digits) != 20 {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil && number > 0
}

// readFull reads from the beginning of a file until b is full or the file ends, and returns how much it was.
func readFull(f File, b []byte) (int, error) {
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
