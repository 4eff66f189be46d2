package coherence

import (
	"slices"
	"sync/atomic"

	"github.com/cachewright/cachewright/internal/switches"
)

const (
	writerBits = 20
	writerMask = 1<<writerBits - 1
	// neverVersion is one past the largest version a word can show: a stamp with it never validates.
	neverVersion = 1 << (64 - writerBits)
	// publishStep moves the version up by one and takes one writer away, in one addition.
	publishStep = 1<<writerBits - 1
	tableBits   = 20
	allWord     = 0 // word 0 belongs to "everything" alone
)

// Stamp is one word of the table and the version it had before the data it vouches for was read.
type Stamp struct {
	Word    uint32
	Version uint64
}

// Stamps vouch for data: it is current while every word still has the version noted here, and no writer. The zero value
// vouches for nothing and is never valid. Stamps are plain values; whoever holds them may copy and append.
type Stamps []Stamp

// words is the table of version<<20 | writers. It never grows; hashes share its words.
type words []atomic.Uint64

func newWords(bits int) words { return make(words, 1<<bits) }

// of maps a hash to its word. Word 0 is kept for "everything", which no other tag may share: a shared one would only
// cost misses, but it would cost all of them.
func (w words) of(hash uint64) uint32 {
	if hash == seedAll {
		return allWord
	}
	i := uint32(mix(hash) >> 32 & uint64(len(w)-1)) //nolint:gosec // masked by the table's length
	if i == allWord {
		return 1
	}
	return i
}

// stamp notes the word's version as it is now.
func (w words) stamp(word uint32) Stamp {
	return Stamp{Word: word, Version: w[word].Load() >> writerBits}
}

// holds reports whether the stamp's word has its version still and no writer.
func (w words) holds(s Stamp) bool {
	v := w[s.Word].Load()
	if v&writerMask != 0 && switches.On(switches.WriterCheck) {
		return false
	}
	return v>>writerBits == s.Version || !switches.On(switches.StampCheck)
}

// Stamp reads the versions that vouch for data about to be read under the given tags, and appends them to dst together
// with the version of "everything". It must be called before the data is read. One allocation at most, when dst lacks room.
func (e *Engine) Stamp(dst Stamps, tags ...Tag) Stamps {
	if switches.On(switches.AllWord) || len(tags) == 0 {
		dst = append(dst, e.words.stamp(allWord))
	}
	for _, t := range tags {
		t.reads(func(hash uint64) { dst = dst.with(e.words.stamp(e.words.of(hash))) })
	}
	return dst
}

// Valid reports whether the stamps vouch still: no version moved and nobody is writing. No lock, no allocation.
//
// The words are read one after the other, and that is enough: if each is unmoved at its own moment, all were unmoved at
// the moment of the first reading, which lies within this call.
func (e *Engine) Valid(s Stamps) bool {
	for _, st := range s {
		if !e.words.holds(st) {
			return false
		}
	}
	return len(s) > 0
}

// Moved reports whether some version has moved, whoever is writing now. Stamps that moved can never be valid again.
func (e *Engine) Moved(s Stamps) bool {
	for _, st := range s {
		if e.words[st.Word].Load()>>writerBits != st.Version {
			return true
		}
	}
	return false
}

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

// Merge adds the stamps of other to s; of two stamps of one word the older stands.
func (s Stamps) Merge(other Stamps) Stamps {
	for _, st := range other {
		s = s.with(st)
	}
	return s
}

// Equal reports whether both hold the same stamps in the same order.
func (s Stamps) Equal(other Stamps) bool { return slices.Equal(s, other) }
