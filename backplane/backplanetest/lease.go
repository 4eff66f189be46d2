package backplanetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

var leaseClauses = []clause{
	{"an idle process keeps its lease", func(t testing.TB, g Group) {
		m := join(t, g.Join(t), 2*time.Second)
		renewed := 0
		last := m.Stats().Backplane.Lag
		require.Eventually(t, func() bool {
			lag := m.Stats().Backplane.Lag
			if lag < last {
				renewed++
			}
			last = lag
			return renewed >= 4
		}, patience, often, "it catches up at least every quarter of its lease")
	}},
	{"a process that has closed leaves nothing behind and disturbs nobody", func(t testing.TB, g Group) {
		all := members(t, g, 2)
		all[0].write(coherence.RowTag("things", 1))
		served := all[1].keep("entry", coherence.RowTag("things", 2))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		all[0].write(coherence.RowTag("things", 2))
		require.NoError(t, all[0].Close(ctx))
		gone(t, served, "what was to be told is told before the end")
	}},
}
