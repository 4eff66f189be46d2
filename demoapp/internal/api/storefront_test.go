package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// strip is what is told of one answer.
type strip struct {
	Path, Outcome, Reason string
	CacheStatus           string `json:"cache_status"`
	Stamps                int
	Rows                  []string
}

// stripOf is what the strip of an answer tells.
func stripOf(tb testing.TB, s server, r reply, fields ...string) strip {
	tb.Helper()
	number, ok := strings.CutPrefix(r.header.Get("Server-Timing"), `answer;desc="`)
	require.True(tb, ok, r.header)
	got := s.get(tb, "/shop/strip/"+strings.TrimSuffix(number, `"`), fields...)
	require.Equal(tb, "no-store", got.header.Get("Cache-Control"))
	return value[strip](tb, got)
}

func theProductPageTellsItsRows(t *testing.T, s server) {
	const path = "/shop/products/41"
	first := s.get(t, path)
	require.Equal(t, http.StatusOK, first.status, first.body)
	told := stripOf(t, s, first)
	require.Equal(t, "miss", told.Outcome)
	require.Equal(t, first.header.Get("Cache-Status"), told.CacheStatus)
	require.Equal(t, path, told.Path)
	require.Len(t, told.Rows, 2, "the product and its category")
	require.Contains(t, told.Rows, "products 41")

	again := s.get(t, path)
	require.NotEqual(t, first.header.Get("Server-Timing"), again.header.Get("Server-Timing"), "a page from the cache is an answer of its own")
	hit := stripOf(t, s, again)
	require.Equal(t, "hit", hit.Outcome)
	require.Equal(t, again.header.Get("Cache-Status"), hit.CacheStatus)
	require.Equal(t, told.Rows, hit.Rows)
	require.Positive(t, hit.Stamps)

	require.Equal(t, http.StatusOK, s.send(t, http.MethodPatch, "/products/41", `{"price_cents": 123456}`).status)
	changed := s.get(t, path)
	require.Contains(t, changed.body, "1234.56")
	require.Equal(t, "miss", stripOf(t, s, changed).Outcome, "the commit made the page stale")
}

func theAccountPageIsItsCustomersAlone(t *testing.T, s server) {
	const path = "/shop/account"
	one, two := []string{"Cookie", "demo-customer=11"}, []string{"Cookie", "demo-customer=12"}
	require.Equal(t, "/shop/sign-in", s.get(t, path).header.Get("Location"), "nobody is signed in")
	require.Equal(t, http.StatusSeeOther, s.get(t, path, "Cookie", "demo-customer=x").status)

	first, second := s.get(t, path, one...), s.get(t, path, one...)
	require.Equal(t, "hit", stripOf(t, s, second, one...).Outcome)
	other := s.get(t, path, two...)
	require.Equal(t, "miss", stripOf(t, s, other, two...).Outcome)
	require.NotEqual(t, first.body, other.body)
	require.Contains(t, stripOf(t, s, second, one...).Rows, "customers 11")
	require.Contains(t, stripOf(t, s, other, two...).Rows, "customers 12")
	number := strings.Trim(strings.TrimPrefix(second.header.Get("Server-Timing"), "answer;desc="), `"`)
	require.Equal(t, http.StatusNotFound, s.get(t, "/shop/strip/"+number, two...).status, "an answer is told to who got it")
	require.Equal(t, http.StatusNotFound, s.get(t, "/shop/strip/"+number).status)
}

func signingInNamesACustomer(t *testing.T, s server) {
	form := func(text string) reply {
		return s.send(t, http.MethodPost, "/shop/sign-in", text, "Content-Type", "application/x-www-form-urlencoded")
	}
	good := form("customer=7")
	require.Equal(t, http.StatusSeeOther, good.status)
	require.Equal(t, "/shop/account", good.header.Get("Location"))
	require.Contains(t, good.header.Get("Set-Cookie"), "demo-customer=7; Path=/shop; HttpOnly; SameSite=Lax")
	for _, bad := range []string{"customer=0", "customer=x", "", "customer=999999", "customer=" + strings.Repeat("1", 2000)} {
		r := form(bad)
		require.Equal(t, http.StatusUnprocessableEntity, r.status, bad)
		require.Empty(t, r.header.Get("Set-Cookie"))
	}
	require.Equal(t, http.StatusNotFound, s.get(t, "/shop/products/999999").status)
	require.Equal(t, http.StatusNotFound, s.get(t, "/shop/assets/product.htmlx").status)
}
