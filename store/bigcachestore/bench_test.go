package bigcachestore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

func BenchmarkGet(b *testing.B) {
	for _, size := range []int{100, 10_000, 1 << 20} {
		b.Run(fmt.Sprint(size, " bytes"), func(b *testing.B) {
			ctx, s := context.Background(), open(b, 64)
			if err := s.Set(ctx, "the key of a row", make([]byte, size), time.Hour); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := s.Get(ctx, "the key of a row"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	for _, size := range []int{100, 10_000, 1 << 20} {
		b.Run(fmt.Sprint(size, " bytes"), func(b *testing.B) {
			ctx, s := context.Background(), open(b, 64)
			value := make([]byte, size)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if err := s.Set(ctx, "the key of a row", value, time.Hour); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMixedParallel(b *testing.B) {
	ctx, s := context.Background(), open(b, 64)
	keys := make([]string, 10_000)
	value := make([]byte, 500)
	for i := range keys {
		keys[i] = fmt.Sprint("key of row ", i)
		if err := s.Set(ctx, keys[i], value, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
	var next atomic.Uint64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for n := next.Add(7919); pb.Next(); n++ {
			key := keys[n%uint64(len(keys))]
			if n%10 == 0 {
				_ = s.Set(ctx, key, value, time.Hour)
			} else {
				_, _ = s.Get(ctx, key)
			}
		}
	})
}
