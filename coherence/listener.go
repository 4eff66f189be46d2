package coherence

import (
	"sync"
	"sync/atomic"
)

// listeners are those who want to know what was written.
type listeners struct {
	some atomic.Bool // whether byID is not empty; a write that nobody listens to takes no lock

	mu   sync.Mutex // guards byID and next
	byID map[int]func([]Tag)
	next int
}

// OnCommit calls f with the tags of each write after its versions have moved, on the writer's goroutine: f must be
// quick and must not write. Each gets a list of its own, with whole rows in it only: see [Tag.Told]. Writes that follow each
// other on different goroutines may be told in any order. The returned function ends the subscription; a call under way is not
// waited for.
func (e *Engine) OnCommit(f func(tags []Tag)) (cancel func()) {
	l := &e.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil {
		l.byID = map[int]func([]Tag){}
	}
	id := l.next
	l.next++
	l.byID[id] = f
	l.some.Store(true)
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.byID, id)
		l.some.Store(len(l.byID) > 0)
	})
}

// announce calls the listeners outside the lock, each with a copy of its own.
func (l *listeners) announce(tags []Tag) {
	if !l.some.Load() {
		return
	}
	l.mu.Lock()
	fs := make([]func([]Tag), 0, len(l.byID))
	for _, f := range l.byID {
		fs = append(fs, f)
	}
	l.mu.Unlock()
	for _, f := range fs {
		f(known(tags))
	}
}
