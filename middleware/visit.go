package middleware

import (
	"context"
	"net/http"
	"sync"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
	"github.com/cachewright/cachewright/internal/switches"
)

// visit is one GET or HEAD at a door. Its slices are used again by later visits; see close.
type visit struct {
	door *door
	w    http.ResponseWriter
	r    *http.Request // as it arrived, but for the cookies that were removed
	next http.Handler

	user       string
	scope      string
	scheme     string
	host       string
	asks       rfc9111.RequestDirectives
	authorized bool // carries credentials; always false under PerUser
	cookies    bool // carries cookies; always false under PerUser

	keyed       []string // the fields a page on its stamps alone is keyed by
	credentials []string
	base        []byte
	buf         []byte
	known       *variants
	arrived     uint64
}

var visits = sync.Pool{New: func() any { return new(visit) }}

// open starts a visit with what every request needs.
func (v *visit) open(d *door, w http.ResponseWriter, r *http.Request, next http.Handler) {
	v.door, v.w, v.r, v.next = d, w, r, next
	v.scope = d.engine.Scope(r.Context())
	v.scheme = schemeOf(r)
	v.host = rfc9111.NormalHost(v.scheme, r.Host)
	v.asks = rfc9111.ParseRequest(r.Header)
	if d.ignoreReload {
		v.asks = v.asks.WithoutReload()
	}
	v.keyed, v.credentials, v.authorized = d.survey(r.Header, v.keyed[:0], v.credentials[:0])
	if d.identify != nil {
		v.authorized = false
		return
	}
	v.authorized = v.authorized || r.TLS != nil && len(r.TLS.PeerCertificates) > 0 ||
		d.authenticated != nil && d.authenticated(r)
	v.cookies = len(r.Header["Cookie"]) > 0
}

// close ends a visit that nobody holds any more; its slices serve the next one. A visit that made a page is left to the
// garbage collector.
func (v *visit) close() {
	if cap(v.base) > maxBase || cap(v.buf) > maxKey {
		return
	}
	*v = visit{keyed: v.keyed[:0], credentials: v.credentials[:0], base: v.base[:0], buf: v.buf[:0]}
	visits.Put(v)
}

// unfit says why the request passes the cache by whatever the store holds.
func (v *visit) unfit(namedCookie bool) Reason {
	r, h := v.r, v.r.Header
	switch {
	case v.door.identify == nil && namedCookie:
		return ReasonCookie
	case v.door.identify != nil && v.user == "":
		return ReasonNoIdentity
	case len(h["Upgrade"]) > 0:
		return ReasonUpgrade
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		return ReasonRequestBody
	case len(h["Range"]) > 0:
		return ReasonRange
	case rfc9111.Precondition(h) != "":
		return ReasonPrecondition
	case v.asks.NoStore:
		return ReasonNoStoreRequest
	}
	return ""
}

// find looks for the newest stored page that answers the request now. If there is none, it says how the request goes on.
func (v *visit) find() (*page, rfc9111.Fwd, Reason) {
	d, ctx := v.door, v.r.Context()
	v.known = d.variantsOf(ctx, v)
	if v.known == nil {
		return nil, rfc9111.FwdURIMiss, ""
	}
	now := d.clock.now()
	fwd, reason := rfc9111.FwdVaryMiss, Reason("")
	var best *page
	for i := range v.known.selectors {
		key := v.pageKey(&v.known.selectors[i])
		if len(key) > maxKey || !v.known.has(digestOf(key)) {
			continue
		}
		p := d.load(ctx, key)
		if p == nil {
			fwd = rfc9111.FwdStale // its stamps moved, its time is over, or it was evicted
			continue
		}
		if refusal := v.may(p); refusal != "" {
			fwd, reason = rfc9111.FwdRequest, refusal
			continue
		}
		if d.engine.Expired(p.stamps, p.moment) {
			fwd = rfc9111.FwdStale // purged softly
			continue
		}
		entry := p.entry(now, d.development)
		switch v.asks.Decide(entry) {
		case rfc9111.UseFresh, rfc9111.UseStale:
			if best == nil || p.born > best.born {
				best = p
			}
		default:
			fwd = rfc9111.FwdStale
			if entry.Fresh() {
				fwd = rfc9111.FwdRequest
			}
		}
	}
	return best, fwd, reason
}

// load finds the page under the key if its stamps are valid now.
func (d *door) load(ctx context.Context, key []byte) *page {
	if p := d.front.page(key); p != nil {
		if !d.engine.Valid(p.stamps) {
			return nil
		}
		d.engine.Pages().Served()
		return p
	}
	text := string(key)
	change := d.front.changes(text)
	hit, ok, err := d.engine.Pages().Get(ctx, text)
	if err != nil || !ok {
		return nil
	}
	p, err := decodePage(hit.Value)
	if err != nil {
		return nil
	}
	p.key, p.stamps = text, hit.Stamps(nil)
	d.front.keepPage(p, change)
	return p
}

// may says why a page that is stored, or being made, is not for this request; "" if it is.
func (v *visit) may(p *page) Reason {
	if !switches.On(switches.PageShareable) {
		return ""
	}
	switch {
	case v.authorized && !p.is(pageAuthorized):
		return ReasonAuthorization
	case v.cookies && !p.is(pageWithCookies):
		return ReasonCookie
	}
	return ""
}

// hit answers with a stored page.
func (v *visit) hit(p *page) {
	v.depend(p)
	age := p.age(v.door.clock.now())
	status, sent := p.serve(v, p.hitStatus(v.door, age))
	if v.door.recorder != nil {
		v.door.record(Event{
			Outcome: Hit, Route: p.route, Method: v.r.Method, Status: status, Bytes: sent, Age: age, Dependencies: len(p.stamps),
		})
	}
}

// depend makes the pages around this one stand on what it stands on.
func (v *visit) depend(p *page) {
	outer := v.door.engine.Deps(v.r.Context())
	if outer == nil {
		return
	}
	outer.Scoped(v.scope)
	outer.Read(p.stamps)
	if !p.is(pageTracked) {
		outer.Refuse(coherence.ReasonUntracked)
	}
}

// unsatisfied answers only-if-cached when nothing is cached.
func (v *visit) unsatisfied() {
	rfc9111.CacheStatus{
		Cache: v.door.name, Fwd: rfc9111.FwdRequest, Detail: string(ReasonOnlyIfCached),
	}.AddTo(v.w.Header())
	v.w.WriteHeader(http.StatusGatewayTimeout)
	v.door.record(Event{
		Outcome: Refused, Reason: ReasonOnlyIfCached, Route: route(v.r), Method: v.r.Method, Status: http.StatusGatewayTimeout,
	})
}

// forward runs the handler without having a part in it.
func (v *visit) forward(fwd rfc9111.Fwd, reason Reason) {
	if v.asks.OnlyIfCached {
		v.unsatisfied()
		return
	}
	if reason == ReasonCookie {
		v.door.logCookies(v.r)
	}
	v.door.bypass(v.w, v.r, v.next, fwd, reason)
}
