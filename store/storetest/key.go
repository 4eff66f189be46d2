package storetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// oddKeys are different keys that careless stores confuse or cannot hold.
var oddKeys = []string{
	"",
	"\x00", "\x00\x00", "a\x00b", "a\x00", "a", "ab",
	" ", "a ", " a", "\t", "\n", "\r\n", "a\nb", "a\r\nDEL b",
	"A", "é", "e\u0301", "\xe9", "\xff\xfe", "\u2028", "😀",
	"a:b", "a::b", "a/b", "a//b", "/a", "../a", "a/../b", ".", "..", "*", "?", "[a]", "{a}", "%s", "%00", `\`, `"`, "'", "`",
	"\xd5\x6b\xb9\x53\x42\x87\x08\x36", // FNV-1a of this is 0, in 64 bits
	strings.Repeat("k", 250), strings.Repeat("k", 251),
	strings.Repeat("k", 1024), strings.Repeat("k", 1025), strings.Repeat("k", 1024) + "l",
	strings.Repeat("k", 1<<15), strings.Repeat("k", 1<<15+1),
	strings.Repeat("k", 65517), strings.Repeat("k", 65518), strings.Repeat("k", 65535),
	strings.Repeat("k", store.MaxKey), strings.Repeat("k", store.MaxKey-1) + "l", "l" + strings.Repeat("k", store.MaxKey-1),
}

// keyClauses are about which keys there are and when two are the same.
var keyClauses = []clause{
	{"odd keys are kept apart", func(t testing.TB, s store.Store) {
		for _, key := range oddKeys {
			mustSet(t, s, key, valueFor(key))
		}
		for _, key := range oddKeys {
			requireValue(t, s, key, valueFor(key))
		}
	}},
	{"odd keys are absent until stored", func(t testing.TB, s store.Store) {
		for _, key := range oddKeys {
			requireAbsent(t, s, key)
			mustSet(t, s, key, "value")
		}
	}},
	{"deleting an odd key leaves the others", func(t testing.TB, s store.Store) {
		for _, key := range oddKeys {
			mustSet(t, s, key, valueFor(key))
		}
		for i, key := range oddKeys {
			require.NoError(t, s.Delete(background(), key))
			requireAbsent(t, s, key)
			for _, other := range oddKeys[i+1:] {
				requireValue(t, s, other, valueFor(other))
			}
		}
	}},
	{"a key above MaxKey is refused and never present", func(t testing.TB, s store.Store) {
		for _, extra := range []int{1, 2, 1 << 10, 1 << 16} {
			key := strings.Repeat("k", store.MaxKey+extra)
			require.ErrorIs(t, s.Set(background(), key, []byte("value"), 0), store.ErrTooLarge)
			requireAbsent(t, s, key)
			require.NoError(t, s.Delete(background(), key))
		}
	}},
}

// valueFor is different for each of oddKeys, and short.
func valueFor(key string) string {
	return "value of " + brief(key) + key[max(0, len(key)-2):]
}
