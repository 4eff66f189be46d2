package api

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	pagecache "github.com/cachewright/cachewright/middleware"
)

// countTimeout is how long counting a view may keep a connection busy after its answer was sent.
const countTimeout = time.Second

// logRequests logs each request at debug level, with what the page cache said about it.
func (a *API) logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.logger.Enabled(r.Context(), slog.LevelDebug) {
			next.ServeHTTP(w, r)
			return
		}
		begun := time.Now()
		seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(seen, r)
		a.logger.DebugContext(r.Context(), "request",
			slog.String("id", middleware.GetReqID(r.Context())), slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Int("status", seen.Status()), slog.Int("bytes", seen.BytesWritten()),
			slog.Duration("took", time.Since(begun)), slog.String("cache", seen.Header().Get("Cache-Status")))
	})
}

// recoverPanics answers for a handler that panicked, and logs where.
func (a *API) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // panicked with, never wrapped
				panic(v) // the server's own way to end a connection
			}
			a.logger.ErrorContext(r.Context(), "handler panicked",
				slog.String("path", r.URL.Path), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			newProblem(http.StatusInternalServerError, "it is in the server's log").write(w)
		}()
		next.ServeHTTP(w, r)
	})
}

// countHandled counts the requests that reach a handler. It stands inside the doors.
func (a *API) countHandled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.handled.Add(1)
		next.ServeHTTP(w, r)
	})
}

// record counts what the doors did with requests.
func (a *API) record(e pagecache.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outcomes[e.Outcome]++
	if e.Status == http.StatusNotModified {
		a.notModified++
	}
}

// countViews counts the views of pages that were found. It stands outside the door, so it sees every request; the count
// is a write-back model, so it costs no statement. What a browser fetches ahead is no view. A count that fails is logged:
// the page was served.
func (a *API) countViews(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(seen, r)
		found := seen.Status() == http.StatusOK || seen.Status() == http.StatusNotModified
		if !found || strings.HasPrefix(r.Header.Get("Sec-Purpose"), "prefetch") {
			return
		}
		// The view happened, also when the client does not wait for it to be counted.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), countTimeout)
		defer cancel()
		if err := a.shop.CountView(ctx, r.URL.Path); err != nil {
			a.logger.ErrorContext(ctx, "view not counted", slog.String("path", r.URL.Path), slog.Any("error", err))
		}
	})
}
