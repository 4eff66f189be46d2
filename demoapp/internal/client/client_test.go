package client_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/client"
)

func TestOnlyASuccessIsReadIntoTheValue(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/no":
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"n": 5}`)
		case "/broken":
			_, _ = io.WriteString(w, `{"n": `)
		default:
			_, _ = io.WriteString(w, `{"n": 7}`)
		}
	}))
	t.Cleanup(server.Close)
	ask := func(url string, into any) (int, error) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
		require.NoError(t, err)
		return client.Do(server.Client(), r, into)
	}
	var got struct{ N int }
	status, err := ask(server.URL+"/yes", &got)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, 7, got.N)

	status, err = ask(server.URL+"/no", &got)
	require.NoError(t, err)
	require.Equal(t, http.StatusConflict, status)
	require.Equal(t, 7, got.N, "the body of a refusal is not the value")

	_, err = ask(server.URL+"/broken", &got)
	require.ErrorContains(t, err, "read what the service answers")
	status, err = ask(server.URL+"/broken", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)

	_, err = ask("http://127.0.0.1:1/", nil)
	require.ErrorContains(t, err, "ask the service")
}
