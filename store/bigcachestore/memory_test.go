package bigcachestore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store/bigcachestore"
)

// The tests that measure memory run alone, so they are not parallel.

func TestAnEmptyStoreIsSmall(t *testing.T) {
	for mebibytes, most := range map[int64]uint64{1: 64 << 10, 64: 512 << 10, 16 << 10: 16 << 20} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := bigcachestore.New(mebibytes << 20)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		require.Less(t, after.TotalAlloc-before.TotalAlloc, most, "a new store of %d MiB", mebibytes)
	}
}

func TestOverwritingOneKeyAMillionTimesStaysWithinMemory(t *testing.T) {
	const limit = 8 << 20
	ctx, s := context.Background(), open(t, limit>>20)
	value := make([]byte, 400)
	before := heap()
	for n := range 1_000_000 {
		value[0], value[1], value[2] = byte(n), byte(n>>8), byte(n>>16)
		if err := s.Set(ctx, "hot", value, 0); err != nil {
			require.NoError(t, err, "overwrite %d", n)
		}
	}
	got, err := s.Get(ctx, "hot")
	require.NoError(t, err)
	require.Equal(t, value, got)
	require.EqualValues(t, 1, s.Stats().Entries)
	require.LessOrEqual(t, s.Stats().Bytes, int64(limit))
	require.Less(t, heap()-before, int64(limit+limit/4))
	runtime.KeepAlive(s)
}

func TestAFullStoreStaysWithinMemory(t *testing.T) {
	const limit = 16 << 20
	ctx, s := context.Background(), open(t, limit>>20)
	before := heap()
	random := rand.New(rand.NewPCG(1, 1))
	value := make([]byte, 16<<10)
	for n := range 20_000 {
		require.NoError(t, s.Set(ctx, fmt.Sprint("key ", n), value[:random.IntN(len(value))], 0))
	}
	require.EqualValues(t, limit, s.Stats().Bytes, "all memory is in use")
	require.Less(t, heap()-before, int64(limit+limit/4))
	runtime.KeepAlive(s)
}

func TestCloseLetsTheMemoryGo(t *testing.T) {
	ctx, s := context.Background(), open(t, 16)
	before := heap()
	for n := range 5_000 {
		require.NoError(t, s.Set(ctx, fmt.Sprint(n), make([]byte, 4<<10), 0))
	}
	require.Greater(t, heap()-before, int64(8<<20))
	require.NoError(t, s.Close())
	require.Less(t, heap()-before, int64(1<<20))
	require.Zero(t, s.Stats())
	runtime.KeepAlive(s)
}

func TestAllocationsPerCall(t *testing.T) {
	ctx, roomy, full := context.Background(), open(t, 64), open(t, 1)
	value := make([]byte, 1000)
	stored, missing := strings.Repeat("k", 100), strings.Repeat("m", 100)
	require.NoError(t, roomy.Set(ctx, stored, value, 0))
	for range 2_000 {
		require.NoError(t, full.Set(ctx, stored, value, 0))
	}
	require.Equal(t, full.Stats().Limit, full.Stats().Bytes)

	for _, row := range []struct {
		name string
		most float64
		call func()
	}{
		{"Get: the value, and the key that BigCache copies to compare it", 2, func() { _, _ = roomy.Get(ctx, stored) }},
		{"Get of nothing", 0, func() { _, _ = roomy.Get(ctx, missing) }},
		{"Set while there is room", 0, func() { _ = roomy.Set(ctx, stored, value, 0) }},
		{"Set that evicts an entry: BigCache's error value", 1, func() { _ = full.Set(ctx, stored, value, 0) }},
		{"Delete", 0, func() { _ = roomy.Delete(ctx, missing) }},
	} {
		// The average is rounded down: what happens now and then, growth or an emptied pool, does not count.
		require.LessOrEqual(t, testing.AllocsPerRun(1000, row.call), row.most, row.name)
	}
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // sync.Pool gives up its content at the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
