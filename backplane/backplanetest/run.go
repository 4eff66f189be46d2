// Package backplanetest checks implementations of coherence.Backplane.
//
// Run turns what an engine relies on into subtests, one for each sentence. They work with engines alone, no database: writes are
// published by [coherence.Engine.Invalidate], as those are that no transaction tells of itself.
package backplanetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

// Group makes the ends of one backplane: each call of Join is the end of another process. It may be called by several
// goroutines.
type Group struct {
	Join func(tb testing.TB) coherence.Backplane

	// JoinCut is Join for an end whose connections can be cut and mended; cut returns when they are broken. nil leaves out the
	// subtests about faults.
	JoinCut func(tb testing.TB) (end coherence.Backplane, cut, mend func())
}

const (
	// lease is that of engines that shall not fall behind, short that of those that shall.
	lease = time.Minute
	short = 300 * time.Millisecond

	patience = 20 * time.Second // for what takes milliseconds on an idle machine
	often    = time.Millisecond
)

// Run checks a backplane. open returns a new group, which hears nothing of other groups, and is called for each subtest, by
// several at once.
func Run(t *testing.T, open func(testing.TB) Group) {
	t.Helper()
	for _, c := range append(deliveryClauses, leaseClauses...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(t, open(t))
		})
	}
	for _, c := range faultClauses {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := open(t)
			if g.JoinCut == nil {
				t.Skip("this backplane's connections cannot be cut")
			}
			c.check(t, g)
		})
	}
}

// A clause is one sentence of the contract and the check that it holds for a backplane.
type clause struct {
	name  string
	check func(t testing.TB, g Group)
}

// member is an engine with its end.
type member struct {
	*coherence.Engine
	testing.TB
}

// join makes an engine of the end and waits until it serves from its cache.
func join(tb testing.TB, end coherence.Backplane, lease time.Duration) *member {
	tb.Helper()
	e, err := coherence.New(coherence.WithBackplane(end, lease), coherence.WithMemory(8<<20))
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, e.Close(context.Background())) })
	m := &member{Engine: e, TB: tb}
	m.current(true)
	return m
}

// members joins n engines that do not fall behind.
func members(tb testing.TB, g Group, n int) []*member {
	tb.Helper()
	all := make([]*member, n)
	for i := range all {
		all[i] = join(tb, g.Join(tb), lease)
	}
	return all
}

// current waits until the engine serves from its cache, or does not.
func (m *member) current(want bool) {
	m.Helper()
	require.Eventually(m, func() bool { return m.Stats().Backplane.Current == want }, patience, often)
}

// keep stores an entry that stands on the tags, and returns whether it is still served.
func (m *member) keep(key string, tags ...coherence.Tag) (served func() bool) {
	m.Helper()
	require.NoError(m, m.Rows().Put(m.Context(), key, []byte(key), m.Stamp(nil, tags...), coherence.Life{}))
	return func() bool {
		_, ok, err := m.Rows().Get(context.Background(), key)
		return err == nil && ok
	}
}

// write tells of a write as the application does of one from outside.
func (m *member) write(tags ...coherence.Tag) {
	m.Helper()
	require.NoError(m, m.Invalidate(m.Context(), tags...))
}

// gone waits until the entry is not served any more.
func gone(tb testing.TB, served func() bool, what ...any) {
	tb.Helper()
	require.Eventually(tb, func() bool { return !served() }, patience, often, what...)
}

// each runs f on a goroutine for each member and waits.
func each(all []*member, f func(i int, m *member)) {
	var wg sync.WaitGroup
	for i, m := range all {
		wg.Go(func() { f(i, m) })
	}
	wg.Wait()
}
