package bigcachestore_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// surround is what an entry of fillStore takes besides its value, at most.
const surround = 48

// TestTheLargestEntryAlwaysFits stores entries of exactly MaxEntry in a shard at every stage of its growth, and with its ring
// in every position. That BigCache takes them is the point: it fails for lack of room only after it emptied the shard.
func TestTheLargestEntryAlwaysFits(t *testing.T) {
	t.Parallel()
	const memory = 1 << 20 // one shard
	for _, small := range []int{150, 3_000, 50_000, 200_000} {
		for fill := 0; fill <= 3*memory/2; fill += memory / 13 {
			s, ctx := open(t, memory>>20), context.Background()
			require.NoError(t, s.Set(ctx, "key", []byte("old"), 0))
			stored := fillStore(t, s, small, fill)
			held := present(t, s, stored)

			largest := bytes.Repeat([]byte{'x'}, s.MaxEntry()-len("key"))
			require.NoError(t, s.Set(ctx, "key", largest, 0), "small %d, fill %d", small, fill)
			got, err := s.Get(ctx, "key")
			require.NoError(t, err)
			require.True(t, bytes.Equal(largest, got), "small %d, fill %d", small, fill)
			// A quarter is the promise; an entry can stick out of it.
			survivors := present(t, s, stored)
			require.GreaterOrEqual(t, survivors*(small+surround), min(held*(small+surround), memory/4-2*(small+surround)),
				"small %d, fill %d", small, fill)

			// One byte more is refused and changes nothing.
			require.ErrorIs(t, s.Set(ctx, "key", append(largest, 'x'), 0), store.ErrTooLarge)
			got, err = s.Get(ctx, "key")
			require.NoError(t, err)
			require.True(t, bytes.Equal(largest, got))
			require.Equal(t, survivors, present(t, s, stored))
			require.NoError(t, s.Close())
		}
	}
}

// TestRandomHistories compares a store with a map over many sizes: what is read is what was stored last, or nothing, and what
// was just stored is there.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			const memory = 1 << 20
			s, ctx := open(t, memory>>20), context.Background()
			random := rand.New(rand.NewPCG(seed, seed))
			model := map[string]uint64{} // the seed of the value last stored; absent: deleted
			for step := range uint64(3_000) {
				key := fmt.Sprint("key ", random.IntN(200))
				switch random.IntN(10) {
				case 0:
					require.NoError(t, s.Delete(ctx, key))
					delete(model, key)
				case 1:
					tooLarge := make([]byte, s.MaxEntry()+1+random.IntN(memory))
					require.ErrorIs(t, s.Set(ctx, key, tooLarge, 0), store.ErrTooLarge)
				default:
					value := numbered(step, randomSize(random, s.MaxEntry()-len(key)))
					require.NoError(t, s.Set(ctx, key, value, 0), "step %d", step)
					model[key] = step
					got, err := s.Get(ctx, key)
					require.NoError(t, err, "step %d: just stored", step)
					require.True(t, bytes.Equal(value, got), "step %d", step)
				}
				other := fmt.Sprint("key ", random.IntN(200))
				got, err := s.Get(ctx, other)
				if err != nil {
					require.ErrorIs(t, err, store.ErrNotFound)
					continue
				}
				number, stored := model[other]
				require.True(t, stored, "step %d: %q was deleted", step, other)
				require.True(t, bytes.Equal(numbered(number, len(got)), got), "step %d: wrong value under %q", step, other)
				require.LessOrEqual(t, s.Stats().Bytes, int64(memory))
			}
		})
	}
}

// fillStore stores entries of the given size, fill bytes in all, and returns how many.
func fillStore(t testing.TB, s store.Store, size, fill int) int {
	t.Helper()
	count := fill / (size + surround)
	value := make([]byte, size)
	for n := range count {
		require.NoError(t, s.Set(context.Background(), fmt.Sprint("small ", n), value, 0))
	}
	return count
}

// present counts which of the entries of fillStore are there.
func present(t testing.TB, s store.Store, stored int) int {
	t.Helper()
	count := 0
	for n := range stored {
		_, err := s.Get(context.Background(), fmt.Sprint("small ", n))
		if err == nil {
			count++
			continue
		}
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	return count
}

// randomSize is mostly small, sometimes anything, sometimes the most or a little less.
func randomSize(random *rand.Rand, most int) int {
	switch random.IntN(20) {
	case 0:
		return most
	case 1:
		return most - random.IntN(64)
	case 2, 3:
		return random.IntN(most + 1)
	case 4:
		return 0
	default:
		return random.IntN(2_000)
	}
}

// numbered returns n bytes that tell which number they were made from, if n is 8 or more.
func numbered(number uint64, n int) []byte {
	unit := binary.LittleEndian.AppendUint64(nil, number)
	return bytes.Repeat(unit, n/len(unit)+1)[:n]
}
