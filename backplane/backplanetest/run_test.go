package backplanetest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cachewright/cachewright/backplane/backplanetest"
	"github.com/cachewright/cachewright/coherence"
)

// hall is the simplest backplane there can be: a list in memory that all read.
type hall struct {
	mu   sync.Mutex // guards said
	said [][]byte
}

// end is one process's end of a hall.
type end struct {
	hall *hall

	mu   sync.Mutex // guards gone
	gone bool       // it is cut off
}

var errGone = errors.New("cut off")

func (e *end) whole() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.gone
}

func (e *end) set(gone bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = gone
}

func (e *end) Publish(_ context.Context, tags []coherence.Tag) error {
	if !e.whole() {
		return errGone
	}
	e.hall.mu.Lock()
	defer e.hall.mu.Unlock()
	e.hall.said = append(e.hall.said, coherence.AppendTags(nil, tags))
	return nil
}

func (e *end) Run(ctx context.Context, in *coherence.Inbox) {
	in.Drop("it begins")
	e.hall.mu.Lock()
	heard := len(e.hall.said)
	e.hall.mu.Unlock()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if asOf := time.Now(); e.whole() {
			e.hall.mu.Lock()
			news := e.hall.said[heard:]
			e.hall.mu.Unlock()
			for _, b := range news {
				in.ApplyEncoded(b)
			}
			heard += len(news)
			in.CaughtUp(asOf)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func TestAListInMemoryIsABackplane(t *testing.T) {
	t.Parallel()
	backplanetest.Run(t, func(testing.TB) backplanetest.Group {
		h := &hall{}
		return backplanetest.Group{
			Join: func(testing.TB) coherence.Backplane { return &end{hall: h} },
			JoinCut: func(testing.TB) (coherence.Backplane, func(), func()) {
				e := &end{hall: h}
				return e, func() { e.set(true) }, func() { e.set(false) }
			},
		}
	})
}
