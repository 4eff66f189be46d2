package bigcachestore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/bigcachestore"
)

func ExampleNew() {
	s, err := bigcachestore.New(64 << 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	ctx := context.Background()
	if err := s.Set(ctx, "instruments/1", []byte("cello"), time.Minute); err != nil {
		fmt.Println(err)
	}
	value, err := s.Get(ctx, "instruments/1")
	fmt.Printf("%s %v\n", value, err)

	_, err = s.Get(ctx, "instruments/2")
	fmt.Println(errors.Is(err, store.ErrNotFound))

	err = s.Set(ctx, "archive", make([]byte, 5<<20), time.Minute)
	fmt.Println(err)
	// Output:
	// cello <nil>
	// true
	// entry of 5242887 bytes, at most 2097024: store: entry too large
}

func ExampleNew_tooLittle() {
	_, err := bigcachestore.New(64 << 10) // KiB, where MiB were meant
	fmt.Println(err)
	// Output:
	// bigcachestore: memory of 65536 bytes is below the minimum of 1048576 (1 MiB)
}
