package rfc9111

import (
	"encoding/binary"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// ParseVary returns the request fields that a response's Vary lines nominate,
// in canonical form, sorted and without duplicates. star is true when a "*"
// stands anywhere (RFC 9110 section 12.5.5), or a member that is no field
// name: the response then matches no later request.
func ParseVary(lines []string) (names []string, star bool) {
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			member = trimOWS(member)
			if member == "" {
				continue
			}
			if member == "*" || !ValidName(member) {
				return nil, true
			}
			names = append(names, textproto.CanonicalMIMEHeaderKey(member))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), false
}

// AppendVariantKey appends to dst a key for the values that a request has in
// the named fields, and returns the extended slice. names is as ParseVary
// returns it. Two requests have the same key for the same names exactly when
// they match by RFC 9111 section 4.1: all lines of a field joined, and a field
// that is absent differing from one that is empty. The encoding is
// self-delimiting and injective also over names, so keys of different Vary
// fields never meet.
//
// net/http keeps Host out of the header map; a caller that gets Vary: Host
// must have the host in its primary key.
func AppendVariantKey(dst []byte, names []string, request http.Header) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(names)))
	for _, name := range names {
		dst = appendString(dst, name)
		lines, present := request[name]
		if !present || len(lines) == 0 {
			// A length counts from 1 on, which leaves 0 for absent.
			dst = append(dst, 0)
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(joinedLen(lines))+1)
		for i, line := range lines {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(dst, trimOWS(line)...)
		}
	}
	return dst
}

// VariantKey is AppendVariantKey as a string.
func VariantKey(names []string, request http.Header) string {
	if len(names) == 0 {
		return "\x00"
	}
	return string(AppendVariantKey(nil, names, request))
}

// MergeVary returns the lines of a Vary field that nominates what have and add
// nominate together. It adds to the lines of have, which it does not change,
// and only what they lack.
func MergeVary(have, add []string) []string {
	missing := make([]string, 0, 4)
	present, haveStar := ParseVary(have)
	wanted, addStar := ParseVary(add)
	switch {
	case haveStar:
	case addStar:
		missing = append(missing, "*")
	default:
		for _, name := range wanted {
			if !slices.Contains(present, name) {
				missing = append(missing, name)
			}
		}
	}
	if len(missing) == 0 {
		return have
	}
	return append(slices.Clip(have), strings.Join(missing, ", "))
}

// appendString appends s with its length in front.
func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// joinedLen is the length of all lines, trimmed and joined by ", ".
func joinedLen(lines []string) int {
	n := 2 * (len(lines) - 1)
	for _, line := range lines {
		n += len(trimOWS(line))
	}
	return n
}
