package middleware

import (
	"net/http"
	"time"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// miss runs the handler, or waits for another request that runs it already.
func (v *visit) miss(fwd rfc9111.Fwd, reason Reason) {
	d := v.door
	switch {
	case v.asks.OnlyIfCached:
		v.unsatisfied()
		return
	case v.r.Method == http.MethodHead:
		v.head(fwd)
		return
	case v.r.Context().Value(insideKey{d}) != nil:
		// The handler of this very door asks again; waiting for it would be waiting for ourselves.
		v.forward(rfc9111.FwdBypass, ReasonNested)
		return
	case reason != "" || !v.joinable():
		v.fill(fwd, nil, true)
		return
	}
	v.arrived = d.flights.next()
	var timeout <-chan time.Time
	for {
		key := v.flightKey(v.known)
		if d.refusals.known(digestOf([]byte(key)), d.clock.now()) {
			v.fill(fwd, nil, true)
			return
		}
		f, lead := d.flights.join(key)
		if lead {
			v.fill(fwd, f, true)
			return
		}
		if timeout == nil {
			timer := time.NewTimer(d.wait)
			defer timer.Stop()
			timeout = timer.C
		}
		since := time.Now()
		select {
		case <-f.done:
			v.stood += time.Since(since)
		case <-timeout:
			v.stood += time.Since(since)
			v.fill(fwd, nil, false)
			return
		case <-v.r.Context().Done():
			v.fill(fwd, nil, false)
			return
		}
		if f.end == endLost || f.end == endUnshared && f.page == nil {
			v.fill(fwd, nil, true)
			return
		}
		if f.page != nil && v.accepts(f) {
			v.collapse(f, fwd)
			return
		}
		found := v.find()
		if found.page != nil {
			v.hit(found.page)
			return
		}
		fwd = found.fwd
	}
}

// joinable reports whether the request may wait for another one's answer and may lead others.
func (v *visit) joinable() bool {
	return v.door.coalesce && !v.authorized && !v.cookies && !v.asks.NoCache &&
		!v.asks.MaxAge.Set && !v.asks.MinFresh.Set
}

// accepts reports whether what a flight made is the answer to this request, too: the same page, one it may see, and one
// that shows a moment within the request.
func (v *visit) accepts(f *flight) bool {
	if v.may(f.page) != "" || string(v.pageKey(&f.pick)) != f.page.key {
		return false
	}
	if v.arrived < f.began {
		return true
	}
	return v.door.engine.Valid(f.page.stamps) &&
		v.asks.Decide(f.page.entry(v.door, v.door.clock.now(), false)) != rfc9111.MustValidate
}

// collapse answers with what another request's handler made.
func (v *visit) collapse(f *flight, fwd rfc9111.Fwd) {
	p := f.page
	v.depend(p)
	text := rfc9111.CacheStatus{Cache: v.door.name, Fwd: fwd, Collapsed: true}.String()
	status, sent := p.serve(v, p.age(v.door.clock.now()), text)
	v.door.record(Event{
		Context: v.r.Context(), Outcome: Collapsed, Route: p.route, Method: v.r.Method, Status: status, Bytes: sent, Dependencies: len(p.stamps),
		Waited: v.stood,
	})
}
