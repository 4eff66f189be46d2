package middleware

import (
	"context"
	"net/http"
	"sync"
	"time"

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

	header http.Header // of the request, as keys have it

	user       string
	scope      string
	scheme     string
	host       string
	asks       rfc9111.RequestDirectives
	authorized bool // carries credentials; always false under PerUser
	cookies    bool // carries cookies; always false under PerUser
	marks      mark
	waited     time.Duration // for the store
	stood      time.Duration // behind other requests
	now        int64         // clock, when the request arrived, or was looked at again

	keyed       []string // the fields a page on its stamps alone is keyed by
	credentials []string
	base        []byte
	buf         []byte
	known       *variants
	arrived     uint64

	old      *page // the newest page that is not the answer as it is: its handler may confirm it, or fail and leave it in its place
	moved    bool  // its stamps moved
	purged   bool  // a soft purge met it
	detached bool  // nobody waits for the answer: a refresh in the background
}

var visits = sync.Pool{New: func() any { return new(visit) }}

// open starts a visit with what every request needs.
func (v *visit) open(d *door, w http.ResponseWriter, r *http.Request, next http.Handler) {
	v.door, v.w, v.r, v.next = d, w, r, next
	v.scope = d.engine.Scope(r.Context())
	v.scheme = schemeOf(r)
	v.host = rfc9111.NormalHost(v.scheme, r.Host)
	if v.header = r.Header; d.negotiate {
		v.header = negotiated(r.Header)
	}
	v.keyed, v.credentials, v.authorized = v.keyed[:0], v.credentials[:0], false
	v.survey(r.Header)
	if v.marks&markDirectives != 0 {
		v.asks = rfc9111.ParseRequest(r.Header)
		if d.ignoreReload {
			v.asks = v.asks.WithoutReload()
		}
	}
	if d.identify != nil {
		v.authorized = false
		return
	}
	v.authorized = v.authorized || r.TLS != nil && len(r.TLS.PeerCertificates) > 0 ||
		d.authenticated != nil && d.authenticated(r)
	v.cookies = v.marks&markCookie != 0 && len(r.Header["Cookie"]) > 0
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
	r, has := v.r, func(m mark, name string) bool { return v.marks&m != 0 && len(v.r.Header[name]) > 0 }
	switch {
	case v.door.identify == nil && namedCookie:
		return ReasonCookie
	case v.door.identify != nil && v.user == "":
		return ReasonNoIdentity
	case has(markUpgrade, "Upgrade"):
		return ReasonUpgrade
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		return ReasonRequestBody
	case has(markPrecondition, "If-Match"), has(markPrecondition, "If-Unmodified-Since"):
		return ReasonPrecondition
	case v.asks.NoStore:
		return ReasonNoStoreRequest
	}
	return ""
}

// ranged reports whether the request asks for parts of the page.
func (v *visit) ranged() bool {
	return v.marks&markRange != 0 && v.r.Method == http.MethodGet && len(v.r.Header["Range"]) > 0
}

// found is what the store has for a request.
type found struct {
	page    *page       // the answer, if there is one
	refresh bool        // the page is stale, and to be made again in the background
	fwd     rfc9111.Fwd // without a page: why the handler is asked
	reason  Reason      // and what speaks against a stored page, if there is one
}

// find looks for the newest stored page that answers the request now. Of those that do not, the newest one that may still be
// of use is left in v.old.
func (v *visit) find() found {
	d, ctx := v.door, v.r.Context()
	v.old, v.moved, v.purged = nil, false, false
	v.now = d.clock.now()
	var hot *frontEntry
	v.known, hot = d.variantsOf(ctx, v)
	if v.known == nil {
		return found{fwd: rfc9111.FwdURIMiss}
	}
	now := v.now
	f := found{fwd: rfc9111.FwdVaryMiss}
	for i := range v.known.selectors {
		key := v.pageKey(&v.known.selectors[i])
		if len(key) > maxKey {
			continue
		}
		p, valid := d.recent(hot, key)
		if p == nil {
			if !v.known.has(variantDigest(key)) {
				continue
			}
			p, valid = d.load(ctx, v, hot, key)
		}
		if p == nil {
			f.fwd = rfc9111.FwdStale // its time is over, or it was evicted
			continue
		}
		if refusal := v.may(p); refusal != "" {
			if valid {
				f.fwd, f.reason = rfc9111.FwdRequest, refusal
			}
			continue
		}
		purged := valid && d.engine.Expired(p.stamps, p.moment)
		if !valid {
			f.fwd = rfc9111.FwdStale
			v.keepOld(p, true, false)
			continue
		}
		entry := p.entry(d, now, purged)
		switch v.asks.Decide(entry) {
		case rfc9111.UseFresh, rfc9111.UseStale:
			if f.page == nil || f.refresh || p.born > f.page.born {
				f.page, f.refresh = p, false
			}
		case rfc9111.UseAndRefresh:
			v.keepOld(p, false, purged)
			if f.page == nil || f.refresh && p.born > f.page.born {
				f.page, f.refresh = p, true
			}
		default:
			v.keepOld(p, false, purged)
			f.fwd = rfc9111.FwdStale
			if entry.Fresh() {
				f.fwd = rfc9111.FwdRequest
			}
		}
	}
	return f
}

// keepOld notes a page that may be confirmed by its handler or stand in for its failure. One whose stamps stand is preferred.
func (v *visit) keepOld(p *page, moved, purged bool) {
	if v.old == nil || v.moved && !moved || v.moved == moved && p.born > v.old.born {
		v.old, v.moved, v.purged = p, moved, purged
	}
}

// recent is the page that was last found by way of the entry, if it is the one under the key and still in the front.
func (d *door) recent(variants *frontEntry, key []byte) (p *page, valid bool) {
	if variants == nil {
		return nil, false
	}
	e := variants.last.Load()
	if e == nil || e.key != string(key) || e.gone.Load() {
		return nil, false
	}
	e.touch()
	return d.checked(e.page)
}

// checked is a page of the front, and whether its stamps are valid now.
func (d *door) checked(p *page) (*page, bool) {
	valid := d.engine.Valid(p.stamps)
	if valid {
		d.engine.Pages().Served()
	}
	return p, valid
}

// load finds the page under the key, and whether its stamps are valid now.
func (d *door) load(ctx context.Context, v *visit, variants *frontEntry, key []byte) (p *page, valid bool) {
	if e := d.front.find(key); e != nil && e.page != nil {
		if variants != nil {
			variants.last.Store(e)
		}
		return d.checked(e.page)
	}
	text := string(key)
	change := d.front.changes(text)
	hit, ok := d.peek(ctx, v, text)
	if !ok {
		return nil, false
	}
	p, err := decodePage(hit.Value)
	if err != nil {
		return nil, false
	}
	p.key, p.stamps = text, hit.Stamps(nil)
	// Checked once more, for Peek says nothing of the moment.
	if valid = hit.Valid(); valid {
		d.front.keepPage(p, change)
	}
	return p, valid
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
	age := p.age(v.now)
	status, sent := p.serve(v, age, p.hitStatus(v, age))
	v.door.tallyHit(p, sent)
	if v.door.recorder != nil {
		v.door.recorder(Event{
			Context: v.r.Context(), Outcome: Hit, Route: p.route, Method: v.r.Method, Status: status, Bytes: sent, Age: age,
			Dependencies: len(p.stamps),
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
		Context: v.r.Context(), Outcome: Refused, Reason: ReasonOnlyIfCached, Route: route(v.r), Method: v.r.Method,
		Status: http.StatusGatewayTimeout,
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
