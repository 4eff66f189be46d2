package coherence

import (
	"slices"
	"strconv"
)

// SurrogatePrefix starts every surrogate key, to tell them from an application's own.
const SurrogatePrefix = "cw-"

// SurrogateKeys are the opaque keys of what a page with these stamps stands on, for caches outside (a CDN's Surrogate-Key or
// Cache-Tag): sorted, each once. They are the same in every process whose engine has the same number of words, and tell
// nothing of tables or rows.
func (s Stamps) SurrogateKeys() []string {
	keys := make([]string, len(s))
	for i, st := range s {
		keys[i] = surrogateKey(st.Word)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// SurrogateKeys are the keys of the pages that a write of the tags makes stale: what to purge at a CDN when [Engine.OnCommit] is
// told of these tags. Pages that share a key with them by chance are purged, too; none is missed.
func (e *Engine) SurrogateKeys(tags ...Tag) []string {
	var keys []string
	for _, t := range tags {
		t.writes(func(hash uint64) { keys = append(keys, surrogateKey(e.words.of(hash))) })
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func surrogateKey(word uint32) string {
	const seed = 0x5bf03635f0a31e2d
	return SurrogatePrefix + strconv.FormatUint(mix(uint64(word)^seed), 36)
}
