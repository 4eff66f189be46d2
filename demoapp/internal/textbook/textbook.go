// Package textbook is the cache that most applications begin with: get the answer, else make it and set it with a lifetime;
// after a write delete the key of what was written. The demo runs the same load through it, beside the library, on a database
// of its own.
//
// It is written with care and still serves old answers, for reasons no care removes: a reader who began before a write sets
// what it read after the write's delete, and lists and other entries made of the row have keys that the writer does not know.
package textbook

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Lifetime bounds how long an old answer is served.
const Lifetime = 10 * time.Second

const mostEntries = 20_000

// Cache stands before an application's handler. Its methods may be called by any goroutine.
type Cache struct {
	next http.Handler

	mu      sync.Mutex // guards entries
	entries map[string]entry

	hits, misses, writes atomic.Int64
}

// entry is a stored answer; it does not change.
type entry struct {
	header  http.Header
	body    []byte
	expires time.Time
}

// Stats are the cache's figures.
type Stats struct {
	Hits   int64 `json:"hits"`
	Misses int64 `json:"misses"`
	Writes int64 `json:"writes"`
}

var _ http.Handler = (*Cache)(nil)

// New returns a cache before the handler.
func New(next http.Handler) *Cache { return &Cache{next: next, entries: map[string]entry{}} }

// Stats returns the figures as they are now.
func (c *Cache) Stats() Stats { return Stats{c.hits.Load(), c.misses.Load(), c.writes.Load()} }

// ServeHTTP answers one request.
func (c *Cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		c.writes.Add(1)
		c.next.ServeHTTP(w, r)
		c.drop(key(r))
		return
	}
	k := key(r)
	if e, ok := c.get(k); ok {
		c.hits.Add(1)
		maps.Copy(w.Header(), e.header)
		_, _ = w.Write(e.body) // a client that has gone is no error of ours
		return
	}
	c.misses.Add(1)
	made := &recorder{ResponseWriter: w, status: http.StatusOK}
	c.next.ServeHTTP(made, r)
	if made.status == http.StatusOK {
		c.set(k, entry{w.Header().Clone(), made.body.Bytes(), time.Now().Add(Lifetime)})
	}
}

// key names an answer by its path and by who asks. A write to a part of a thing, such as /orders/7/pay, is one to the thing.
func key(r *http.Request) string {
	path := r.URL.RequestURI()
	if r.Method != http.MethodGet {
		if parts := strings.Split(r.URL.Path, "/"); len(parts) > 3 {
			path = strings.Join(parts[:3], "/")
		}
	}
	return fmt.Sprintf("%s %s", r.Header.Get("Authorization"), path)
}

func (c *Cache) get(key string) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	return e, ok && time.Now().Before(e.expires)
}

func (c *Cache) set(key string, e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= mostEntries {
		clear(c.entries)
	}
	c.entries[key] = e
}

func (c *Cache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}

// recorder keeps what is written.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}
