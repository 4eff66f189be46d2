package rfc9111_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// noon is when the responses of these tests arrive.
var noon = time.Date(2026, time.March, 10, 12, 0, 0, 0, time.UTC)

// at writes noon moved by d.
func at(d time.Duration) string { return rfc9111.FormatDate(noon.Add(d)) }

func TestLine29OrderOfLifetimes(t *testing.T) {
	t.Parallel()
	all := []string{
		"CDN-Cache-Control", "max-age=1", "Cache-Control", "s-maxage=2, max-age=3",
		"Date", at(0), "Expires", at(4 * time.Second), "Last-Modified", at(-50 * time.Second),
	}
	for _, c := range []struct {
		name     string
		kind     rfc9111.Kind
		targeted bool
		lines    []string
		want     time.Duration
		ok       bool
	}{
		{"targeted first", rfc9111.SharedCache, true, all, 1 * time.Second, true},
		{"then s-maxage", rfc9111.SharedCache, false, all, 2 * time.Second, true},
		{"then max-age", rfc9111.PrivateCache, false, all, 3 * time.Second, true},
		{"then Expires", rfc9111.SharedCache, false, all[4:], 4 * time.Second, true},
		{"then nothing explicit", rfc9111.SharedCache, false, all[8:], 0, false},
		{"targeted s-maxage before targeted max-age", rfc9111.SharedCache, true, []string{"CDN-Cache-Control", "max-age=9, s-maxage=5"}, 5 * time.Second, true},
		{"targeted without a lifetime", rfc9111.SharedCache, true, append([]string{"CDN-Cache-Control", "public"}, all[2:]...), 0, false},
		{"max-age of zero hides Expires", rfc9111.SharedCache, false, append([]string{"Cache-Control", "max-age=0"}, all[4:]...), 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := header(c.lines...)
			d := rfc9111.ParseResponse(h, c.targeted)
			lifetime, ok := d.Lifetime(h, noon, c.kind)
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, lifetime)
			require.Equal(t, c.ok, d.Explicit(h, c.kind))
		})
	}
}

func TestLine31ExpiresIsRelativeToDateAndInvalidMeansExpired(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		want  time.Duration
	}{
		{"relative to Date, not to the clock", []string{"Date", at(-time.Hour), "Expires", at(-time.Hour + time.Minute)}, time.Minute},
		{"Date ahead of the clock", []string{"Date", at(time.Hour), "Expires", at(time.Hour + time.Minute)}, time.Minute},
		{"no Date", []string{"Expires", at(time.Minute)}, time.Minute},
		{"invalid Date", []string{"Date", "now", "Expires", at(time.Minute)}, time.Minute},
		{"equal to Date", []string{"Date", at(0), "Expires", at(0)}, 0},
		{"before Date", []string{"Date", at(0), "Expires", at(-time.Second)}, 0},
		{"zero", []string{"Expires", "0"}, 0},
		{"minus one", []string{"Expires", "-1"}, 0},
		{"empty", []string{"Expires", ""}, 0},
		{"words", []string{"Expires", "Thursday"}, 0},
		{"another zone", []string{"Expires", "Tue, 10 Mar 2026 12:01:00 CET"}, 0},
		{"far future saturates", []string{"Date", at(0), "Expires", "Fri, 31 Dec 9999 23:59:59 GMT"}, saturated},
		{"several lines, the earliest", []string{"Date", at(0), "Expires", at(time.Hour), "Expires", at(time.Minute)}, time.Minute},
		{"several lines, one invalid", []string{"Date", at(0), "Expires", at(time.Hour), "Expires", "0"}, 0},
		{"RFC 850", []string{"Date", at(0), "Expires", "Tuesday, 10-Mar-26 12:01:00 GMT"}, time.Minute},
		{"asctime", []string{"Date", at(0), "Expires", "Tue Mar 10 12:01:00 2026"}, time.Minute},
		{"any case", []string{"Date", at(0), "Expires", "tUE, 10 mAR 2026 12:01:00 gmt"}, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lifetime, ok := rfc9111.ResponseDirectives{}.Lifetime(header(c.lines...), noon, rfc9111.SharedCache)
			require.True(t, ok)
			require.Equal(t, c.want, lifetime)
		})
	}
}

func TestLine31DatesInThreeForms(t *testing.T) {
	t.Parallel()
	want := time.Date(1994, time.November, 6, 8, 49, 37, 0, time.UTC)
	for value, ok := range map[string]bool{
		"Sun, 06 Nov 1994 08:49:37 GMT":     true,
		" Sun, 06 Nov 1994 08:49:37 GMT\t":  true,
		"SUN, 06 NOV 1994 08:49:37 gmt":     true,
		"Mon, 06 Nov 1994 08:49:37 GMT":     true, // the wrong day of the week
		"Sunday, 06-Nov-94 08:49:37 GMT":    true,
		"sunday, 06-nov-94 08:49:37 Gmt":    true,
		"Sun Nov  6 08:49:37 1994":          true,
		"Sun Nov 06 08:49:37 1994":          true,
		"Sun, 6 Nov 1994 08:49:37 GMT":      false,
		"Sun, 06 Nov 1994 8:49:37 GMT":      false,
		"Sun, 06 Nov 1994 08:49:37 UTC":     false,
		"Sun, 06 Nov 1994 08:49:37 +0000":   false,
		"Sun, 06 Nov 1994 08:49:37":         false,
		"Sun, 06 Nov 1994 08.49.37 GMT":     false,
		"Sun, 06 Nov 1994 08:49:37.5 GMT":   false,
		"Sun, 06 Nov 94 08:49:37 GMT":       false,
		"Sun, 06-Nov-1994 08:49:37 GMT":     false,
		"Sun,  06 Nov 1994 08:49:37 GMT":    false,
		"Sun 06 Nov 1994 08:49:37 GMT":      false,
		"Sun, 06 Nov 1994 24:49:37 GMT":     false,
		"Sun, 06 Nov 1994 08:60:37 GMT":     false,
		"Sun, 06 Nov 1994 08:49:61 GMT":     false,
		"Sun, 31 Nov 1994 08:49:37 GMT":     false,
		"Sun, 00 Nov 1994 08:49:37 GMT":     false,
		"Sun, 06 Nox 1994 08:49:37 GMT":     false,
		"Xyz, 06 Nov 1994 08:49:37 GMT":     false,
		"Sunday, 06-Nov-1994 08:49:37 GMT":  false,
		"Someday, 06-Nov-94 08:49:37 GMT":   false,
		"Sun Nov 6 08:49:37 1994":           false,
		"Sun Nov  6 08:49:37 94  ":          false,
		"Tue, 29 Feb 1994 08:49:37 GMT":     false,
		"":                                  false,
		",":                                 false,
		"0":                                 false,
		"784111777":                         false,
		"Sun, 06 Nov 1994 08:49:37 GMT, ok": false,
	} {
		got, valid := rfc9111.ParseDate(value, noon)
		require.Equal(t, ok, valid, value)
		if ok {
			require.Equal(t, want, got, value)
		}
	}
	leap, ok := rfc9111.ParseDate("Sat, 31 Dec 2016 23:59:60 GMT", noon)
	require.True(t, ok)
	require.Equal(t, time.Date(2017, time.January, 1, 0, 0, 0, 0, time.UTC), leap)
}

func TestLine31TwoDigitYearsMoreThanFiftyYearsAheadArePast(t *testing.T) {
	t.Parallel()
	for digits, year := range map[string]int{"26": 2026, "75": 2075, "76": 2076, "77": 1977, "94": 1994, "00": 2000} {
		got, ok := rfc9111.ParseDate("Sunday, 01-Jan-"+digits+" 00:00:00 GMT", noon)
		require.True(t, ok, digits)
		require.Equal(t, year, got.Year(), digits)
	}
	got, ok := rfc9111.ParseDate("Sunday, 29-Feb-00 00:00:00 GMT", time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC))
	require.True(t, ok, "2100 has no 29 February, 2000 has")
	require.Equal(t, 2000, got.Year())
}

func TestLine34HeuristicLifetimeIsATenthAndAtMostADay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		lines  []string
		want   time.Duration
		ok     bool
	}{
		{"a tenth", 200, []string{"Date", at(0), "Last-Modified", at(-100 * time.Minute)}, 10 * time.Minute, true},
		{"by Date, not by the clock", 200, []string{"Date", at(-50 * time.Minute), "Last-Modified", at(-100 * time.Minute)}, 5 * time.Minute, true},
		{"capped", 200, []string{"Last-Modified", at(-1000 * 24 * time.Hour)}, 24 * time.Hour, true},
		{"status that is not heuristically cacheable", 302, []string{"Last-Modified", at(-time.Hour)}, 0, false},
		{"unless public", 302, []string{"Cache-Control", "public", "Last-Modified", at(-time.Hour)}, 6 * time.Minute, true},
		{"no Last-Modified", 200, nil, 0, false},
		{"invalid Last-Modified", 200, []string{"Last-Modified", "yesterday"}, 0, false},
		{"modified after Date", 200, []string{"Date", at(0), "Last-Modified", at(time.Second)}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := header(c.lines...)
			lifetime, ok := rfc9111.ParseResponse(h, false).HeuristicLifetime(h, c.status, noon)
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, lifetime)
		})
	}
}

func TestLine32InitialAgeCountsDateAgeAndDelay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		want  time.Duration
	}{
		{"nothing but the delay", nil, 2 * time.Second},
		{"Date", []string{"Date", at(-time.Minute)}, time.Minute},
		{"Date in the future", []string{"Date", at(time.Minute)}, 2 * time.Second},
		{"Age and delay", []string{"Age", "10"}, 12 * time.Second},
		{"Age below Date", []string{"Age", "10", "Date", at(-time.Minute)}, time.Minute},
		{"Age above Date", []string{"Age", "100", "Date", at(-time.Minute)}, 102 * time.Second},
		{"first of several lines", []string{"Age", "10", "Age", "50"}, 12 * time.Second},
		{"first of several values", []string{"Age", "10 , 50"}, 12 * time.Second},
		{"negative", []string{"Age", "-10"}, 2 * time.Second},
		{"fraction", []string{"Age", "1.5"}, 2 * time.Second},
		{"garbage", []string{"Age", "10s"}, 2 * time.Second},
		{"empty", []string{"Age", ""}, 2 * time.Second},
		{"overflow", []string{"Age", "99999999999999999999"}, saturated},
		{"ancient Date", []string{"Date", "Mon, 01 Jan 0001 00:00:00 GMT"}, saturated},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, rfc9111.InitialAge(header(c.lines...), noon.Add(-2*time.Second), noon))
		})
	}
	require.Zero(t, rfc9111.InitialAge(http.Header{}, noon.Add(time.Hour), noon), "a delay is not negative")
}

func TestLine32CurrentAgeAddsResidenceAndIsNeverNegative(t *testing.T) {
	t.Parallel()
	require.Equal(t, 15*time.Second, rfc9111.CurrentAge(10*time.Second, 5*time.Second))
	require.Equal(t, 10*time.Second, rfc9111.CurrentAge(10*time.Second, -5*time.Second))
	require.Equal(t, 5*time.Second, rfc9111.CurrentAge(-10*time.Second, 5*time.Second))
	require.Equal(t, saturated, rfc9111.CurrentAge(1<<62, 1<<62))

	require.Equal(t, "0", rfc9111.FormatSeconds(-time.Second))
	require.Equal(t, "1", rfc9111.FormatSeconds(1999*time.Millisecond))
	require.Equal(t, "2147483648", rfc9111.FormatSeconds(1<<62))
}

func TestLine33ResidenceIsMonotonicAndAFutureTimeAges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stored := time.Now()
		<-time.After(90 * time.Second)
		require.Equal(t, 90*time.Second, rfc9111.Resident(stored, time.Now()))
	})
	require.Equal(t, time.Minute, rfc9111.Resident(noon.Add(-time.Minute), noon))
	require.Equal(t, time.Hour, rfc9111.Resident(noon.Add(time.Hour), noon), "the clock was set back by an hour")
	require.Equal(t, saturated, rfc9111.Resident(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), noon))
}
