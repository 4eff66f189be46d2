package rowset

import "unsafe"

const (
	// aliasSize is the length of answers whose strings may share their
	// memory: one string kept by a reader keeps at most this much alive.
	aliasSize = 4 << 10
	chunkSize = 4 << 10
)

// arena copies strings and bytes out of an answer into chunks that are never
// used twice, so that a reader may keep what a driver would only lend: one
// allocation for many values, and at most one chunk kept alive by each.
type arena struct {
	free   []byte
	answer int // length of the whole answer
	left   int // upper bound of what may still be asked for
}

func (a *arena) text(v Value) string {
	if a.answer <= aliasSize {
		return v.StringAlias()
	}
	b := a.take(v.raw)
	return unsafe.String(unsafe.SliceData(b), len(b)) // nobody else has these bytes
}

func (a *arena) bytes(v Value) []byte {
	if v.raw == nil {
		return nil
	}
	return a.take(v.raw)
}

func (a *arena) take(src []byte) []byte {
	n := len(src)
	if n == 0 {
		return []byte{}
	}
	if n > len(a.free) {
		if n > chunkSize/4 {
			return append(make([]byte, 0, n), src...)
		}
		a.free = make([]byte, min(chunkSize, max(a.left, n)))
	}
	out := a.free[:n:n]
	a.free = a.free[n:]
	a.left -= n
	copy(out, src)
	return out
}
