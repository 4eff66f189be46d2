package rfc9111

import (
	"net/http"
	"time"
)

// Entry is what must be known of a stored response to decide whether it
// answers a request.
type Entry struct {
	// Age is the current age, Lifetime the freshness lifetime.
	Age      time.Duration
	Lifetime time.Duration
	// NoCache: not to be used without validation, fresh or not.
	NoCache bool
	// MustRevalidate: never to be used stale.
	MustRevalidate bool
	// StaleWhileRevalidate and StaleIfError are how long after its end of
	// freshness the response may be used while it is refreshed, or when that
	// fails (RFC 5861).
	StaleWhileRevalidate time.Duration
	StaleIfError         time.Duration
	// Validated says that the cache knows the response to be current. NoCache,
	// a client's no-cache and its max-age are then satisfied; Lifetime still
	// bounds.
	Validated bool
}

// Verdict says what to do with a stored response.
type Verdict uint8

const (
	// MustValidate says that the handler must be asked.
	MustValidate Verdict = iota
	// Unsatisfiable says that the handler would have to be asked, but the client said
	// only-if-cached; the answer is 504 (RFC 9111 section 5.2.1.7).
	Unsatisfiable
	// UseFresh says that the stored response is the answer.
	UseFresh
	// UseStale says that the stored response is stale, and the client's max-stale
	// accepts it.
	UseStale
	// UseAndRefresh says that the stored response is stale and is the answer, and it
	// is to be refreshed in the background.
	UseAndRefresh
)

// String returns the name of the verdict.
func (v Verdict) String() string {
	switch v {
	case MustValidate:
		return "must-validate"
	case Unsatisfiable:
		return "unsatisfiable"
	case UseFresh:
		return "use-fresh"
	case UseStale:
		return "use-stale"
	case UseAndRefresh:
		return "use-and-refresh"
	}
	return "unknown"
}

// Entry returns an Entry with all that the directives tell a cache of this
// kind; Age, Lifetime and Validated are the caller's to add. A shared cache
// reads s-maxage and proxy-revalidate as must-revalidate (RFC 9111 sections
// 5.2.2.8 and 5.2.2.10).
func (d ResponseDirectives) Entry(kind Kind) Entry {
	shared := kind == SharedCache
	return Entry{
		NoCache:              d.NoCache,
		MustRevalidate:       d.MustRevalidate || (shared && (d.ProxyRevalidate || d.SMaxAge.Set)),
		StaleWhileRevalidate: d.StaleWhileRevalidate.Duration,
		StaleIfError:         d.StaleIfError.Duration,
	}
}

// TTL is how long the entry stays fresh from now on; negative when it is stale.
func (e Entry) TTL() time.Duration {
	return e.Lifetime - e.Age
}

// Fresh reports whether the age has not reached the lifetime (RFC 9111 section
// 4.2).
func (e Entry) Fresh() bool {
	return e.Lifetime > e.Age
}

// Decide returns what a request with these directives gets from the entry
// (RFC 9111 sections 4, 4.2.4 and 5.2.1).
func (d RequestDirectives) Decide(e Entry) Verdict {
	verdict := d.usable(e)
	if verdict == MustValidate && d.OnlyIfCached {
		return Unsatisfiable
	}
	return verdict
}

// UsableOnError reports whether the entry may answer because the handler
// failed (RFC 5861 section 4): within its stale-if-error window, unless a
// directive of the response forbids stale use. A fresh entry that only the
// client wanted validated may, too. Age and Lifetime are all it looks at: a
// cache that knows the entry to be outdated for another reason asks
// StaleIfError of the directives first.
func (e Entry) UsableOnError() bool {
	if e.NoCache || (e.MustRevalidate && !e.Fresh()) {
		return false
	}
	return e.Fresh() || (e.StaleIfError > 0 && e.staleness() <= e.StaleIfError)
}

// ErrorStatus reports whether a status is a failure that stale-if-error covers
// (RFC 5861 section 4).
func ErrorStatus(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// usable is Decide without only-if-cached.
func (d RequestDirectives) usable(e Entry) Verdict {
	if !e.Validated {
		if e.NoCache || d.NoCache {
			return MustValidate
		}
		// max-age=0 asks for validation even of what was stored this instant.
		if d.MaxAge.Set && (e.Age > d.MaxAge.Duration || d.MaxAge.Duration == 0) {
			return MustValidate
		}
	}
	if d.MinFresh.Set && e.TTL() < d.MinFresh.Duration {
		return MustValidate
	}
	if e.Fresh() {
		return UseFresh
	}
	if e.MustRevalidate || e.NoCache {
		return MustValidate
	}
	if d.MaxStale.Set && e.staleness() > d.MaxStale.Duration {
		return MustValidate
	}
	// A client that bounds the age and says nothing of max-stale does not want
	// a stale answer (RFC 9111 section 5.2.1.1).
	wantsFresh := d.MaxAge.Set && !d.MaxStale.Set && !e.Validated
	if !wantsFresh && e.StaleWhileRevalidate > 0 && e.staleness() <= e.StaleWhileRevalidate {
		return UseAndRefresh
	}
	if d.MaxStale.Set {
		return UseStale
	}
	return MustValidate
}

// staleness is for how long the entry has been stale.
func (e Entry) staleness() time.Duration {
	return e.Age - e.Lifetime
}
