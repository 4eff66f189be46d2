package coherence

import (
	"slices"

	"github.com/cachewright/cachewright/internal/switches"
)

// Stamp is one word of the table and the version it had before the data it vouches for was read.
type Stamp struct {
	Word    uint32
	Version uint64
}

// Stamps vouch for data: it is current while every word still has the version noted here, and no writer. The zero value
// vouches for nothing and is never valid. Stamps are worth nothing to another engine.
type Stamps []Stamp

// Stamp reads the versions that vouch for data about to be read under the given tags, and appends them to dst together
// with the version of "everything". It must be called before the data is read. It allocates once, when dst lacks room.
//
// A stamp that dst holds already stays as it is: of two stamps of one word the older stands.
func (e *Engine) Stamp(dst Stamps, tags ...Tag) Stamps {
	need := len(dst) + 1 + 2*len(tags)
	for _, t := range tags {
		need += int(t.place)
	}
	if need > cap(dst) {
		dst = append(make(Stamps, 0, need), dst...)
	}
	if switches.On(switches.AllWord) || len(tags) == 0 {
		dst = dst.with(e.words.stamp(allWord))
	}
	for _, t := range tags {
		t.reads(func(hash uint64) { dst = dst.with(e.words.stamp(e.words.of(hash))) })
	}
	return dst
}

// Valid reports whether the stamps vouch still: no version moved and nobody is writing. No lock, no allocation. With a backplane
// it is false while the lease is over: then nobody knows what others have written.
//
// The words are read one after the other, and that is enough: if each is unmoved at its own moment, all were unmoved at
// the moment of the first reading, which lies within this call.
func (e *Engine) Valid(s Stamps) bool {
	return e.current() && e.words.hold(s)
}

// Moved reports whether some version has moved, whoever is writing now. Stamps that moved can never be valid again.
func (e *Engine) Moved(s Stamps) bool {
	for _, st := range s {
		if e.words.version(st.Word) != st.Version {
			return true
		}
	}
	return false
}

// Merge returns the stamps of both; of two stamps of one word the older stands. Neither s nor other is changed or aliased.
func (s Stamps) Merge(other Stamps) Stamps {
	set := stampSet{list: append(make(Stamps, 0, len(s)+len(other)), s...)}
	for _, st := range other {
		set.add(st)
	}
	return set.list
}

// Equal reports whether both hold the same stamps in the same order.
func (s Stamps) Equal(other Stamps) bool { return slices.Equal(s, other) }

// with adds a stamp. Of two stamps of one word the older version is kept: what was read first must still hold.
func (s Stamps) with(st Stamp) Stamps {
	for i := range s {
		if s[i].Word == st.Word {
			s[i].Version = min(s[i].Version, st.Version)
			return s
		}
	}
	return append(s, st)
}

// stampSet is a list of stamps, one a word, that stays quick when it is long.
type stampSet struct {
	list  Stamps
	index map[uint32]int // word -> place in list, once there are many
}

// add keeps the older of two stamps of a word.
func (s *stampSet) add(st Stamp) {
	const scanned = 32
	if s.index == nil && len(s.list) < scanned {
		s.list = s.list.with(st)
		return
	}
	if s.index == nil {
		s.index = make(map[uint32]int, 2*len(s.list))
		for i, have := range s.list {
			s.index[have.Word] = i
		}
	}
	if i, ok := s.index[st.Word]; ok {
		s.list[i].Version = min(s.list[i].Version, st.Version)
		return
	}
	s.index[st.Word] = len(s.list)
	s.list = append(s.list, st)
}
