package rfc9111

import (
	"net/http"
	"net/textproto"
	"strings"
)

// Canonical returns h with every name in canonical form. It returns h itself
// when that is already so, and otherwise a new map that shares the value
// slices; values of names that only differ in case are joined in one slice.
// Handlers that write w.Header()["ETag"] to keep the case of a name would
// otherwise hide the field from the cache.
func Canonical(h http.Header) http.Header {
	plain := true
	for name := range h {
		if textproto.CanonicalMIMEHeaderKey(name) != name {
			plain = false
			break
		}
	}
	if plain {
		return h
	}
	canonical := make(http.Header, len(h))
	for name, values := range h {
		name = textproto.CanonicalMIMEHeaderKey(name)
		have := canonical[name]
		// The full slice expression makes append copy instead of writing
		// behind the end of a slice that h still owns.
		canonical[name] = append(have[:len(have):len(have)], values...)
	}
	return canonical
}

// ValidName reports whether name is a field name: a token of RFC 9110
// section 5.6.2.
func ValidName(name string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		if !tokenByte(name[i]) {
			return false
		}
	}
	return true
}

// ValidValue reports whether value may stand in a field line: no control
// character but HTAB (RFC 9110 section 5.5), so neither CR, LF nor NUL.
// Decoders of stored headers use it against header injection.
func ValidValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; (c < ' ' && c != '\t') || c == 0x7f {
			return false
		}
	}
	return true
}

// tokenByte reports whether c is a tchar of RFC 9110 section 5.6.2.
func tokenByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c != 0 && strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// trimOWS removes optional whitespace (SP and HTAB) from both ends.
func trimOWS(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// foldEqual compares without regard to ASCII case. The length is compared
// first: no letter beyond ASCII folds to an ASCII letter of the same width.
func foldEqual(a, b string) bool {
	return len(a) == len(b) && strings.EqualFold(a, b)
}

// firstLine returns the first line of a field without surrounding whitespace,
// and whether the field is present at all.
func firstLine(h http.Header, name string) (string, bool) {
	lines := h[name]
	if len(lines) == 0 {
		return "", false
	}
	return trimOWS(lines[0]), true
}
