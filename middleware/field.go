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

// wellKnown are the classes of fields by canonical name; all others are keyed.
var wellKnown = map[string]fieldClass{
	"User-Agent": fieldNeutral, "Accept-Encoding": fieldNeutral, "Referer": fieldNeutral, "Dnt": fieldNeutral,
	"Priority": fieldNeutral, "Upgrade-Insecure-Requests": fieldNeutral, "Expect": fieldNeutral, "Max-Forwards": fieldNeutral,
	"Connection": fieldNeutral, "Keep-Alive": fieldNeutral, "Proxy-Connection": fieldNeutral, "Te": fieldNeutral,
	"Upgrade": fieldNeutral, "Http2-Settings": fieldNeutral, "Content-Length": fieldNeutral,
	"Cache-Control": fieldNeutral, "Pragma": fieldNeutral, "Range": fieldNeutral, "If-Range": fieldNeutral,
	"If-Match": fieldNeutral, "If-None-Match": fieldNeutral, "If-Modified-Since": fieldNeutral, "If-Unmodified-Since": fieldNeutral,

	"Traceparent": fieldNeutral, "Tracestate": fieldNeutral, "Baggage": fieldNeutral, "B3": fieldNeutral,
	"Uber-Trace-Id": fieldNeutral, "Sentry-Trace": fieldNeutral, "X-Amzn-Trace-Id": fieldNeutral,
	"X-Cloud-Trace-Context": fieldNeutral, "Request-Id": fieldNeutral, "X-Request-Id": fieldNeutral,
	"X-Request-Start": fieldNeutral, "X-Correlation-Id": fieldNeutral, "Correlation-Id": fieldNeutral,
	"X-Trace-Id": fieldNeutral, "X-Amz-Cf-Id": fieldNeutral, "Cf-Ray": fieldNeutral,

	"Via": fieldNeutral, "Forwarded": fieldNeutral, "X-Forwarded-For": fieldNeutral, "X-Real-Ip": fieldNeutral,
	"X-Client-Ip": fieldNeutral, "X-Cluster-Client-Ip": fieldNeutral, "True-Client-Ip": fieldNeutral,
	"Cf-Connecting-Ip": fieldNeutral, "Fastly-Client-Ip": fieldNeutral, "X-Envoy-External-Address": fieldNeutral,

	"Authorization": fieldCredential, "Proxy-Authorization": fieldCredential, "X-Api-Key": fieldCredential,
	"Api-Key": fieldCredential, "Apikey": fieldCredential, "X-Access-Token": fieldCredential,
	"X-Forwarded-User": fieldCredential, "X-Forwarded-Email": fieldCredential, "X-Forwarded-Groups": fieldCredential,
	"X-Forwarded-Preferred-Username": fieldCredential, "X-Forwarded-Access-Token": fieldCredential,
	"Remote-User": fieldCredential, "X-Remote-User": fieldCredential, "X-Webauth-User": fieldCredential,
	"X-Forwarded-Client-Cert": fieldCredential, "X-Amz-Security-Token": fieldCredential,

	"X-Forwarded-Host": fieldForwarding, "X-Forwarded-Proto": fieldForwarding, "X-Forwarded-Prefix": fieldForwarding,
	"X-Original-Url": fieldForwarding, "X-Rewrite-Url": fieldForwarding, "X-Http-Method-Override": fieldForwarding,

	"Cookie": fieldCookie,
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

// classOf is the class of a field by its canonical name, the options not asked.
func classOf(name string) fieldClass {
	if class, ok := wellKnown[name]; ok {
		return class
	}
	for i := range families {
		if strings.HasPrefix(name, families[i].prefix) {
			return families[i].class
		}
	}
	return fieldKeyed
}

// survey sorts the request's fields: those a page on its stamps alone is keyed by, and those that carry credentials and are
// not declared neutral. authorized reports whether there are credentials, declared neutral or not. Both results are sorted
// and appended to slices that are used again.
func (d *door) survey(h http.Header, keyed, credentials []string) (k, c []string, authorized bool) {
	for name := range h {
		canonical := http.CanonicalHeaderKey(name)
		class := classOf(canonical)
		said, spoken := d.fields[canonical]
		switch {
		case class == fieldCredential:
			authorized = true
			if !spoken || said != fieldNeutral {
				credentials = append(credentials, name)
			}
		case spoken && said == fieldKeyed, !spoken && class == fieldKeyed:
			keyed = append(keyed, name)
		}
	}
	slices.Sort(keyed)
	slices.Sort(credentials)
	return keyed, credentials, authorized
}

// bodyless reports whether answers of this status have no body (RFC 9110 section 6.4.1).
func bodyless(status int) bool {
	return status >= 100 && status <= 199 || status == http.StatusNoContent || status == http.StatusNotModified
}
