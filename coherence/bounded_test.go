package coherence_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

// roomToGrow is how much more may be alive after all keys than after the first tenth, when every table and queue has its size.
const roomToGrow = 4 << 20

func TestAMillionDistinctKeysTakeNoMoreMemoryThanTheFirst(t *testing.T) { // not in parallel: all that is alive is counted
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(256 << 20))
	ctx := t.Context()
	e := newEngine(t, coherence.WithBits(20), coherence.WithMemory(8<<20))
	rows, things := e.Rows(), coherence.TableTag("things")
	require.NoError(t, e.Expire(ctx, things)) // the table of soft purges is made when first used

	fail := func(err error) {
		if err != nil { // a million times: require would take longer than what it checks
			t.Fatal(err)
		}
	}
	var value [100]byte
	read := func(key string, tag coherence.Tag) {
		if _, ok, err := rows.Get(ctx, key); ok || err != nil {
			t.Fatalf("%s is new: found %v, error %v", key, ok, err)
		}
		_, err := rows.Load(ctx, key, []coherence.Tag{tag}, func(context.Context) (coherence.Filled, error) {
			return coherence.Filled{Value: value[:], Keep: true}, nil
		})
		fail(err)
		if _, ok, err := rows.Get(ctx, key); !ok || err != nil {
			t.Fatalf("%s was filled: found %v, error %v", key, ok, err)
		}
	}
	write := func(key string, tag coherence.Tag) {
		w, err := e.Begin(ctx, tag)
		fail(err)
		fail(w.Stage(ctx, coherence.Install{Cache: rows, Key: key, Value: value[:], Row: tag}))
		w.Publish(ctx)
	}
	page := func(key string, tag coherence.Tag) {
		inside, deps := e.Collect(ctx)
		leave := deps.Enter()
		coherence.Depend(inside, tag)
		e.Stray() // a read without the request's context
		deps.Seal(func(coherence.Note) {})
		leave()
		require.NoError(t, e.Pages().Put(ctx, key, value[:], deps.Stamps(), coherence.Life{}))
	}
	alive := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var early int64
	for i := range distinctKeys {
		text := strconv.Itoa(i)
		key, tag := "row "+text, things.RowText(text)
		read(key, tag)
		write(key, tag)
		if i%10 == 0 {
			page("page "+text, tag)
			require.NoError(t, e.Invalidate(ctx, tag, coherence.NamedTag(text), coherence.URLTag("https://example.com/"+text)))
			require.NoError(t, e.Expire(ctx, tag))
		}
		if i == distinctKeys/10 {
			early = alive()
		}
	}
	late := alive()
	t.Logf("alive after %d keys: %d bytes, after %d: %d", distinctKeys/10, early, distinctKeys, late)
	require.LessOrEqual(t, late-early, int64(roomToGrow))
}
