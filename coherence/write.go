package coherence

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cachewright/cachewright/internal/switches"
)

// Write is one write of the database on its way: announced by Begin, ended by exactly one of Publish, Settle and
// Release. It belongs to one goroutine at a time.
type Write struct {
	engine   *Engine
	tags     []Tag
	held     []heldWord
	installs []install
	ended    bool
}

// heldWord is a word this write added itself to.
type heldWord struct {
	word    uint32
	version uint64
	alone   bool // at Begin: the only writer
}

// install is a value that goes into the cache at Publish.
type install struct {
	Install
	row    uint32 // word of the row
	quiet  Stamps // the other words it stands on, which this write must not hold
	unsafe bool   // some of them had a writer when it was staged
}

// Install is a row that a write changed and got back from the database while it held the row's lock.
type Install struct {
	Cache *Cache
	Key   string
	Value []byte
	Row   Tag
	Life  Life
}

// Begin announces a write of the tags: from now until its end readers of them go to the database. It comes before the
// moment the database may show the write: before COMMIT, or before a statement that commits by itself. A word at its
// maximum of writers makes it wait as long as ctx allows; the error is the context's and leaves nothing announced.
func (e *Engine) Begin(ctx context.Context, tags ...Tag) (*Write, error) {
	w := &Write{engine: e, tags: tags}
	for _, t := range tags {
		t.writes(w.note)
	}
	for i := range w.held {
		if err := w.enter(ctx, &w.held[i]); err != nil {
			w.held = w.held[:i]
			w.Release()
			return nil, err
		}
	}
	return w, nil
}

// note adds the hash's word to the list, once.
func (w *Write) note(hash uint64) {
	word := w.engine.words.of(hash)
	if !slices.ContainsFunc(w.held, func(h heldWord) bool { return h.word == word }) {
		w.held = append(w.held, heldWord{word: word})
	}
}

// enter adds this write to the word's writers.
func (w *Write) enter(ctx context.Context, h *heldWord) error {
	word := &w.engine.words[h.word]
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		v := word.Load()
		if v&writerMask < w.engine.maxWriters {
			if !word.CompareAndSwap(v, v+1) {
				continue
			}
			h.version, h.alone = v>>writerBits, v&writerMask == 0
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("announcing a write: %w", ctx.Err())
		case <-t.C:
		}
	}
}

// Stage proves that the cache can take a value: it is stored at once under a stamp that never validates. Publish gives
// it the real stamps. Call it after Begin and before COMMIT; its error means that the value cannot be cached and that a
// write that promised it must not commit.
func (w *Write) Stage(ctx context.Context, in Install) error {
	st := install{Install: in, row: w.engine.words.of(in.Row.own)}
	st.quiet = append(st.quiet, w.engine.words.stamp(allWord))
	in.Row.reads(func(hash uint64) {
		if word := w.engine.words.of(hash); word != st.row {
			st.quiet = st.quiet.with(w.engine.words.stamp(word))
		}
	})
	st.unsafe = !w.engine.quiet(st.quiet)
	stamps := Stamps{{Word: st.row, Version: neverVersion}}
	if !switches.On(switches.StageNeverValid) {
		stamps = w.engine.Stamp(nil, in.Row)
	}
	if err := in.Cache.set(ctx, in.Key, in.Value, stamps, in.Life); err != nil {
		return err
	}
	w.installs = append(w.installs, st)
	return nil
}

// Publish ends the write after the database has committed: each word's version moves and its writer goes, in one atomic
// step a word; then what was staged gets its real stamps, if this write was alone on the row's word from Begin to here
// and no bulk write met the row. It must run even if the caller panics; a second end does nothing.
func (w *Write) Publish(ctx context.Context) {
	if w.ended {
		return
	}
	alone := w.leave()
	for i := range w.installs {
		w.install(ctx, &w.installs[i], alone)
	}
	w.engine.announce(w.tags)
}

// Settle ends a write whose outcome was unknown, or whose rows are not known well enough: versions move, nothing is installed.
func (w *Write) Settle() {
	if w.ended {
		return
	}
	w.leave()
	w.engine.announce(w.tags)
}

// Release ends a write that surely did not happen: the writers go, no version moves, entries stay good.
func (w *Write) Release() {
	if w.ended {
		return
	}
	w.ended = true
	for _, h := range w.held {
		w.engine.words[h.word].Add(^uint64(0))
	}
}

// Tags are the tags the write was announced with.
func (w *Write) Tags() []Tag { return w.tags }

// leave publishes each word. It reports the words on which this write was the only one all the time.
func (w *Write) leave() (alone func(word uint32) (version uint64, ok bool)) {
	w.ended = true
	e := w.engine
	e.counters.publishes.Add(1)
	for i := range w.held {
		h := &w.held[i]
		word := &e.words[h.word]
		if !switches.On(switches.PublishBump) {
			word.Add(^uint64(0))
			continue
		}
		if h.alone && word.CompareAndSwap(h.version<<writerBits|1, (h.version+1)<<writerBits) {
			continue
		}
		h.alone = false
		word.Add(publishStep)
	}
	return func(word uint32) (uint64, bool) {
		for _, h := range w.held {
			if h.word == word {
				return h.version + 1, h.alone || !switches.On(switches.InstallAlone)
			}
		}
		return 0, false
	}
}

// install writes the entry again with stamps that hold. No entry ever carries a version not yet reached.
func (w *Write) install(ctx context.Context, in *install, alone func(uint32) (uint64, bool)) {
	e := w.engine
	version, ok := alone(in.row)
	quiet := !in.unsafe && e.Valid(in.quiet)
	if !ok || !quiet && switches.On(switches.InstallQuietTable) {
		e.counters.installsSkipped.Add(1)
		return
	}
	stamps := append(Stamps{{Word: in.row, Version: version}}, in.quiet...)
	// The caller's context may have ended with its request; the value is committed and worth keeping.
	if in.Cache.set(context.WithoutCancel(ctx), in.Key, in.Value, stamps, in.Life) == nil {
		e.counters.installs.Add(1)
	}
}

// Invalidate makes everything that stands on the tags stale, for data that changed outside the plugin. A TableTag moves
// the table as a whole and every row of it, a RowTag its row and all that was made from the table. It returns after the
// versions have moved; the error is the context's, when it had ended before.
func (e *Engine) Invalidate(ctx context.Context, tags ...Tag) error {
	w, err := e.Begin(ctx, tags...)
	if err != nil {
		return err
	}
	w.Settle()
	return ctx.Err()
}

// InvalidateAll makes every entry stale, pages included, in one step.
func (e *Engine) InvalidateAll(ctx context.Context) error { return e.Invalidate(ctx, Everything()) }

// OnCommit calls f with the tags of each write after its versions have moved, on the writer's goroutine: f must be
// quick and must not write. The returned function ends the subscription.
func (e *Engine) OnCommit(f func(tags []Tag)) (cancel func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := e.nextID
	e.nextID++
	e.listeners[id] = f
	e.listening.Store(true)
	return sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.listeners, id)
		e.listening.Store(len(e.listeners) > 0)
	})
}

// announce calls the listeners outside the lock.
func (e *Engine) announce(tags []Tag) {
	if !e.listening.Load() {
		return
	}
	e.mu.Lock()
	fs := make([]func([]Tag), 0, len(e.listeners))
	for _, f := range e.listeners {
		fs = append(fs, f)
	}
	e.mu.Unlock()
	for _, f := range fs {
		f(slices.Clone(tags))
	}
}
