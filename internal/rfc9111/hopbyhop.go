package rfc9111

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// HopByHop reports whether the field with this canonical name belongs to one
// connection and is never stored (RFC 9111 section 3.1, RFC 9110 section
// 7.6.1). Fields that a Connection field lists are hop-by-hop, too; see
// [StorableHeader].
func HopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
		"Proxy-Authentication-Info", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// StorableHeader returns a deep copy of h with canonical names, without what
// must not be stored or replayed: hop-by-hop fields, those that Connection
// lists, trailer fields, and cookies. A field that h holds without any line
// (which keeps net/http from adding it) is kept so.
func StorableHeader(h http.Header) http.Header {
	h = Canonical(h)
	listed := connectionFields(h["Connection"])
	lines := 0
	for _, values := range h {
		lines += len(values)
	}
	stored := make(http.Header, len(h))
	all := make([]string, 0, lines)
	for name, values := range h {
		if unstorable(name) || slices.Contains(listed, name) {
			continue
		}
		from := len(all)
		all = append(all, values...)
		// One array serves all fields; the capacity keeps a later append
		// to one of them out of the next.
		stored[name] = all[from:len(all):len(all)]
	}
	return stored
}

// unstorable reports whether the field is never stored, whatever Connection
// says.
func unstorable(name string) bool {
	return HopByHop(name) || name == "Set-Cookie" || name == "Set-Cookie2" ||
		strings.HasPrefix(name, http.TrailerPrefix)
}

// connectionFields returns the canonical names that a Connection field lists.
func connectionFields(lines []string) []string {
	var names []string
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if member = trimOWS(member); member != "" {
				names = append(names, textproto.CanonicalMIMEHeaderKey(member))
			}
		}
	}
	return names
}
