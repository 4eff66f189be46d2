package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/cachewright/cachewright/demoapp/internal/shop"
)

const (
	maxBody      = 64 << 10 // bytes of a request
	defaultLimit = 20
	maxLimit     = 100
)

// checks collects what is wrong with a request, so that a client hears of all of it at once.
type checks []fieldProblem

// require notes what is wrong with a field unless ok.
func (c *checks) require(ok bool, field, detail string) {
	if !ok {
		*c = append(*c, fieldProblem{Field: field, Detail: detail})
	}
}

// err is nil when nothing is wrong.
func (c checks) err() error {
	if len(c) == 0 {
		return nil
	}
	p := newProblem(http.StatusUnprocessableEntity, "some values cannot be taken")
	p.Errors = c
	return p
}

// decode reads a JSON body into a value: one object, with no field that the value does not know.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, "the body must be application/json")
	}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	body.DisallowUnknownFields()
	err := body.Decode(into)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body may have %d bytes", maxBody))
	case errors.Is(err, io.EOF):
		return newProblem(http.StatusBadRequest, "the body is empty")
	case err != nil:
		return newProblem(http.StatusBadRequest, "the body cannot be read: "+err.Error())
	case body.Decode(&struct{}{}) != io.EOF:
		return newProblem(http.StatusBadRequest, "the body must be one JSON object")
	}
	return nil
}

// pathID is the id in the path. What can be no id is not found, like an id nobody has.
func pathID(r *http.Request) (int64, error) { return pathNumber(r, "id") }

func pathNumber(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(chi.URLParam(r, name), 10, 64)
	if err != nil || n <= 0 {
		return 0, shop.ErrNotFound
	}
	return n, nil
}

// query reads the parameters of a URL. One that nobody reads is an error: it would be another page to a cache, and a
// mistake to its author.
type query struct {
	values url.Values
	known  []string
	checks checks
}

func newQuery(r *http.Request) *query { return &query{values: r.URL.Query()} }

// text is a parameter as it was sent, "" when it was not.
func (q *query) text(name string) string {
	q.known = append(q.known, name)
	return q.values.Get(name)
}

// number is a parameter between bounds, or the default when it was not sent.
func (q *query) number(name string, least, most, byDefault int64) int64 {
	text := q.text(name)
	if text == "" {
		return byDefault
	}
	n, err := strconv.ParseInt(text, 10, 64)
	q.checks.require(err == nil && n >= least && n <= most, name, fmt.Sprintf("must be a number from %d to %d", least, most))
	return n
}

// limit is how many things a list may have.
func (q *query) limit() int { return int(q.number("limit", 1, maxLimit, defaultLimit)) }

// span is the part of a list that is asked for.
func (q *query) span() shop.Span {
	return shop.Span{After: q.number("after", 0, 1<<62, 0), Limit: q.limit()}
}

// err is nil when all parameters could be taken.
func (q *query) err() error {
	for name, values := range q.values {
		q.checks.require(slices.Contains(q.known, name), name, "is no parameter of this list")
		q.checks.require(len(values) == 1, name, "must be there once")
	}
	slices.SortFunc(q.checks, func(a, b fieldProblem) int { return slices.Compare([]string{a.Field}, []string{b.Field}) })
	return q.checks.err()
}

// list is one page of a list. Next is the way to the one after it, "" at the end.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// newList links to the next page of a list whose last id is given.
func newList[T any](r *http.Request, items []T, more bool, lastID func(T) int64) list[T] {
	l := list[T]{Items: items}
	if items == nil {
		l.Items = []T{} // an empty list, not null
	}
	if more && len(items) > 0 {
		next := r.URL.Query()
		next.Set("after", strconv.FormatInt(lastID(items[len(items)-1]), 10))
		l.Next = r.URL.Path + "?" + next.Encode()
	}
	return l
}
