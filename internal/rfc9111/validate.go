package rfc9111

import (
	"net/http"
	"strings"
	"time"
)

// MatchETag reports whether the lines of an If-None-Match field match a
// representation with the entity tag etag, by weak comparison (RFC 9110
// sections 8.8.3.2 and 13.1.2). "*" matches anything. Tags that do not follow
// the grammar, in the field or stored, are compared as opaque strings. An
// empty etag is a representation without one. It does not allocate.
func MatchETag(lines []string, etag string) bool {
	want := opaqueTag(etag)
	for _, line := range lines {
		rest := trimOWS(line)
		if rest == "*" {
			return true
		}
		if want == "" {
			continue
		}
		// A stored tag without quotes may itself hold a comma.
		if opaqueTag(rest) == want {
			return true
		}
		for rest != "" {
			var tag string
			tag, rest = nextTag(rest)
			if tag != "" && opaqueTag(tag) == want {
				return true
			}
		}
	}
	return false
}

// NotModified reports whether a stored response answers a conditional request
// with 304 (RFC 9111 section 4.3.2). Only a 200 to GET or HEAD can. The result
// of If-None-Match, if present, is final; If-Modified-Since counts otherwise,
// if it is one valid date, against Last-Modified, or Date when there is none.
// now resolves two-digit years.
func NotModified(method string, request http.Header, status int, stored http.Header, now time.Time) bool {
	if status != http.StatusOK || (method != http.MethodGet && method != http.MethodHead) {
		return false
	}
	if lines := request["If-None-Match"]; len(lines) > 0 {
		etag, _ := firstLine(stored, "Etag")
		return MatchETag(lines, etag)
	}
	lines := request["If-Modified-Since"]
	if len(lines) != 1 {
		return false
	}
	since, valid := ParseDate(lines[0], now)
	if !valid {
		return false
	}
	line, present := firstLine(stored, "Last-Modified")
	if !present {
		line, present = firstLine(stored, "Date")
	}
	if !present {
		return false
	}
	modified, valid := ParseDate(line, now)
	return valid && !modified.After(since)
}

// Precondition returns the first of If-Match, If-Unmodified-Since and If-Range
// that the request carries, or "". A cache evaluates neither of the first two:
// the request goes to the handler (RFC 9111 section 4.3.2). If-Range counts
// beside Range only, and may be answered from a stored 200 by one that serves
// ranges.
func Precondition(request http.Header) string {
	switch {
	case len(request["If-Match"]) > 0:
		return "If-Match"
	case len(request["If-Unmodified-Since"]) > 0:
		return "If-Unmodified-Since"
	case len(request["If-Range"]) > 0 && len(request["Range"]) > 0:
		return "If-Range"
	}
	return ""
}

// StripConditionals removes every conditional field and Range from a request's
// header, so that the handler's answer is one for all clients.
func StripConditionals(request http.Header) {
	for _, name := range [...]string{
		"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range",
	} {
		delete(request, name)
	}
}

// SetValidators makes request ask whether the stored response still holds
// (RFC 9111 section 4.3.1), with If-None-Match and If-Modified-Since for
// those of ETag and Last-Modified that stored has, and reports whether it has
// any. Conditional fields of the client are removed either way.
func SetValidators(request, stored http.Header) bool {
	StripConditionals(request)
	etag, hasTag := firstLine(stored, "Etag")
	if hasTag = hasTag && etag != ""; hasTag {
		request["If-None-Match"] = []string{etag}
	}
	modified, hasDate := firstLine(stored, "Last-Modified")
	if hasDate = hasDate && modified != ""; hasDate {
		request["If-Modified-Since"] = []string{modified}
	}
	return hasTag || hasDate
}

// InNotModified reports whether a 304 made from the stored response carries
// the field with this canonical name (RFC 9110 section 15.4.5). Last-Modified
// is sent only where there is no ETag. Age is the caller's to add.
func InNotModified(name string, stored http.Header) bool {
	switch name {
	case "Cache-Control", CDNCacheControl, "Content-Location", "Date", "Etag", "Expires", "Vary":
		return true
	case "Last-Modified":
		return len(stored["Etag"]) == 0
	}
	return false
}

// nextTag splits the first member off an If-None-Match line. Commas inside
// quotes do not separate; there is no escaping in entity tags.
func nextTag(line string) (tag, rest string) {
	start := 0
	if strings.HasPrefix(line, "W/") {
		start = 2
	}
	end := 0
	if start < len(line) && line[start] == '"' {
		if closing := strings.IndexByte(line[start+1:], '"'); closing >= 0 {
			end = start + 1 + closing + 1
		}
	}
	if comma := strings.IndexByte(line[end:], ','); comma >= 0 {
		return trimOWS(line[:end+comma]), trimOWS(line[end+comma+1:])
	}
	return trimOWS(line), ""
}

// opaqueTag removes what the weak comparison does not look at.
func opaqueTag(tag string) string {
	return strings.TrimPrefix(trimOWS(tag), "W/")
}
