package middleware

import (
	"net/http"
	"slices"
	"strings"
)

// fieldClass is what a request field means for the key of a page.
type fieldClass uint8

const (
	fieldKeyed      fieldClass = iota // may have made the page: in the key of a page stored on its stamps alone
	fieldNeutral                      // says nothing of the page
	fieldCredential                   // counts as Authorization
	fieldForwarding                   // in every key
	fieldCookie
)

// wellKnown is the trait of a field by its canonical name, for the fields that have one by name. A switch is several times
// quicker here than a map, and each hit asks for each field.
func wellKnown(name string) (t trait, known bool) {
	switch name {
	case "User-Agent", "Accept-Encoding", "Referer", "Dnt", "Priority", "Upgrade-Insecure-Requests", "Expect",
		"Max-Forwards", "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Http2-Settings", "Content-Length",
		"If-Range", "Traceparent", "Tracestate", "Baggage", "B3", "Uber-Trace-Id", "Sentry-Trace", "X-Amzn-Trace-Id",
		"X-Cloud-Trace-Context", "Request-Id", "X-Request-Id", "X-Request-Start", "X-Correlation-Id", "Correlation-Id",
		"X-Trace-Id", "X-Amz-Cf-Id", "Cf-Ray", "Via", "X-Forwarded-For", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip",
		"True-Client-Ip", "Cf-Connecting-Ip", "Fastly-Client-Ip", "X-Envoy-External-Address", "Sec-Fetch-Dest",
		"Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform",
		"Sec-Gpc":
		return trait{class: fieldNeutral}, true
	case "Accept", "Accept-Language", "Accept-Charset", "Origin", "X-Requested-With", "Content-Type":
		return trait{class: fieldKeyed}, true
	case "Authorization", "Proxy-Authorization", "X-Api-Key", "Api-Key", "Apikey", "X-Access-Token", "X-Forwarded-User",
		"X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token",
		"Remote-User", "X-Remote-User", "X-Webauth-User", "X-Forwarded-Client-Cert", "X-Amz-Security-Token":
		return trait{class: fieldCredential, credential: true}, true
	case "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Original-Url", "X-Rewrite-Url",
		"X-Http-Method-Override":
		return trait{class: fieldForwarding, mark: markForwarding}, true
	case "Cookie":
		return trait{class: fieldCookie, mark: markCookie}, true
	case "Cache-Control", "Pragma":
		return trait{class: fieldNeutral, mark: markDirectives}, true
	case "If-None-Match", "If-Modified-Since":
		return trait{class: fieldNeutral, mark: markCondition}, true
	case "If-Match", "If-Unmodified-Since":
		return trait{class: fieldNeutral, mark: markPrecondition}, true
	case "Range":
		return trait{class: fieldNeutral, mark: markRange}, true
	case "Upgrade":
		return trait{class: fieldNeutral, mark: markUpgrade}, true
	case "Forwarded":
		return trait{class: fieldNeutral, mark: markForwarded}, true
	}
	return trait{}, false
}

// forwarding are the fields of every key, in the order they stand there.
var forwarding = [...]string{
	"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override",
}

// families are classes of fields by the start of their canonical names.
var families = [...]struct {
	prefix string
	class  fieldClass
}{
	{"Sec-", fieldNeutral},
	{"X-B3-", fieldNeutral},
	{"X-Datadog-", fieldNeutral},
	{"X-Auth-", fieldCredential},
	{"Cf-Access-", fieldCredential},
	{"X-Amzn-Oidc-", fieldCredential},
	{"X-Goog-Authenticated-User-", fieldCredential},
	{"X-Goog-Iap-", fieldCredential},
	{"X-Ms-Client-Principal", fieldCredential},
	{"X-Ms-Token-", fieldCredential},
}

// mark says that a request has a field the cache itself looks at, so that it need not be looked up where it is absent.
type mark uint16

const (
	markCookie       mark = 1 << iota
	markDirectives        // Cache-Control or Pragma
	markCondition         // If-None-Match or If-Modified-Since
	markPrecondition      // If-Match or If-Unmodified-Since
	markRange
	markUpgrade
	markForwarding // a field of class fieldForwarding
	markForwarded
)

// trait is what the cache knows of a request field.
type trait struct {
	class      fieldClass
	credential bool // it counts as Authorization, also if it is declared neutral
	mark       mark
}

// traitOf is the trait of a field, with what the options say of it.
func (d *door) traitOf(name string) trait {
	if t, known := wellKnown(name); known && len(d.fields) == 0 {
		return t
	}
	return d.searched(name)
}

// searched is traitOf for fields that are not known by name, and for doors with opinions of their own.
func (d *door) searched(name string) trait {
	canonical := http.CanonicalHeaderKey(name)
	t, known := wellKnown(canonical)
	for i := 0; !known && i < len(families); i++ {
		if strings.HasPrefix(canonical, families[i].prefix) {
			t = trait{class: families[i].class, credential: families[i].class == fieldCredential}
			known = true
		}
	}
	if said, spoken := d.fields[canonical]; spoken && (!t.credential || said == fieldNeutral) {
		t.class = said
	}
	if canonical != name {
		t.mark = 0 // nobody finds it under this name
	}
	return t
}

// survey sorts the request's fields: those a page on its stamps alone is keyed by, and those that carry credentials and are
// not declared neutral. It notes whether there are credentials, declared neutral or not, and what else the cache looks at.
func (v *visit) survey(h http.Header) {
	d := v.door
	for name := range h {
		t := d.traitOf(name)
		v.marks |= t.mark
		v.authorized = v.authorized || t.credential
		switch t.class {
		case fieldCredential:
			v.credentials = append(v.credentials, name)
		case fieldKeyed:
			v.keyed = append(v.keyed, name)
		default:
		}
	}
	slices.Sort(v.keyed)
	slices.Sort(v.credentials)
}

// bodyless reports whether answers of this status have no body (RFC 9110 section 6.4.1).
func bodyless(status int) bool {
	return status >= 100 && status <= 199 || status == http.StatusNoContent || status == http.StatusNotModified
}
