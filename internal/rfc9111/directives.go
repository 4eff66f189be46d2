package rfc9111

import (
	"net/http"
	"strings"
	"time"
)

// Kind says whom a cache serves.
type Kind uint8

const (
	// SharedCache serves one stored response to many users.
	SharedCache Kind = iota
	// PrivateCache serves a stored response to one user only: `private`
	// responses may be stored; s-maxage and proxy-revalidate do not apply.
	PrivateCache
)

// ResponseDirectives are the directives of a response that govern a cache
// (RFC 9111 section 5.2.2, RFC 5861, RFC 8246). The zero value is a response
// without any.
type ResponseDirectives struct {
	// Targeted reports that the directives come from a targeted field
	// (RFC 9213); Cache-Control and Expires are then without effect.
	Targeted bool

	NoStore         bool
	NoCache         bool // also set by the qualified form, no-cache="field"
	Private         bool // also set by the qualified form, private="field"
	Public          bool
	MustRevalidate  bool
	ProxyRevalidate bool
	MustUnderstand  bool
	NoTransform     bool
	Immutable       bool

	// Invalid arguments read as 0, stale at once; of several values the
	// smallest counts.
	MaxAge               Delta
	SMaxAge              Delta
	StaleWhileRevalidate Delta
	StaleIfError         Delta
}

// RequestDirectives are the directives of a request (RFC 9111 section 5.2.1).
// The zero value is a request without any. Invalid arguments are ignored with
// their directive; of several values the most demanding counts.
type RequestDirectives struct {
	NoStore      bool
	NoCache      bool // Cache-Control, or Pragma when that is absent
	NoTransform  bool
	OnlyIfCached bool
	MaxAge       Delta
	MinFresh     Delta
	// MaxStale without an argument is Set with a Duration of 2^31 seconds.
	MaxStale Delta
}

// ParseResponse reads the directives of a response from all its field lines.
// With targeted, a valid CDN-Cache-Control field replaces Cache-Control.
func ParseResponse(h http.Header, targeted bool) ResponseDirectives {
	if targeted {
		if d, ok := ParseTargeted(h[CDNCacheControl]); ok {
			return d
		}
	}
	return ParseCacheControl(h["Cache-Control"])
}

// ParseCacheControl reads the lines of a response's Cache-Control field. Names
// are matched without regard to case and unknown ones are ignored. Text that
// does not follow the grammar can restrict what a cache may do, but it is not
// read as a permission.
func ParseCacheControl(lines []string) ResponseDirectives {
	var d ResponseDirectives
	for _, line := range lines {
		s := scanner{rest: line}
		for m, ok := s.next(); ok; m, ok = s.next() {
			d.apply(m)
			if !ValidName(m.name) {
				d.salvage(m.name)
			}
			if m.hasArg && !m.quoted && !ValidName(m.arg) {
				d.salvage(m.arg)
			}
		}
	}
	return d
}

// ParseRequest reads the directives of a request from all lines of its
// Cache-Control field, or of Pragma when there is no Cache-Control (RFC 9111
// section 5.4).
func ParseRequest(h http.Header) RequestDirectives {
	var d RequestDirectives
	lines := h["Cache-Control"]
	if len(lines) == 0 {
		for _, line := range h["Pragma"] {
			s := scanner{rest: line}
			for m, ok := s.next(); ok; m, ok = s.next() {
				d.NoCache = d.NoCache || foldEqual(m.name, "no-cache")
			}
		}
		return d
	}
	for _, line := range lines {
		s := scanner{rest: line}
		for m, ok := s.next(); ok; m, ok = s.next() {
			d.apply(m)
		}
	}
	return d
}

// WithoutReload returns d without what a browser's reload sends (no-cache and
// max-age=0), for caches that do not let clients force validation.
func (d RequestDirectives) WithoutReload() RequestDirectives {
	d.NoCache = false
	if d.MaxAge.Set && d.MaxAge.Duration == 0 {
		d.MaxAge = Delta{}
	}
	return d
}

// apply records one member of a response's field.
func (d *ResponseDirectives) apply(m directive) {
	// An argument where none belongs makes a permission void.
	odd := m.malformed || m.hasArg
	switch {
	case foldEqual(m.name, "max-age"):
		d.MaxAge.lower(m.seconds())
	case foldEqual(m.name, "s-maxage"):
		d.SMaxAge.lower(m.seconds())
	case foldEqual(m.name, "no-store"):
		d.NoStore = true
	case foldEqual(m.name, "no-cache"):
		d.NoCache = true
	case foldEqual(m.name, "private"):
		d.Private = true
	case foldEqual(m.name, "public"):
		d.Public = d.Public || !odd
	case foldEqual(m.name, "must-revalidate"):
		// Besides forbidding stale use it permits storing answers to
		// requests with Authorization. In doubt only the ban is read,
		// in its strictest form.
		d.MustRevalidate = d.MustRevalidate || !odd
		d.NoCache = d.NoCache || odd
	case foldEqual(m.name, "proxy-revalidate"):
		d.ProxyRevalidate = true
	case foldEqual(m.name, "must-understand"):
		d.MustUnderstand = d.MustUnderstand || !odd
	case foldEqual(m.name, "no-transform"):
		d.NoTransform = true
	case foldEqual(m.name, "immutable"):
		d.Immutable = d.Immutable || !odd
	case foldEqual(m.name, "stale-while-revalidate"):
		d.StaleWhileRevalidate.lower(m.seconds())
	case foldEqual(m.name, "stale-if-error"):
		d.StaleIfError.lower(m.seconds())
	}
}

// salvage looks for restrictions in text that should have been a token, such
// as `private; max-age=60` where a comma was meant.
func (d *ResponseDirectives) salvage(text string) {
	for word := range strings.FieldsFuncSeq(text, separator) {
		d.apply(directive{name: word, malformed: true})
	}
}

// apply records one member of a request's field.
func (d *RequestDirectives) apply(m directive) {
	switch {
	case foldEqual(m.name, "no-store"):
		d.NoStore = true
	case foldEqual(m.name, "no-cache"):
		d.NoCache = true
	case foldEqual(m.name, "no-transform"):
		d.NoTransform = true
	case foldEqual(m.name, "only-if-cached"):
		d.OnlyIfCached = d.OnlyIfCached || !m.malformed
	case foldEqual(m.name, "max-age"):
		if v, ok := m.delta(); ok {
			d.MaxAge.lower(v)
		}
	case foldEqual(m.name, "min-fresh"):
		if v, ok := m.delta(); ok {
			d.MinFresh.raise(v)
		}
	case foldEqual(m.name, "max-stale"):
		if v, ok := m.delta(); ok {
			d.MaxStale.lower(v)
		} else if !m.hasArg && !m.malformed {
			d.MaxStale.lower(maxDelta)
		}
	}
}

// delta returns the argument as delta-seconds, if it is one.
func (m directive) delta() (time.Duration, bool) {
	if !m.hasArg || m.malformed {
		return 0, false
	}
	return parseDelta(m.arg, m.quoted)
}

// seconds is delta with 0 for whatever is no delta-seconds.
func (m directive) seconds() time.Duration {
	v, _ := m.delta()
	return v
}

// separator reports whether r parts words in text that is no token.
func separator(r rune) bool {
	return r == ' ' || r == '\t' || r == ';' || r == '='
}
