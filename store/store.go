// Package store is the seam between the cache and the place where its entries live.
//
// A Store is a bounded, forgetful map from keys to bytes with a lifetime for each entry. It knows nothing of rows, pages or
// coherence: whether an entry may still be served is decided above it. It may drop any entry at any time, so nothing that
// exists only once may be kept in it.
//
// bigcachestore keeps entries in the memory of the process. The suite in storetest checks any other implementation against
// the contract written here, clause by clause.
package store

import (
	"context"
	"time"
)

// MaxKey is the length in bytes of the longest key every Store must accept.
const MaxKey = 64 << 10

// Store holds entries under keys.
//
// Keys are arbitrary bytes in a string, 0 to MaxKey of them: they may be empty, contain NUL and need not be UTF-8. Two keys
// are the same only when all their bytes are: a store that indexes by a hash answers a collision with a miss, never with the
// value of a stranger. Storing or deleting a key may drop the entry of another one, as eviction may.
// A key longer than MaxKey is never present: Set refuses it with ErrTooLarge, Get reports ErrNotFound, Delete does nothing.
//
// All methods may be called by any number of goroutines at once, Close included. A value is read and written as a whole: no
// Get sees parts of two values. Set and Delete have taken effect when they return nil; a Get that starts later returns that
// value, a newer one, or ErrNotFound.
//
// A call whose context has already ended does nothing and returns an error wrapping the context's. A call that returns any
// other error wraps one of ErrNotFound, ErrTooLarge and ErrUnavailable. After ErrUnavailable, or when the context ended
// during the call, it is not known whether a Set or Delete took place: it may even take place later.
type Store interface {
	// Get returns the value last stored under key. It returns ErrNotFound when there is none, when its lifetime is over or
	// when it was evicted. The returned slice belongs to the caller, who may modify it. Reading does not prolong a lifetime.
	Get(ctx context.Context, key string) ([]byte, error)

	// Set stores a copy of value under key in place of an older value and its lifetime; the caller may reuse value after
	// the return. An empty or nil value is a value: Get returns it with length 0 and no error.
	//
	// The entry is not returned once ttl has passed. A ttl of 0 sets no limit. A negative ttl is over already: the key is
	// absent afterwards. A store with a coarse clock rounds a positive ttl up, to a whole millisecond at most.
	//
	// An entry that is too large for the store is refused with ErrTooLarge, and that loses nothing: the old value of the
	// key and all other entries stay. A caller who must not see the old value any more calls Delete.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Delete removes key. That key is absent is no error.
	Delete(ctx context.Context, key string) error

	// Close releases what the store holds; it may be called again, which does nothing. Calls that start after Close has
	// returned fail with ErrUnavailable; calls under way may finish or fail so.
	Close() error
}
