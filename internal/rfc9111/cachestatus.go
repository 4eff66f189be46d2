package rfc9111

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dunglas/httpsfv"
)

// Fwd says why a request went to the handler (RFC 9211 section 2.2).
type Fwd string

// The values of the fwd parameter.
const (
	FwdBypass   Fwd = "bypass"
	FwdMethod   Fwd = "method"
	FwdURIMiss  Fwd = "uri-miss"
	FwdVaryMiss Fwd = "vary-miss"
	FwdMiss     Fwd = "miss"
	FwdRequest  Fwd = "request"
	FwdStale    Fwd = "stale"
	FwdPartial  Fwd = "partial"
)

// CacheStatus is how a cache handled one request: a member of the Cache-Status
// field (RFC 9211). Without Fwd it is a hit.
type CacheStatus struct {
	// Cache names the cache. It is written as a token where it is one.
	Cache string
	// Fwd is empty for a hit. FwdStatus (0 for unknown), Stored and Collapsed
	// are written beside Fwd only.
	Fwd       Fwd
	FwdStatus int
	Stored    bool
	Collapsed bool
	// TTL is the freshness lifetime left, negative when stale; written in
	// whole seconds if HasTTL.
	TTL    time.Duration
	HasTTL bool
	// Key and Detail are left out when empty. Bytes that no Structured Field
	// can carry are written as "?".
	Key    string
	Detail string
}

// AddTo appends the member to the Cache-Status field of h; see [AddStatus].
func (s CacheStatus) AddTo(h http.Header) { AddStatus(h, s.String()) }

// AddStatus appends a member, as [CacheStatus.String] writes it, to the
// Cache-Status field of h as a line of its own, after those of caches nearer to
// the origin. Lines that are no Structured Field list would make the whole
// field invalid and are dropped. The slice that h holds is not written to.
func AddStatus(h http.Header, member string) {
	const name = "Cache-Status"
	have := h[name]
	if len(have) > 0 {
		// An empty line, which is a list by itself, is none with more behind it.
		if list, err := httpsfv.UnmarshalList(have); err != nil || len(list) == 0 {
			have = nil
		}
	}
	h[name] = append(slices.Clip(have), member)
}

// String returns the member as it stands in the field.
func (s CacheStatus) String() string {
	return string(s.Append(make([]byte, 0, 96)))
}

// Append appends the member as it stands in the field to dst and returns the
// extended slice.
func (s CacheStatus) Append(dst []byte) []byte {
	dst = appendName(dst, s.Cache)
	if s.Fwd == "" {
		dst = append(dst, ";hit"...)
	} else {
		dst = appendName(append(dst, ";fwd="...), string(s.Fwd))
		if s.FwdStatus != 0 {
			dst = strconv.AppendInt(append(dst, ";fwd-status="...), int64(s.FwdStatus), 10)
		}
		if s.Stored {
			dst = append(dst, ";stored"...)
		}
		if s.Collapsed {
			dst = append(dst, ";collapsed"...)
		}
	}
	if s.HasTTL {
		dst = strconv.AppendInt(append(dst, ";ttl="...), floorSeconds(s.TTL), 10)
	}
	if s.Key != "" {
		dst = appendQuoted(append(dst, ";key="...), s.Key)
	}
	if s.Detail != "" {
		dst = appendName(append(dst, ";detail="...), s.Detail)
	}
	return dst
}

// floorSeconds rounds down also below 0: stale by half a second is -1.
func floorSeconds(d time.Duration) int64 {
	seconds := int64(d / time.Second)
	if d%time.Second < 0 {
		seconds--
	}
	return seconds
}

// appendName writes text as a Token if it is one and as a String otherwise
// (RFC 9651 sections 3.3.3 and 3.3.4).
func appendName(dst []byte, text string) []byte {
	if !structuredToken(text) {
		return appendQuoted(dst, text)
	}
	return append(dst, text...)
}

// appendQuoted writes text as a String of Structured Fields.
func appendQuoted(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			dst = append(dst, '?')
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// structuredToken reports whether text is an sf-token: its alphabet is that of
// a token, ":" and "/", its start narrower.
func structuredToken(text string) bool {
	if text == "" {
		return false
	}
	if c := text[0]; c != '*' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
		return false
	}
	for i := 1; i < len(text); i++ {
		if c := text[i]; c != ':' && c != '/' && !tokenByte(c) {
			return false
		}
	}
	return true
}
