package history_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/internal/testkit"
)

var errNoAnswer = errors.New("the connection broke")

// mishaps says how often something goes wrong, out of a thousand calls of its kind, and how long pauses are.
type mishaps struct {
	pauseRead   int // after the database has answered a read
	pauseCommit int // before COMMIT, and again before its answer
	pause       time.Duration
	refused     int  // COMMITs that are lost on their way
	lost        int  // COMMITs whose answer is lost
	late        bool // COMMITs that land after their caller has given up
	alone       int  // answers of statements without a transaction that are lost
	doubts      int  // at most so many answers are lost
}

// trouble holds calls up and loses answers, between database/sql and the driver.
type trouble struct {
	mishaps
	probe *testkit.Probe
	end   chan struct{}
	left  atomic.Int64   // answers that may still be lost
	under sync.WaitGroup // what stop waits for

	mu     sync.Mutex // guards random
	random *rand.Rand
}

// makeTrouble begins; the returned trouble must be ended.
func makeTrouble(probe *testkit.Probe, m mishaps, seed uint64) *trouble {
	t := &trouble{mishaps: m, probe: probe, end: make(chan struct{}), random: rand.New(rand.NewPCG(seed, 1))}
	t.left.Store(int64(m.doubts))
	removeBefore, removeAfter := probe.Before(t.before), probe.After(t.after)
	t.under.Add(1)
	go func() {
		defer t.under.Done()
		<-t.end
		removeBefore()
		removeAfter()
	}()
	return t
}

// stop lets everything pass from now on, and waits for COMMITs that are late.
func (t *trouble) stop() {
	close(t.end)
	t.under.Wait()
}

func (t *trouble) before(ctx context.Context, call testkit.Call) error {
	if call.Kind != testkit.Commit {
		return nil
	}
	t.maybePause(ctx, t.pauseCommit)
	if t.chance(t.refused) && t.spend() {
		return errNoAnswer
	}
	return nil
}

func (t *trouble) after(ctx context.Context, call testkit.Call, err error) error {
	if err != nil {
		return err
	}
	switch {
	case call.Kind == testkit.Query:
		t.maybePause(ctx, t.pauseRead)
	case call.Kind == testkit.Commit:
		t.maybePause(ctx, t.pauseCommit)
		if t.chance(t.lost) && t.spend() {
			return errNoAnswer
		}
	case call.Kind == testkit.Exec && !call.InTx && t.chance(t.alone) && t.spend():
		return errNoAnswer
	}
	return nil
}

// maybeLate makes the next COMMIT, of whomever, a late one.
func (t *trouble) maybeLate() {
	if !t.late || !t.chance(5) || !t.spend() {
		return
	}
	gate := t.probe.Late(errNoAnswer)
	t.under.Add(1)
	go func() {
		defer t.under.Done()
		defer gate.Release()
		select {
		case <-gate.Reached():
			<-time.After(t.duration(10 * t.pause))
			gate.Release()
			<-gate.Done()
		case <-t.end:
		}
	}()
}

// spend reports whether one more answer may be lost: the checker's work doubles with each.
func (t *trouble) spend() bool { return t.left.Add(-1) >= 0 }

func (t *trouble) chance(perMille int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.random.IntN(1000) < perMille
}

func (t *trouble) duration(most time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Duration(t.random.Int64N(int64(most) + 1))
}

// maybePause holds the call up, mostly for a moment, now and then for ten times as long.
func (t *trouble) maybePause(ctx context.Context, perMille int) {
	if !t.chance(perMille) {
		return
	}
	most := t.pause
	if t.chance(50) {
		most *= 10
	}
	timer := time.NewTimer(t.duration(most))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-t.end:
	}
}
