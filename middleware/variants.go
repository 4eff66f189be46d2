package middleware

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/cachewright/cachewright/coherence"
)

// selector says which request fields pick a page among those of one URL.
type selector struct {
	all   bool     // every field that may have made the page, for one stored on its stamps alone
	names []string // those that Vary names: canonical, sorted, without duplicates
}

func (s selector) equal(o selector) bool { return s.all == o.all && slices.Equal(s.names, o.names) }

// variants is what is known of the pages of one URL: by which fields they were told apart, newest rule first, and the digests of
// their keys, newest page last. A page that is not among them is not served, which is what bounds their number. Values
// are never changed once made.
type variants struct {
	selectors []selector
	digests   []uint64
}

const maxSelectors = 4

// digestSeed makes the digests of requests that wait for one another unsearchable.
var digestSeed = maphash.MakeSeed()

func digestOf(key []byte) uint64 { return maphash.Bytes(digestSeed, key) }

// variantDigest is the digest of a page's key among the variants of its URL: the same in every process, for they may share a store.
// Two keys with one digest cost a look-up.
func variantDigest(key []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(key) // a hash never fails
	return h.Sum64()
}

func (k *variants) has(digest uint64) bool { return slices.Contains(k.digests, digest) }

// with is k with a page picked by s as the newest one. It returns k itself if nothing changed.
func (k *variants) with(s selector, digest uint64, limit int) *variants {
	if k == nil {
		return &variants{selectors: []selector{s}, digests: []uint64{digest}}
	}
	if k.selectors[0].equal(s) && k.has(digest) {
		return k
	}
	next := &variants{selectors: []selector{s}}
	for _, have := range k.selectors {
		if !have.equal(s) && len(next.selectors) < maxSelectors {
			next.selectors = append(next.selectors, have)
		}
	}
	for _, have := range k.digests {
		if have != digest {
			next.digests = append(next.digests, have)
		}
	}
	next.digests = append(next.digests, digest)
	if over := len(next.digests) - limit; over > 0 {
		next.digests = next.digests[over:]
	}
	return next
}

// variantLocks keep two fills of one URL from forgetting each other's page.
type variantLocks [64]sync.Mutex

func (l *variantLocks) of(digest uint64) *sync.Mutex { return &l[digest%uint64(len(l))] }

// variantsOf finds what is known of the URL's pages, and where the front keeps it; nil if nothing is, or it does not.
func (d *door) variantsOf(ctx context.Context, v *visit) (*variants, *frontEntry) {
	key := v.variantsKey()
	if e := d.front.find(key); e != nil && e.variants != nil {
		return e.variants, e
	}
	text := string(key)
	change := d.front.changes(text)
	hit, ok := d.peek(ctx, v, text)
	if !ok || !hit.Valid() {
		return nil, nil
	}
	k, err := decodeVariants(hit.Value)
	if err != nil {
		return nil, nil
	}
	d.front.keepVariants(text, k, change)
	return k, nil
}

// learn notes a page under the URL.
func (d *door) learn(ctx context.Context, v *visit, s selector, digest uint64) error {
	key := string(v.variantsKey())
	lock := d.locks.of(digestOf([]byte(key)))
	lock.Lock()
	defer lock.Unlock()
	have, _ := d.variantsOf(ctx, v)
	next := have.with(s, digest, d.maxVariants)
	if next == have {
		return nil
	}
	// The description stands on "everything" alone: it vouches for no page, each page has stamps of its own.
	err := d.engine.Pages().Put(ctx, key, next.encode(), d.engine.Stamp(nil), coherence.Life{})
	d.front.drop(key)
	return err
}

const variantsFormat = 1

var errCorruptVariants = errors.New("middleware: corrupt description of variants")

func (k *variants) encode() []byte {
	b := []byte{variantsFormat, byte(len(k.selectors))}
	for _, s := range k.selectors {
		all := byte(0)
		if s.all {
			all = 1
		}
		b = binary.AppendUvarint(append(b, all), uint64(len(s.names)))
		for _, name := range s.names {
			b = appendPart(b, name)
		}
	}
	for _, digest := range k.digests {
		b = binary.LittleEndian.AppendUint64(b, digest)
	}
	return b
}

func decodeVariants(b []byte) (*variants, error) {
	d := decoder{rest: b}
	if d.byte() != variantsFormat {
		return nil, errCorruptVariants
	}
	k := &variants{}
	n := int(d.byte())
	for range n {
		s := selector{all: d.byte() == 1}
		for range d.count(1) {
			s.names = append(s.names, d.text())
		}
		if d.failed {
			return nil, errCorruptVariants
		}
		k.selectors = append(k.selectors, s)
	}
	if d.failed || n == 0 || n > maxSelectors || len(d.rest)%8 != 0 {
		return nil, errCorruptVariants
	}
	for ; len(d.rest) > 0; d.rest = d.rest[8:] {
		k.digests = append(k.digests, binary.LittleEndian.Uint64(d.rest))
	}
	return k, nil
}
