package coherence

import (
	"context"

	"github.com/cachewright/cachewright/internal/switches"
)

// Install is a value that a write puts into the cache: a row that it changed and got back from the database, or the tombstone
// of a row that it deleted and got back. The transaction must hold the row's lock from then until COMMIT. What it only looked
// for and did not find is no such row: another transaction may insert it.
type Install struct {
	Cache *Cache
	Key   string
	Value []byte // must not change before the write has ended
	Row   Tag    // the row's tag, one of those the write was announced with
	Life  Life
}

// install is a staged value.
type install struct {
	Install
	row   uint32 // word of the row
	rest  Stamps // the other words it stands on, which belong to bulk writes and to "everything"
	quiet bool   // none of them had a writer when the value was staged
}

// Stage proves that the cache can take a value: it is stored at once, in the size it will have, under a stamp that never
// validates. Publish gives it the real stamps. Call it after Begin and before COMMIT; its error means that the value cannot
// be cached and that a write that promised it must not commit.
//
// While the engine is not ready nothing is staged and nothing will be read, so there is no error either.
func (w *Write) Stage(ctx context.Context, in Install) error {
	e := w.engine
	if !e.Ready() {
		return nil
	}
	st := install{Install: in, row: e.words.of(in.Row.own)}
	st.rest = w.besides(st.row, in.Row)
	st.quiet = e.words.quiet(st.rest)
	stamps := st.stamps(neverVersion)
	if !switches.On(switches.StageNeverValid) {
		stamps = e.Stamp(nil, in.Row)
	}
	if err := in.Cache.set(ctx, in.Key, in.Value, stamps, in.Life); err != nil {
		if !e.Ready() {
			return nil // closed meanwhile
		}
		return err
	}
	w.installs = append(w.installs, st)
	return nil
}

// besides stamps what a row stands on but for the row's own word.
func (w *Write) besides(row uint32, tag Tag) Stamps {
	words := w.engine.words
	rest := make(Stamps, 0, 2)
	if switches.On(switches.AllWord) {
		rest = append(rest, words.stamp(allWord))
	}
	tag.reads(func(hash uint64) {
		if word := words.of(hash); word != row {
			rest = rest.with(words.stamp(word))
		}
	})
	return rest
}

func (in *install) stamps(version uint64) Stamps {
	return append(Stamps{{Word: in.row, Version: version}}, in.rest...)
}

// install writes the entry again with stamps that hold, now that the version is reached: no entry ever carries one that is not.
func (w *Write) install(ctx context.Context, in *install) {
	e := w.engine
	h := w.on(in.row)
	alone := h != nil && (h.alone || !switches.On(switches.InstallAlone))
	quiet := in.quiet && e.Valid(in.rest)
	if !switches.On(switches.InstallQuietTable) {
		in.rest, quiet = w.besides(in.row, in.Row), true
	}
	if !alone || !quiet {
		e.counters.installsSkipped.Add(1)
		return
	}
	// The caller's context may have ended with its request; the value is committed and worth keeping.
	if in.Cache.set(context.WithoutCancel(ctx), in.Key, in.Value, in.stamps(h.version), in.Life) == nil {
		e.counters.installs.Add(1)
	}
}
