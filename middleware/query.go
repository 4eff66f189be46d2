package middleware

import (
	"net/url"
	"strings"
)

// queryRule says which parameters of a query tell pages apart. The handler sees them all.
type queryRule struct {
	only bool            // those that are named, and no others
	name map[string]bool // names, decoded
	head []string        // starts of names
}

func (q *queryRule) add(names []string) {
	if q.name == nil {
		q.name = map[string]bool{}
	}
	for _, name := range names {
		if head, ok := strings.CutSuffix(name, "*"); ok {
			q.head = append(q.head, head)
		} else {
			q.name[name] = true
		}
	}
}

func (q *queryRule) names(name string) bool {
	if q.name[name] {
		return true
	}
	for _, head := range q.head {
		if strings.HasPrefix(name, head) {
			return true
		}
	}
	return false
}

// reduce is a query without the parameters that do not tell pages apart. What stays, stays as it was sent and in its order.
func (q *queryRule) reduce(raw string) string {
	if q == nil || raw == "" {
		return raw
	}
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if q.names(name) == q.only {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// target is a request target, or a URL, with its query reduced.
func (q *queryRule) target(uri string) string {
	if q == nil {
		return uri
	}
	path, query, found := strings.Cut(uri, "?")
	if !found {
		return uri
	}
	if query = q.reduce(query); query == "" {
		return path
	}
	return path + "?" + query
}
