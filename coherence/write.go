package coherence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cachewright/cachewright/internal/switches"
)

// Write is one write of the database on its way: announced by Begin, ended by exactly one of Publish, Settle and
// Release. It belongs to one goroutine at a time.
type Write struct {
	engine   *Engine
	tags     []Tag
	held     []heldWord // sorted by word, each once
	installs []install
	ended    bool
	carried  bool        // its transaction tells others of it
	few      [6]heldWord // room for held: a row takes three, a table two
}

// heldWord is a word this write added itself to.
type heldWord struct {
	word    uint32
	alone   bool   // the only writer, at Begin and still at Publish
	version uint64 // at Begin; from Publish on, the one it moved to
}

// Begin announces a write of the tags: from now until its end readers of them go to the database. It comes before the
// moment the database may show the write: before COMMIT, or before a statement that commits by itself. A word at its
// maximum of writers makes it wait as long as ctx allows; the error is the context's and leaves nothing announced.
//
// Every Write must be ended. After an end that is not known, keep it until it is, and call [Write.Settle] then.
func (e *Engine) Begin(ctx context.Context, tags ...Tag) (*Write, error) {
	w := &Write{engine: e, tags: slices.Clone(tags)}
	if w.held = w.few[:0]; 3*len(tags) > len(w.few) {
		w.held = make([]heldWord, 0, 3*len(tags))
	}
	for _, t := range tags {
		t.writes(func(hash uint64) { w.held = append(w.held, heldWord{word: e.words.of(hash)}) })
	}
	// In one order for all, so that two writers at the maximum never wait for each other.
	slices.SortFunc(w.held, func(a, b heldWord) int { return cmp.Compare(a.word, b.word) })
	w.held = slices.CompactFunc(w.held, func(a, b heldWord) bool { return a.word == b.word })
	for i := range w.held {
		if err := e.enter(ctx, &w.held[i]); err != nil {
			w.held = w.held[:i]
			w.Release()
			return nil, err
		}
	}
	return w, nil
}

// enter adds a writer to the word.
func (e *Engine) enter(ctx context.Context, h *heldWord) error {
	word := &e.words[h.word]
	for wait := time.Millisecond; ; {
		v := word.Load()
		if v&writerMask < e.maxWriters {
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
		wait = min(2*wait, time.Second)
	}
}

// Carry says that the write's own transaction tells others of it, by an [Outbox]: its end does not.
func (w *Write) Carry() { w.carried = true }

// tell has others told of the write, if its transaction does not.
func (w *Write) tell() {
	if !w.carried {
		w.engine.outgoing.add(w.tags)
	}
}

// Tags are the tags the write was announced with.
func (w *Write) Tags() []Tag { return w.tags }

// Publish ends the write after the database has committed: each word's version moves and its writer goes, in one atomic
// step a word; then what was staged gets its real stamps, if this write was alone on the row's word from Begin to here
// and no bulk write met the row. It must run even if the caller panics; a second end does nothing.
func (w *Write) Publish(ctx context.Context) {
	if w.ended {
		return
	}
	w.leave()
	w.tell()
	defer w.engine.listeners.announce(w.tags) // even if a store panics: the write is visible
	for i := range w.installs {
		w.install(ctx, &w.installs[i])
	}
}

// Settle ends a write whose outcome was unknown, or whose rows are not known well enough: versions move, nothing is installed.
// It must not come before the outcome can no longer change.
func (w *Write) Settle() {
	if w.ended {
		return
	}
	w.leave()
	w.tell()
	w.engine.listeners.announce(w.tags)
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

// leave moves each word on. Whether this write was alone on a word is decided by the same step that moves it: nobody can come
// between.
func (w *Write) leave() {
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
			h.version++
			continue
		}
		h.alone = false
		h.version = word.Add(publishStep) >> writerBits
	}
}

// on finds what the write holds of a word, nil if nothing.
func (w *Write) on(word uint32) *heldWord {
	i, ok := slices.BinarySearchFunc(w.held, word, func(h heldWord, word uint32) int { return cmp.Compare(h.word, word) })
	if !ok {
		return nil
	}
	return &w.held[i]
}
