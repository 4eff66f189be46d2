package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// stoodIn reports whether the old page may be the answer should the handler fail, and nothing was sent yet (RFC 5861 section 4).
func (f *fill) stoodIn() bool {
	return f.old != nil && f.answer.keeping && f.old.standsIn(f.door, f.door.clock.now(), f.moved, f.purged)
}

// failing reports whether a handler that returned has failed.
func (f *fill) failing() bool {
	return f.answer.wrote && rfc9111.ErrorStatus(f.answer.status) ||
		errors.Is(f.r.Context().Err(), context.DeadlineExceeded)
}

// failed is told of a handler that panicked, with the old page in its place. Nobody else will hear of the panic.
func (f *fill) failed(panicked any) {
	if panicked != http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
		f.door.engine.Logger().ErrorContext(f.r.Context(), "a handler panicked; the page stored before stands in",
			"panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
	}
	f.standIn()
}

// standIn answers with the old page in place of a handler that failed.
func (f *fill) standIn() {
	a, reason := &f.answer, ReasonFailure
	if f.moved {
		reason = ReasonStale
	}
	f.ended = time.Now()
	f.seal()
	status := 0
	if a.wrote {
		status = a.status
	}
	a.keeping = false
	a.header = f.outer
	if a.header == nil {
		a.header = http.Header{}
	}
	a.restore()
	a.release()
	// Those who wait ask for themselves: they may not want a stale answer.
	f.land(reason, nil, selector{})
	f.depend(f.old)
	var sent int64
	f.sent, sent = f.old.serve(f.visit, f.old.age(f.door.clock.now()), rfc9111.CacheStatus{
		Cache: f.door.name, Fwd: f.fwd, FwdStatus: status, Detail: string(reason),
	}.String())
	a.sent += sent
	f.report(reason, false, nil)
}
