package middleware

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// pageField is one field of a page's header: what the handler did to the header it was given. What outer middleware had
// put there is not stored; it puts its own there again on every hit.
type pageField struct {
	op     fieldOp
	name   string // canonical
	values []string
}

type fieldOp uint8

const (
	opSet     fieldOp = iota // the field was not there before
	opAppend                 // lines were added to those that were there
	opReplace                // other lines stand in place of those that were there
	opDelete                 // the field was removed
	opCount
)

// valid reports whether the field may stand in a header, so that damaged bytes cannot split an answer.
func (f *pageField) valid() bool {
	if f.op >= opCount || !rfc9111.ValidName(f.name) {
		return false
	}
	return !slices.ContainsFunc(f.values, func(v string) bool { return !rfc9111.ValidValue(v) })
}

// fieldsOf finds what the handler did: full is the header that would reach the client, outer the one it was given. What
// is never stored is left out.
func fieldsOf(outer, full http.Header) []pageField {
	outer = rfc9111.Canonical(outer)
	var fields []pageField
	for name, values := range rfc9111.StorableHeader(full) {
		if name == "Content-Length" || name == "Age" { // the cache knows better
			continue
		}
		before, had := outer[name]
		switch {
		case !had:
			fields = append(fields, pageField{opSet, name, values})
		case slices.Equal(before, values):
		case len(values) > len(before) && slices.Equal(before, values[:len(before)]):
			fields = append(fields, pageField{opAppend, name, values[len(before):]})
		default:
			fields = append(fields, pageField{opReplace, name, values})
		}
	}
	canonical := rfc9111.Canonical(full)
	for name := range outer {
		if _, kept := canonical[name]; !kept && rfc9111.ValidName(name) {
			fields = append(fields, pageField{op: opDelete, name: name})
		}
	}
	slices.SortFunc(fields, func(a, b pageField) int { return strings.Compare(a.name, b.name) })
	return fields
}

// apply does to h what the handler did. Fields that outer middleware set and the handler did not know of stay, but for
// those that describe the body. values is room for the lines, so that nobody who changes h changes the page.
func (f *pageField) apply(h http.Header, values []string) {
	copy(values, f.values)
	current, have := h[f.name]
	switch {
	case f.op == opDelete:
		delete(h, f.name)
	case f.name == "Vary":
		h[f.name] = rfc9111.MergeVary(current, values)
	case f.op == opAppend:
		h[f.name] = append(slices.Clip(current), values...)
	case f.op == opSet && have && !describesBody(f.name):
	default:
		h[f.name] = values
	}
}

func describesBody(name string) bool {
	switch name {
	case "Content-Type", "Content-Encoding", "Content-Language", "Content-Location", "Etag", "Last-Modified", "Location":
		return true
	}
	return false
}

// serve answers the request with the page: 304 if the client has it already. It returns the status and the bytes of body
// that were sent. One allocation, for the lines of the header; one more for the first hit in each second of the page's life.
func (p *page) serve(v *visit, age time.Duration, status string) (code int, sent int64) {
	h, r := v.w.Header(), v.r
	code = p.status
	unmodified := v.marks&markCondition != 0 &&
		rfc9111.NotModified(r.Method, r.Header, p.status, p.selection, time.Now())
	if unmodified {
		code = http.StatusNotModified
	}
	bare := len(h) == 0
	lines := make([]string, p.values+4)
	for i := range p.fields {
		f := &p.fields[i]
		if unmodified && f.op != opDelete && !rfc9111.InNotModified(f.name, p.selection) {
			continue
		}
		n := len(f.values)
		if bare && f.op != opDelete { // nothing is there that could be in the way
			copy(lines, f.values)
			h[f.name] = lines[:n:n]
		} else {
			f.apply(h, lines[:n:n])
		}
		lines = lines[n:]
	}
	lines[0] = p.ageText(age)
	h["Age"] = lines[0:1:1]
	if p.etag != "" {
		lines[1] = p.tagFor(v)
		h["Etag"] = lines[1:2:2]
	}
	ranged := !unmodified && code == http.StatusOK && v.ranged()
	if !unmodified && !bodyless(code) && !ranged {
		lines[2] = p.length
		h["Content-Length"] = lines[2:3:3]
	} else if !bare {
		delete(h, "Content-Length")
	}
	if have := h["Cache-Status"]; len(have) == 0 {
		lines[3] = status
		h["Cache-Status"] = lines[3:4:4]
	} else {
		rfc9111.AddStatus(h, status)
	}
	if ranged {
		return p.serveRange(v)
	}
	v.w.WriteHeader(code)
	if unmodified || r.Method == http.MethodHead || bodyless(code) {
		return code, 0
	}
	n, _ := v.w.Write(p.body) // the client is gone: nobody is left to tell
	return code, int64(n)
}

// tagFor is the generated ETag for this request: weak where an encoder outside may still change the bytes.
func (p *page) tagFor(v *visit) string {
	if v.door.strong || !acceptsCoding(v.r.Header["Accept-Encoding"]) || p.coded {
		return p.etag
	}
	return p.weak
}
