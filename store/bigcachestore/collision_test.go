package bigcachestore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/bigcachestore"
)

func openWithHash(t testing.TB, hash func(string) uint64) *bigcachestore.Store {
	t.Helper()
	s, err := bigcachestore.NewWithHash(bigcachestore.MinMemory, hash)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestACollisionIsAMiss(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, pair := range [][2]string{
		{"mine", "yours"},
		{"", "\x00"},
		{strings.Repeat("m", 5_000), strings.Repeat("y", 5_000)},
		{"mine", strings.Repeat("y", 5_000)},
	} {
		s := openWithHash(t, func(string) uint64 { return 7 })
		mine, yours := pair[0], pair[1]
		require.NoError(t, s.Set(ctx, mine, []byte("my value"), 0))
		_, err := s.Get(ctx, yours)
		require.ErrorIs(t, err, store.ErrNotFound)

		require.NoError(t, s.Set(ctx, yours, []byte("your value"), 0))
		got, err := s.Get(ctx, yours)
		require.NoError(t, err)
		require.Equal(t, "your value", string(got))
		_, err = s.Get(ctx, mine)
		require.ErrorIs(t, err, store.ErrNotFound)

		require.NoError(t, s.Delete(ctx, mine)) // may drop the other, may not bring anything back
		_, err = s.Get(ctx, mine)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
}

func TestADigestIsNotMistakenForItsKey(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), open(t, 1)
	long := strings.Repeat("k", 5_000)
	sum := sha256.Sum256([]byte(long))
	digest := string(sum[:])

	require.NoError(t, s.Set(ctx, long, []byte("of the long key"), 0))
	_, err := s.Get(ctx, digest)
	require.ErrorIs(t, err, store.ErrNotFound)

	// Even with a value that looks like an entry of the long key.
	require.NoError(t, s.Set(ctx, digest, []byte(long+"forged"), 0))
	_, err = s.Get(ctx, long)
	require.ErrorIs(t, err, store.ErrNotFound)
	got, err := s.Get(ctx, digest)
	require.NoError(t, err)
	require.Equal(t, long+"forged", string(got))
}

func TestFewHashesNeverMixUpKeys(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, hashes := range []uint64{1, 2, 5} { // the hash 0 is among them
		s := openWithHash(t, func(key string) uint64 { return uint64(sha256.Sum256([]byte(key))[0]) % hashes })
		for n := range 20_000 { // several times what fits
			key := fmt.Sprint("key ", n%50)
			require.NoError(t, s.Set(ctx, key, []byte(strings.Repeat(key, 50)), 0))
			other := fmt.Sprint("key ", (n*7)%50)
			got, err := s.Get(ctx, other)
			if err != nil {
				require.ErrorIs(t, err, store.ErrNotFound)
				continue
			}
			require.Equal(t, strings.Repeat(other, 50), string(got))
		}
	}
}

// TestTheHashZeroIsEvicted: to BigCache it is the mark of a removed entry, so one that really has it would stay in the index
// after its bytes were overwritten.
func TestTheHashZeroIsEvicted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openWithHash(t, func(key string) uint64 {
		if key == "zero" {
			return 0
		}
		return binary.LittleEndian.Uint64([]byte(key))
	})
	// Not at the start of the ring, where another entry will start.
	require.NoError(t, s.Set(ctx, "prelude!", make([]byte, 300), 0))
	require.NoError(t, s.Set(ctx, "zero", []byte("value"), 0))
	filler := bytes.Repeat([]byte{0xff}, 1_000)
	for n := range uint64(3_000) {
		require.NoError(t, s.Set(ctx, string(binary.LittleEndian.AppendUint64(nil, n+2)), filler, 0))
		if value, err := s.Get(ctx, "zero"); err == nil {
			require.Equal(t, "value", string(value))
		} else {
			require.ErrorIs(t, err, store.ErrNotFound)
		}
	}
	_, err := s.Get(ctx, "zero")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.Less(t, s.Stats().Entries, int64(1_050))
}
