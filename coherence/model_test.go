package coherence_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/storetest"
)

// The model is a database whose states are numbered: what a read returns must be what some state held that was the current one
// between the read's start and its end. That is more than "never older than the last write published before it began": it also
// means that no read goes back behind another that ended before, and that nothing uncommitted is ever seen.
//
// Everything happens step by step on one goroutine, in the order the choices say. Only coalesced reads have goroutines
// of their own; synctest tells when they can go no further.

const (
	modelTables  = 2
	modelRows    = 2 // of each table
	historySteps = 120
)

// state is one state of a database: the number of the write each row has its value from, 0 for an absent row.
type state [modelTables][modelRows]int

// answer is what a read of the given rows of a state returns.
func (s state) answer(q query) string {
	if q.row >= 0 {
		return fmt.Sprint(s[q.table][q.row])
	}
	return fmt.Sprint(s[q.table])
}

// query is a read: of one row, or with row -1 of the whole table.
type query struct{ table, row int }

func (q query) key() string { return fmt.Sprintf("%d/%d", q.table, q.row) }

func (q query) tag() coherence.Tag {
	if q.row >= 0 {
		return coherence.RowTag(fmt.Sprint("t", q.table), q.row)
	}
	return coherence.TableTag(fmt.Sprint("t", q.table))
}

func TestEveryReadIsOfAStateWithinItsCall(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		choices := rapid.SliceOfN(rapid.IntRange(0, 1<<16-1), historySteps, 4*historySteps).Draw(r, "choices")
		if err := runHistory(t, choices); err != nil {
			r.Fatal(err)
		}
	})
}

func TestManyHistoriesGoWell(t *testing.T) {
	t.Parallel()
	histories := 4000
	if testing.Short() {
		histories = 200
	}
	n, err := firstWrong(t, 2, histories)
	require.NoError(t, err, "history %d", n)
}

// firstWrong plays up to n histories that the seed decides, and returns the first that goes wrong.
func firstWrong(t *testing.T, seed uint64, n int) (int, error) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	choices := make([]int, 4*historySteps)
	for i := range n {
		for j := range choices {
			choices[j] = random.IntN(1 << 16)
		}
		if err := runHistory(t, choices); err != nil {
			return i, err
		}
	}
	return n, nil
}

// Each rule of the protocol left out is found by the same histories: the model would notice.
func TestHistoriesMissEveryRule(t *testing.T) {
	const histories = 10_000 // the hardest to find takes hundreds
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for name, rule := range map[string]switches.Rule{
		"stamp check": switches.StampCheck, "writer check": switches.WriterCheck, "epoch check": switches.EpochCheck,
		"all word": switches.AllWord, "publish bump": switches.PublishBump, "install alone": switches.InstallAlone,
		"install quiet table": switches.InstallQuietTable, "stage never valid": switches.StageNeverValid,
		"coalesce stamps": switches.CoalesceStamps, "coalesce quiet": switches.CoalesceQuiet,
	} {
		t.Run(name, func(t *testing.T) {
			switches.Disable(t, rule)
			n, err := firstWrong(t, 1, histories)
			require.Error(t, err, "%d histories went well without the rule", histories)
			t.Logf("history %d: %v", n, err)
		})
	}
}

// runHistory plays a history in two worlds that share a store, and returns the first read that went wrong.
func runHistory(t *testing.T, choices []int) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &history{TB: t, choices: choices}
		shared := storetest.NewFaulty(newStore(t))
		bits := []int{1, 2, 3, smallTable}[h.draw(4)]
		for i := range h.worlds {
			h.worlds[i] = newModelWorld(h, shared, bits)
		}
		defer func() {
			for _, w := range h.worlds {
				w.end()
			}
		}()
		for len(h.choices) > 0 && h.wrong == nil {
			h.step()
		}
		err = h.wrong
	})
	return err
}

// history is what one run of the model has to say and to choose.
type history struct {
	testing.TB
	choices []int
	worlds  [2]*modelWorld
	written int // values, of both worlds: no value is written twice
	wrong   error
}

// draw takes the next choice, below n.
func (h *history) draw(n int) int {
	if len(h.choices) == 0 {
		return 0
	}
	c := h.choices[0]
	h.choices = h.choices[1:]
	return c % n
}

func (h *history) step() {
	w := h.worlds[min(h.draw(5)/4, 1)] // mostly the first
	actions := []func(){
		w.open, w.writeRow, w.writeRow, w.writeTable, w.announce, w.announce, w.commit, w.commit, w.publish, w.publish, w.hurry, w.hurry,
		w.rollback, w.lose, w.land, w.settle, w.changeOutside, w.changeEverything, w.evict, w.breakStore,
		w.get, w.get, w.get, w.fill, w.fill, w.fill,
		w.load, w.load, w.answerLoad, w.endLoad, w.endLoad,
	}
	actions[h.draw(len(actions))]()
	synctest.Wait()
	for _, w := range h.worlds {
		w.settleLoads()
	}
}

// modelWorld is an engine and the states of its database.
type modelWorld struct {
	*history
	engine *coherence.Engine
	store  *storetest.Faulty
	states []state
	locks  [modelTables][modelRows]*modelTx
	txs    []*modelTx
	fills  []*pendingFill
	loads  []*modelLoad
}

func newModelWorld(h *history, st *storetest.Faulty, bits int) *modelWorld {
	e, err := coherence.New(coherence.WithBits(bits), coherence.WithStore(st))
	require.NoError(h, err)
	w := &modelWorld{history: h, engine: e, store: st, states: make([]state, 1)}
	w.change(func(s *state) {
		for i := range s {
			for j := range s[i] {
				s[i][j] = w.value()
			}
		}
	})
	return w
}

func (w *modelWorld) now() int       { return len(w.states) - 1 }
func (w *modelWorld) current() state { return w.states[w.now()] }

// value is a new one, or absence.
func (w *modelWorld) value() int {
	w.written++
	if w.draw(5) == 0 {
		return 0
	}
	return w.written
}

// change makes the next state.
func (w *modelWorld) change(f func(*state)) {
	s := w.current()
	f(&s)
	w.states = append(w.states, s)
}

// check notes a read that started in the given state and has returned now.
func (w *modelWorld) check(q query, start int, answer, how string) {
	for _, s := range w.states[start:] {
		if s.answer(q) == answer {
			return
		}
	}
	if w.wrong == nil {
		w.wrong = fmt.Errorf("%s of %s returned %s; the states of its call hold %v", how, q.key(), answer, w.states[start:])
	}
}

func (w *modelWorld) end() {
	for _, l := range w.loads {
		l.cancel()
		l.release()
	}
	synctest.Wait()
	require.NoError(w, w.engine.Close(context.Background()))
}

func (w *modelWorld) query() query {
	return query{table: w.draw(modelTables), row: w.draw(modelRows+1) - 1}
}

// evict lets the store forget an entry, breakStore lets its next calls fail.
func (w *modelWorld) evict() {
	_ = w.engine.Rows().Delete(context.Background(), w.query().key()) // it may be broken
}

func (w *modelWorld) breakStore() {
	op := []storetest.Op{storetest.OpGet, storetest.OpSet, storetest.OpDelete}[w.draw(3)]
	fault := []storetest.Fault{storetest.FailBefore(store.ErrUnavailable), storetest.FailAfter(store.ErrUnavailable)}[w.draw(2)]
	w.store.Script(op, fault)
}

// changeOutside is a write that the plugin does not see, followed by an invalidation before anybody reads.
func (w *modelWorld) changeOutside() {
	q := w.query()
	w.change(func(s *state) {
		for i := range s[q.table] {
			if (q.row < 0 || q.row == i) && w.locks[q.table][i] == nil {
				s[q.table][i] = w.value()
			}
		}
	})
	require.NoError(w, w.engine.Invalidate(context.Background(), q.tag()))
}

func (w *modelWorld) changeEverything() {
	w.change(func(s *state) {
		for i := range s {
			for j := range s[i] {
				if w.locks[i][j] == nil {
					s[i][j] = w.value()
				}
			}
		}
	})
	require.NoError(w, w.engine.InvalidateAll(context.Background()))
}

// pendingFill is a read that missed: stamped, then read from the database, then stored, each at its own time.
type pendingFill struct {
	query
	stamps coherence.Stamps
	answer string
	read   bool
}

func (w *modelWorld) get() {
	q := w.query()
	hit, ok, err := w.engine.Rows().Get(context.Background(), q.key())
	require.NoError(w, err)
	if ok {
		w.check(q, w.now(), string(hit.Value), "a hit")
		return
	}
	w.fills = append(w.fills, &pendingFill{query: q, stamps: w.engine.Stamp(nil, q.tag())})
}

// fill takes a pending read one step further; one that is held back for long is a late fill.
func (w *modelWorld) fill() {
	if len(w.fills) == 0 {
		return
	}
	i := w.draw(len(w.fills))
	f := w.fills[i]
	if !f.read {
		f.answer, f.read = w.current().answer(f.query), true
		return
	}
	_ = w.engine.Rows().Put(context.Background(), f.key(), []byte(f.answer), f.stamps, coherence.Life{}) // it may be broken
	w.fills = slices.Delete(w.fills, i, i+1)
}

// modelLoad is a coalesced read on its own goroutine. It stops before and after it reads the database; who joined another
// stops there.
type modelLoad struct {
	query
	start   int
	cancel  context.CancelFunc
	ask     chan string // hands over what the database answers; nil when closed
	leave   chan struct{}
	reading bool // waits for ask, or for leave
	asked   bool
	left    bool
	done    bool
	loaded  coherence.Loaded
	err     error
}

func (l *modelLoad) release() {
	if !l.asked {
		close(l.ask)
		l.asked = true
	}
	if !l.left {
		close(l.leave)
		l.left = true
	}
}

func (w *modelWorld) load() {
	if len(w.loads) >= 5 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &modelLoad{
		query: w.query(), start: w.now(), cancel: cancel,
		ask: make(chan string, 1), leave: make(chan struct{}),
	}
	w.loads = append(w.loads, l)
	go func() {
		l.loaded, l.err = w.engine.Rows().Load(ctx, l.key(), []coherence.Tag{l.tag()},
			func(ctx context.Context) (coherence.Filled, error) {
				l.reading = true
				answer := <-l.ask
				<-l.leave
				return coherence.Filled{Value: []byte(answer), Keep: true}, ctx.Err()
			})
		l.done = true
	}()
}

func (w *modelWorld) anyLoad() *modelLoad {
	if len(w.loads) == 0 {
		return nil
	}
	return w.loads[w.draw(len(w.loads))]
}

// answerLoad lets a read see the database.
func (w *modelWorld) answerLoad() {
	if l := w.anyLoad(); l != nil && l.reading && !l.asked {
		l.asked = true
		l.ask <- w.current().answer(l.query)
	}
}

// endLoad lets a read return; sometimes its context ends, whether it reads or waits.
func (w *modelWorld) endLoad() {
	l := w.anyLoad()
	switch {
	case l == nil:
	case w.draw(4) == 0:
		l.cancel()
		l.release()
	case l.reading && l.asked && !l.left:
		l.left = true
		close(l.leave)
	}
}

// settleLoads checks the coalesced reads that have returned.
func (w *modelWorld) settleLoads() {
	w.loads = slices.DeleteFunc(w.loads, func(l *modelLoad) bool {
		if !l.done {
			return false
		}
		l.cancel()
		switch {
		case l.err == nil:
			w.check(l.query, l.start, string(l.loaded.Value), "a load")
		case !errors.Is(l.err, context.Canceled) || !l.left:
			w.wrong = errors.Join(w.wrong, fmt.Errorf("a load was given another's error: %w", l.err))
		}
		return true
	})
}

func (s state) String() string {
	return strings.ReplaceAll(fmt.Sprint([modelTables][modelRows]int(s)), " ", ",")
}
