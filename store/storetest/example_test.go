package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/storetest"
)

// A store of one's own is tested by one line. This one lives in the process, so a bubble can make time pass for it.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestMyStore(t *testing.T)
		storetest.Run(t, func(testing.TB) store.Store { return newMapStore() }, storetest.WithBubble())
	}
}

// A reply may be lost after the store did what it was asked.
func ExampleFaulty() {
	ctx := context.Background()
	f := storetest.NewFaulty(newMapStore())
	defer f.Close()

	f.Script(storetest.OpSet,
		storetest.FailBefore(fmt.Errorf("connect: %w", store.ErrUnavailable)),
		storetest.FailAfter(fmt.Errorf("read reply: %w", store.ErrUnavailable)),
	)
	for range 2 {
		fmt.Println(f.Set(ctx, "key", []byte("value"), 0))
		_, err := f.Get(ctx, "key")
		fmt.Println("stored:", !errors.Is(err, store.ErrNotFound))
	}
	fmt.Println(f.Calls(storetest.OpSet), "calls,", f.Applied(storetest.OpSet), "applied")
	// Output:
	// connect: store: unavailable
	// stored: false
	// read reply: store: unavailable
	// stored: true
	// 2 calls, 1 applied
}
