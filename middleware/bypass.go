package middleware

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
)

// bypass runs the handler with no part of the cache in it but Cache-Status, and what an unsafe request does to the pages of
// its URL: they are stale before the client sees that the request succeeded.
func (d *door) bypass(w http.ResponseWriter, r *http.Request, next http.Handler, fwd rfc9111.Fwd, reason Reason) {
	d.observe(w, r, next, fwd, reason, nil)
}

// observe is bypass for one who wants to see the final header before the cache adds to it.
func (d *door) observe(
	w http.ResponseWriter, r *http.Request, next http.Handler, fwd rfc9111.Fwd, reason Reason, see func(status int, h http.Header),
) {
	a := &answer{w: w}
	a.before = func(status int) {
		if status == http.StatusSwitchingProtocols {
			return
		}
		if see != nil {
			see(status, w.Header())
		}
		if d.identify != nil && fwd != rfc9111.FwdMethod && reason != ReasonNotReady {
			addDefault(w.Header(), "private, no-cache")
		}
		rfc9111.CacheStatus{Cache: d.name, Fwd: fwd, FwdStatus: status, Detail: string(reason)}.AddTo(w.Header())
		d.invalidate(r, status, w.Header())
	}
	next.ServeHTTP(a.wrap(), r)
	if !a.hijacked {
		a.announce() // the handler wrote nothing: an empty 200
	}
	// Once more, for what was written between the header and the end.
	d.invalidate(r, a.status, w.Header())
	d.refusal(r.Context(), r, reason, "")
	d.record(Event{
		Context: r.Context(), Outcome: Bypass, Reason: reason, Route: route(r), Method: r.Method, Status: a.status, Bytes: a.sent,
	})
}

// invalidate makes the pages of the URL, and of those that Location and Content-Location name on the same origin, stale
// if an unsafe request succeeded.
func (d *door) invalidate(r *http.Request, status int, h http.Header) {
	if !rfc9111.Invalidates(r.Method, status) || !d.engine.Ready() {
		return
	}
	own := tagURL(r)
	tags := []coherence.Tag{coherence.URLTag(own), coherence.URLTag(d.query.target(own))}
	if base, err := url.Parse(own); err == nil {
		for _, target := range rfc9111.InvalidationTargets(base, rfc9111.Canonical(h))[1:] {
			scheme := strings.ToLower(target.Scheme)
			tags = append(tags, coherence.URLTag(scheme+"://"+rfc9111.NormalHost(scheme, target.Host)+target.RequestURI()))
		}
	}
	// It waits for nothing: the words of URLs have no writers that stay. The request may be over; its effect is not.
	_ = d.engine.Invalidate(context.WithoutCancel(r.Context()), tags...)
}
