package rfc9111_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

const saturated = 1 << 31 * time.Second

// seconds is a directive's argument that is present.
func seconds(n int64) rfc9111.Delta {
	return rfc9111.Delta{Duration: time.Duration(n) * time.Second, Set: true}
}

func TestLine30DeltaSecondsAreDigitsAndDoubtMeansStale(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, line string
		want       time.Duration
	}{
		{"plain", "max-age=60", 60 * time.Second},
		{"zero", "max-age=0", 0},
		{"leading zeros", "max-age=0060", 60 * time.Second},
		{"just below the limit", "max-age=2147483647", 2147483647 * time.Second},
		{"at the limit", "max-age=2147483648", saturated},
		{"above 32 bits", "max-age=4294967296", saturated},
		{"above 64 bits", "max-age=99999999999999999999999999999999", saturated},
		{"negative", "max-age=-1", 0},
		{"with a plus", "max-age=+60", 0},
		{"fraction", "max-age=1.5", 0},
		{"fraction that is whole", "max-age=60.0", 0},
		{"letter behind", "max-age=60s", 0},
		{"letter in front", "max-age=a60", 0},
		{"hexadecimal", "max-age=0x3c", 0},
		{"overflow with garbage behind", "max-age=99999999999999999999x", 0},
		{"empty", "max-age=", 0},
		{"no argument", "max-age", 0},
		{"quoted form is read as its content", `max-age="60"`, 60 * time.Second},
		{"quoted form with an escaped digit", `max-age="6\0"`, 60 * time.Second},
		{"quoted form with a blank", `max-age=" 60"`, 0},
		{"quoted form, empty", `max-age=""`, 0},
		{"text behind the quoted form", `max-age="60"x`, 0},
		{"single quotes", "max-age='60'", 0},
		{"blank before the equals sign", "max-age =60", 0},
		{"blank behind the equals sign", "max-age= 60", 0},
		{"blanks around the member", " \tmax-age=60 \t, public", 60 * time.Second},
		{"parameters", "max-age=60;foo=bar", 0},
		{"quote without an end", `max-age="60`, 0},
		{"a second, smaller one", "max-age=60, max-age=10", 10 * time.Second},
		{"a second, larger one", "max-age=10, max-age=60", 10 * time.Second},
		{"a second one that is invalid", "max-age=10, max-age=foo", 0},
		{"digits of another script", "max-age=٦٠", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := rfc9111.ParseCacheControl([]string{c.line})
			require.Equal(t, rfc9111.Delta{Duration: c.want, Set: true}, d.MaxAge)
		})
	}
}

func TestLine50DirectivesAreReadFromAllLinesInAnyCase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		want  rfc9111.ResponseDirectives
	}{
		{"no line", nil, rfc9111.ResponseDirectives{}},
		{"empty line", []string{""}, rfc9111.ResponseDirectives{}},
		{"commas only", []string{",, ,\t,"}, rfc9111.ResponseDirectives{}},
		{"any case", []string{"No-STORE, Max-Age=5, PUBLIC"}, rfc9111.ResponseDirectives{NoStore: true, MaxAge: seconds(5), Public: true}},
		{"unknown ones are ignored", []string{"community=UCI, foo, bar=\"x, no-store\", max-age=5"}, rfc9111.ResponseDirectives{MaxAge: seconds(5)}},
		{"several lines", []string{"max-age=5", "must-revalidate", "s-maxage=9"}, rfc9111.ResponseDirectives{MaxAge: seconds(5), MustRevalidate: true, SMaxAge: seconds(9)}},
		{"smallest of several lines", []string{"s-maxage=5", "s-maxage=3"}, rfc9111.ResponseDirectives{SMaxAge: seconds(3)}},
		{"all flags", []string{"no-store,no-cache,private,proxy-revalidate,must-understand,no-transform,immutable"}, rfc9111.ResponseDirectives{NoStore: true, NoCache: true, Private: true, ProxyRevalidate: true, MustUnderstand: true, NoTransform: true, Immutable: true}},
		{"RFC 5861", []string{"stale-while-revalidate=30, stale-if-error=60"}, rfc9111.ResponseDirectives{StaleWhileRevalidate: seconds(30), StaleIfError: seconds(60)}},
		{"a letter that only folds to ASCII is another name", []string{"no-ſtore, public"}, rfc9111.ResponseDirectives{Public: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, rfc9111.ParseCacheControl(c.lines))
		})
	}
}

func TestLine4QualifiedFormsCountAsUnqualified(t *testing.T) {
	t.Parallel()
	d := rfc9111.ParseCacheControl([]string{`private="set-cookie, x-user", max-age=60`})
	require.Equal(t, rfc9111.ResponseDirectives{Private: true, MaxAge: seconds(60)}, d)

	d = rfc9111.ParseCacheControl([]string{`no-cache="a\", no-store, b", max-age=60`})
	require.Equal(t, rfc9111.ResponseDirectives{NoCache: true, MaxAge: seconds(60)}, d,
		"an escaped quote does not end the argument")

	d = rfc9111.ParseCacheControl([]string{`private=x-user, no-cache=`})
	require.Equal(t, rfc9111.ResponseDirectives{Private: true, NoCache: true}, d)
}

func TestBrokenSyntaxRestrictsAndNeverPermits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, line string
		want       rfc9111.ResponseDirectives
	}{
		{"restrictions behind a quote without an end count", `foo="bar, no-store, private`, rfc9111.ResponseDirectives{NoStore: true, Private: true}},
		{"permissions behind it do not", `foo="bar, public, must-understand, immutable, max-age=60`, rfc9111.ResponseDirectives{MaxAge: seconds(0)}},
		{"must-revalidate behind it forbids without permitting", `foo="bar, must-revalidate`, rfc9111.ResponseDirectives{NoCache: true}},
		{"semicolons for commas", "private; max-age=60", rfc9111.ResponseDirectives{Private: true, MaxAge: seconds(0)}},
		{"semicolon behind an argument", "max-age=60; private", rfc9111.ResponseDirectives{MaxAge: seconds(0), Private: true}},
		{"blank for a comma", "no-store max-age=60", rfc9111.ResponseDirectives{NoStore: true, MaxAge: seconds(0)}},
		{"blank between permissions", "public immutable", rfc9111.ResponseDirectives{}},
		{"permission with an argument", "public=yes, must-understand=1, immutable=\"x\"", rfc9111.ResponseDirectives{}},
		{"restriction with an argument", "no-store=yes, proxy-revalidate=1", rfc9111.ResponseDirectives{NoStore: true, ProxyRevalidate: true}},
		{"argument without a name", "=5, =, max-age=1", rfc9111.ResponseDirectives{MaxAge: seconds(1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := rfc9111.ParseCacheControl([]string{c.line})
			require.Equal(t, c.want, d)
		})
	}
	d := rfc9111.ParseCacheControl([]string{`a="`, "public, max-age=60"})
	require.Equal(t, rfc9111.ResponseDirectives{Public: true, MaxAge: seconds(60)}, d, "a broken line does not spoil the next")
}

func TestLine48RequestDirectivesAndPragma(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		h    http.Header
		want rfc9111.RequestDirectives
	}{
		{"none", http.Header{}, rfc9111.RequestDirectives{}},
		{"pragma alone", http.Header{"Pragma": {"foo, No-Cache"}}, rfc9111.RequestDirectives{NoCache: true}},
		{"pragma beside cache-control", http.Header{"Pragma": {"no-cache"}, "Cache-Control": {"max-age=5"}}, rfc9111.RequestDirectives{MaxAge: seconds(5)}},
		{"unknown pragma", http.Header{"Pragma": {"no-cached"}}, rfc9111.RequestDirectives{}},
		{"all flags", http.Header{"Cache-Control": {"no-store, NO-CACHE", "no-transform,only-if-cached"}}, rfc9111.RequestDirectives{NoStore: true, NoCache: true, NoTransform: true, OnlyIfCached: true}},
		{"max-stale with an argument", http.Header{"Cache-Control": {"max-stale=10"}}, rfc9111.RequestDirectives{MaxStale: seconds(10)}},
		{"max-stale without", http.Header{"Cache-Control": {"max-stale"}}, rfc9111.RequestDirectives{MaxStale: seconds(1 << 31)}},
		{"max-stale with and without", http.Header{"Cache-Control": {"max-stale, max-stale=7"}}, rfc9111.RequestDirectives{MaxStale: seconds(7)}},
		{"unparsable arguments are ignored", http.Header{"Cache-Control": {"max-age=x, min-fresh=-1, max-stale=, max-stale=1.5"}}, rfc9111.RequestDirectives{}},
		{"the most demanding of several", http.Header{"Cache-Control": {"max-age=9, max-age=4, min-fresh=1, min-fresh=3"}}, rfc9111.RequestDirectives{MaxAge: seconds(4), MinFresh: seconds(3)}},
		{"overflow saturates", http.Header{"Cache-Control": {"min-fresh=99999999999999999999"}}, rfc9111.RequestDirectives{MinFresh: seconds(1 << 31)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, rfc9111.ParseRequest(c.h))
		})
	}
}

func TestWithoutReloadKeepsAllButTheReload(t *testing.T) {
	t.Parallel()
	d := rfc9111.ParseRequest(http.Header{"Cache-Control": {"no-cache, max-age=0, no-store, min-fresh=3"}})
	require.Equal(t, rfc9111.RequestDirectives{NoStore: true, MinFresh: seconds(3)}, d.WithoutReload())
	d = rfc9111.ParseRequest(http.Header{"Cache-Control": {"max-age=5"}})
	require.Equal(t, d, d.WithoutReload())
}

func TestLine36TargetedFieldIsAStructuredDictionary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		want  rfc9111.ResponseDirectives
		ok    bool
	}{
		{"absent", nil, rfc9111.ResponseDirectives{}, false},
		{"empty", []string{""}, rfc9111.ResponseDirectives{}, false},
		{"max-age", []string{"max-age=60"}, rfc9111.ResponseDirectives{Targeted: true, MaxAge: seconds(60)}, true},
		{"every directive", []string{"no-store, no-cache, private, public, must-revalidate, proxy-revalidate", "must-understand, no-transform, immutable, s-maxage=2, stale-while-revalidate=3, stale-if-error=4"}, rfc9111.ResponseDirectives{
			Targeted: true, NoStore: true, NoCache: true, Private: true, Public: true, MustRevalidate: true, ProxyRevalidate: true,
			MustUnderstand: true, NoTransform: true, Immutable: true, SMaxAge: seconds(2), StaleWhileRevalidate: seconds(3), StaleIfError: seconds(4),
		}, true},
		{"parameters are ignored", []string{"max-age=60;foo=bar;max-age=1"}, rfc9111.ResponseDirectives{Targeted: true, MaxAge: seconds(60)}, true},
		{"the last of duplicates counts", []string{"max-age=60, max-age=5"}, rfc9111.ResponseDirectives{Targeted: true, MaxAge: seconds(5)}, true},
		{"unknown members alone still replace Cache-Control", []string{"foo=1"}, rfc9111.ResponseDirectives{Targeted: true}, true},
		{"a false flag is absent", []string{"no-store=?0, max-age=1"}, rfc9111.ResponseDirectives{Targeted: true, MaxAge: seconds(1)}, true},
		{"a negative integer is stale", []string{"max-age=-5"}, rfc9111.ResponseDirectives{Targeted: true, MaxAge: seconds(0)}, true},
		{"the largest integer saturates", []string{"max-age=999999999999999"}, rfc9111.ResponseDirectives{Targeted: true, MaxAge: seconds(1 << 31)}, true},
		{"qualified by a string", []string{`private="x-user", no-cache=("a" "b")`}, rfc9111.ResponseDirectives{Targeted: true, Private: true, NoCache: true}, true},
		{"a string for delta-seconds", []string{`max-age="60"`}, rfc9111.ResponseDirectives{}, false},
		{"a decimal for delta-seconds", []string{"max-age=60.0"}, rfc9111.ResponseDirectives{}, false},
		{"a list for delta-seconds", []string{"max-age=(60)"}, rfc9111.ResponseDirectives{}, false},
		{"a flag for delta-seconds", []string{"max-age"}, rfc9111.ResponseDirectives{}, false},
		{"an integer for a flag", []string{"no-store=1, max-age=9"}, rfc9111.ResponseDirectives{}, false},
		{"a list for a flag", []string{"no-store=(a)"}, rfc9111.ResponseDirectives{}, false},
		{"upper case does not parse", []string{"Max-Age=60"}, rfc9111.ResponseDirectives{}, false},
		{"a trailing comma does not parse", []string{"max-age=60,"}, rfc9111.ResponseDirectives{}, false},
		{"one broken line spoils the field", []string{"max-age=60", "&"}, rfc9111.ResponseDirectives{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, ok := rfc9111.ParseTargeted(c.lines)
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, d)
		})
	}
}

func TestLine36ValidTargetedFieldReplacesCacheControl(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	h.Set("Cache-Control", "no-store")
	h.Set("CDN-Cache-Control", "max-age=60")
	require.Equal(t, rfc9111.ResponseDirectives{Targeted: true, MaxAge: seconds(60)}, rfc9111.ParseResponse(h, true))
	require.Equal(t, rfc9111.ResponseDirectives{NoStore: true}, rfc9111.ParseResponse(h, false))

	h.Set("CDN-Cache-Control", "max-age=&")
	require.Equal(t, rfc9111.ResponseDirectives{NoStore: true}, rfc9111.ParseResponse(h, true), "a broken field drops itself only")
}
