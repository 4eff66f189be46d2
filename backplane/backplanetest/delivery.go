package backplanetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

var deliveryClauses = []clause{
	{"a write reaches every other process", func(t testing.TB, g Group) {
		all := members(t, g, 3)
		one, other := coherence.RowTag("things", 1), coherence.RowTag("things", 2)
		var served, spared []func() bool
		for _, m := range all {
			served = append(served, m.keep("one", one))
			spared = append(spared, m.keep("other", other))
			require.True(t, served[len(served)-1]())
		}
		all[0].write(one)
		require.False(t, served[0](), "its own writer does not wait")
		for i := range all {
			gone(t, served[i])
			require.True(t, spared[i](), "what it does not concern stays")
		}
	}},
	{"tags of every kind arrive as what they were", func(t testing.TB, g Group) {
		all := members(t, g, 2)
		things := coherence.TableTag("things")
		for name, c := range map[string]struct{ stands, written coherence.Tag }{
			"a row": {things.Row(1), things.Row(1)}, "the table of a row": {things.Row(1), things},
			"a row of a table": {things, things.Row(1)}, "a table": {things, things},
			"a value": {things.Value("owner", "7", 1), things.Row(1)},
			"a name":  {coherence.NamedTag("n"), coherence.NamedTag("n")},
			"a URL":   {coherence.URLTag("https://example.org/x"), coherence.URLTag("https://example.org/x")},
			"all":     {coherence.NamedTag("n"), coherence.Everything()},
		} {
			served := all[1].keep("entry", c.stands)
			require.True(t, served(), name)
			all[0].write(c.written)
			gone(t, served, name)
		}
	}},
	{"of many writes at once none is lost", func(t testing.TB, g Group) {
		const writes = 300
		all := members(t, g, 3)
		tag := func(writer, n int) coherence.Tag { return coherence.RowTag("things", fmt.Sprintf("%d/%d", writer, n)) }
		served := make([][]func() bool, len(all))
		for reader, m := range all {
			for writer := range all {
				for n := range writes {
					served[reader] = append(served[reader], m.keep(fmt.Sprintf("%d/%d", writer, n), tag(writer, n)))
				}
			}
		}
		each(all, func(i int, m *member) {
			for n := range writes {
				if err := m.Invalidate(m.Context(), tag(i, n)); err != nil {
					t.Errorf("invalidating: %v", err)
				}
			}
		})
		for reader := range all {
			for _, f := range served[reader] {
				gone(t, f)
			}
		}
	}},
	{"a write of very many rows arrives", func(t testing.TB, g Group) {
		all := members(t, g, 2)
		first := all[1].keep("first", coherence.RowTag("things", 0))
		spared := all[1].keep("spared", coherence.RowTag("others", 0))
		tags := make([]coherence.Tag, 3*coherence.MaxWireTags)
		for i := range tags {
			tags[i] = coherence.RowTag("things", i)
		}
		all[0].write(tags...)
		gone(t, first)
		require.True(t, spared())
	}},
	{"who joins later was told nothing and serves nothing from before", func(t testing.TB, g Group) {
		all := members(t, g, 1)
		all[0].write(coherence.RowTag("things", 1))
		late := join(t, g.Join(t), lease)
		require.Positive(t, late.Stats().Backplane.Dropped)
		served := late.keep("entry", coherence.RowTag("things", 1))
		require.True(t, served())
		all[0].write(coherence.RowTag("things", 1))
		gone(t, served)
	}},
}
