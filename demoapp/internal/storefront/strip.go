package storefront

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/go-chi/chi/v5"
	"gorm.io/gorm"

	pagecache "github.com/cachewright/cachewright/middleware"
)

const (
	keptAnswers = 1000
	keptPages   = 5000
	keptRows    = 50 // of a page
)

// strips remembers the last answers for their strips.
type strips struct {
	mu      sync.Mutex // guards all below
	last    int64
	answers map[int64]*strip
	made    map[string][]string // the rows that a page was made from when its handler last ran, by visitor and path
}

// strip is what is told of one answer.
type strip struct {
	Path        string   `json:"path"`
	CacheStatus string   `json:"cache_status"`
	Outcome     string   `json:"outcome"`
	Reason      string   `json:"reason,omitempty"`
	AgeSeconds  float64  `json:"age_seconds"`
	Stamps      int      `json:"stamps"` // the page stands on
	Rows        []string `json:"rows"`   // "products 7"

	visitor string
}

type stripKey struct{}

func newStrips() *strips { return &strips{answers: map[int64]*strip{}, made: map[string][]string{}} }

// number gives the answer a number, which the browser finds in Server-Timing, and keeps what the door says of it. It stands
// outside the door: a page from the cache has a number of its own.
func (s *strips) number(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &strip{Path: r.URL.Path, visitor: identity(r)}
		s.mu.Lock()
		s.last++
		n := s.last
		s.answers[n] = a
		delete(s.answers, n-keptAnswers)
		s.mu.Unlock()
		w.Header().Set("Server-Timing", `answer;desc="`+strconv.FormatInt(n, 10)+`"`)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), stripKey{}, a)))
		s.mu.Lock()
		defer s.mu.Unlock()
		a.CacheStatus = w.Header().Get("Cache-Status")
		a.Rows = s.made[a.visitor+a.Path]
	})
}

// record is the recorder of both doors.
func (s *strips) record(e pagecache.Event) {
	a, _ := e.Context.Value(stripKey{}).(*strip)
	if a == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Outcome, a.Reason, a.AgeSeconds, a.Stamps = string(e.Outcome), string(e.Reason), e.Age.Seconds(), e.Dependencies
}

// notes keeps the rows that a handler reads. It stands inside the door.
func (s *strips) notes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := new(rows)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), rowsKey{}, seen)))
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.made) >= keptPages {
			clear(s.made) // the strips of older pages have no rows to show until they are made again
		}
		s.made[identity(r)+r.URL.Path] = seen.list()
	})
}

// serve answers GET /shop/strip/17. It is nobody's cache's business, and a visitor's answers are told to that visitor alone.
func (s *strips) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	n, _ := strconv.ParseInt(chi.URLParam(r, "number"), 10, 64)
	s.mu.Lock()
	a := s.answers[n]
	var told strip
	if a != nil {
		told = *a
	}
	s.mu.Unlock()
	if a == nil || told.visitor != "" && told.visitor != visitorOf(r) {
		http.Error(w, "there is no such answer, or no more", http.StatusNotFound)
		return
	}
	if told.Rows == nil {
		told.Rows = []string{}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(told) // a visitor who has gone is no error of ours
}

func visitorOf(r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return cookie.Value
}

type rowsKey struct{}

// rows are those a handler has read so far.
type rows struct {
	mu    sync.Mutex // guards the two below
	names []string
	more  int
}

func (r *rows) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case slices.Contains(r.names, name):
	case len(r.names) < keptRows:
		r.names = append(r.names, name)
	default:
		r.more++
	}
}

func (r *rows) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.more > 0 {
		return append(slices.Clone(r.names), "and "+strconv.Itoa(r.more)+" more")
	}
	return slices.Clone(r.names)
}

// Watch makes GORM tell the strips which rows a page was made from, wherever they came from.
func Watch(db *gorm.DB) error {
	return db.Callback().Query().After("gorm:after_query").Register("demo:rows", func(db *gorm.DB) {
		stmt := db.Statement
		seen, _ := stmt.Context.Value(rowsKey{}).(*rows)
		if seen == nil || stmt.Schema == nil || db.Error != nil {
			return
		}
		eachRow(stmt, func(key string) { seen.add(stmt.Schema.Table + " " + key) })
	})
}
