package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// valueClauses are about what is stored, what comes back and whose bytes they are.
var valueClauses = []clause{
	{"a key never stored is not found", func(t testing.TB, s store.Store) {
		requireAbsent(t, s, "never")
	}},
	{"a value comes back as it was stored", func(t testing.TB, s store.Store) {
		mustSet(t, s, "key", "value")
		requireValue(t, s, "key", "value")
		requireValue(t, s, "key", "value")
	}},
	{"a value replaces the older one", func(t testing.TB, s store.Store) {
		for _, value := range []string{"first", "a second and longer one", "3", "", "fifth"} {
			mustSet(t, s, "key", value)
			requireValue(t, s, "key", value)
		}
	}},
	{"an empty value is a value", func(t testing.TB, s store.Store) {
		for name, value := range map[string][]byte{"empty": {}, "nil": nil} {
			require.NoError(t, s.Set(background(), name, value, 0))
			requireValue(t, s, name, "")
		}
	}},
	{"a value may hold any bytes", func(t testing.TB, s store.Store) {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		mustSet(t, s, "key", string(all))
		requireValue(t, s, "key", string(all))
	}},
	{"values of all sizes come back", func(t testing.TB, s store.Store) {
		largest := min(largestEntry(s), 256<<10)
		// Around powers of two is where lengths change their encoding.
		for size := 1; size < largest; size *= 2 {
			for _, n := range []int{size - 1, size, size + 1} {
				key := "size " + strconv.Itoa(n)
				mustSet(t, s, key, randomBytes(n))
				requireValue(t, s, key, randomBytes(n))
			}
		}
	}},
	{"deleting removes the value", func(t testing.TB, s store.Store) {
		mustSet(t, s, "key", "value")
		require.NoError(t, s.Delete(background(), "key"))
		requireAbsent(t, s, "key")
		mustSet(t, s, "key", "again")
		requireValue(t, s, "key", "again")
	}},
	{"deleting an absent key is no error", func(t testing.TB, s store.Store) {
		require.NoError(t, s.Delete(background(), "never"))
		mustSet(t, s, "key", "value")
		require.NoError(t, s.Delete(background(), "key"))
		require.NoError(t, s.Delete(background(), "key"))
	}},
	{"the value passed to Set may be reused", func(t testing.TB, s store.Store) {
		value := []byte("before")
		require.NoError(t, s.Set(background(), "key", value, 0))
		copy(value, "after!")
		requireValue(t, s, "key", "before")
	}},
	{"Set does not change the value passed to it", func(t testing.TB, s store.Store) {
		room := []byte("value and what follows it")
		require.NoError(t, s.Set(background(), "key", room[:5], 0))
		require.Equal(t, "value and what follows it", string(room))
	}},
	{"the value returned by Get belongs to the caller", func(t testing.TB, s store.Store) {
		mustSet(t, s, "key", "value")
		mustSet(t, s, "next", "neighbour")
		first, err := s.Get(background(), "key")
		require.NoError(t, err)
		second, err := s.Get(background(), "key")
		require.NoError(t, err)

		copy(first, "XXXXX")
		_ = append(first, bytes.Repeat([]byte("Y"), 64)...)
		require.Equal(t, "value", string(second), "two reads share bytes")
		requireValue(t, s, "key", "value")
		requireValue(t, s, "next", "neighbour")

		require.NoError(t, s.Delete(background(), "key"))
		mustSet(t, s, "key", "other")
		require.Equal(t, "value", string(second), "a later Set reached bytes already returned")
	}},
}

// largestEntry is the largest len(key)+len(value) the suite may store.
func largestEntry(s store.Store) int {
	if bounded, ok := s.(store.Bounded); ok {
		return bounded.MaxEntry()
	}
	return 1 << 20
}

// randomBytes returns n bytes that are the same in each call and do not compress.
func randomBytes(n int) string {
	source := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	b := make([]byte, n)
	_, _ = source.Read(b) // never fails
	return string(b)
}

// brief makes s fit into a message.
func brief(s string) string {
	if len(s) <= 40 {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%q... (%d bytes)", s[:32], len(s))
}
