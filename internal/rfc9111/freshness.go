package rfc9111

import (
	"net/http"
	"time"
)

// maxHeuristic bounds an estimated lifetime.
const maxHeuristic = 24 * time.Hour

// Explicit reports whether the response says itself how long it stays fresh,
// be it 0 (RFC 9111 section 4.2.1).
func (d ResponseDirectives) Explicit(h http.Header, kind Kind) bool {
	if d.MaxAge.Set || (d.SMaxAge.Set && kind == SharedCache) {
		return true
	}
	return !d.Targeted && len(h["Expires"]) > 0
}

// Lifetime returns the explicit freshness lifetime of a response, by the first
// of s-maxage (shared caches only), max-age, and Expires minus Date (RFC 9111
// section 4.2.1). ok is false when there is none. With targeted directives
// Expires does not count. received is when the response arrived; it stands in
// for a missing or invalid Date. The lifetime is never negative.
func (d ResponseDirectives) Lifetime(h http.Header, received time.Time, kind Kind) (lifetime time.Duration, ok bool) {
	switch {
	case d.SMaxAge.Set && kind == SharedCache:
		return d.SMaxAge.Duration, true
	case d.MaxAge.Set:
		return d.MaxAge.Duration, true
	case d.Targeted || len(h["Expires"]) == 0:
		return 0, false
	}
	date := ResponseDate(h, received)
	lifetime = maxDelta
	for _, line := range h["Expires"] {
		// What is no date, such as "0", is a time in the past (RFC 9111
		// section 5.3). Of several lines the earliest counts.
		expires, valid := ParseDate(line, received)
		if !valid {
			return 0, true
		}
		lifetime = min(lifetime, max(expires.Sub(date), 0))
	}
	return lifetime, true
}

// HeuristicLifetime estimates a lifetime for a response without an explicit
// one (RFC 9111 section 4.2.2): a tenth of the time from Last-Modified to
// Date, at most 24 hours. ok is false when the status is not heuristically
// cacheable and the response is not public, and when Last-Modified is missing,
// invalid, or after Date.
func (d ResponseDirectives) HeuristicLifetime(h http.Header, status int, received time.Time) (lifetime time.Duration, ok bool) {
	if !HeuristicStatus(status) && !d.Public {
		return 0, false
	}
	line, present := firstLine(h, "Last-Modified")
	if !present {
		return 0, false
	}
	modified, valid := ParseDate(line, received)
	if !valid {
		return 0, false
	}
	unchanged := ResponseDate(h, received).Sub(modified)
	if unchanged < 0 {
		return 0, false
	}
	return min(unchanged/10, maxHeuristic), true
}

// ResponseDate returns the Date of a response, or received when it has none
// that can be read (RFC 9110 section 6.6.1).
func ResponseDate(h http.Header, received time.Time) time.Time {
	if line, present := firstLine(h, "Date"); present {
		if date, valid := ParseDate(line, received); valid {
			return date
		}
	}
	return received
}
