package bigcachestore

import (
	"fmt"
	"math"
)

// Bounds of the memory given to New, in bytes.
const (
	MinMemory = 1 << 20
	MaxMemory = min(1<<40, math.MaxInt&^(1<<20-1)) // BigCache counts bytes in an int
)

const (
	// wantShard is the size of a shard that gives room to entries of 2 MiB. Memory is divided into shards of at least this
	// size, if there is enough.
	wantShard = 8 << 20
	// maxShards limits what an empty store costs. BigCache addresses a shard by 32 bits, which holds with MaxMemory.
	maxShards = 512
	// firstEntrySize times 10 is what BigCache reserves in a new shard.
	firstEntrySize = 1 << 10
	// entryOverhead is more than what surrounds key and value in a shard: 12 bytes of ours and possibly a digest of 32;
	// BigCache's 18 and a length of at most 5.
	entryOverhead = 128
)

// layout is how memory is divided.
type layout struct {
	mebibytes int // all shards together
	shards    int // a power of two
	maxEntry  int // largest len(key)+len(value)
}

// layoutFor divides memory.
//
// An entry takes at most a quarter of a shard of m bytes, for two reasons.
//
// It must always fit. A shard is a ring that grows from a capacity c by doubling, but BigCache refuses to grow it, whatever
// is in it, if c plus the new entry e reaches m. Then it evicts until the entry fits, and fails if it does not fit in an
// empty ring of c. With e < m/2 either e < c, and an empty ring has room, or c <= e, and c+e < m lets the ring grow.
//
// It must not cost the others. The room has to be in one piece, so the end of the ring may be lost as well: up to twice e is
// evicted, from a ring that holds m-e at least. With e <= m/4 a quarter of the shard survives any Set.
func layoutFor(memoryBytes int64) (layout, error) {
	if memoryBytes < MinMemory {
		return layout{}, fmt.Errorf("memory of %d bytes is below the minimum of %d (1 MiB)", memoryBytes, int64(MinMemory))
	}
	if memoryBytes > MaxMemory {
		return layout{}, fmt.Errorf("memory of %d bytes is above the maximum of %d", memoryBytes, int64(MaxMemory))
	}
	mebibytes := int(memoryBytes >> 20)
	shards := 1
	for shards < maxShards && mebibytes<<20/(shards*2) >= wantShard {
		shards *= 2
	}
	return layout{
		mebibytes: mebibytes,
		shards:    shards,
		maxEntry:  mebibytes<<20/shards/4 - entryOverhead,
	}, nil
}
