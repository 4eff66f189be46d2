package coherence_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/store"
)

// requireRule runs a scenario twice: as the protocol has it, and with one rule left out, when it must go wrong in the way it is
// said to. Switches belong to the process, so no test of this file is parallel.
func requireRule(t *testing.T, rule switches.Rule, scenario func(t *testing.T) string, right, wrong string) {
	t.Helper()
	t.Run("with the rule", func(t *testing.T) { require.Equal(t, right, scenario(t)) })
	t.Run("without it", func(t *testing.T) {
		switches.Disable(t, rule)
		require.Equal(t, wrong, scenario(t))
	})
}

func TestAnEntryWhoseVersionMovedIsNotServed(t *testing.T) {
	requireRule(t, switches.StampCheck, func(t *testing.T) string {
		w := newWorld(t)
		w.read("a")
		write := w.begin(row("a"))
		w.set("a", "new")
		write.Publish(t.Context())
		return w.read("a")
	}, "new", "old")
}

func TestBetweenCommitAndPublishNobodyIsServedTheOldValue(t *testing.T) {
	requireRule(t, switches.WriterCheck, func(t *testing.T) string {
		w := newWorld(t)
		w.read("a")
		write := w.begin(row("a"))
		defer write.Publish(t.Context())
		w.set("a", "new")
		return w.read("a")
	}, "new", "old")
}

func TestAnEntryOfAnotherEngineIsAMiss(t *testing.T) {
	requireRule(t, switches.EpochCheck, func(t *testing.T) string {
		shared := newStore(t)
		one, other := newWorld(t, coherence.WithStore(shared)), newWorld(t, coherence.WithStore(unclosed{shared}))
		one.read("a")
		other.set("a", "new")
		return other.read("a")
	}, "new", "old")
}

// unclosed leaves closing to the other engine of a shared store.
type unclosed struct{ store.Store }

func (unclosed) Close() error { return nil }

func TestInvalidateAllMeetsEveryEntry(t *testing.T) {
	requireRule(t, switches.AllWord, func(t *testing.T) string {
		w := newWorld(t)
		w.read("a")
		w.set("a", "new")
		require.NoError(t, w.engine.InvalidateAll(t.Context()))
		return w.read("a")
	}, "new", "old")
}

func TestAPublishMovesTheVersions(t *testing.T) {
	requireRule(t, switches.PublishBump, func(t *testing.T) string {
		w := newWorld(t)
		w.read("a")
		write := w.begin(row("a"))
		w.set("a", "new")
		write.Publish(t.Context())
		return w.read("a")
	}, "new", "old")
}

func TestTwoWritersOfOneRowInstallNothing(t *testing.T) {
	requireRule(t, switches.InstallAlone, func(t *testing.T) string {
		w := newWorld(t)
		first, second := w.begin(row("a")), w.begin(row("a"))
		w.stage(first, "a", "first")
		w.set("a", "first")
		w.stage(second, "a", "second")
		w.set("a", "second") // the lock was free after the first commit
		second.Publish(t.Context())
		first.Publish(t.Context())
		return w.read("a")
	}, "second", "first")
}

func TestAWriterThatCameAndWentMeanwhileKeepsTheOtherFromInstalling(t *testing.T) {
	requireRule(t, switches.InstallAlone, func(t *testing.T) string {
		w := newWorld(t)
		first := w.begin(row("a"))
		w.stage(first, "a", "first")
		w.set("a", "first")
		second := w.begin(row("a"))
		w.set("a", "second")
		second.Publish(t.Context())
		first.Publish(t.Context())
		return w.read("a")
	}, "second", "first")
}

func TestABulkWriteThatMetTheRowKeepsItFromBeingInstalled(t *testing.T) {
	requireRule(t, switches.InstallQuietTable, func(t *testing.T) string {
		w := newWorld(t)
		write := w.begin(row("a"))
		w.stage(write, "a", "new")
		w.set("a", "new")
		bulk := w.begin(coherence.TableTag("things"))
		w.set("a", "bulk")
		bulk.Publish(t.Context())
		write.Publish(t.Context())
		return w.read("a")
	}, "bulk", "new")
}

func TestARolledBackValueIsNeverServed(t *testing.T) {
	requireRule(t, switches.StageNeverValid, func(t *testing.T) string {
		w := newWorld(t)
		write := w.begin(row("a"))
		w.stage(write, "a", "rolled back")
		write.Release()
		return w.read("a")
	}, "old", "rolled back")
}

func TestAReaderThatStartsAfterAWriteJoinsNoEarlierRead(t *testing.T) {
	requireRule(t, switches.CoalesceStamps, func(t *testing.T) string {
		return joiner(t, func(w *world) {
			write := w.begin(row("a"))
			w.set("a", "new")
			write.Publish(t.Context())
		}, func() {})
	}, "new", "old")
}

func TestAReaderThatStartsDuringAWriteJoinsNoEarlierRead(t *testing.T) {
	requireRule(t, switches.CoalesceQuiet, func(t *testing.T) string {
		var write *coherence.Write
		return joiner(t, func(w *world) {
			write = w.begin(row("a"))
			w.set("a", "new") // committed: another reader may have been told so
		}, func() { write.Publish(t.Context()) })
	}, "new", "old")
}

// joiner returns what a reader gets that starts after happen, while an earlier one has read the database already and not
// returned.
func joiner(t *testing.T, happen func(*world), finish func()) string {
	t.Helper()
	var got string
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		release := make(chan struct{})
		go w.load("a", func() { <-release })
		synctest.Wait()
		happen(w)
		go func() { got = w.load("a", func() {}) }()
		synctest.Wait()
		close(release)
		synctest.Wait()
		finish()
	})
	return got
}
