// Package load sends requests to the shop at a steady rate, whatever becomes of them: open-loop, so that a slow answer does
// not keep the next request from being sent, and the latency that is measured is what a visitor would have waited.
package load

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// The limits of a run.
const (
	requestTimeout = 10 * time.Second
	maxWorkers     = 64   // requests under way at a time, for each target
	keptLatencies  = 2000 // the latest, for quantiles
)

// Target is one of the applications under load.
type Target struct {
	Name string
	Base func() string // its URL; "" while it does not run, when requests fail
}

// Load runs at most one mix at a time, on all targets alike: each gets the same requests in the same order. Its methods may be
// called by any goroutine.
type Load struct {
	targets []Target
	rate    int
	tallies []*tally
	prices  atomic.Int64

	mu      sync.Mutex // guards the rest
	mix     Mix
	attacks []*vegeta.Attacker
	running sync.WaitGroup
}

// New returns a load of so many requests a second on each target.
func New(rate int, targets ...Target) *Load {
	l := &Load{targets: targets, rate: rate}
	for range targets {
		l.tallies = append(l.tallies, &tally{})
	}
	l.prices.Store(time.Now().UnixMilli() % 10_000_000) // unlike those of an earlier run
	return l
}

// Start sends a mix, in place of the one before.
func (l *Load) Start(mix Mix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop()
	l.mix = mix
	if mix == Idle {
		return
	}
	seed := rand.Uint64() //nolint:gosec // picks requests, guards nothing
	l.attacks = make([]*vegeta.Attacker, len(l.targets))
	for i, target := range l.targets {
		attack := vegeta.NewAttacker(vegeta.Timeout(requestTimeout), vegeta.MaxWorkers(maxWorkers), vegeta.Workers(4),
			vegeta.KeepAlive(true), vegeta.HTTP2(false), vegeta.Redirects(vegeta.NoFollow))
		l.attacks[i] = attack
		script := newScript(mix, seed, &l.prices)
		targeter := func(t *vegeta.Target) error {
			script.next(t)
			t.URL = target.Base() + t.URL
			return nil
		}
		l.running.Go(func() {
			// Duration 0 is until it is stopped.
			for result := range attack.Attack(targeter, vegeta.Rate{Freq: l.rate, Per: time.Second}, 0, target.Name) {
				l.tallies[i].add(result)
			}
		})
	}
}

// Stop ends the mix and waits for what is under way. It may be called when nothing runs.
func (l *Load) Stop() { l.Start(Idle) }

// Mix is what runs now.
func (l *Load) Mix() Mix {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mix
}

// Figures are a target's, since the load was made.
func (l *Load) Figures(target int) Figures { return l.tallies[target].figures() }

// stop needs the lock.
func (l *Load) stop() {
	for _, a := range l.attacks {
		a.Stop()
	}
	l.running.Wait()
	l.attacks = nil
}

// Figures are what was measured of a target.
type Figures struct {
	Requests, Errors int64         // an error is a request without an answer, or one that the server failed
	Median, P99      time.Duration // of the latest requests that were answered
}

// tally counts results.
type tally struct {
	mu               sync.Mutex // guards all below
	requests, errors int64
	latencies        []time.Duration // a ring
	next             int
}

func (t *tally) add(r *vegeta.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	if r.Code == 0 || r.Code >= http.StatusInternalServerError {
		t.errors++
		return
	}
	if len(t.latencies) < keptLatencies {
		t.latencies = append(t.latencies, r.Latency)
		return
	}
	t.latencies[t.next] = r.Latency
	t.next = (t.next + 1) % keptLatencies
}

func (t *tally) figures() Figures {
	t.mu.Lock()
	f := Figures{Requests: t.requests, Errors: t.errors}
	sorted := slices.Clone(t.latencies)
	t.mu.Unlock()
	if len(sorted) > 0 {
		slices.Sort(sorted)
		f.Median, f.P99 = sorted[len(sorted)/2], sorted[len(sorted)*99/100]
	}
	return f
}
