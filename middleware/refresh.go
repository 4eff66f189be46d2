package middleware

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
)

const (
	maxRefreshes   = 16               // at once, for one door
	refreshTime    = 30 * time.Second // for one
	refreshBackoff = time.Second      // after the first failure; doubled with each further one
	maxBackoff     = time.Minute
	maxFailures    = 4096
)

// refreshes are the pages being made again in the background, and those for which that failed a moment ago.
type refreshes struct {
	mu       sync.Mutex // guards what follows
	running  map[string]bool
	failures map[string]refreshFailure
}

type refreshFailure struct {
	until int64
	pause time.Duration
}

// begin reports whether the page under the key is to be made again now: not twice at once, not beyond the bound, not soon after a
// failure.
func (r *refreshes) begin(key string, now int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[key] || len(r.running) >= maxRefreshes || r.failures[key].until > now {
		return false
	}
	if r.running == nil {
		r.running = map[string]bool{}
	}
	r.running[key] = true
	return true
}

func (r *refreshes) end(key string, now int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, key)
	if ok {
		delete(r.failures, key)
		return
	}
	if r.failures == nil || len(r.failures) >= maxFailures {
		r.failures = map[string]refreshFailure{}
	}
	pause := min(max(2*r.failures[key].pause, refreshBackoff), maxBackoff)
	r.failures[key] = refreshFailure{until: now + int64(pause), pause: pause}
}

// refresh makes a stale page that is being served again, on a goroutine of its own and with a request of its own: nothing of
// the visit is touched once it is over.
func (v *visit) refresh(p *page) {
	d := v.door
	if !d.refreshes.begin(p.key, d.clock.now()) {
		return
	}
	again := &visit{
		door: d, w: &nobody{header: v.w.Header().Clone()}, next: v.next,
		user: v.user, scope: v.scope, scheme: v.scheme, host: v.host, authorized: v.authorized, cookies: v.cookies,
		keyed: slices.Clone(v.keyed), credentials: slices.Clone(v.credentials), base: slices.Clone(v.base), known: v.known,
		old: p, purged: v.purged, detached: true,
	}
	ctx, cancel := context.WithTimeout(detached(v.r.Context()), refreshTime)
	again.r = v.r.Clone(ctx)
	again.r.Body = http.NoBody
	if again.header = again.r.Header; d.negotiate {
		again.header = negotiated(again.r.Header)
	}
	for _, name := range [...]string{"Cache-Control", "Pragma"} {
		delete(again.r.Header, name) // what this client wanted of the cache
	}
	started := d.engine.Go(func(life context.Context) {
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		stored := false
		defer func() { d.refreshes.end(p.key, d.clock.now(), stored) }()
		stored = again.make()
	})
	if !started {
		cancel()
		d.refreshes.end(p.key, d.clock.now(), true)
	}
}

// make runs the handler of a refresh, if nobody else is making the page. Its panic ends here: there is no request to end.
func (v *visit) make() (stored bool) {
	d := v.door
	fl, lead := d.flights.join(v.flightKey(v.known))
	if !lead {
		return true
	}
	defer func() {
		if panicked := recover(); panicked != nil && panicked != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
			d.engine.Logger().ErrorContext(v.r.Context(), "a handler panicked while its page was made again",
				"panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
		}
	}()
	return v.fill(rfc9111.FwdStale, fl, true)
}

// detached is the context of a request for work that goes on after it: its values, with chi's routing context, which is used
// again for other requests, as a copy, and without the dependency sets of pages around this one, which are done by then.
func detached(ctx context.Context) context.Context {
	ctx = coherence.Detached(context.WithoutCancel(ctx))
	rc, _ := ctx.Value(chi.RouteCtxKey).(*chi.Context)
	if rc == nil {
		return ctx
	}
	own := chi.NewRouteContext()
	own.Routes, own.RoutePath, own.RouteMethod = rc.Routes, rc.RoutePath, rc.RouteMethod
	own.URLParams.Keys, own.URLParams.Values = slices.Clone(rc.URLParams.Keys), slices.Clone(rc.URLParams.Values)
	own.RoutePatterns = slices.Clone(rc.RoutePatterns)
	return context.WithValue(ctx, chi.RouteCtxKey, own)
}

// nobody is the client of a refresh.
type nobody struct{ header http.Header }

func (n *nobody) Header() http.Header {
	if n.header == nil {
		n.header = http.Header{}
	}
	return n.header
}
func (n *nobody) WriteHeader(int)             {}
func (n *nobody) Write(b []byte) (int, error) { return len(b), nil }
