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
	lifetime time.Duration // 0: no bound
	etag     string        // generated; "" when the handler set its own, or none can be made
	route    string
	moment   uint64      // a soft purge after it ends the page's freshness
	fields   []pageField // what the handler added to the header, sorted by name
	body     []byte
	stamps   coherence.Stamps

	length    string      // of the body, for Content-Length
	weak      string      // etag as a weak one
	selection http.Header // the fields that conditional requests are about
	values    int         // lines in all fields
	coded     bool        // whether the body has a content coding
	ttl       atomic.Pointer[ttlText]
}

type pageFlags uint8

const (
	pageTracked     pageFlags = 1 << iota // its stamps vouch for it
	pageExplicit                          // its handler bounded its life
	pageAuthorized                        // may be shared with requests that carry Authorization
	pageWithCookies                       // may be shared with requests that carry cookies
	pageStale                             // may be served past its lifetime to a client that asks for it
)

// ttlText is the Cache-Status of a hit in one second of the page's life.
type ttlText struct {
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
	return rfc9111.CurrentAge(p.initial, time.Duration(now-p.born))
}

// entry is the page as the rules of HTTP see it. Whoever asks has found the stamps valid.
func (p *page) entry(now int64, reload bool) rfc9111.Entry {
	lifetime := p.lifetime
	if lifetime == 0 {
		lifetime = 1<<63 - 1
	}
	return rfc9111.Entry{
		Age: p.age(now), Lifetime: lifetime,
		MustRevalidate: !p.is(pageStale),
		Validated:      p.is(pageTracked) && !reload,
	}
}

// hitStatus is the page's Cache-Status on a hit. Pages that live by their stamps have no ttl: nobody knows it.
func (p *page) hitStatus(d *door, age time.Duration) string {
	if !p.is(pageExplicit) {
		return d.hitText
	}
	ttl := p.lifetime - age
	seconds := int64(ttl / time.Second)
	if have := p.ttl.Load(); have != nil && have.seconds == seconds {
		return have.text
	}
	text := rfc9111.CacheStatus{Cache: d.name, TTL: ttl, HasTTL: true}.String()
	p.ttl.Store(&ttlText{seconds: seconds, text: text})
	return text
}

// staleMemory is how long past its lifetime a page is kept for clients that say max-stale.
const staleMemory = 10 * time.Minute

// life is how long the store is to keep the page; 0: no bound.
func (p *page) life() time.Duration {
	switch {
	case p.lifetime == 0:
		return 0
	case p.is(pageStale):
		return p.lifetime - p.initial + staleMemory
	}
	return p.lifetime - p.initial
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

const pageFormat = 1

var errCorruptPage = errors.New("middleware: corrupt page")

// encode is the page for the store: format, flags, status, times, route, ETag, fields, body. Stamps and key are the store's.
func (p *page) encode() []byte {
	b := make([]byte, 0, p.size())
	b = append(b, pageFormat, byte(p.flags))
	b = binary.AppendUvarint(b, uint64(p.status))
	b = binary.LittleEndian.AppendUint64(b, uint64(p.born))
	b = binary.AppendUvarint(b, uint64(p.initial))
	b = binary.AppendUvarint(b, uint64(p.lifetime))
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
	initial, lifetime := d.uvarint(), d.uvarint()
	if initial > 1<<62 || lifetime > 1<<62 {
		return nil, errCorruptPage
	}
	p.initial, p.lifetime = time.Duration(initial), time.Duration(lifetime)
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
