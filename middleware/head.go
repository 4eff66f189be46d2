package middleware

import (
	"net/http"
	"time"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// head forwards a HEAD request whose page is not stored, or no longer fresh. What its answer tells of a stored page is kept:
// that it still holds, or that it does not (RFC 9111 section 4.3.5).
func (v *visit) head(fwd rfc9111.Fwd) {
	d, old := v.door, v.old
	if v.asks.OnlyIfCached || old == nil || v.moved || old.is(pageTracked) || old.status != http.StatusOK {
		v.forward(fwd, ReasonHead)
		return
	}
	f := &fill{
		visit: v, fwd: fwd, keep: true, confirmed: true,
		url: v.urlStamps(), moment: d.engine.Moment(),
		outer: v.w.Header().Clone(), started: time.Now(),
	}
	ctx, deps := d.engine.Collect(v.r.Context())
	f.deps = deps
	inner := v.r.WithContext(ctx)
	defer func() { v.r.Pattern = inner.Pattern }()
	var status int
	var news http.Header
	d.observe(v.w, inner, v.next, fwd, ReasonHead, func(s int, h http.Header) { status, news = s, h.Clone() })
	f.ended = time.Now()
	f.seal()
	if status == http.StatusOK {
		f.headed(rfc9111.Canonical(news))
	}
}

// headed makes the old page what the header of an answer to HEAD says that it is by now, or forgets it.
func (f *fill) headed(news http.Header) {
	stored := f.remembered()
	stored["Content-Length"] = []string{f.old.length}
	f.key.Store(f.old.key)
	if !rfc9111.HeadConfirms(stored, news) {
		f.forget()
		return
	}
	f.answer = answer{w: f.w, wrote: true, status: f.old.status, declared: -1, body: f.old.body, room: &f.door.room}
	f.answer.header = f.updated(stored, news)
	j := f.judge(true)
	if j.reason != "" {
		if !passing(j.reason) {
			f.forget()
		}
		return
	}
	j.complete(f)
	p := j.page(f)
	if p.key = string(f.pageKey(&j.pick)); p.key != f.old.key {
		f.forget() // it varies on something else now
		return
	}
	f.put(j, p)
}

// remembered is the header of the old page as it would be sent now.
func (f *fill) remembered() http.Header {
	h := f.outer.Clone()
	if h == nil {
		h = http.Header{}
	}
	for i := range f.old.fields {
		field := &f.old.fields[i]
		field.apply(h, make([]string, len(field.values)))
	}
	if len(f.door.surrogates) > 0 && len(f.old.stamps) > maxSurrogates {
		delete(h, rfc9111.CDNCacheControl) // ours, for caches outside
	}
	return h
}

// updated is the stored header with what a 304, or an answer to HEAD, says anew (RFC 9111 section 3.2).
func (f *fill) updated(stored, news http.Header) http.Header {
	if len(news["Date"]) == 0 {
		delete(stored, "Date") // the age counts from now on
	}
	full := rfc9111.Freshen(stored, news)
	delete(full, "Content-Length")
	return full
}
