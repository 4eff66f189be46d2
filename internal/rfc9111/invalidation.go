package rfc9111

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Unsafe reports whether a method may change something at the server (RFC 9110
// section 9.2.1). Methods are case-sensitive; an unknown one is unsafe.
func Unsafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace,
		"PROPFIND", "QUERY", "REPORT", "SEARCH":
		return false
	}
	return true
}

// Invalidates reports whether the answer to a request makes stored responses
// invalid (RFC 9111 section 4.4): an unsafe method, and a status that is no
// error (2xx or 3xx).
func Invalidates(method string, status int) bool {
	return Unsafe(method) && status >= 200 && status <= 399
}

// InvalidationTargets returns the URIs whose stored responses go when
// [Invalidates] is true: target itself, and what Location and Content-Location
// of the answer name within the origin of target (RFC 9111 section 4.4).
// target must be absolute. References are resolved against it; what cannot be
// parsed is left out, as are fragments, user names and duplicates. The result
// always starts with target.
func InvalidationTargets(target *url.URL, response http.Header) []*url.URL {
	base := locator(target)
	targets, spelled := []*url.URL{base}, []string{base.String()}
	for _, name := range [...]string{"Location", "Content-Location"} {
		for _, line := range response[name] {
			reference, err := url.Parse(trimOWS(line))
			if err != nil || reference.Opaque != "" {
				continue
			}
			resolved := locator(base.ResolveReference(reference))
			text := resolved.String()
			if SameOrigin(base, resolved) && !slices.Contains(spelled, text) {
				targets, spelled = append(targets, resolved), append(spelled, text)
			}
		}
	}
	return targets
}

// SameOrigin reports whether two absolute URLs have the same scheme, host and
// port (RFC 9110 section 4.3.1).
func SameOrigin(a, b *url.URL) bool {
	return a.Host != "" && strings.EqualFold(a.Scheme, b.Scheme) &&
		NormalHost(a.Scheme, a.Host) == NormalHost(b.Scheme, b.Host)
}

// NormalHost returns host, with or without a port, in lower case and without
// a port that is empty or the default of scheme (RFC 9110 section 4.2.3).
func NormalHost(scheme, host string) string {
	host = strings.ToLower(host)
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.IndexByte(host[colon:], ']') >= 0 {
		return host
	}
	switch port := host[colon+1:]; {
	case port == "",
		port == "80" && strings.EqualFold(scheme, "http"),
		port == "443" && strings.EqualFold(scheme, "https"):
		return host[:colon]
	}
	return host
}

// locator returns a copy of u without what does not locate a resource.
func locator(u *url.URL) *url.URL {
	clean := *u
	clean.User, clean.Fragment, clean.RawFragment = nil, "", ""
	return &clean
}
