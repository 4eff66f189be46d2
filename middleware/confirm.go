package middleware

import (
	"net/http"
	"slices"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// holds reports whether what the handler says is not the client's answer: a 304 to a question of our own, or a failure that the
// old page may stand in for.
func (f *fill) holds() bool {
	switch status := f.answer.status; {
	case !f.answer.wrote:
		return false
	case f.asking && status == http.StatusNotModified:
		return true
	default:
		return rfc9111.ErrorStatus(status) && f.stoodIn()
	}
}

// understood makes a 304 to our own question the answer it stands for: the old body, under the old header as the 304 updates
// it (RFC 9111 section 4.3.4). It is false for a 304 that is about another page than the one asked about.
func (f *fill) understood() bool {
	a := &f.answer
	if !a.keeping || !a.wrote || a.status != http.StatusNotModified {
		return true
	}
	news := rfc9111.Canonical(a.header)
	if !rfc9111.Freshens(f.old.validator, news) {
		return false
	}
	full := f.updated(f.remembered(), news)
	if cookies := news["Set-Cookie"]; len(cookies) > 0 {
		full["Set-Cookie"] = slices.Clone(cookies) // for this client; and it decides about storing
	}
	a.header, a.status, a.declared, a.body = full, f.old.status, -1, f.old.body
	f.confirmed = true
	return true
}

// again takes back a run of the handler whose answer nobody can use, so that it can run once more, without a question.
func (f *fill) again() {
	f.answer.header = f.outer.Clone()
	if f.answer.header == nil {
		f.answer.header = http.Header{}
	}
	f.answer.restore()
	f.answer.forget()
	f.asking = false
}

// sameBytes reports whether the answer is the old page by what its handler, or the hash of its body, says of it: then the old
// bytes are kept. A page whose stamps moved has nothing to say.
func (f *fill) sameBytes(j *judgement) bool {
	old := f.old
	if old == nil || f.moved || f.confirmed || f.answer.status != old.status || len(old.body) != len(f.answer.body) {
		return false
	}
	if j.etag != "" {
		return j.etag == old.etag
	}
	tag := j.header.Get("Etag")
	return len(tag) > 2 && tag[0] == '"' && slices.Equal(j.header["Etag"], old.validator["Etag"])
}

// unchanged reports whether the page is stored already as it is to be: one that is confirmed at each request need not be written
// at each.
func (f *fill) unchanged(p *page) bool {
	old := f.old
	if old == nil || f.moved || f.late.Load() || !p.is(pageNoCache) || !old.is(pageNoCache) || p.flags != old.flags || p.key != old.key ||
		p.status != old.status || p.etag != old.etag || len(p.body) != len(old.body) || len(p.body) > 0 && &p.body[0] != &old.body[0] {
		return false
	}
	return slices.EqualFunc(p.fields, old.fields, func(a, b pageField) bool {
		return a.op == b.op && a.name == b.name && (a.name == "Date" || slices.Equal(a.values, b.values))
	})
}
