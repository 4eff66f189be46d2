package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/app"
	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// server is the running demo as a client sees it.
type server struct {
	*app.App
	http *http.Client
}

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   string
}

// Each of these keeps to rows of its own: they share a demo, and run one after the other.
func TestTheAPI(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(*testing.T, server)
	}{
		{"a list is read page by page to its end", listIsReadToItsEnd},
		{"a product is changed in part", productIsChangedInPart},
		{"what is not there is not found", whatIsNotThere},
		{"an order is placed, paid and seen by its customer alone", orderIsPlacedAndPaid},
		{"a cancelled order goes back on the shelf", cancelledOrderGoesBack},
		{"an order of more than there is leaves nothing behind", orderOfTooMuch},
		{"a customer is renamed", customerIsRenamed},
		{"every view of a page counts wherever the page comes from", everyViewCounts},
		{"samples of one minute add up", samplesAddUp},
		{"the description has every route", theDescriptionHasEveryRoute},
		{"the product page tells its rows", theProductPageTellsItsRows},
		{"the account page is its customer's alone", theAccountPageIsItsCustomersAlone},
		{"signing in names a customer", signingInNamesACustomer},
		{"stock is exact and never negative under concurrent orders", stockIsNeverNegative},
	}
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": apptest.SQLite, "postgres": testkit.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, dsn(t))
			for _, test := range tests {
				t.Run(test.name, func(t *testing.T) { test.run(t, s) })
			}
		})
	}
}

func start(tb testing.TB, dsn string) server {
	tb.Helper()
	return startWith(tb, dsn, false)
}

func startWith(tb testing.TB, dsn string, uncached bool) server {
	tb.Helper()
	a, err := app.Start(tb.Context(), app.Config{
		Addr: "127.0.0.1:0", DSN: dsn, Logger: slog.New(slog.DiscardHandler), Uncached: uncached, Journal: tb.TempDir(),
	})
	require.NoError(tb, err)
	transport := new(http.Transport)
	tb.Cleanup(func() {
		transport.CloseIdleConnections()
		require.NoError(tb, a.Stop(context.WithoutCancel(tb.Context())))
	})
	return server{a, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// get reads a path.
func (s server) get(tb testing.TB, path string, fields ...string) reply {
	tb.Helper()
	return s.send(tb, http.MethodGet, path, "", fields...)
}

// send sends a request with a JSON body, unless that is empty, and as customer 1 where it matters who one is. Fields are
// names and values in turn; a value of "-" removes the field.
func (s server) send(tb testing.TB, method, path, body string, fields ...string) reply {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), method, s.URL+path, strings.NewReader(body))
	require.NoError(tb, err)
	if strings.HasPrefix(path, "/orders") || strings.HasPrefix(path, "/me") && !strings.HasPrefix(path, "/metrics") {
		request.Header.Set("Authorization", "Bearer demo-1")
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
		if fields[i+1] == "-" {
			request.Header.Del(fields[i])
		}
	}
	response, err := s.http.Do(request)
	require.NoError(tb, err)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	return reply{response.StatusCode, response.Header, string(bytes.TrimSpace(read))}
}

// value is the JSON of an answer that is a success.
func value[T any](tb testing.TB, r reply) T {
	tb.Helper()
	require.Less(tb, r.status, 300, r.body)
	require.Equal(tb, "application/json", r.header.Get("Content-Type"))
	var v T
	require.NoError(tb, json.Unmarshal([]byte(r.body), &v))
	return v
}

// problem is what a client is told of an error.
type problem struct {
	Type, Title, Detail string
	Status              int
	Errors              []struct{ Field, Detail string }
}

// requireProblem requires an answer to be a problem with a status, about the named fields.
func requireProblem(tb testing.TB, r reply, status int, fields ...string) problem {
	tb.Helper()
	require.Equal(tb, status, r.status, r.body)
	require.Equal(tb, "application/problem+json", r.header.Get("Content-Type"))
	require.Equal(tb, "no-store", r.header.Get("Cache-Control"))
	var p problem
	require.NoError(tb, json.Unmarshal([]byte(r.body), &p))
	require.Equal(tb, "about:blank", p.Type)
	require.Equal(tb, http.StatusText(status), p.Title)
	require.Equal(tb, status, p.Status)
	named := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		require.NotEmpty(tb, e.Detail)
		named[i] = e.Field
	}
	require.ElementsMatch(tb, fields, named)
	return p
}
