package middleware

import (
	"slices"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
)

// Reason says why an answer was not taken from the cache or not put into it. Reasons are stable names: they appear as
// detail= in Cache-Status, in [Event] and in the log of [Development]. The package documentation has them in a table.
type Reason = coherence.Reason

// Reasons a request has for passing the cache by.
const (
	ReasonNotReady       Reason = "not-ready"
	ReasonMethod                = Reason(rfc9111.ReasonMethod)
	ReasonNested         Reason = "nested"
	ReasonRequestBody    Reason = "request-body"
	ReasonRange          Reason = "range"
	ReasonPrecondition   Reason = "precondition"
	ReasonUpgrade        Reason = "upgrade"
	ReasonNoStoreRequest        = Reason(rfc9111.ReasonNoStoreRequest)
	ReasonCookie         Reason = "cookie"
	ReasonNoIdentity     Reason = "no-identity"
	ReasonKey            Reason = "key-too-large"
	ReasonHead           Reason = "head"
	ReasonOnlyIfCached   Reason = "only-if-cached"
)

// Reasons an answer has for not being stored. A page whose reads the plugin cannot vouch for has one of the reasons of
// package coherence instead.
const (
	ReasonStatus         = Reason(rfc9111.ReasonStatus)
	ReasonPartial        = Reason(rfc9111.ReasonPartial)
	ReasonTrailer        = Reason(rfc9111.ReasonTrailer)
	ReasonNoStore        = Reason(rfc9111.ReasonNoStore)
	ReasonPrivate        = Reason(rfc9111.ReasonPrivate)
	ReasonAuthorization  = Reason(rfc9111.ReasonAuthorization)
	ReasonSetCookie      = Reason(rfc9111.ReasonSetCookie)
	ReasonVaryStar       = Reason(rfc9111.ReasonVaryStar)
	ReasonNonce          = Reason(rfc9111.ReasonNonce)
	ReasonCORS           = Reason(rfc9111.ReasonCORS)
	ReasonNoFreshness    = Reason(rfc9111.ReasonNoFreshness)
	ReasonNoCache        = Reason("no-cache")
	ReasonExpired        = Reason("expired")
	ReasonUnwritten      = Reason("unwritten")
	ReasonTooLarge       = Reason("too-large")
	ReasonHeaderTooLarge = Reason("header-too-large")
	ReasonMemory         = Reason("memory")
	ReasonStreamed       = Reason("streamed")
	ReasonHijacked       = Reason("hijacked")
	ReasonTruncated      = Reason("truncated")
	ReasonCancelled      = Reason("cancelled")
	ReasonPanicked       = Reason("panicked")
	ReasonStampsMoved    = Reason("stamps-moved")
	ReasonWaited         = Reason("waited")
	ReasonStore          = Reason("store")
)

// Reasons a stored page has for standing in for a handler that failed.
const (
	ReasonFailure Reason = "stale-if-error" // its time was over
	ReasonStale   Reason = "stamps"         // something it is made from has changed
)

// Reasons lists every reason there is, those of the reads included, in the order of the table in the package documentation.
func Reasons() []Reason {
	return slices.Concat([]Reason{
		ReasonNotReady, ReasonMethod, ReasonNested, ReasonRequestBody, ReasonRange, ReasonPrecondition, ReasonUpgrade,
		ReasonNoStoreRequest, ReasonCookie, ReasonNoIdentity, ReasonKey, ReasonHead, ReasonOnlyIfCached,

		ReasonStatus, ReasonPartial, ReasonTrailer, ReasonNoStore, ReasonPrivate, ReasonAuthorization, ReasonSetCookie,
		ReasonVaryStar, ReasonNonce, ReasonCORS, ReasonNoFreshness, ReasonNoCache, ReasonExpired, ReasonUnwritten,
		ReasonTooLarge, ReasonHeaderTooLarge, ReasonMemory, ReasonStreamed, ReasonHijacked, ReasonTruncated,
		ReasonCancelled, ReasonPanicked, ReasonStampsMoved, ReasonWaited, ReasonStore,

		ReasonFailure, ReasonStale,
	}, readReasons())
}

// readReasons are the reasons a read can have.
func readReasons() []Reason {
	return []Reason{
		coherence.ReasonRaw, coherence.ReasonTransaction, coherence.ReasonLocking, coherence.ReasonVolatile,
		coherence.ReasonClock, coherence.ReasonUnknown, coherence.ReasonRelation, coherence.ReasonArgument,
		coherence.ReasonRows, coherence.ReasonRLS, coherence.ReasonBypass, coherence.ReasonOff, coherence.ReasonValue,
		coherence.ReasonSize, coherence.ReasonPool, coherence.ReasonUntracked, coherence.ReasonStray,
		coherence.ReasonLate, coherence.ReasonWrote, coherence.ReasonScope, coherence.ReasonMany,
	}
}

// unshared reports whether a page was refused because somebody else must not see it.
func unshared(r Reason) bool {
	switch r {
	case ReasonCookie, ReasonAuthorization, ReasonSetCookie, ReasonPrivate, ReasonNonce, ReasonCORS, ReasonVaryStar,
		coherence.ReasonScope:
		return true
	}
	return false
}

// passing reports whether the next request for the same page may well be storable: such a refusal must not keep
// requests from waiting for each other.
func passing(r Reason) bool {
	switch r {
	case ReasonStampsMoved, ReasonCancelled, ReasonPanicked, ReasonMemory, ReasonWaited, ReasonStore, coherence.ReasonLate,
		ReasonFailure, ReasonStale:
		return true
	}
	return false
}
