package rfc9111_test

import (
	"encoding/binary"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

func TestLine21VaryMembersAreCanonicalSortedAndUnique(t *testing.T) {
	t.Parallel()
	names, star := rfc9111.ParseVary([]string{"accept-encoding , Cookie", "", ",ACCEPT,", "cookie"})
	require.False(t, star)
	require.Equal(t, []string{"Accept", "Accept-Encoding", "Cookie"}, names)

	names, star = rfc9111.ParseVary(nil)
	require.False(t, star)
	require.Empty(t, names)
}

func TestLine22StarAnywhereNeverMatches(t *testing.T) {
	t.Parallel()
	for _, lines := range [][]string{
		{"*"},
		{" * "},
		{"Accept, *"},
		{"*, Accept"},
		{"Accept", "Cookie,*,Origin"},
		{"Accept", "*"},
		{"Accept; Cookie"},
		{`"Cookie"`},
		{"Accept Cookie"},
		{"Ac\x00cept"},
	} {
		_, star := rfc9111.ParseVary(lines)
		require.True(t, star, "%q", lines)
	}
	_, star := rfc9111.ParseVary([]string{"X-*"})
	require.False(t, star, "a star is a letter of a name, too")
}

func TestLine21VariantsMatchOnAllLinesJoined(t *testing.T) {
	t.Parallel()
	key := func(h http.Header, vary ...string) string {
		names, star := rfc9111.ParseVary(vary)
		require.False(t, star)
		return rfc9111.VariantKey(names, h)
	}
	same := func(a, b http.Header, vary ...string) {
		t.Helper()
		require.Equal(t, key(a, vary...), key(b, vary...))
	}
	differ := func(a, b http.Header, vary ...string) {
		t.Helper()
		require.NotEqual(t, key(a, vary...), key(b, vary...))
	}
	same(header("A", "1", "A", "2"), header("A", "1, 2"), "a")
	same(header("A", " 1\t", "A", "2"), header("A", "1", "A", "2 "), "a")
	same(header("A", "1", "B", "2"), header("A", "1", "B", "3"), "a")
	same(header("A", "1", "B", "2"), header("B", "2", "A", "1"), "a, b")
	same(header("A", "1", "B", "2"), header("B", "2", "A", "1"), "B", "A")
	same(http.Header{}, http.Header{"A": {}}, "a")
	same(http.Header{}, http.Header{"A": {"1"}})

	differ(header("A", "1", "A", "2"), header("A", "1"), "a")
	differ(header("A", "1", "A", "2"), header("A", "2", "A", "1"), "a")
	differ(header("A", ""), http.Header{}, "a")
	differ(header("A", "", "A", ""), header("A", ""), "a")
	differ(header("A", "x"), header("A", "X"), "a")
	differ(header("A", "1", "B", "2"), header("A", "12", "B", ""), "a, b")
	differ(header("A", "1"), header("B", "1"), "a, b")
	require.NotEqual(t, key(http.Header{}, "a"), key(http.Header{}, "b"), "names are part of the key")
	require.NotEqual(t, key(http.Header{}), key(http.Header{}, "a"))
}

func TestLine10VaryIsMergedNotReplaced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ have, add, want []string }{
		{nil, nil, nil},
		{nil, []string{"Accept"}, []string{"Accept"}},
		{[]string{"Origin"}, []string{"accept, origin"}, []string{"Origin", "Accept"}},
		{[]string{"Origin, Accept"}, []string{"accept"}, []string{"Origin, Accept"}},
		{[]string{"*"}, []string{"accept"}, []string{"*"}},
		{[]string{"Origin"}, []string{"*"}, []string{"Origin", "*"}},
		{[]string{"Origin"}, []string{"b", "a"}, []string{"Origin", "A, B"}},
	} {
		require.Equal(t, c.want, rfc9111.MergeVary(c.have, c.add), "%+v", c)
	}
	have := append(make([]string, 0, 4), "Origin")
	rfc9111.MergeVary(have, []string{"Accept"})
	require.Empty(t, have[:2][1], "the caller's slice is not written to")
}

// readVariantKey undoes AppendVariantKey, which it can only if the encoding is
// injective.
func readVariantKey(t *testing.T, key []byte) (values map[string]*string, rest []byte) {
	t.Helper()
	count, n := binary.Uvarint(key)
	require.Positive(t, n)
	key = key[n:]
	text := func(size uint64) string {
		require.LessOrEqual(t, size, uint64(len(key)))
		s := string(key[:size])
		key = key[size:]
		return s
	}
	length := func() uint64 {
		size, n := binary.Uvarint(key)
		require.Positive(t, n)
		key = key[n:]
		return size
	}
	values = make(map[string]*string)
	for range count {
		name := text(length())
		values[name] = nil
		if size := length(); size > 0 {
			value := text(size - 1)
			values[name] = &value
		}
	}
	return values, key
}

func TestLine19VariantKeyCanBeReadBack(t *testing.T) {
	t.Parallel()
	one, empty := "1, 2", ""
	key := rfc9111.AppendVariantKey([]byte("front"), []string{"A", "B", "C"}, header("A", "1", "A", "2", "B", ""))
	require.Equal(t, "front", string(key[:5]))
	values, rest := readVariantKey(t, key[5:])
	require.Empty(t, rest)
	require.Equal(t, map[string]*string{"A": &one, "B": &empty, "C": nil}, values)
}
