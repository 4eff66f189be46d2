package middleware

import "sync"

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
