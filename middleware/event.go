package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
)

// Outcome is what became of a request.
type Outcome string

// The outcomes.
const (
	Hit       Outcome = "hit"       // answered from the store
	Miss      Outcome = "miss"      // the handler ran, and its answer was looked at
	Collapsed Outcome = "collapsed" // answered by the handler another request ran
	Bypass    Outcome = "bypass"    // the handler ran; the cache had no part in it
	Refused   Outcome = "refused"   // 504 to only-if-cached; no handler ran
	Late      Outcome = "late"      // no request of its own: a handler read after it had returned, and its page is gone
)

// Event is what a recorder is told of one request.
type Event struct {
	// Context is the request's, with all that middleware outside the door put into it: a trace, an id.
	Context      context.Context //nolint:containedctx // for the length of the call
	Outcome      Outcome
	Reason       Reason        // why not stored, or why the cache was passed by; "" for stored pages and hits
	Route        string        // the route's pattern, never the path; "" when no router told it
	Method       string        // of the request
	Status       int           // sent to the client; 0 when nobody knows (hijacked, panicked)
	Bytes        int64         // of the body handed over
	Age          time.Duration // of a stored page
	Fill         time.Duration // how long the handler ran
	Stored       bool          // whether the answer went into the store
	Dependencies int           // stamps the page stands on
	Waited       time.Duration // for another request that was making the page
	Followers    int           // requests that were waiting for this one when it ended
}

// record counts the event and hands it to the recorder, if there is one.
func (d *door) record(e Event) {
	d.front.tallies.of(e.Route).count(&e)
	if d.recorder != nil {
		d.recorder(e)
	}
}

// route is the pattern the request was routed by, as far as the router knows it yet.
func route(r *http.Request) string {
	if rc, _ := r.Context().Value(chi.RouteCtxKey).(*chi.Context); rc != nil {
		if pattern := rc.RoutePattern(); pattern != "" {
			return pattern
		}
	}
	return r.Pattern
}

// refusal logs why a page is not stored, for developers.
func (d *door) refusal(ctx context.Context, r *http.Request, reason Reason, site string) {
	if !d.development {
		return
	}
	pattern := route(r)
	if pattern == "" {
		pattern = r.URL.Path
	}
	d.engine.Logger().InfoContext(ctx, "page not stored", "reason", string(reason), "route", pattern, "at", site)
}
