package middleware

import (
	"net/http"
	"slices"
	"time"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
)

// judgement is what becomes of a complete answer.
type judgement struct {
	reason     Reason // why it is not stored; "" if it is
	tracked    bool   // all that was read for it is known
	assigned   bool   // the cache bounds its life, should the handler not have done so
	explicit   bool   // the handler bounded its life
	estimated  bool   // the cache estimated a lifetime from Last-Modified
	validated  bool   // the handler made an ETag or a Last-Modified
	lifetime   time.Duration
	initial    time.Duration // its age when it was complete
	directives rfc9111.ResponseDirectives
	header     http.Header // all that would reach the client, names canonical
	stamps     coherence.Stamps
	pick       selector
	etag       string // generated
	date       time.Time
}

// maxSelected is room for the part of a key that picks a page, where only a guess is needed.
const maxSelected = 4 << 10

// judge decides about an answer that was kept to its end. written is false for a handler that wrote nothing at all.
func (f *fill) judge(written bool) *judgement {
	a, d := &f.answer, f.door
	j := &judgement{header: rfc9111.Canonical(a.header), date: f.ended}
	notes := f.deps.Notes()
	j.tracked = written && len(notes) == 0 && f.deps.Reads() > 0 && (!f.confirmed || f.old.is(pageTracked))
	j.directives = rfc9111.ParseResponse(j.header, d.targeted)
	j.validated = written && (len(j.header["Etag"]) > 0 || len(j.header["Last-Modified"]) > 0)
	j.lifetime, j.explicit = j.directives.Lifetime(j.header, f.ended, d.kind)
	f.estimate(j)
	// no-cache is something said of freshness: a page with a validator is kept for its handler to confirm.
	asked := j.directives.NoCache && j.validated
	j.assigned = j.tracked || written && (d.defaultLifetime > 0 || asked) && !bars(notes)
	j.initial = rfc9111.InitialAge(j.header, f.started, f.ended)
	j.stamps = f.stamps()
	j.reason = f.incomplete()
	if j.reason == "" {
		j.reason = f.refuse(j, j.header, written, notes)
	}
	if j.reason == "" && d.front.breaker.open() {
		j.reason = ReasonStore
	}
	if j.reason == "" && !d.engine.Pages().Fits(len(f.base)+maxSelected, headerSize(j.header)+len(a.body), j.stamps) {
		j.reason = ReasonStore
	}
	if j.reason == "" && d.engine.Moved(j.stamps) {
		j.reason = ReasonStampsMoved
	}
	if j.reason == "" && !f.keep {
		j.reason = ReasonWaited
	}
	return j
}

// estimate finds a lifetime in Last-Modified for an answer that nothing else gives one, if the application wants that.
func (f *fill) estimate(j *judgement) {
	if !f.door.heuristic || j.explicit || j.tracked || bars(f.deps.Notes()) {
		return
	}
	if lifetime, ok := j.directives.HeuristicLifetime(j.header, f.answer.status, f.ended); ok {
		j.lifetime, j.estimated = lifetime, true
	}
}

// bars reports whether a note stands against a lifetime that is only a default.
func bars(notes []coherence.Note) bool {
	for _, n := range notes {
		switch n.Reason {
		case coherence.ReasonWrote, coherence.ReasonStray, coherence.ReasonLate, coherence.ReasonScope, coherence.ReasonMany:
			return true
		}
	}
	return false
}

// incomplete finds answers that are not surely whole.
func (f *fill) incomplete() Reason {
	a := &f.answer
	switch {
	case a.broken || a.declared >= 0 && a.declared != int64(len(a.body)) && !bodyless(a.status):
		return ReasonTruncated
	case a.trailers():
		return ReasonTrailer
	// A handler whose client left may have given up half way. Only a length says that it did not.
	case !f.confirmed && f.r.Context().Err() != nil && (a.declared < 0 || bodyless(a.status)):
		return ReasonCancelled
	}
	return ""
}

// refuse applies the rules of HTTP and of the two doors to the answer with the given header.
func (f *fill) refuse(j *judgement, h http.Header, written bool, notes []coherence.Note) Reason {
	d := f.door
	for _, n := range notes {
		switch n.Reason {
		case coherence.ReasonScope, coherence.ReasonLate, coherence.ReasonMany:
			f.site = n.Site
			return n.Reason
		}
	}
	own := ownHeader(f.outer, f.answer.header)
	refusal := Reason(rfc9111.Candidate{
		Kind: d.kind, Method: http.MethodGet, Request: f.asks, Authorized: f.authorized,
		Status: f.answer.status, Response: j.directives, Header: d.cookieView(h, own), Own: own,
		Assigned: j.assigned, Heuristic: j.estimated, DropsCookies: d.dropCookies,
	}.Refusal())
	switch {
	case refusal == ReasonNoFreshness && len(notes) > 0:
		f.site = notes[0].Site
		return notes[0].Reason
	case refusal == ReasonNoFreshness && !written:
		return ReasonUnwritten
	case refusal != "":
		return refusal
	case f.cookies && !j.directives.Public && !j.directives.SMaxAge.Set:
		return ReasonCookie
	case j.directives.NoCache && !j.tracked && !j.validated:
		if len(notes) > 0 {
			f.site = notes[0].Site
			return notes[0].Reason
		}
		return ReasonNoCache
	}
	if _, left := j.bound(d); left <= 0 && !j.shown(d) {
		return ReasonExpired
	}
	return ""
}

// shown reports whether the page is worth keeping past its lifetime: to be confirmed by its handler, or to be served stale.
func (j *judgement) shown(d *door) bool {
	if j.validated {
		return true
	}
	rules := j.directives.Entry(d.kind)
	return !rules.MustRevalidate && !rules.NoCache && j.explicit &&
		max(rules.StaleWhileRevalidate, rules.StaleIfError, d.staleRefresh, d.staleError) > 0
}

// cookieView is the header as far as it decides about storing: under PerUser a cookie that outer middleware sets does not
// count, for it is not part of the page.
func (d *door) cookieView(h, own http.Header) http.Header {
	if d.identify == nil || len(h["Set-Cookie"]) == 0 || len(own["Set-Cookie"]) > 0 {
		return h
	}
	h = h.Clone()
	delete(h, "Set-Cookie")
	return h
}

// ownHeader is the part of full that the handler added or changed, Set-Cookie included.
func ownHeader(outer, full http.Header) http.Header {
	own := http.Header{}
	for _, f := range fieldsOf(outer, full) {
		if f.op != opDelete {
			own[f.name] = f.values
		}
	}
	cookies := rfc9111.Canonical(full)["Set-Cookie"]
	if len(cookies) > 0 && !slices.Equal(cookies, rfc9111.Canonical(outer)["Set-Cookie"]) {
		own["Set-Cookie"] = cookies
	}
	return own
}

// bound is how long the page may live from the start of its age, and how much of that is left.
func (j *judgement) bound(d *door) (lifetime, left time.Duration) {
	switch {
	case j.explicit && j.tracked && d.maxLifetime > 0:
		lifetime = min(j.lifetime, d.maxLifetime+j.initial)
	case j.explicit, j.estimated:
		lifetime = j.lifetime
	case j.tracked && d.maxLifetime > 0:
		lifetime = d.maxLifetime + j.initial
	case j.tracked:
		return unbounded, unbounded
	case j.directives.NoCache:
		return 0, 0
	default:
		lifetime = d.defaultLifetime
	}
	return lifetime, lifetime - j.initial
}

// complete adds to the answer's header what the cache has to say: type, freshness, entity tag.
func (j *judgement) complete(f *fill) {
	a, d := &f.answer, f.door
	h := a.header
	if _, typed := j.header["Content-Type"]; !typed && len(a.body) > 0 && len(j.header["Content-Encoding"]) == 0 {
		h["Content-Type"] = []string{http.DetectContentType(a.body)}
	}
	switch {
	case d.identify != nil, j.tracked && unshared(j.reason):
		addDefault(h, "private, no-cache")
	case j.tracked:
		addDefault(h, "no-cache")
	}
	if len(d.surrogates) > 0 && j.reason == "" {
		d.addSurrogates(h, j.stamps)
	}
	j.header = rfc9111.Canonical(h)
	if a.status == http.StatusOK && len(j.header["Etag"]) == 0 && (j.tracked || j.reason == "") {
		j.etag = generateETag(j.header, a.body)
	}
}

// validators are the fields that the client's conditionals are about.
func (j *judgement) validators() http.Header {
	if j.etag == "" {
		return j.header
	}
	return http.Header{"Etag": {j.etag}, "Last-Modified": j.header["Last-Modified"]}
}

// tagFor is the generated ETag for the client of this fill.
func (j *judgement) tagFor(f *fill) string {
	if f.door.strong || len(j.header["Content-Encoding"]) > 0 || !acceptsCoding(f.r.Header["Accept-Encoding"]) {
		return j.etag
	}
	return "W/" + j.etag
}

// page is the answer as it is stored.
func (j *judgement) page(f *fill) *page {
	a, d := &f.answer, f.door
	p := &page{
		status: a.status, born: d.clock.now(), initial: j.initial, etag: j.etag, body: a.body, stamps: j.stamps,
		moment: f.moment,
		fields: fieldsOf(f.outer, a.header),
	}
	p.lifetime, _ = j.bound(d)
	p.lifetime = d.shorten(p.lifetime)
	if len(j.header["Date"]) == 0 {
		p.fields = append(p.fields, pageField{opSet, "Date", []string{rfc9111.FormatDate(j.date)}})
	}
	p.route = route(f.r)
	p.flags = j.flags(d)
	if rules := j.directives.Entry(d.kind); p.is(pageStale) {
		p.refresh, p.failure = rules.StaleWhileRevalidate, rules.StaleIfError
	}
	j.choose(j.header)
	p.finish()
	return p
}

// flags are what the answer's directives say of the page.
func (j *judgement) flags(d *door) (flags pageFlags) {
	if j.tracked {
		flags |= pageTracked
	}
	if j.explicit {
		flags |= pageExplicit
	}
	if j.directives.Shareable() {
		flags |= pageAuthorized
	}
	if j.directives.Public || j.directives.SMaxAge.Set {
		flags |= pageWithCookies
	}
	// MaxLifetime is no lifetime to go beyond.
	ends, _ := j.bound(d)
	if rules := j.directives.Entry(d.kind); j.explicit && ends == j.lifetime && !rules.MustRevalidate && !rules.NoCache {
		flags |= pageStale
	}
	if j.directives.NoCache && !j.tracked {
		flags |= pageNoCache
	}
	if j.shown(d) {
		flags |= pageShown
	}
	return flags
}

// choose says which request fields pick the page: those that Vary names, and without a decision of the handler's all that may
// have made it. An encoded body is picked by Accept-Encoding, said or not. One that is encoded outside is not: its encoder
// sees every hit, too.
func (j *judgement) choose(h http.Header) {
	j.pick.names, _ = rfc9111.ParseVary(h["Vary"])
	const coding = "Accept-Encoding"
	switch {
	case len(j.header["Content-Encoding"]) > 0:
		j.pick.names, _ = rfc9111.ParseVary(append([]string{coding}, h["Vary"]...))
	case len(h["Content-Encoding"]) > 0:
		if said, _ := rfc9111.ParseVary(j.header["Vary"]); !slices.Contains(said, coding) {
			j.pick.names = slices.DeleteFunc(j.pick.names, func(name string) bool { return name == coding })
		}
	}
	// A page that its handler confirms each time is not stored on stamps, nor on a lifetime of ours.
	confirmed := j.directives.NoCache && !j.tracked
	j.pick.all = !j.directives.Public && !j.directives.SMaxAge.Set && !confirmed && (!j.explicit || j.directives.NoCache)
}

// again judges by the header map as it is after the first write. What outer middleware said there takes back what the page
// was allowed, and grants nothing.
func (j *judgement) again(f *fill, p *page) Reason {
	h, d := rfc9111.Canonical(f.w.Header()), f.door
	written := *j
	if slices.ContainsFunc(freshnessFields[:], func(name string) bool { return !slices.Equal(h[name], j.header[name]) }) {
		written.directives = rfc9111.ParseResponse(h, d.targeted)
		if lifetime, explicit := written.directives.Lifetime(h, f.ended, d.kind); explicit {
			written.lifetime, written.explicit = lifetime, true
		}
	}
	if reason := f.refuse(&written, h, true, nil); reason != "" {
		return reason
	}
	if bound, _ := written.bound(d); bound < p.lifetime {
		p.lifetime = bound
	}
	now := written.flags(d)
	p.flags = p.flags&(now|pageTracked|pageExplicit) | now&pageNoCache
	if !p.is(pageStale) {
		p.refresh, p.failure = 0, 0
	}
	written.choose(h)
	j.pick.names, j.pick.all = written.pick.names, j.pick.all || written.pick.all
	return ""
}

// freshnessFields say how long an answer stays fresh, and for whom.
var freshnessFields = [...]string{"Cache-Control", rfc9111.CDNCacheControl, "Expires"}
