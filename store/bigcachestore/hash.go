package bigcachestore

import (
	"hash/maphash"

	"github.com/allegro/bigcache/v3"
)

// seededHash maps keys to BigCache's index. BigCache's own hash is fixed, so whoever can choose keys, by URL for instance,
// could make them collide and keep others' entries out.
type seededHash struct{ seed maphash.Seed }

var _ bigcache.Hasher = seededHash{}

func newHash() seededHash { return seededHash{seed: maphash.MakeSeed()} }

// Sum64 implements bigcache.Hasher.
func (h seededHash) Sum64(key string) uint64 { return nonZero(maphash.String(h.seed, key)) }

// nonZero keeps clear of the hash 0, by which BigCache marks an entry as removed: evicting one that really has it would
// leave its place in the index, pointing into whatever is written there next.
func nonZero(sum uint64) uint64 {
	if sum == 0 {
		return 1
	}
	return sum
}
