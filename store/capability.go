package store

import (
	"context"
	"time"
)

// Bounded is implemented by a Store that refuses entries above a size it can name. Users find it by type assertion.
type Bounded interface {
	// MaxEntry returns the largest sum of the lengths of key and value, in bytes, that Set accepts. It does not change
	// during the life of the store. MaxKey bounds the key as well.
	MaxEntry() int
}

// Sized is implemented by a Store that can tell cheaply how full it is. Users find it by type assertion.
type Sized interface {
	// Stats returns the figures of this moment. It may be called at any time, after Close too: then they are zero.
	Stats() Stats
}

// Stats tells how full a Store is.
type Stats struct {
	// Entries counts the entries held, those included whose lifetime is over but whose place was not used again yet.
	Entries int64
	// Bytes is the memory reserved for entries so far. It grows up to Limit and need not shrink.
	Bytes int64
	// Limit is the most that Bytes can reach.
	Limit int64
}

// Dated is implemented by a Store that tells how long an entry has still to live, so that a copy kept before it can end with
// it. Users find it by type assertion.
type Dated interface {
	// GetDated is Get, and returns besides how long the entry has still to live: more than 0, or 0 when nothing limits it.
	GetDated(ctx context.Context, key string) (value []byte, left time.Duration, err error)
}
