package middleware

import (
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
)

// page is a stored answer. It is never changed once it is made, for any number of requests may be reading it.
type page struct {
	key      string // in the store
	status   int
	flags    pageFlags
	born     int64         // clock, when the answer was complete
	initial  time.Duration // its age then
	lifetime time.Duration // unbounded: no bound
	refresh  time.Duration // how long past its lifetime its handler lets it be served while it is made again
	failure  time.Duration // how long past its lifetime its handler lets it stand in for a failure
	etag     string        // generated; "" when the handler set its own, or none can be made
	route    string
	moment   uint64      // a soft purge after it ends the page's freshness
	fields   []pageField // what the handler added to the header, sorted by name
	body     []byte
	stamps   coherence.Stamps

	length    string                     // of the body, for Content-Length
	weak      string                     // etag as a weak one
	selection http.Header                // the fields that conditional requests are about
	validator http.Header                // those of them that the handler made
	modified  time.Time                  // Last-Modified; zero without
	values    int                        // lines in all fields
	coded     bool                       // whether the body has a content coding
	ttl       atomic.Pointer[secondText] // of Cache-Status
	old       atomic.Pointer[secondText] // of Age
	tally     atomic.Pointer[tally]      // of its route
}

type pageFlags uint8

const (
	pageTracked     pageFlags = 1 << iota // its stamps vouch for it
	pageExplicit                          // its handler bounded its life
	pageAuthorized                        // may be shared with requests that carry Authorization
	pageWithCookies                       // may be shared with requests that carry cookies
	pageStale                             // may be served past its lifetime to a client that asks for it
	pageNoCache                           // never served without asking its handler
	pageShown                             // outlives its lifetime, to be validated or to stand in
)

// unbounded is the lifetime of a page that only its stamps end.
const unbounded = time.Duration(1 << 62)

// secondText is what a hit says in one second of the page's life.
type secondText struct {
	seconds int64
	text    string
}

func (p *page) is(f pageFlags) bool { return p.flags&f != 0 }

// finish computes what follows from the rest.
func (p *page) finish() {
	p.length = strconv.Itoa(len(p.body))
	if p.etag != "" {
		p.weak = "W/" + p.etag
	}
	p.selection = make(http.Header, 3)
	for i := range p.fields {
		f := &p.fields[i]
		p.values += len(f.values)
		switch f.name {
		case "Etag", "Last-Modified", "Date":
			p.selection[f.name] = f.values
			if f.op != opDelete && f.name != "Date" && len(f.values) > 0 && f.values[0] != "" {
				if p.validator == nil {
					p.validator = make(http.Header, 2)
				}
				p.validator[f.name] = f.values[:1:1]
			}
			if f.name == "Last-Modified" && len(f.values) > 0 {
				p.modified, _ = rfc9111.ParseDate(f.values[0], time.Unix(0, p.born))
			}
		case "Content-Encoding":
			p.coded = f.op != opDelete
		}
	}
	if p.etag != "" {
		p.selection["Etag"] = []string{p.etag}
	}
}

// age is how old the page is.
func (p *page) age(now int64) time.Duration {
	resident := time.Duration(now - p.born)
	if resident < 0 {
		resident = -resident // of a process whose clock was ahead: it ages too early rather than never
	}
	return rfc9111.CurrentAge(p.initial, resident)
}

// entry is the page as the rules of HTTP see it. Whoever asks has found the stamps valid; purged says that a soft purge met
// them, which ends freshness at once.
func (p *page) entry(d *door, now int64, purged bool) rfc9111.Entry {
	e := rfc9111.Entry{
		Age: p.age(now), Lifetime: p.lifetime,
		NoCache: p.is(pageNoCache), MustRevalidate: !p.is(pageStale),
		StaleWhileRevalidate: p.refresh, StaleIfError: p.failure,
		Validated: p.is(pageTracked) && !d.development && !purged,
	}
	if p.is(pageStale) {
		e.StaleWhileRevalidate = max(e.StaleWhileRevalidate, d.staleRefresh)
		e.StaleIfError = max(e.StaleIfError, d.staleError)
	}
	if purged {
		e.Lifetime = min(e.Lifetime, e.Age)
	}
	return e
}

// standsIn reports whether the page may be the answer because the handler failed. One whose stamps moved may only if its own
// handler said so.
func (p *page) standsIn(d *door, now int64, moved, purged bool) bool {
	e := p.entry(d, now, purged)
	if !moved {
		return e.UsableOnError()
	}
	e.StaleIfError = p.failure
	return p.failure > 0 && e.UsableOnError()
}

// lasts reports whether whoever finds the page when it has just been made is answered by it.
func (p *page) lasts() bool { return !p.is(pageNoCache) && p.lifetime > p.initial }

// hitStatus is the page's Cache-Status on a hit. Pages that live by their stamps have no ttl: nobody knows it.
func (p *page) hitStatus(v *visit, age time.Duration) string {
	d := v.door
	if d.showKey {
		return rfc9111.CacheStatus{Cache: d.name, TTL: p.lifetime - age, HasTTL: p.is(pageExplicit), Key: v.shown(nil)}.String()
	}
	if !p.is(pageExplicit) {
		return d.hitText
	}
	ttl := p.lifetime - age
	seconds := int64(ttl / time.Second)
	if ttl%time.Second < 0 {
		seconds-- // as it is written
	}
	if have := p.ttl.Load(); have != nil && have.seconds == seconds {
		return have.text
	}
	text := rfc9111.CacheStatus{Cache: d.name, TTL: ttl, HasTTL: true}.String()
	p.ttl.Store(&secondText{seconds: seconds, text: text})
	return text
}

// ageText is the page's Age on a hit.
func (p *page) ageText(age time.Duration) string {
	seconds := int64(age / time.Second)
	if have := p.old.Load(); have != nil && have.seconds == seconds {
		return have.text
	}
	text := rfc9111.FormatSeconds(age)
	p.old.Store(&secondText{seconds: seconds, text: text})
	return text
}

// staleMemory is how long past its lifetime a page is kept at least for clients that say max-stale, and to be validated.
const staleMemory = 10 * time.Minute

// life is how long the store is to keep the page; 0: no bound.
func (p *page) life(d *door) time.Duration {
	if p.lifetime == unbounded {
		return 0
	}
	left := max(p.lifetime-p.initial, 0)
	if !p.is(pageShown) && !p.is(pageStale) {
		return left
	}
	stay := max(p.refresh, p.failure, staleMemory)
	if p.is(pageStale) {
		stay = max(stay, d.staleRefresh, d.staleError)
	}
	return left + stay
}

// size is about what the page takes in memory.
func (p *page) size() int {
	n := len(p.key) + len(p.body) + 16*len(p.stamps) + 512
	for i := range p.fields {
		n += 64 + len(p.fields[i].name)
		for _, value := range p.fields[i].values {
			n += 16 + len(value)
		}
	}
	return n
}

const pageFormat = 2

var errCorruptPage = errors.New("middleware: corrupt page")

// encode is the page for the store: format, flags, status, times, route, ETag, fields, body. Stamps and key are the store's.
func (p *page) encode() []byte {
	b := make([]byte, 0, p.size())
	b = append(b, pageFormat, byte(p.flags))
	b = binary.AppendUvarint(b, uint64(p.status))
	b = binary.LittleEndian.AppendUint64(b, uint64(p.born))
	b = binary.AppendUvarint(b, uint64(p.initial))
	b = binary.AppendUvarint(b, uint64(p.lifetime))
	b = binary.AppendUvarint(b, uint64(p.refresh))
	b = binary.AppendUvarint(b, uint64(p.failure))
	b = binary.AppendUvarint(b, p.moment)
	b = appendPart(b, p.route)
	b = appendPart(b, p.etag)
	b = binary.AppendUvarint(b, uint64(len(p.fields)))
	for i := range p.fields {
		f := &p.fields[i]
		b = append(b, byte(f.op))
		b = appendPart(b, f.name)
		b = appendLines(b, f.values)
	}
	return append(b, p.body...)
}

// decodePage reads what encode wrote. The body shares memory with b.
func decodePage(b []byte) (*page, error) {
	d := decoder{rest: b}
	if d.byte() != pageFormat {
		return nil, errCorruptPage
	}
	p := &page{flags: pageFlags(d.byte())}
	status := d.uvarint()
	if len(d.rest) < 8 || status < 200 || status > 999 {
		return nil, errCorruptPage
	}
	p.status = int(status)
	p.born = int64(binary.LittleEndian.Uint64(d.rest))
	d.rest = d.rest[8:]
	for _, span := range [...]*time.Duration{&p.initial, &p.lifetime, &p.refresh, &p.failure} {
		n := d.uvarint()
		if n > uint64(unbounded) {
			return nil, errCorruptPage
		}
		*span = time.Duration(n)
	}
	p.moment = d.uvarint()
	p.route, p.etag = d.text(), d.text()
	n := d.count(3)
	p.fields = make([]pageField, 0, n)
	for range n {
		f := pageField{op: fieldOp(d.byte()), name: d.text()}
		for range d.count(1) {
			f.values = append(f.values, d.text())
		}
		if d.failed || !f.valid() {
			return nil, errCorruptPage
		}
		p.fields = append(p.fields, f)
	}
	if d.failed || slices.ContainsFunc([]byte(p.etag), func(c byte) bool { return c < ' ' || c > '~' }) {
		return nil, errCorruptPage
	}
	p.body = d.rest
	p.finish()
	return p, nil
}
