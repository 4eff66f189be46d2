package middleware

import (
	"context"
	"sync"

	"github.com/cachewright/cachewright/coherence"
)

// siteLog lets each line of the application be logged once.
type siteLog struct {
	mu   sync.Mutex
	seen map[string]bool // guarded by mu; bounded
}

const maxSites = 1024

func (l *siteLog) first(site string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[site] || len(l.seen) >= maxSites {
		return false
	}
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	l.seen[site] = true
	return true
}

// tooLate is called for a read that comes after the handler had returned, from whatever goroutine: the page does not know
// of it, so it must not be served.
func (f *fill) tooLate(n coherence.Note) {
	f.late.Store(true)
	if f.store.Load() {
		f.forget()
	}
	if f.door.lateLog.first(n.Site) {
		f.door.engine.Logger().Warn("a handler read after it had returned; its page is not kept",
			"reason", string(coherence.ReasonLate), "at", n.Site)
	}
	f.door.record(Event{Context: f.r.Context(), Outcome: Late, Reason: coherence.ReasonLate, Route: f.route, Method: f.r.Method})
}

// forget removes the page from the store.
func (f *fill) forget() {
	if key, _ := f.key.Load().(string); key != "" {
		_ = f.door.engine.Pages().Delete(context.Background(), key) // counted; an entry that stays is bounded by its stamps
		f.door.front.drop(key)
	}
}
