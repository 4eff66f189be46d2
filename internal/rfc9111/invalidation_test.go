package rfc9111_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

func TestLine52UnsafeMethodsInvalidate(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "CONNECT", "get", ""} {
		require.True(t, rfc9111.Unsafe(method), method)
		for _, status := range []int{200, 201, 204, 299, 301, 303, 399} {
			require.True(t, rfc9111.Invalidates(method, status), "%s %d", method, status)
		}
	}
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "REPORT", "SEARCH"} {
		require.False(t, rfc9111.Unsafe(method), method)
		require.False(t, rfc9111.Invalidates(method, 200), method)
	}
}

func TestLine54FailedRequestsDoNotInvalidate(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 100, 199, 400, 404, 499, 500, 503} {
		require.False(t, rfc9111.Invalidates("POST", status), "status %d", status)
	}
}

func TestLine53LocationsOfTheSameOriginAreInvalidated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"none", nil, nil},
		{"absolute path", []string{"Location", "/items/2?x=1"}, []string{"https://a.example/items/2?x=1"}},
		{"relative path", []string{"Location", "2"}, []string{"https://a.example/items/2"}},
		{"dots", []string{"Location", "../other"}, []string{"https://a.example/other"}},
		{"query only", []string{"Location", "?page=2"}, []string{"https://a.example/items/1?page=2"}},
		{"absolute", []string{"Location", "https://a.example/x"}, []string{"https://a.example/x"}},
		{"both fields", []string{"Location", "/x", "Content-Location", "/y"}, []string{"https://a.example/x", "https://a.example/y"}},
		{"the same twice", []string{"Location", "/x", "Content-Location", "/x"}, []string{"https://a.example/x"}},
		{"the target itself", []string{"Content-Location", "/items/1?q"}, nil},
		{"fragment", []string{"Location", "/x#part"}, []string{"https://a.example/x"}},
		{"default port", []string{"Location", "https://a.example:443/x"}, []string{"https://a.example:443/x"}},
		{"other case of the host", []string{"Location", "HTTPS://A.Example/x"}, []string{"https://A.Example/x"}},
		{"user name", []string{"Location", "https://u:p@a.example/x"}, []string{"https://a.example/x"}},
		{"other host", []string{"Location", "https://b.example/x"}, nil},
		{"other host without a scheme", []string{"Location", "//b.example/x"}, nil},
		{"other scheme", []string{"Location", "http://a.example/x"}, nil},
		{"other port", []string{"Location", "https://a.example:8443/x"}, nil},
		{"subdomain", []string{"Location", "https://x.a.example/x"}, nil},
		{"no URL", []string{"Location", "https://a.example/%zz"}, nil},
		{"no hierarchy", []string{"Location", "mailto:a@a.example"}, nil},
		{"control characters", []string{"Location", "/x\x00"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target, err := url.Parse("https://a.example/items/1?q")
			require.NoError(t, err)
			var got []string
			for _, u := range rfc9111.InvalidationTargets(target, header(c.lines...)) {
				got = append(got, u.String())
			}
			require.Equal(t, append([]string{"https://a.example/items/1?q"}, c.want...), got)
		})
	}
}

func TestLine18HostsAreLowerCaseWithoutTheDefaultPort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ scheme, host, want string }{
		{"http", "A.Example", "a.example"},
		{"http", "a.example:80", "a.example"},
		{"HTTPS", "a.example:443", "a.example"},
		{"https", "a.example:80", "a.example:80"},
		{"http", "a.example:443", "a.example:443"},
		{"http", "a.example:", "a.example"},
		{"http", "[::1]", "[::1]"},
		{"http", "[::1]:80", "[::1]"},
		{"http", "[::1]:8080", "[::1]:8080"},
		{"http", "", ""},
	} {
		require.Equal(t, c.want, rfc9111.NormalHost(c.scheme, c.host), "%+v", c)
	}
}
