package rfc9111

import (
	"net/http"
	"slices"
)

// Freshens reports whether a 304 that answers a request made by
// [SetValidators] is about the stored response (RFC 9111 section 4.3.4): a
// strong ETag in it must be the stored one; a weak one must match it weakly;
// without ETag, Last-Modified must agree where both have one.
func Freshens(stored, notModified http.Header) bool {
	if tag, present := firstLine(notModified, "Etag"); present {
		have, _ := firstLine(stored, "Etag")
		if weakTag(tag) {
			return opaqueTag(tag) == opaqueTag(have)
		}
		return tag == have
	}
	return agree(stored, notModified, "Last-Modified")
}

// Freshen returns the header of the stored response after a 304 has confirmed
// it (RFC 9111 section 3.2): every field of the 304 replaces that of the
// stored response, except those that are never stored and those that describe
// the stored body and not the 304's. Neither argument is changed, and the
// result shares no memory with them.
func Freshen(stored, notModified http.Header) http.Header {
	fresh := StorableHeader(stored)
	for name, values := range StorableHeader(notModified) {
		if !describesBody(name) {
			fresh[name] = values
		}
	}
	// The 304 tells how old the response is now; an Age it does not carry is
	// not that of before.
	if len(notModified["Age"]) == 0 {
		delete(fresh, "Age")
	}
	return fresh
}

// HeadConfirms reports whether the answer to a HEAD request agrees with a
// stored GET response (RFC 9111 section 4.3.5): ETag, Last-Modified and
// Content-Length are equal wherever both have them. If so the stored response
// can be updated with [Freshen]; otherwise it is to be treated as stale.
func HeadConfirms(stored, head http.Header) bool {
	return agree(stored, head, "Etag") && agree(stored, head, "Last-Modified") &&
		agree(stored, head, "Content-Length")
}

// agree reports whether both headers have the same lines of a field, or one
// lacks it.
func agree(a, b http.Header, name string) bool {
	left, right := a[name], b[name]
	return len(left) == 0 || len(right) == 0 || slices.EqualFunc(left, right, func(l, r string) bool {
		return trimOWS(l) == trimOWS(r)
	})
}

// weakTag reports whether an entity tag is weak.
func weakTag(tag string) bool {
	return len(tag) > 2 && tag[:2] == "W/"
}

// describesBody reports whether a field tells how the body that came with it
// is coded, cut or summed.
func describesBody(name string) bool {
	switch name {
	case "Content-Length", "Content-Encoding", "Content-Range", "Content-Md5",
		"Content-Digest", "Digest":
		return true
	}
	return false
}
