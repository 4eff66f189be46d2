package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"

	"github.com/cachewright/cachewright/demoapp/internal/shop"
)

// handler answers a request, or says why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// problem is an error as clients see it (RFC 9457). It is an error itself, for handlers that know best what to say.
type problem struct {
	Type   string         `json:"type"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail,omitempty"`
	Errors []fieldProblem `json:"errors,omitempty"`
}

// fieldProblem is what is wrong with one field or parameter.
type fieldProblem struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

func newProblem(status int, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// Error tells the same to a log.
func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail) }

// handle turns an error into a problem. What is not the client's business is logged and not told.
func (a *API) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		if r.Context().Err() != nil {
			return // nobody is there to read it
		}
		p := problemOf(err)
		if p.Status >= http.StatusInternalServerError {
			a.logger.ErrorContext(r.Context(), "request failed",
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
		}
		p.write(w)
	}
}

// problemOf is what a client is told of an error.
func problemOf(err error) *problem {
	var own *problem
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, shop.ErrNotFound):
		return newProblem(http.StatusNotFound, "there is no such thing here")
	case errors.Is(err, shop.ErrConflict):
		return newProblem(http.StatusConflict, err.Error())
	case errors.Is(err, cacheplugin.ErrBacklogFull), errors.Is(err, cacheplugin.ErrCacheUnavailable):
		return newProblem(http.StatusServiceUnavailable, "try again soon")
	default:
		return newProblem(http.StatusInternalServerError, "it is in the server's log")
	}
}

func (p *problem) write(w http.ResponseWriter) {
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Cache-Control", "no-store")
	send(w, p.Status, "application/problem+json", p)
}

// answer sends a value as JSON.
func answer(w http.ResponseWriter, status int, value any) error {
	send(w, status, "application/json", value)
	return nil
}

// send writes the whole body at once, so an answer is complete or not there. What is sent here always marshals.
func send(w http.ResponseWriter, status int, contentType string, value any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // it is not HTML, and a browser is told so
	if err := encoder.Encode(value); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // a client that has gone is no error of ours
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	newProblem(http.StatusMethodNotAllowed, r.Method+" is not what this path takes").write(w)
}
