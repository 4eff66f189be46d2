package middleware

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
	"github.com/cachewright/cachewright/internal/switches"
)

// fill is one run of a handler whose answer is looked at. It happens on the goroutine of the request.
type fill struct {
	*visit

	fwd     rfc9111.Fwd
	flight  *flight // nil: nobody waits for this one
	keep    bool    // whether the page may be stored: not if another request is making the same one
	deps    *coherence.Deps
	url     coherence.Stamps // of the page's URL, taken before the handler ran
	moment  uint64           // the last soft purge before the handler ran
	outer   http.Header      // the header map as the handler found it
	started time.Time
	ended   time.Time
	answer  answer

	asking    bool // the handler was asked whether the old page still holds
	confirmed bool // it said so

	sent   int    // the status the client got
	passed Reason // why keeping mode was left; "" while the answer is kept
	site   string // the line that caused it

	route string       // for a late read, which comes when the request is over; set before the dependencies are sealed
	late  atomic.Bool  // a read came after the handler had returned
	store atomic.Bool  // the page is in the store, or about to be
	key   atomic.Value // its key there (string)
}

// insideKey marks the context of a handler that a door runs.
type insideKey struct{ door *door }

// fill runs the handler and stores its answer if it may. It reports whether it did.
func (v *visit) fill(fwd rfc9111.Fwd, fl *flight, keep bool) bool {
	d := v.door
	f := &fill{
		visit: v, fwd: fwd, flight: fl, keep: keep,
		url:    v.urlStamps(),
		moment: d.engine.Moment(),
		outer:  v.w.Header().Clone(), started: time.Now(),
	}
	f.answer = answer{
		w: v.w, keeping: true, limit: d.maxBody, room: &d.room,
		examine: f.examine, leaving: f.leave, before: f.announce, unmodified: f.matches, holds: f.holds,
	}
	f.asking = v.old != nil && !v.moved && len(v.old.validator) > 0
	returned := false
	defer func() {
		if !returned && f.stoodIn() {
			if panicked := recover(); panicked != nil { // and no runtime.Goexit
				returned = true
				f.failed(panicked)
			}
		}
		if !returned {
			f.panicked()
		}
		// Whatever happened since, a client's writer that panics included: nobody waits for this one any more.
		d.flights.land(fl, endLost, nil, selector{})
	}()
	f.run()
	if f.asking && !f.understood() {
		f.again()
		f.run()
	}
	returned = true
	f.ended = time.Now()
	if f.passed == "" {
		return f.finish()
	}
	if a := &f.answer; !a.hijacked {
		a.announce() // the handler wrote nothing: an empty 200
		f.sent = a.status
		if a.mute {
			f.sent = http.StatusNotModified
		}
	}
	f.report(f.passed, false, nil)
	return false
}

// run calls the handler with a request of its own: one context that collects dependencies, and a header without the
// client's conditionals, so that the answer is one for all. It asks about the old page, if there is one.
func (f *fill) run() {
	ctx, deps := f.door.engine.Collect(f.r.Context())
	f.deps = deps
	inner := f.r.WithContext(context.WithValue(ctx, insideKey{f.door}, true))
	inner.Header = f.r.Header.Clone()
	if inner.Header == nil {
		inner.Header = http.Header{}
	}
	rfc9111.StripConditionals(inner.Header)
	if f.asking {
		rfc9111.SetValidators(inner.Header, f.old.validator)
	}
	defer func() { f.r.Pattern = inner.Pattern }()
	defer deps.Enter()()
	f.next.ServeHTTP(f.answer.wrap(), inner)
}

// examine looks at a header as soon as it is written: an answer that cannot be stored and needs nothing of us is not held back.
func (f *fill) examine(status int, h http.Header) Reason {
	if headerSize(h) > maxHeader {
		return ReasonHeaderTooLarge
	}
	full := rfc9111.Canonical(h)
	switch directives := rfc9111.ParseResponse(full, f.door.targeted); {
	case directives.NoStore && !directives.MustUnderstand:
		return ReasonNoStore
	case status == http.StatusPartialContent || len(full["Content-Range"]) > 0:
		return ReasonPartial
	case len(full["Trailer"]) > 0:
		return ReasonTrailer
	}
	return ""
}

const maxHeader = 64 << 10 // bytes

func headerSize(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, value := range values {
			n += len(name) + len(value) + 4
		}
	}
	return n
}

// leave is told that the answer is no longer kept. Whoever waits for it runs on.
func (f *fill) leave(reason Reason) {
	f.passed = reason
	f.land(reason, nil, selector{})
}

// announce completes the header of an answer that is passed through.
func (f *fill) announce(status int) {
	if status == http.StatusSwitchingProtocols {
		return
	}
	h := f.w.Header()
	if f.door.identify != nil {
		addDefault(h, "private, no-cache")
	}
	rfc9111.CacheStatus{
		Cache: f.door.name, Fwd: f.fwd, FwdStatus: status, Detail: string(f.passed),
	}.AddTo(h)
}

// matches reports whether the client has an answer that is passed through. Its handler was not shown the client's
// conditionals, so they are judged here.
func (f *fill) matches() bool { return f.unmodified(rfc9111.Canonical(f.w.Header()), false) }

// addDefault sets Cache-Control unless somebody said how long the answer stays fresh.
func addDefault(h http.Header, value string) {
	if len(h["Cache-Control"]) == 0 && len(h["Expires"]) == 0 {
		h["Cache-Control"] = []string{value}
	}
}

// panicked cleans up behind a handler that did not return; the panic goes on its way on this goroutine. An outer recoverer
// finds the header as the handler found it, for nothing of the answer was sent.
func (f *fill) panicked() {
	f.land(ReasonPanicked, nil, selector{})
	if a := &f.answer; a.keeping {
		a.keeping = false
		if a.wrote {
			a.header = f.outer
			if a.header == nil {
				a.header = http.Header{}
			}
			a.restore()
		}
		a.release()
		f.passed = ReasonPanicked
		// What a recoverer sends says what happened.
		rfc9111.CacheStatus{
			Cache: f.door.name, Fwd: f.fwd, Detail: string(ReasonPanicked),
		}.AddTo(f.w.Header())
	}
	f.ended = time.Now()
	f.report(ReasonPanicked, false, nil)
}

// land ends the flight, if others wait.
func (f *fill) land(reason Reason, p *page, pick selector) {
	if f.flight == nil {
		return
	}
	end := endUnshared
	switch reason {
	case "", ReasonStampsMoved:
		end = endShared
	case ReasonPanicked:
		end = endLost
	case ReasonCancelled:
		end = endGone
	default:
	}
	// Noted first, so that those who wait do not queue behind one another.
	if !passing(reason) {
		f.door.refusals.note(digestOf([]byte(f.flight.key)), f.door.clock.now(), reason != "")
	}
	if end == endShared && reason == "" && p != nil && !p.lasts() {
		end = endUnshared // nobody who asks from now on is answered by it
		f.door.refusals.note(digestOf([]byte(f.flight.key)), f.door.clock.now(), true)
	}
	if end != endShared && switches.On(switches.PageShareable) {
		p = nil
	}
	f.door.flights.land(f.flight, end, p, pick)
}

// seal ends the collecting of dependencies. The route is noted now: later the request may be another's.
func (f *fill) seal() {
	f.route = route(f.r)
	f.deps.Seal(f.tooLate)
}

// report tells recorder and log how it went.
func (f *fill) report(reason Reason, stored bool, p *page) {
	d := f.door
	if reason == ReasonCookie {
		d.logCookies(f.r)
	}
	if reason != "" {
		d.refusal(f.r.Context(), f.r, reason, f.site)
	}
	e := Event{
		Context: f.r.Context(), Outcome: Miss, Reason: reason, Route: route(f.r), Method: f.r.Method, Status: f.sent, Bytes: f.answer.sent,
		Fill: f.ended.Sub(f.started), Stored: stored, Waited: f.stood,
	}
	if f.flight != nil {
		e.Followers = int(f.flight.followers.Load())
	}
	if p != nil {
		e.Dependencies = len(p.stamps)
	}
	d.record(e)
}

// stamps are all that the page stands on: what was read for it, and its URL.
func (f *fill) stamps() coherence.Stamps {
	if !switches.On(switches.PageStamps) {
		return f.door.engine.Stamp(nil)
	}
	stamps := f.deps.Stamps().Merge(f.url)
	if f.confirmed || f.detached {
		// What a confirmed page was made from, or what middleware outside read for the request that a refresh serves.
		stamps = stamps.Merge(f.old.stamps)
	}
	return slices.Clip(stamps)
}
