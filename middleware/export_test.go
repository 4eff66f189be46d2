package middleware

import (
	"time"

	"github.com/cachewright/cachewright/coherence"
)

// CopiesHeld is how many bytes the decoded copies of the engine's pages take.
func CopiesHeld(e *coherence.Engine) int {
	f := frontOf(e.Pages())
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.used
}

// Decode reads a stored page or a description of variants and says whether it was taken for one. It is what lies between
// damaged bytes and an answer.
func Decode(b []byte) (ok bool) {
	p, err := decodePage(b)
	k, kerr := decodeVariants(b)
	if err == nil {
		again, err := decodePage(p.encode())
		if err != nil || again.status != p.status || len(again.fields) != len(p.fields) || string(again.body) != string(p.body) {
			panic("a page that was read is not written as it was read")
		}
	}
	if kerr == nil {
		again, err := decodeVariants(k.encode())
		if err != nil || len(again.selectors) != len(k.selectors) || len(again.digests) != len(k.digests) {
			panic("variants that were read are not written as they were read")
		}
	}
	return err == nil || kerr == nil
}

// Samples are stored bytes as they are made.
func Samples() [][]byte {
	p := &page{
		status: 200, flags: pageTracked | pageExplicit, born: 1, initial: time.Second, lifetime: time.Minute, etag: `"x"`, route: "/{id}", moment: 3,
		fields: []pageField{
			{opSet, "Content-Type", []string{"text/html"}}, {opAppend, "Vary", []string{"A", "B"}}, {op: opDelete, name: "X-Gone"},
		},
		body: []byte("body"),
	}
	k := &variants{selectors: []selector{{all: true, names: []string{"Accept"}}, {}}, digests: []uint64{1, 2}}
	return [][]byte{p.encode(), k.encode()}
}

// RevisionOf is the revision a binary was built from.
var RevisionOf = revisionOf

// AgeAt is the age of a page that was made when the clock showed born, at another time the clock shows.
func AgeAt(born, now int64) time.Duration { return (&page{born: born}).age(now) }
