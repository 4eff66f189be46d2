package rfc9111_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// entry is a stored response of that age and lifetime in seconds with the
// given Cache-Control, in a shared cache.
func entry(age, lifetime int, line string) rfc9111.Entry {
	e := rfc9111.ParseCacheControl([]string{line}).Entry(rfc9111.SharedCache)
	e.Age, e.Lifetime = time.Duration(age)*time.Second, time.Duration(lifetime)*time.Second
	return e
}

// validated is e known to be current.
func validated(e rfc9111.Entry) rfc9111.Entry {
	e.Validated = true
	return e
}

func TestLine48AndLine49RequestDirectivesDecideOnAStoredResponse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, line string
		e          rfc9111.Entry
		want       rfc9111.Verdict
	}{
		{"fresh", "", entry(5, 10, ""), rfc9111.UseFresh},
		{"at the end of freshness", "", entry(10, 10, ""), rfc9111.MustValidate},
		{"stale", "", entry(11, 10, ""), rfc9111.MustValidate},
		{"lifetime zero", "", entry(0, 0, ""), rfc9111.MustValidate},

		{"no-cache", "no-cache", entry(5, 10, ""), rfc9111.MustValidate},
		{"max-age=0", "max-age=0", entry(0, 10, ""), rfc9111.MustValidate},
		{"max-age above the age", "max-age=6", entry(5, 10, ""), rfc9111.UseFresh},
		{"max-age equal to the age", "max-age=5", entry(5, 10, ""), rfc9111.UseFresh},
		{"max-age below the age", "max-age=4", entry(5, 10, ""), rfc9111.MustValidate},
		{"min-fresh satisfied", "min-fresh=5", entry(5, 10, ""), rfc9111.UseFresh},
		{"min-fresh not satisfied", "min-fresh=6", entry(5, 10, ""), rfc9111.MustValidate},
		{"min-fresh wins over max-stale", "min-fresh=1, max-stale", entry(11, 10, ""), rfc9111.MustValidate},

		{"max-stale of any length", "max-stale", entry(1000, 10, ""), rfc9111.UseStale},
		{"max-stale reached", "max-stale=5", entry(15, 10, ""), rfc9111.UseStale},
		{"max-stale passed", "max-stale=5", entry(16, 10, ""), rfc9111.MustValidate},
		{"max-stale beside max-age", "max-stale=5, max-age=12", entry(12, 10, ""), rfc9111.UseStale},
		{"max-stale beside max-age passed", "max-stale=5, max-age=11", entry(12, 10, ""), rfc9111.MustValidate},
		{"max-stale on a fresh response", "max-stale", entry(5, 10, ""), rfc9111.UseFresh},
		{"max-stale past must-revalidate", "max-stale", entry(11, 10, "must-revalidate"), rfc9111.MustValidate},
		{"max-stale past proxy-revalidate", "max-stale", entry(11, 10, "proxy-revalidate"), rfc9111.MustValidate},
		{"max-stale past s-maxage", "max-stale", entry(11, 10, "s-maxage=10"), rfc9111.MustValidate},
		{"max-stale past no-cache", "max-stale", entry(5, 10, "no-cache"), rfc9111.MustValidate},

		{"only-if-cached, fresh", "only-if-cached", entry(5, 10, ""), rfc9111.UseFresh},
		{"only-if-cached, stale", "only-if-cached", entry(11, 10, ""), rfc9111.Unsatisfiable},
		{"only-if-cached, stale accepted", "only-if-cached, max-stale", entry(11, 10, ""), rfc9111.UseStale},
		{"only-if-cached and no-cache", "only-if-cached, no-cache", entry(5, 10, ""), rfc9111.Unsatisfiable},
		{"only-if-cached past must-revalidate", "only-if-cached, max-stale", entry(11, 10, "must-revalidate"), rfc9111.Unsatisfiable},

		{"stored no-cache", "", entry(5, 10, "no-cache"), rfc9111.MustValidate},
		{"must-revalidate does not matter while fresh", "", entry(5, 10, "must-revalidate, s-maxage=10"), rfc9111.UseFresh},

		{"validated: stored no-cache", "", validated(entry(5, 10, "no-cache")), rfc9111.UseFresh},
		{"validated: reload", "no-cache, max-age=0", validated(entry(5, 10, "")), rfc9111.UseFresh},
		{"validated: max-age below the age", "max-age=1", validated(entry(5, 10, "")), rfc9111.UseFresh},
		{"validated: min-fresh", "min-fresh=6", validated(entry(5, 10, "")), rfc9111.MustValidate},
		{"validated: the lifetime still bounds", "", validated(entry(10, 10, "")), rfc9111.MustValidate},
		{"validated: stale no-cache", "max-stale", validated(entry(10, 10, "no-cache")), rfc9111.MustValidate},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := rfc9111.ParseRequest(header("Cache-Control", c.line)).Decide(c.e)
			require.Equal(t, c.want.String(), got.String())
		})
	}
}

func TestLine38StaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	const swr = "max-age=10, stale-while-revalidate=20"
	for _, c := range []struct {
		name, line string
		e          rfc9111.Entry
		want       rfc9111.Verdict
	}{
		{"fresh", "", entry(5, 10, swr), rfc9111.UseFresh},
		{"within the window", "", entry(30, 10, swr), rfc9111.UseAndRefresh},
		{"past the window", "", entry(31, 10, swr), rfc9111.MustValidate},
		{"past the window, client accepts", "max-stale", entry(31, 10, swr), rfc9111.UseStale},
		{"client accepts less", "max-stale=5", entry(20, 10, swr), rfc9111.MustValidate},
		{"client accepts as much", "max-stale=10", entry(20, 10, swr), rfc9111.UseAndRefresh},
		{"client bounds the age", "max-age=60", entry(20, 10, swr), rfc9111.MustValidate},
		{"client wants it fresh", "min-fresh=1", entry(20, 10, swr), rfc9111.MustValidate},
		{"client reloads", "no-cache", entry(20, 10, swr), rfc9111.MustValidate},
		{"only-if-cached", "only-if-cached", entry(20, 10, swr), rfc9111.UseAndRefresh},
		{"must-revalidate", "", entry(20, 10, swr+", must-revalidate"), rfc9111.MustValidate},
		{"proxy-revalidate", "", entry(20, 10, swr+", proxy-revalidate"), rfc9111.MustValidate},
		{"s-maxage", "", entry(20, 10, swr+", s-maxage=10"), rfc9111.MustValidate},
		{"no-cache", "", entry(20, 10, swr+", no-cache"), rfc9111.MustValidate},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := rfc9111.ParseRequest(header("Cache-Control", c.line)).Decide(c.e)
			require.Equal(t, c.want.String(), got.String())
		})
	}
}

func TestLine38StaleIfError(t *testing.T) {
	t.Parallel()
	const sie = "max-age=10, stale-if-error=20"
	require.True(t, entry(30, 10, sie).UsableOnError())
	require.False(t, entry(31, 10, sie).UsableOnError())
	require.False(t, entry(11, 10, "max-age=10").UsableOnError())
	require.True(t, entry(5, 10, "max-age=10").UsableOnError(), "only the client wanted it validated")
	require.True(t, entry(5, 10, sie+", must-revalidate").UsableOnError())
	for _, forbids := range []string{"must-revalidate", "proxy-revalidate", "s-maxage=10", "no-cache"} {
		require.False(t, entry(20, 10, sie+", "+forbids).UsableOnError(), forbids)
	}
	for status, want := range map[int]bool{500: true, 502: true, 503: true, 504: true, 501: false, 505: false, 404: false, 200: false} {
		require.Equal(t, want, rfc9111.ErrorStatus(status), "status %d", status)
	}
}

func TestLine35PrivateCachesReadNeitherSMaxAgeNorProxyRevalidate(t *testing.T) {
	t.Parallel()
	d := rfc9111.ParseCacheControl([]string{"s-maxage=1, proxy-revalidate"})
	require.True(t, d.Entry(rfc9111.SharedCache).MustRevalidate)
	require.False(t, d.Entry(rfc9111.PrivateCache).MustRevalidate)
	d = rfc9111.ParseCacheControl([]string{"must-revalidate"})
	require.True(t, d.Entry(rfc9111.PrivateCache).MustRevalidate)
}

func TestVerdictsHaveNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for v := rfc9111.MustValidate; v <= rfc9111.UseAndRefresh+1; v++ {
		require.NotEmpty(t, v.String())
		require.False(t, seen[v.String()])
		seen[v.String()] = true
	}
}
