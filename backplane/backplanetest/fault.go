package backplanetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

var faultClauses = []clause{
	{"who is cut off serves nothing after its lease, and all again when it has caught up", func(t testing.TB, g Group) {
		writer := join(t, g.Join(t), lease)
		end, cut, mend := g.JoinCut(t)
		m := join(t, end, short)
		touched, spared := m.keep("touched", coherence.RowTag("things", 1)), m.keep("spared", coherence.RowTag("things", 2))
		cut()
		writer.write(coherence.RowTag("things", 1))
		m.current(false)
		require.False(t, touched())
		require.False(t, spared())
		mend()
		m.current(true)
		require.False(t, touched(), "it has caught up with what it missed")
		if m.Stats().Backplane.Dropped == 1 {
			require.True(t, spared())
		}
		again := m.keep("again", coherence.RowTag("things", 3))
		writer.write(coherence.RowTag("things", 3))
		gone(t, again, "it hears as before")
	}},
	{"what is written while one is cut off is told when it is back", func(t testing.TB, g Group) {
		reader := join(t, g.Join(t), lease)
		end, cut, mend := g.JoinCut(t)
		m := join(t, end, short)
		served := reader.keep("entry", coherence.RowTag("things", 1))
		cut()
		m.write(coherence.RowTag("things", 1))
		m.current(false)
		mend()
		gone(t, served)
	}},
	{"being cut off again and again loses nothing", func(t testing.TB, g Group) {
		const times = 10
		writer := join(t, g.Join(t), lease)
		end, cut, mend := g.JoinCut(t)
		m := join(t, end, lease)
		for i := range times {
			tag := coherence.RowTag("things", i)
			served := m.keep("entry", tag)
			require.True(t, served())
			if i%2 == 0 {
				cut()
				writer.write(tag)
			} else {
				writer.write(tag)
				cut()
			}
			mend()
			gone(t, served)
		}
	}},
}
