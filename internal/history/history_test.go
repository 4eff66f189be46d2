package history_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

const (
	// envCalls is how many calls all clients do together; 100,000 if it is not set.
	envCalls = "CACHEWRIGHT_HISTORY_CALLS"
	// envSeed is the seed to use, of a run whose choices are to be repeated. What they meet is up to the scheduler.
	envSeed = "CACHEWRIGHT_HISTORY_SEED"
)

const (
	clients    = 8
	roundCalls = 2000 // of all clients together
	hotRows    = 5
)

// share is a part of the run: one world, and how many of a hundred calls are done in it.
type share struct {
	database string
	strategy policy.Strategy
	percent  int
	alone    bool // statements without a transaction lose their answers, too
}

// shares is what the run consists of. A statement without an answer keeps the cache from its rows for a minute, so these
// worlds are short.
func shares() []share {
	return []share{
		{"postgres", policy.Aside, 25, false},
		{"postgres", policy.WriteThrough, 25, false},
		{"postgres", policy.WriteBack, 22, false},
		{"postgres", policy.Aside, 3, true},
		{"postgres", policy.WriteThrough, 3, true},
		{"sqlite", policy.Aside, 8, true},
		{"sqlite", policy.WriteThrough, 8, true},
		{"sqlite", policy.WriteBack, 6, false},
	}
}

func (s share) String() string {
	name := s.strategy.String() + " on " + s.database
	if s.alone {
		name += ", statements without answers"
	}
	return name
}

func TestEveryHistoryIsLinearizable(t *testing.T) {
	calls, seed := setting(t, envCalls, 100_000), uint64(setting(t, envSeed, int(time.Now().UnixNano()>>10)))
	switch {
	case os.Getenv(envCalls) != "":
	case testing.Short():
		calls = 4000
	case raceEnabled:
		calls = 3000
	}
	t.Logf("%s=%d %s=%d repeats the choices of this run", envCalls, calls, envSeed, seed)
	sum := newTally()
	for i, s := range shares() {
		t.Run(s.String(), func(t *testing.T) {
			fresh := testkit.PostgresDatabase
			if s.database == "sqlite" {
				fresh = testkit.SQLiteDatabase
			}
			w := openWorld(t, fresh(t), s.strategy, hotRows)
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for left := calls * s.percent / 100; left > 0; left -= roundCalls {
				w.round(t, s, random, sum)
			}
			if !s.alone || s.database == "sqlite" {
				require.Positive(t, w.plugin.Stats().Hits, "the cache takes part")
			}
			sum.stats(w)
		})
	}
	t.Log(sum)
}

func setting(tb testing.TB, name string, otherwise int) int {
	tb.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(tb, err, name)
	return n
}

// round lets the clients loose for a while, waits until all is settled, and checks what they saw.
func (w *world) round(t *testing.T, s share, random *rand.Rand, sum *tally) {
	t.Helper()
	r := newRecorder(w.stored(t))
	m := mishaps{
		pauseRead: 20 + random.IntN(200), pauseCommit: 20 + random.IntN(300), pause: time.Duration(50+random.IntN(500)) * time.Microsecond,
		refused: random.IntN(10), lost: random.IntN(10), late: s.database == "postgres" && random.IntN(2) == 0, doubts: random.IntN(7),
	}
	if s.database == "sqlite" && s.strategy == policy.WriteBack {
		m.lost = 0 // in this process a COMMIT that returned an error has not happened, and the flusher relies on it
	}
	if s.alone {
		m.alone = 10
	}
	trouble := makeTrouble(w.probe, m, random.Uint64())
	all := make([]*client, clients)
	seed, writes := random.Uint64(), 5+random.IntN(40)
	var running sync.WaitGroup
	for i := range all {
		all[i] = newClient(w, r, trouble, i, seed)
		running.Go(func() { all[i].run(roundCalls/clients, writes) })
	}
	running.Wait()
	trouble.stop()
	w.settle(t, r, all[0])
	w.probe.Reset()
	if err := r.check(); err != nil {
		t.Fatal(err)
	}
	sum.add(r, all)
}

// settle reads everything once more in every way, and then past the plugin.
func (w *world) settle(t *testing.T, r *recorder, c *client) {
	t.Helper()
	for range 3 {
		for _, kind := range readKinds {
			c.read(kind)
		}
	}
	require.NoError(t, w.plugin.Flush(t.Context()))
	from := r.now()
	r.note(clients, from, "database", observed(w.stored(t)))
}

// tally sums up what was done.
type tally struct {
	calls, failed     map[string]int
	doubts, events    int
	hits, misses      uint64
	unknown, installs uint64
	start             time.Time
}

func newTally() *tally {
	return &tally{calls: map[string]int{}, failed: map[string]int{}, start: time.Now()}
}

func (s *tally) add(r *recorder, all []*client) {
	for call, n := range r.calls {
		s.calls[call] += n
	}
	for _, events := range r.rows {
		s.events += len(events)
	}
	s.doubts += r.doubts
	for _, c := range all {
		for call, n := range c.failed {
			s.failed[call] += n
		}
	}
}

func (s *tally) stats(w *world) {
	stats := w.plugin.Stats()
	s.hits += stats.Hits + stats.Engine.Pages.Hits
	s.misses += stats.Misses
	s.unknown += stats.UnknownOutcomes
	s.installs += stats.Engine.Installs
}

func (s *tally) String() string {
	var b strings.Builder
	total, refused := 0, 0
	for _, call := range slices.Sorted(maps.Keys(s.calls)) {
		fmt.Fprintf(&b, "%8d  %s\n", s.calls[call], call)
		total += s.calls[call]
	}
	for _, call := range slices.Sorted(maps.Keys(s.failed)) {
		fmt.Fprintf(&b, "%8d  refused: %s\n", s.failed[call], call)
		refused += s.failed[call]
	}
	return fmt.Sprintf("%d calls in %s, %d events on rows, all in order; %d without an answer, %d refused; %d hits, %d misses, %d installs\n%s",
		total, time.Since(s.start).Round(time.Millisecond), s.events, s.doubts, refused, s.hits, s.misses, s.installs, &b)
}
