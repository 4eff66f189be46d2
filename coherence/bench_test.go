package coherence_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/cachewright/cachewright/coherence"
)

func newBenchEngine(b *testing.B) *coherence.Engine {
	b.Helper()
	return newEngine(b, coherence.WithBits(20), coherence.WithMemory(512<<20))
}

func BenchmarkValid(b *testing.B) {
	e := newBenchEngine(b)
	for _, n := range []int{1, 10, 100} {
		var stamps coherence.Stamps
		for i := range n {
			stamps = e.Stamp(stamps, row(strconv.Itoa(i)))
		}
		b.Run(fmt.Sprint(n, "-rows"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !e.Valid(stamps) {
					b.Fatal("not valid")
				}
			}
		})
	}
}

func BenchmarkGetHit(b *testing.B) {
	e := newBenchEngine(b)
	ctx := context.Background()
	if err := e.Rows().Put(ctx, "a", make([]byte, 256), e.Stamp(nil, row("a")), coherence.Life{}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok, _ := e.Rows().Get(ctx, "a"); !ok {
				b.Error("a miss")
			}
		}
	})
}

func BenchmarkLoadMiss(b *testing.B) {
	e := newBenchEngine(b)
	ctx, value, tags := context.Background(), make([]byte, 256), []coherence.Tag{row("a")}
	read := func(context.Context) (coherence.Filled, error) {
		return coherence.Filled{Value: value, Keep: true}, nil
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Rows().Load(ctx, "a", tags, read); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBeginPublish(b *testing.B) {
	e := newBenchEngine(b)
	ctx := context.Background()
	for _, n := range []int{1, 10, 1000} {
		tags := make([]coherence.Tag, n)
		for i := range tags {
			tags[i] = row(strconv.Itoa(i))
		}
		b.Run(fmt.Sprint(n, "-rows"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w, err := e.Begin(ctx, tags...)
				if err != nil {
					b.Fatal(err)
				}
				w.Publish(ctx)
			}
		})
	}
}

// The cost of an invalidation does not depend on how many entries it makes stale.
func BenchmarkInvalidate(b *testing.B) {
	for _, n := range []int{1e3, 1e6} {
		b.Run(fmt.Sprint(n, "-entries"), func(b *testing.B) {
			e := newBenchEngine(b)
			ctx, table := context.Background(), coherence.TableTag("things")
			for i := range n {
				key := strconv.Itoa(i)
				if err := e.Rows().Put(ctx, key, []byte(key), e.Stamp(nil, table.RowText(key)), coherence.Life{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Invalidate(ctx, table); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
