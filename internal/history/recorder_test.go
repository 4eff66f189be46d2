package history_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// endless is when a call without an answer ends: nobody knows how late it still happens.
const endless = math.MaxInt64

// checkTime bounds the search for an order of one row's calls. It takes milliseconds.
const checkTime = time.Minute

// recorder collects the events of each row. All methods are safe for use by any goroutine.
type recorder struct {
	start time.Time

	mu      sync.Mutex // guards what follows
	initial map[int64]int64
	rows    map[int64][]porcupine.Operation
	calls   map[string]int // how often each kind of call was answered
	doubts  int            // calls without an answer
}

// newRecorder starts with the rows as they are.
func newRecorder(initial map[int64]int64) *recorder {
	return &recorder{start: time.Now(), initial: initial, rows: map[int64][]porcupine.Operation{}, calls: map[string]int{}}
}

func (r *recorder) now() int64 { return int64(time.Since(r.start)) }

// note records what a call that began at from, and has returned, did to rows.
func (r *recorder) note(client int, from int64, call string, events map[int64][]event) {
	r.add(client, from, r.now(), call, events)
}

// doubt records a call that got no answer.
func (r *recorder) doubt(client int, from int64, call string, events map[int64][]event) {
	r.mu.Lock()
	r.doubts++
	r.mu.Unlock()
	r.add(client, from, endless, call+" without an answer", events)
}

func (r *recorder) add(client int, from, to int64, call string, events map[int64][]event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[call]++
	for row, list := range events {
		for _, e := range list {
			e.call = call
			r.rows[row] = append(r.rows[row], porcupine.Operation{ClientId: client, Input: e, Call: from, Return: to})
		}
	}
}

// check looks for an order of each row's events. Its error shows the events around the first that no order can have.
func (r *recorder) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for row, events := range r.rows {
		model := register(r.initial[row])
		switch porcupine.CheckOperationsTimeout(model, events, checkTime) {
		case porcupine.Ok:
		case porcupine.Illegal:
			return fmt.Errorf("the calls on row %d have no order:\n%s", row, report(model, events))
		default:
			return fmt.Errorf("no order of the %d events of row %d was found or excluded in %s", len(events), row, checkTime)
		}
	}
	return nil
}

// report shows the event that cannot follow the longest order there is, with those that were under way with it.
func report(model porcupine.Model, events []porcupine.Operation) string {
	_, info := porcupine.CheckOperationsVerbose(model, events, checkTime)
	var longest []int
	for _, partition := range info.PartialLinearizations() {
		for _, order := range partition {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	wrong := -1
	for i, e := range events {
		if !slices.Contains(longest, i) && (wrong < 0 || e.Return < events[wrong].Return) {
			wrong = i
		}
	}
	if wrong < 0 {
		return "(all of them)"
	}
	const before, after = int64(2 * time.Millisecond), int64(time.Millisecond)
	near := slices.Clone(events)
	near = slices.DeleteFunc(near, func(o porcupine.Operation) bool {
		return o.Return < events[wrong].Call-before || o.Call > events[wrong].Return+after
	})
	slices.SortFunc(near, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	if len(near) > 60 {
		near = near[len(near)-60:]
	}
	var b strings.Builder
	for _, o := range near {
		mark, end := " ", fmt.Sprint(o.Return/1000)
		if o.Input == events[wrong].Input && o.Call == events[wrong].Call {
			mark = ">"
		}
		if o.Return == endless {
			end = "?"
		}
		fmt.Fprintf(&b, "%s client %2d, %9d to %9s µs, %v\n", mark, o.ClientId, o.Call/1000, end, o.Input)
	}
	return b.String()
}
