package middleware

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
	"github.com/cachewright/cachewright/internal/switches"
)

// Keys are injective: every part stands with its length in front, in a fixed order. The first byte tells the two kinds
// apart, and both from the keys of rows, which may lie in the same store.
const (
	keyOfVariants byte = 0xD0 // what tells the pages of one URL apart; see variants
	keyOfPage     byte = 0xD1

	maxBase = 16 << 10 // bytes of the part all variants have in common
	maxKey  = 48 << 10 // bytes of a page's whole key, below store.MaxKey
)

// key computes the part of the key that all variants of the page have in common. The URL counts twice: as the client sent
// it, and as outer middleware left it. v.base keeps the result.
func (v *visit) key() {
	d, r := v.door, v.r
	b := append(v.base[:0], d.space...)
	b = appendPart(b, v.scope)
	if d.identify != nil && switches.On(switches.PageUser) {
		b = appendPart(b, v.user)
	}
	if d.key != nil {
		b = appendPart(b, d.key(r))
	}
	b = appendPart(b, v.scheme)
	b = appendPart(b, v.host)
	b = d.appendTarget(b, r)
	u := r.URL
	if u.Scheme == "" && u.Host == "" {
		b = append(b, 0, 0)
	} else {
		b = appendPart(b, strings.ToLower(u.Scheme))
		b = appendPart(b, rfc9111.NormalHost(u.Scheme, u.Host))
	}
	b = appendPart(b, u.Path)
	b = appendPart(b, u.RawPath)
	b = appendPart(b, d.query.reduce(u.RawQuery))
	b = appendPart(b, u.Opaque)
	if u.ForceQuery {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	if d.forwarded {
		if v.marks&markForwarding == 0 {
			b = append(b, 0)
		} else {
			b = rfc9111.AppendVariantKey(append(b, 1), forwarding[:], v.header)
		}
		if v.marks&markForwarded == 0 {
			b = append(b, 0)
		} else {
			b = appendForwarded(b, r.Header["Forwarded"])
		}
	}
	if d.identify != nil && switches.On(switches.PageUser) {
		b = v.appendCredentials(b)
		b = appendLines(b, r.Header["Cookie"])
	}
	v.base = b
}

// appendCredentials appends what the request proves itself with: the fields that are not declared neutral, and the client's
// certificate.
func (v *visit) appendCredentials(b []byte) []byte {
	b = rfc9111.AppendVariantKey(b, v.credentials, v.header)
	if tls := v.r.TLS; tls != nil && len(tls.PeerCertificates) > 0 {
		sum := sha256.Sum256(tls.PeerCertificates[0].Raw)
		return append(append(b, 1), sum[:]...)
	}
	return append(b, 0)
}

// variantsKey is the key of the URL's variants. It is good until the next call of a method that computes a key.
func (v *visit) variantsKey() []byte {
	v.buf = append(append(v.buf[:0], keyOfVariants), v.base...)
	return v.buf
}

// pageKey is the key of the page that the selector picks for this request. It is good until the next key is computed.
func (v *visit) pageKey(s *selector) []byte {
	v.buf = append(append(v.buf[:0], keyOfPage), v.base...)
	v.buf = v.appendSelected(v.buf, s)
	return v.buf
}

func (v *visit) appendSelected(b []byte, s *selector) []byte {
	if s.all {
		b = v.appendAll(append(b, 1))
	} else {
		b = append(b, 0)
	}
	return rfc9111.AppendVariantKey(b, s.names, v.header)
}

// appendAll appends every field that may have made a page.
func (v *visit) appendAll(b []byte) []byte {
	return v.appendCredentials(rfc9111.AppendVariantKey(b, v.keyed, v.header))
}

// flightKey tells the requests apart that may wait for one another: by all that may make a page differ, and by what the URL's
// answers are known to vary on. Whether the answer is one for the request is looked at again when it is there.
func (v *visit) flightKey(known *variants) string {
	b := v.appendAll(append(v.buf[:0], v.base...))
	if known != nil {
		for i := range known.selectors {
			b = rfc9111.AppendVariantKey(b, known.selectors[i].names, v.header)
		}
	}
	v.buf = b
	return string(b)
}

// appendTarget appends the request target as it was sent, but for a host in it that Host says, too, which is in the key as
// it is compared.
func (d *door) appendTarget(b []byte, r *http.Request) []byte {
	uri := d.query.target(r.RequestURI)
	if strings.HasPrefix(uri, "/") {
		return appendPart(append(b, 0), uri)
	}
	if rest, ok := strings.CutPrefix(uri, "http://"+r.Host); ok && strings.HasPrefix(rest, "/") {
		return appendPart(append(b, 1, 4, 'h', 't', 't', 'p'), rest)
	}
	origin, rest, absolute := cutAuthority(uri)
	if scheme, host, _ := strings.Cut(origin, "://"); absolute && strings.EqualFold(host, r.Host) {
		b = appendPart(append(b, 1), strings.ToLower(scheme))
		return appendPart(b, rest)
	}
	return appendPart(append(b, 0), uri)
}

// appendForwarded appends what Forwarded says of the URL: host, protocol and whatever is not the address of a client or proxy.
// Text that does not follow the grammar can make two keys of one, never one of two.
func appendForwarded(b []byte, lines []string) []byte {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			for pair := range strings.SplitSeq(element, ";") {
				pair = strings.Trim(pair, " \t")
				name, _, _ := strings.Cut(pair, "=")
				if !strings.EqualFold(name, "for") && !strings.EqualFold(name, "by") {
					b = appendPart(append(b, 1), pair)
				}
			}
		}
	}
	return append(b, 0)
}

// url is the page's URL as the client asked for it, as far as the host is to be believed: the name URLTag knows it by.
func (v *visit) url() string { return tagURL(v.r) }

// urlStamps vouch for the page's URL, in all that it is purged by: as it was sent, and without what does not tell pages apart.
func (v *visit) urlStamps() coherence.Stamps {
	own := v.url()
	if reduced := v.door.query.target(own); reduced != own {
		return v.door.engine.Stamp(nil, coherence.URLTag(own), coherence.URLTag(reduced))
	}
	return v.door.engine.Stamp(nil, coherence.URLTag(own))
}

// shown is what Cache-Status says of the key, for developers who want it: the URL, and the fields that pick the page.
func (v *visit) shown(s *selector) string {
	if !v.door.showKey {
		return ""
	}
	text := v.door.query.target(v.url())
	if s == nil && v.known != nil {
		s = &v.known.selectors[0]
	}
	if s == nil {
		return text
	}
	names := s.names
	if s.all {
		names = slices.Concat(names, v.keyed, v.credentials)
	}
	b := []byte(text)
	for _, name := range names {
		b = append(append(append(append(b, ' '), name...), ": "...), strings.Join(v.header[name], ", ")...)
	}
	return string(b)
}

// tagURL is the URL of a request for URLTag. Forwarding fields have no say in it.
func tagURL(r *http.Request) string {
	scheme := schemeOf(r)
	return scheme + "://" + rfc9111.NormalHost(scheme, r.Host) + targetOf(r)
}

// targetOf is path and query as the client sent them, also in absolute form.
func targetOf(r *http.Request) string {
	uri := r.RequestURI
	if strings.HasPrefix(uri, "/") {
		return uri
	}
	if _, rest, ok := cutAuthority(uri); ok && strings.HasPrefix(rest, "/") {
		return rest
	}
	return r.URL.RequestURI()
}

// cutAuthority splits a request target in absolute form before its path; ok is false for any other form.
func cutAuthority(uri string) (origin, rest string, ok bool) {
	scheme := strings.Index(uri, "://")
	if scheme < 0 || strings.ContainsAny(uri[:scheme], "/?") {
		return "", "", false
	}
	end := scheme + len("://")
	if path := strings.IndexAny(uri[end:], "/?#"); path >= 0 {
		end += path
	} else {
		end = len(uri)
	}
	return uri[:end], uri[end:], true
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func appendPart(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendLines appends all lines of a field; a field that is absent differs from one that is empty.
func appendLines(b []byte, lines []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(lines)))
	for _, line := range lines {
		b = appendPart(b, line)
	}
	return b
}
