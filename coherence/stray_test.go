package coherence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

func TestAReadWithoutTheContextRefusesThePageBeingMade(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, deps := e.Collect(t.Context())
	leave := deps.Enter()
	e.Stray()
	site := here(t, -1)
	leave()
	require.Equal(t, []coherence.Note{{Reason: coherence.ReasonStray, Site: site}}, deps.Notes())
}

func TestAWriteWithoutTheContextRefusesThePageBeingMade(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, deps := e.Collect(t.Context())
	leave := deps.Enter()
	e.StrayWrite()
	leave()
	e.StrayWrite()
	require.Equal(t, []coherence.Reason{coherence.ReasonWrote}, reasons(deps))
}

func TestAReadOutsideAPageIsNoStray(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, before := e.Collect(t.Context())
	before.Enter()()
	e.Stray()
	require.Empty(t, before.Notes())

	_, elsewhere := e.Collect(t.Context())
	defer elsewhere.Enter()()
	newEngine(t).Stray()
	require.Empty(t, elsewhere.Notes(), "another engine's reads are not this one's")
}

func TestPagesMadeWithinPagesAreToldApart(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, outer := e.Collect(t.Context())
	_, inner := e.Collect(t.Context()) // not nested by context: only the stack tells
	leaveOuter := outer.Enter()
	leaveInner := inner.Enter()
	e.Stray()
	require.Equal(t, []coherence.Reason{coherence.ReasonStray}, reasons(inner))
	require.Empty(t, outer.Notes())
	leaveInner()
	e.Stray()
	require.Equal(t, []coherence.Reason{coherence.ReasonStray}, reasons(outer))
	leaveOuter()
}

func TestAPageThatPanicsLeaves(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, deps := e.Collect(t.Context())
	require.Panics(t, func() {
		defer deps.Enter()()
		panic("handler")
	})
	e.Stray()
	require.Empty(t, deps.Notes())
}

func TestGoroutinesAreToldApart(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, one := e.Collect(t.Context())
	_, other := e.Collect(t.Context())
	defer one.Enter()()
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Stray() // nobody can tell whose this is
		defer other.Enter()()
		e.Stray()
	}()
	<-done
	require.Empty(t, one.Notes())
	require.Equal(t, []coherence.Reason{coherence.ReasonStray}, reasons(other))
}

func TestCallSiteIsTheApplications(t *testing.T) {
	t.Parallel()
	require.Equal(t, coherence.CallSite(), here(t, 0))
}
