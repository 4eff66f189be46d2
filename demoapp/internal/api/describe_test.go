package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
)

// describedRoutes are those of the description, as "GET /products".
func describedRoutes(tb testing.TB, text string) []string {
	tb.Helper()
	var d struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ Responses map[string]any }
		Components map[string]map[string]any
	}
	require.NoError(tb, json.Unmarshal([]byte(text), &d))
	require.Equal(tb, "3.1.0", d.OpenAPI)
	var routes []string
	for path, methods := range d.Paths {
		for method, operation := range methods {
			require.NotEmpty(tb, operation.Responses, path)
			routes = append(routes, strings.ToUpper(method)+" "+path)
		}
	}
	for _, part := range strings.Split(text, `"$ref": "#/components/`)[1:] { // no reference leads nowhere
		name, _, _ := strings.Cut(part, `"`)
		kind, name, _ := strings.Cut(name, "/")
		require.Contains(tb, slices.Collect(maps.Keys(d.Components[kind])), name)
	}
	return routes
}

func theDescriptionHasEveryRoute(t *testing.T, s server) {
	r := s.get(t, "/openapi.json")
	require.Equal(t, http.StatusOK, r.status)
	var routes []string
	require.NoError(t, chi.Walk(s.API.Routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes = append(routes, method+" "+route)
		return nil
	}))
	require.ElementsMatch(t, routes, describedRoutes(t, r.body))
}
