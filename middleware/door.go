package middleware

import (
	"crypto/rand"
	"net/http"
	"sync/atomic"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
)

// Shared returns a middleware that stores what any visitor may see and nothing else: nothing that sets a cookie, says private
// or no-store, or answers a request with credentials, unless the answer says that it may be shared all the same. It
// panics on a nil engine or a bad option. Until the engine is ready, requests pass through.
func Shared(engine *coherence.Engine, opts ...Option) func(http.Handler) http.Handler {
	return newDoor("Shared", engine, nil, opts).middleware
}

// PerUser returns a middleware that stores pages for one user at a time. identify tells users apart: it runs once for each
// GET and HEAD, before the store is looked at, and returns all that the page depends on (the user, and role or tenant),
// taken from what authentication, mounted outside, has put into the context; never a session id alone. "" means that the
// page is not stored. It panics on a nil engine, a nil identify or a bad option.
func PerUser(engine *coherence.Engine, identify func(*http.Request) string, opts ...Option) func(http.Handler) http.Handler {
	if identify == nil {
		panic("middleware.PerUser: identify is nil: without it users cannot be told apart")
	}
	return newDoor("PerUser", engine, identify, opts).middleware
}

// Track returns a middleware that stores nothing and counts what is read below it as read by the pages below it. Mount it
// outermost, so that the reads of other middleware (authentication, tenants, flags) become dependencies, too. It panics
// on a nil engine.
func Track(engine *coherence.Engine) func(http.Handler) http.Handler {
	if engine == nil {
		panic("middleware.Track: engine is nil")
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !engine.Ready() {
				next.ServeHTTP(w, r)
				return
			}
			ctx, deps := engine.Collect(r.Context())
			inner := r.WithContext(ctx)
			defer func() { r.Pattern = inner.Pattern }()
			defer deps.Enter()()
			next.ServeHTTP(w, inner)
		})
	}
}

// door is one call of Shared or PerUser.
type door struct {
	settings

	engine   *coherence.Engine
	identify func(*http.Request) string // nil: Shared
	kind     rfc9111.Kind
	space    []byte // starts every key
	hitText  string // Cache-Status of a hit without ttl
	clock    clock

	front     *front
	flights   flights
	refusals  refusals
	refreshes refreshes
	locks     variantLocks
	room      atomic.Int64 // bytes bodies may still take
	cookieLog cookieLog
	lateLog   siteLog
}

func newDoor(name string, engine *coherence.Engine, identify func(*http.Request) string, opts []Option) *door {
	if engine == nil {
		panic("middleware." + name + ": engine is nil")
	}
	d := &door{
		settings: newSettings(name, opts),
		engine:   engine, identify: identify, kind: rfc9111.SharedCache,
		clock: newClock(), front: frontOf(engine.Pages()),
	}
	if identify != nil {
		d.kind = rfc9111.PrivateCache
	}
	d.space = append(d.space, "page"...)
	if d.spaced {
		d.space = appendPart(append(d.space, 's', byte(d.kind)), d.settings.space)
		if d.version == "" {
			d.version = build()
		}
		d.space = appendPart(d.space, d.version)
	} else {
		d.space = appendPart(append(d.space, 'd', byte(d.kind)), rand.Text())
	}
	d.hitText = rfc9111.CacheStatus{Cache: d.name}.String()
	d.room.Store(d.maxInFlight)
	return d
}

func (d *door) middleware(next http.Handler) http.Handler {
	if next == nil {
		panic("middleware: the next handler is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.serve(w, r, next) })
}

// serve answers from the store, or runs the handler.
func (d *door) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !d.engine.Ready() {
		d.bypass(w, r, next, rfc9111.FwdBypass, ReasonNotReady)
		return
	}
	seen, named := d.reduceCookies(r)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		d.bypass(w, seen, next, rfc9111.FwdMethod, ReasonMethod)
		r.Pattern = seen.Pattern
		return
	}
	v := visits.Get().(*visit)
	v.open(d, w, seen, next)
	if d.identify != nil {
		v.user = d.identify(r)
	}
	if reason := v.unfit(named); reason != "" {
		v.forward(rfc9111.FwdBypass, reason)
		r.Pattern = seen.Pattern
		return
	}
	v.key()
	if len(v.base) > maxBase {
		v.forward(rfc9111.FwdBypass, ReasonKey)
		r.Pattern = seen.Pattern
		return
	}
	f := v.find()
	switch ranged := v.ranged(); {
	case f.page != nil && (!ranged || f.page.status == http.StatusOK):
		if f.refresh {
			v.refresh(f.page)
		}
		v.hit(f.page)
		v.close()
		return
	case ranged:
		v.forward(rfc9111.FwdBypass, ReasonRange)
	default:
		v.miss(f.fwd, f.reason)
	}
	r.Pattern = seen.Pattern
}
