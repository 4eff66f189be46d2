package coherence

import (
	"sync/atomic"

	"github.com/cachewright/cachewright/internal/switches"
)

// A word is version<<writerBits | writers. Go's atomics are sequentially consistent: whoever sees an effect of what a writer
// did after a change of a word sees that change.
const (
	writerBits = 20
	writerMask = 1<<writerBits - 1
	// versionStep moves the version up by one.
	versionStep = 1 << writerBits
	// publishStep moves the version up by one and takes one writer away, in one addition.
	publishStep = versionStep - 1
	// neverVersion is one past the largest version a word can show: a stamp with it never validates.
	neverVersion = 1 << (64 - writerBits)
	tableBits    = 20
	allWord      = 0 // word 0 belongs to "everything" alone
)

// words is the table. It never grows; hashes share its words.
type words []atomic.Uint64

func newWords(bits int) words { return make(words, 1<<bits) }

// of maps a hash to its word. Word 0 is kept for "everything", which no other tag may share: a shared one would only
// cost misses, but it would cost all of them.
func (w words) of(hash uint64) uint32 {
	if hash == seedAll {
		return allWord
	}
	i := uint32(mix(hash) >> 32 & uint64(len(w)-1))
	if i == allWord {
		return 1
	}
	return i
}

// version is the word's version as it is now.
func (w words) version(word uint32) uint64 { return w[word].Load() >> writerBits }

// stamp notes the word's version as it is now.
func (w words) stamp(word uint32) Stamp { return Stamp{Word: word, Version: w.version(word)} }

// holds reports whether the stamp's word has its version still and no writer: in one load, so that both are true at once.
func (w words) holds(s Stamp) bool {
	v := w[s.Word].Load()
	if v&writerMask != 0 && switches.On(switches.WriterCheck) {
		return false
	}
	return v>>writerBits == s.Version || !switches.On(switches.StampCheck)
}

// quiet reports whether no word of the stamps has a writer.
func (w words) quiet(s Stamps) bool {
	for _, st := range s {
		if w[st.Word].Load()&writerMask != 0 {
			return false
		}
	}
	return true
}

// hold reports whether all stamps hold, of which there must be some.
func (w words) hold(s Stamps) bool {
	for _, st := range s {
		if !w.holds(st) {
			return false
		}
	}
	return len(s) > 0
}

// holdRaw is hold for stamps where they lie in an entry. Bytes that name no word of the table never hold.
func (w words) holdRaw(s rawStamps) bool {
	for i := range s.len() {
		st := s.at(i)
		if uint64(st.Word) >= uint64(len(w)) || !w.holds(st) {
			return false
		}
	}
	return s.len() > 0
}
