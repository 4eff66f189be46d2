package middleware

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// reduceCookies removes the cookies the application does not read, if it said which ones it does. It returns the request the
// handler is to see, which is r itself if nothing was to be removed, and whether it carries a cookie that was named.
func (d *door) reduceCookies(r *http.Request) (reduced *http.Request, named bool) {
	lines := r.Header["Cookie"]
	if d.cookies == nil || len(lines) == 0 {
		return r, false
	}
	var kept []string
	removed := false
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ";") {
			part = strings.Trim(part, " \t")
			switch {
			case d.cookies[cookieName(part)]:
				kept = append(kept, part)
			case part != "":
				removed = true
			}
		}
	}
	if !removed {
		return r, len(kept) > 0
	}
	reduced = r.WithContext(r.Context()) // a shallow copy: the caller's request stays as it is
	reduced.Header = r.Header.Clone()
	if len(kept) == 0 {
		delete(reduced.Header, "Cookie")
	} else {
		reduced.Header["Cookie"] = []string{strings.Join(kept, "; ")}
	}
	return reduced, len(kept) > 0
}

func cookieName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return strings.Trim(name, " \t")
}

// cookieLog logs once for each set of names that requests with these cookies are not served from the cache.
type cookieLog struct {
	mu   sync.Mutex
	seen map[string]bool // guarded by mu; bounded
}

const maxCookieLogs = 64

func (d *door) logCookies(r *http.Request) {
	if d.cookies != nil {
		return // the application has said which ones it reads
	}
	var names []string
	for _, line := range r.Header["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			if name := cookieName(strings.Trim(part, " \t")); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	set := strings.Join(slices.Compact(names), " ")
	l := &d.cookieLog
	l.mu.Lock()
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	first := !l.seen[set] && len(l.seen) < maxCookieLogs
	if first {
		l.seen[set] = true
	}
	l.mu.Unlock()
	if first {
		d.engine.Logger().InfoContext(r.Context(),
			"pages are not shared with requests that carry these cookies; Cookies(names...) says which ones the application reads",
			"cookies", set)
	}
}
