package rfc9111

import (
	"net/http"
	"slices"
	"strings"
)

// Reason says in one word why a response is not stored. The empty Reason means
// that nothing stands against it. Every Reason is a token fit for the detail
// parameter of Cache-Status.
type Reason string

// The reasons of [Candidate.Refusal].
const (
	// ReasonMethod: the request's method is neither GET nor HEAD.
	ReasonMethod Reason = "method"
	// ReasonNoStoreRequest: the request carries no-store.
	ReasonNoStoreRequest Reason = "no-store-request"
	// ReasonStatus: the status may not be stored at all, or not for want of
	// explicit freshness, or is unknown and the response says must-understand.
	ReasonStatus Reason = "status"
	// ReasonPartial: the response is 206 or carries Content-Range.
	ReasonPartial Reason = "partial"
	// ReasonTrailer: the response announces or carries trailer fields.
	ReasonTrailer Reason = "trailer"
	// ReasonNoStore: the response carries no-store.
	ReasonNoStore Reason = "no-store"
	// ReasonPrivate: the response is private and the cache is shared.
	ReasonPrivate Reason = "private"
	// ReasonAuthorization: the request is authorized and the response does not
	// say that it may be shared all the same.
	ReasonAuthorization Reason = "authorization"
	// ReasonSetCookie: the response sets a cookie.
	ReasonSetCookie Reason = "set-cookie"
	// ReasonVaryStar: the response varies on more than request fields.
	ReasonVaryStar Reason = "vary-star"
	// ReasonNonce: a Content-Security-Policy holds a nonce, which is good for
	// one response only.
	ReasonNonce Reason = "csp-nonce"
	// ReasonCORS: the response allows one origin and does not vary on Origin.
	ReasonCORS Reason = "cors"
	// ReasonNoFreshness: nothing says how long the response stays fresh.
	ReasonNoFreshness Reason = "no-freshness"
)

// Candidate is a response that might be stored, with what is known of its
// request.
type Candidate struct {
	// Kind says whom the cache serves.
	Kind Kind
	// Method and Request describe the request.
	Method  string
	Request RequestDirectives
	// Authorized says that the request carries Authorization, or counts as
	// if it did.
	Authorized bool
	// Status, Response and Header describe the response; Header is all that
	// would reach the client, whoever set it.
	Status   int
	Response ResponseDirectives
	Header   http.Header
	// Own is the part of Header that would be stored; nil means all of it.
	// Only here does Access-Control-Allow-Origin count.
	Own http.Header
	// Assigned says that the cache itself bounds the life of the response,
	// by a default lifetime or by watching what it was made from. It stands
	// in for explicit freshness for the statuses of [AssignableStatus].
	Assigned bool
	// Heuristic says that the cache estimates a lifetime from Last-Modified
	// (see [HeuristicLifetime]) and that it found one.
	Heuristic bool
	// DropsCookies says that the response is stored although it sets
	// cookies, because the cache removes them.
	DropsCookies bool
}

// Refusal returns why the response may not be stored (RFC 9111 section 3), or
// "". Of several reasons the one that a handler can do least about comes first.
func (c Candidate) Refusal() Reason {
	if c.Method != http.MethodGet && c.Method != http.MethodHead {
		return ReasonMethod
	}
	if c.Request.NoStore {
		return ReasonNoStoreRequest
	}
	if reason := c.incomplete(); reason != "" {
		return reason
	}
	if reason := c.forbidden(); reason != "" {
		return reason
	}
	return c.perishable()
}

// Shareable reports whether d permits a shared cache to store the answer to a
// request with Authorization and to reuse it (RFC 9111 section 3.5).
func (d ResponseDirectives) Shareable() bool {
	return d.Public || d.SMaxAge.Set || d.MustRevalidate
}

// AssignableStatus reports whether a response with this status may be stored
// on a lifetime that the cache assigns. Other statuses are too often the
// answer to a passing condition or to one user.
func AssignableStatus(status int) bool {
	switch status {
	case http.StatusOK, http.StatusNoContent, http.StatusMovedPermanently,
		http.StatusPermanentRedirect, http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// HeuristicStatus reports whether status is heuristically cacheable (RFC 9110
// section 15.1); 206 is left out, as partial responses are never stored.
func HeuristicStatus(status int) bool {
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusNoContent,
		http.StatusMultipleChoices, http.StatusMovedPermanently, http.StatusPermanentRedirect,
		http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone,
		http.StatusRequestURITooLong, http.StatusNotImplemented:
		return true
	}
	return false
}

// UnderstoodStatus reports whether the caching rules of a final status are
// known here and followed, which must-understand asks for (RFC 9111 section
// 5.2.2.3).
func UnderstoodStatus(status int) bool {
	switch {
	case !storableStatus(status), status == 306, status == http.StatusTeapot:
		return false
	}
	return http.StatusText(status) != ""
}

// incomplete looks for responses that are no whole representation.
func (c Candidate) incomplete() Reason {
	_, ranged := c.Header["Content-Range"]
	if c.Status == http.StatusPartialContent || ranged {
		return ReasonPartial
	}
	if !storableStatus(c.Status) {
		return ReasonStatus
	}
	if len(c.Header["Trailer"]) > 0 {
		return ReasonTrailer
	}
	for name := range c.Header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return ReasonTrailer
		}
	}
	return ""
}

// forbidden looks for what the response or its request rule out.
func (c Candidate) forbidden() Reason {
	d, shared := c.Response, c.Kind == SharedCache
	if d.MustUnderstand && !UnderstoodStatus(c.Status) {
		return ReasonStatus
	}
	// Beside must-understand, no-store is meant for caches that do not know
	// must-understand.
	if d.NoStore && !d.MustUnderstand {
		return ReasonNoStore
	}
	if d.Private && shared {
		return ReasonPrivate
	}
	if c.Authorized && shared && !d.Shareable() {
		return ReasonAuthorization
	}
	if !c.DropsCookies && (len(c.Header["Set-Cookie"]) > 0 || len(c.Header["Set-Cookie2"]) > 0) {
		return ReasonSetCookie
	}
	vary, star := ParseVary(c.Header["Vary"])
	if star {
		return ReasonVaryStar
	}
	if hasNonce(c.Header["Content-Security-Policy"]) || hasNonce(c.Header["Content-Security-Policy-Report-Only"]) {
		return ReasonNonce
	}
	if shared && c.namesOrigin() && !slices.Contains(vary, "Origin") {
		return ReasonCORS
	}
	return ""
}

// perishable looks for something that ends the life of the stored response.
func (c Candidate) perishable() Reason {
	if c.Response.Explicit(c.Header, c.Kind) {
		return ""
	}
	if c.Heuristic && (HeuristicStatus(c.Status) || c.Response.Public) {
		return ""
	}
	if !c.Assigned {
		return ReasonNoFreshness
	}
	if !AssignableStatus(c.Status) {
		return ReasonStatus
	}
	return ""
}

// namesOrigin reports whether the part to be stored allows particular origins.
func (c Candidate) namesOrigin() bool {
	own := c.Own
	if own == nil {
		own = c.Header
	}
	for _, line := range own["Access-Control-Allow-Origin"] {
		if trimOWS(line) != "*" {
			return true
		}
	}
	return false
}

// storableStatus leaves out what is no final status, what is no representation
// (206, 304), and the statuses of RFC 6585 that no cache may store.
func storableStatus(status int) bool {
	switch status {
	case http.StatusPartialContent, http.StatusNotModified,
		http.StatusPreconditionRequired, http.StatusTooManyRequests,
		http.StatusRequestHeaderFieldsTooLarge, http.StatusNetworkAuthenticationRequired:
		return false
	}
	return status >= 200 && status <= 999
}

// hasNonce reports whether a Content-Security-Policy field holds a nonce
// source.
func hasNonce(lines []string) bool {
	const source = "'nonce-"
	for _, line := range lines {
		for quote := strings.IndexByte(line, '\''); quote >= 0; quote = strings.IndexByte(line, '\'') {
			line = line[quote:]
			if len(line) >= len(source) && foldEqual(line[:len(source)], source) {
				return true
			}
			line = line[1:]
		}
	}
	return false
}
