package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cachewright/cachewright/store"
)

// fetch shows the three outcomes a reader of a Store tells apart: a hit, a miss, and a store out of order, which must not
// fail the read.
func fetch(ctx context.Context, s store.Store, key string, load func() []byte) ([]byte, string) {
	value, err := s.Get(ctx, key)
	switch {
	case err == nil:
		return value, "hit"
	case errors.Is(err, store.ErrNotFound):
		value = load()
		if err := s.Set(ctx, key, value, time.Minute); errors.Is(err, store.ErrTooLarge) {
			return value, "miss, too large to keep"
		}
		return value, "miss"
	default:
		return load(), "store out of order"
	}
}

// tiny holds one entry of at most 8 bytes; no store could do less.
type tiny struct {
	key    string
	value  []byte
	closed bool
}

var (
	_ store.Store   = (*tiny)(nil)
	_ store.Bounded = (*tiny)(nil)
)

func (t *tiny) Get(_ context.Context, key string) ([]byte, error) {
	if t.closed {
		return nil, store.ErrUnavailable
	}
	if t.value == nil || t.key != key {
		return nil, store.ErrNotFound
	}
	return append([]byte{}, t.value...), nil
}

func (t *tiny) Set(_ context.Context, key string, value []byte, _ time.Duration) error {
	if t.closed {
		return store.ErrUnavailable
	}
	if len(key)+len(value) > t.MaxEntry() {
		return fmt.Errorf("keep %d bytes: %w", len(value), store.ErrTooLarge)
	}
	t.key, t.value = key, append([]byte{}, value...)
	return nil
}

func (t *tiny) Delete(_ context.Context, key string) error {
	if t.key == key {
		t.value = nil
	}
	return nil
}

func (t *tiny) Close() error  { t.closed = true; return nil }
func (t *tiny) MaxEntry() int { return 8 }

func Example() {
	ctx, s := context.Background(), &tiny{}
	short := func() []byte { return []byte("cello") }
	long := func() []byte { return []byte("violoncello") }

	for range 2 {
		value, how := fetch(ctx, s, "i:1", short)
		fmt.Printf("%s: %s\n", value, how)
	}
	value, how := fetch(ctx, s, "i:2", long)
	fmt.Printf("%s: %s\n", value, how)

	_ = s.Close()
	value, how = fetch(ctx, s, "i:1", short)
	fmt.Printf("%s: %s\n", value, how)
	// Output:
	// cello: miss
	// cello: hit
	// violoncello: miss, too large to keep
	// cello: store out of order
}
