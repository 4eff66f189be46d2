package coherence_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

// here is the file and line of the caller, n lines further down.
func here(t testing.TB, n int) string {
	t.Helper()
	_, file, line, ok := runtime.Caller(1)
	require.True(t, ok)
	return file + ":" + strconv.Itoa(line+n)
}

func reasons(d *coherence.Deps) []coherence.Reason {
	var all []coherence.Reason
	for _, n := range d.Notes() {
		all = append(all, n.Reason)
	}
	return all
}

func TestAPageStandsOnWhatWasReadForIt(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx, deps := e.Collect(t.Context())
	require.Same(t, deps, coherence.DepsOf(ctx))
	require.Same(t, deps, e.Deps(ctx))
	require.Empty(t, deps.Stamps())
	deps.Read(e.Stamp(nil, row("a")))
	deps.Read(e.Stamp(nil, row("b")))
	coherence.Depend(ctx, coherence.NamedTag("prices"))
	require.Equal(t, 3, deps.Reads())
	require.Equal(t, e.Stamp(nil, row("a"), row("b"), coherence.NamedTag("prices")), deps.Stamps())
	require.True(t, e.Valid(deps.Stamps()))
	require.NoError(t, e.Invalidate(ctx, coherence.NamedTag("prices")))
	require.False(t, e.Valid(deps.Stamps()))
	require.Empty(t, deps.Notes())
}

func TestWithoutAPageNothingIsCollected(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	coherence.Depend(t.Context(), row("a"))
	coherence.Untracked(t.Context())
	require.Nil(t, coherence.DepsOf(t.Context()))
	require.Nil(t, e.Deps(t.Context()))
	var none *coherence.Deps
	none.Read(e.Stamp(nil, row("a")))
	none.Refuse(coherence.ReasonRaw)
	none.Scoped("scope")
}

func TestSetsNest(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx, outer := e.Collect(t.Context())
	outer.Read(e.Stamp(nil, row("before")))
	innerCtx, inner := e.Collect(ctx)
	require.Same(t, inner, coherence.DepsOf(innerCtx))
	inner.Read(e.Stamp(nil, row("inside")))
	coherence.Untracked(innerCtx)
	for name, d := range map[string]*coherence.Deps{"outer": outer, "inner": inner} {
		require.Equal(t, 2, d.Reads(), name)
		require.Equal(t, e.Stamp(nil, row("before"), row("inside")), d.Stamps(), name)
		require.Equal(t, []coherence.Reason{coherence.ReasonUntracked}, reasons(d), name)
	}
}

func TestOfTwoReadsOfARowTheOlderStampStands(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, deps := e.Collect(t.Context())
	for i := range 100 { // enough for an index
		deps.Read(e.Stamp(nil, coherence.NamedTag(strconv.Itoa(i))))
	}
	old := e.Stamp(nil, row("a"))
	deps.Read(old)
	require.NoError(t, e.Invalidate(t.Context(), row("a")))
	deps.Read(e.Stamp(nil, row("a")))
	require.False(t, e.Valid(deps.Stamps()), "the page may show what the first read saw")
	require.Equal(t, deps.Stamps(), deps.Stamps().Merge(e.Stamp(nil, row("a"))))
	require.False(t, e.Valid(e.Stamp(nil, row("a")).Merge(old)))
	require.False(t, e.Valid(e.Stamp(old, row("a"))))
}

func TestAPageStandsOnABoundedNumberOfWords(t *testing.T) {
	t.Parallel()
	e := newEngine(t, coherence.WithBits(18))
	_, deps := e.Collect(t.Context())
	read := func(n int) {
		for i := range n {
			deps.Read(e.Stamp(nil, row(strconv.Itoa(i))))
		}
	}
	read(coherence.MaxStamps - 100)
	require.Empty(t, deps.Notes())
	require.LessOrEqual(t, len(deps.Stamps()), coherence.MaxStamps)
	site := here(t, 1)
	many(deps, func() { read(3 * coherence.MaxStamps) })
	require.Equal(t, []coherence.Reason{coherence.ReasonMany}, reasons(deps))
	require.Equal(t, filepath.Dir(site), filepath.Dir(deps.Notes()[0].Site))
	require.Len(t, deps.Stamps(), coherence.MaxStamps+1)
}

func many(_ *coherence.Deps, f func()) { f() }

func TestAReadAfterTheEndIsToldToWhoSealed(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx, outer := e.Collect(t.Context())
	_, inner := e.Collect(ctx)
	var late []coherence.Note
	inner.Seal(func(n coherence.Note) { late = append(late, n) })
	outer.Read(e.Stamp(nil, row("a")))
	require.Empty(t, late, "the outer page goes on")
	inner.Read(e.Stamp(nil, row("a")))
	site := here(t, -1)
	inner.Refuse(coherence.ReasonRaw)
	require.Equal(t, []coherence.Note{
		{Reason: coherence.ReasonLate, Site: site},
		{Reason: coherence.ReasonRaw, Site: here(t, -3)},
	}, late)
	outer.Seal(func(n coherence.Note) { late = append(late, n) })
	inner.Refuse(coherence.ReasonRaw)
	require.Len(t, late, 4, "both pages are told, and of a known reason, too")
}

func TestAReasonHasTheLineThatCausedIt(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx, deps := e.Collect(t.Context())
	coherence.Untracked(ctx)
	first := here(t, -1)
	coherence.Untracked(ctx)
	deps.Refuse(coherence.ReasonWrote)
	require.Equal(t, []coherence.Note{
		{Reason: coherence.ReasonUntracked, Site: first},
		{Reason: coherence.ReasonWrote, Site: here(t, -3)},
	}, deps.Notes(), "each reason once, with the first line")
}

func TestAReadUnderAnotherScopeIsNoted(t *testing.T) {
	t.Parallel()
	type key struct{}
	e := newEngine(t, coherence.WithScope(func(ctx context.Context) string {
		s, _ := ctx.Value(key{}).(string)
		return s
	}))
	in := func(ctx context.Context, scope string) context.Context { return context.WithValue(ctx, key{}, scope) }

	t.Run("by one page", func(t *testing.T) {
		t.Parallel()
		_, deps := e.Collect(in(t.Context(), "blue"))
		require.Equal(t, "blue", deps.Scope())
		deps.Scoped("blue")
		require.Empty(t, deps.Notes())
		deps.Scoped("red")
		require.Equal(t, []coherence.Note{{Reason: coherence.ReasonScope, Site: here(t, -1)}}, deps.Notes())
	})
	t.Run("by a page whose outer set was made before the scope was known", func(t *testing.T) {
		t.Parallel()
		ctx, outer := e.Collect(t.Context())
		_, inner := e.Collect(in(ctx, "blue"))
		inner.Scoped("blue")
		inner.Scoped("blue")
		require.Empty(t, inner.Notes(), "what counts is the scope of the reads, not that of the outer set")
		require.Equal(t, []coherence.Reason{coherence.ReasonScope}, reasons(outer))
	})
	t.Run("by a page for which something was read before the scope was known", func(t *testing.T) {
		t.Parallel()
		ctx, outer := e.Collect(t.Context())
		outer.Scoped("")
		_, inner := e.Collect(in(ctx, "blue"))
		inner.Scoped("blue")
		require.Equal(t, []coherence.Reason{coherence.ReasonScope}, reasons(inner))
	})
	t.Run("of three scopes two are enough", func(t *testing.T) {
		t.Parallel()
		_, deps := e.Collect(in(t.Context(), "green"))
		for _, scope := range []string{"green", "green", "blue", "red"} {
			deps.Scoped(scope)
		}
		require.Equal(t, []coherence.Reason{coherence.ReasonScope}, reasons(deps))
	})
	t.Run("but not without scopes", func(t *testing.T) {
		t.Parallel()
		_, deps := newEngine(t).Collect(in(t.Context(), "blue"))
		deps.Scoped("red")
		require.Empty(t, deps.Notes())
	})
}

func TestPagesOfAnotherEngineAreRefused(t *testing.T) {
	t.Parallel()
	one, other := newEngine(t), newEngine(t)
	ctx, outer := one.Collect(t.Context())
	ctx, page := other.Collect(ctx)

	deps := one.Deps(ctx)
	require.Same(t, outer, deps, "a read through the first engine belongs to its own set")
	deps.Read(one.Stamp(nil, row("a")))
	require.Equal(t, 1, outer.Reads())
	require.Zero(t, page.Reads(), "stamps of one engine mean nothing to another")
	require.Equal(t, []coherence.Reason{coherence.ReasonPool}, reasons(page))
	require.Empty(t, outer.Notes())

	alone, page := other.Collect(t.Context())
	require.Nil(t, one.Deps(alone))
	require.Equal(t, []coherence.Reason{coherence.ReasonPool}, reasons(page))
}

func TestWhatTheApplicationSaysHoldsForPagesOfAllEngines(t *testing.T) {
	t.Parallel()
	one, other := newEngine(t), newEngine(t)
	ctx, outer := one.Collect(t.Context())
	ctx, page := other.Collect(ctx)
	coherence.Depend(ctx, coherence.NamedTag("prices"))
	coherence.Untracked(ctx)
	for e, d := range map[*coherence.Engine]*coherence.Deps{one: outer, other: page} {
		require.Equal(t, e.Stamp(nil, coherence.NamedTag("prices")), d.Stamps())
		require.Equal(t, []coherence.Reason{coherence.ReasonUntracked}, reasons(d))
	}
}

func TestASetServesAllGoroutinesOfAHandler(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx, deps := e.Collect(t.Context())
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			inner, d := e.Collect(ctx)
			for j := range 100 {
				e.Deps(inner).Read(e.Stamp(nil, row(fmt.Sprint(i, j))))
				coherence.Untracked(inner)
				d.Scoped("")
				_, _, _ = d.Stamps(), d.Notes(), d.Reads()
			}
			d.Seal(func(coherence.Note) {})
		})
	}
	group.Wait()
	require.Equal(t, 800, deps.Reads())
	require.Equal(t, []coherence.Reason{coherence.ReasonUntracked}, reasons(deps))
}
