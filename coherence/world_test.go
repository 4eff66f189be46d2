package coherence_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/bigcachestore"
)

// smallTable has few words, so that an engine of a test costs little; tags of one test hardly collide in it.
const smallTable = 12

// newEngine opens an engine with a small table; it is closed with the test.
func newEngine(t testing.TB, opts ...coherence.Option) *coherence.Engine {
	t.Helper()
	e, err := coherence.New(append([]coherence.Option{coherence.WithBits(smallTable)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close(context.WithoutCancel(t.Context()))) })
	return e
}

func newStore(t testing.TB) store.Store {
	t.Helper()
	st, err := bigcachestore.New(bigcachestore.MinMemory)
	require.NoError(t, err)
	return st
}

// world is an engine with a database of one table behind it, read the way the plugin reads.
type world struct {
	testing.TB
	engine *coherence.Engine

	mu sync.Mutex // guards db
	db map[string]string
}

func newWorld(t testing.TB, opts ...coherence.Option) *world {
	t.Helper()
	return &world{TB: t, engine: newEngine(t, opts...), db: map[string]string{"a": "old"}}
}

func row(key string) coherence.Tag { return coherence.RowTag("things", key) }

// set changes the database alone.
func (w *world) set(key, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.db[key] = value
}

// get reads the database alone; "" is absent.
func (w *world) get(key string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.db[key]
}

// read reads through the cache.
func (w *world) read(key string) string {
	w.Helper()
	hit, ok, err := w.engine.Rows().Get(w.Context(), key)
	require.NoError(w, err)
	if ok {
		return string(hit.Value)
	}
	return w.load(key, func() {})
}

// load reads the database as one who missed; afterRead runs between the read of the database and its return.
func (w *world) load(key string, afterRead func()) string {
	w.Helper()
	loaded, err := w.engine.Rows().Load(w.Context(), key, []coherence.Tag{row(key)},
		func(context.Context) (coherence.Filled, error) {
			value := w.get(key)
			afterRead()
			return coherence.Filled{Value: []byte(value), Keep: true}, nil
		})
	require.NoError(w, err)
	return string(loaded.Value)
}

// hit reports whether the cache answers.
func (w *world) hit(key string) bool {
	w.Helper()
	_, ok, err := w.engine.Rows().Get(w.Context(), key)
	require.NoError(w, err)
	return ok
}

func (w *world) begin(tags ...coherence.Tag) *coherence.Write {
	w.Helper()
	write, err := w.engine.Begin(w.Context(), tags...)
	require.NoError(w, err)
	return write
}

// stage stages the value of a row as the transaction that holds its lock would.
func (w *world) stage(write *coherence.Write, key, value string) {
	w.Helper()
	require.NoError(w, write.Stage(w.Context(), w.install(key, value)))
}

func (w *world) install(key, value string) coherence.Install {
	return coherence.Install{Cache: w.engine.Rows(), Key: key, Value: []byte(value), Row: row(key)}
}
