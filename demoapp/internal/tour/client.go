package tour

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// requestTimeout ends a request that hangs; none of the tour's takes a second.
const requestTimeout = 20 * time.Second

// client sends the tour's requests, as any other program would.
type client struct {
	base string
	http *http.Client
}

// field is one field of a request's header.
type field struct{ name, value string }

// pastPages asks for the rows: the page cache passes such a request by, and the handler answers it.
func pastPages() field { return field{"Cache-Control", "no-store"} }

// as is who sends the request.
func as(customer int64) field { return field{"Authorization", fmt.Sprintf("Bearer demo-%d", customer)} }

// unless asks for a page only if it is not the one with the tag.
func unless(etag string) field { return field{"If-None-Match", etag} }

// answer is what came back.
type answer struct {
	request string // method and path
	status  int
	header  http.Header
	body    []byte
}

// hit reports whether the page cache had the page. Its member of the field is a name and parameters (RFC 9211).
func (a answer) hit() bool {
	_, parameters, _ := strings.Cut(a.header.Get("Cache-Status"), ";")
	return slices.ContainsFunc(strings.Split(parameters, ";"), func(p string) bool { return strings.TrimSpace(p) == "hit" })
}

// refusal is the answer as an error.
func (a answer) refusal() error {
	return fmt.Errorf("%s was answered %d: %s", a.request, a.status, bytes.TrimSpace(a.body))
}

func newClient(base string) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, and documented to be
	transport.Proxy = nil                                        // it is our own address
	transport.MaxIdleConnsPerHost = clients * 4
	return &client{base: base, http: &http.Client{Transport: transport, Timeout: requestTimeout}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

func (c *client) do(ctx context.Context, method, path string, body any, fields ...field) (answer, error) {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, fmt.Errorf("write the body of %s %s: %w", method, path, err)
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, sent)
	if err != nil {
		return answer{}, fmt.Errorf("make a request: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, f := range fields {
		request.Header.Set(f.name, f.value)
		if f == pastPages() {
			request.Header.Set("Sec-Purpose", "prefetch") // nobody views it: the counters are another chapter
		}
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("send a request: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was read to its end
	got := answer{request: method + " " + path, status: response.StatusCode, header: response.Header}
	if got.body, err = io.ReadAll(response.Body); err != nil {
		return answer{}, fmt.Errorf("read the answer of %s: %w", got.request, err)
	}
	return got, nil
}
