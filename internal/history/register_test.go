package history_test

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// deed is what a call did to one row, or learned of it.
type deed uint8

const (
	found   deed = iota // the row had the value; 0 for no row
	missed              // the row was none of those that the condition meets
	set                 // the row has the value now
	added               // the value was added
	removed             // the row is gone
)

// met is what a call met when it changed the row.
type met uint8

const (
	whatever  met = iota // a row or none
	present              // a row that the condition meets: else the call cannot have answered so
	absent               // no row: else the call cannot have answered so
	ifPresent            // perhaps a row that the condition meets; else nothing was done
	ifAbsent             // perhaps no row; else nothing was done
)

// where is a condition on the value of the row.
type where uint8

const (
	always where = iota
	even
	odd
)

func (w where) holds(value int64) bool { return w == always || (w == even) == (value%2 == 0) }

// event is what one call did to one row. A call that met several rows is one event on each.
type event struct {
	deed  deed
	met   met
	where where
	value int64  // 0 stands for no row: values are larger
	call  string // for the report
}

// step is the row as a plain map would have it: the state after the event, and whether the event is possible at all.
func (e event) step(state int64) (bool, int64) {
	meets := state != 0 && e.where.holds(state)
	switch {
	case e.deed == found:
		return state == e.value, state
	case e.deed == missed:
		return !meets, state
	case e.met == present && !meets, e.met == absent && state != 0:
		return false, state
	case e.met == ifPresent && !meets, e.met == ifAbsent && state != 0:
		return true, state
	}
	switch e.deed {
	case set:
		return true, e.value
	case added:
		return true, state + e.value
	default:
		return true, 0
	}
}

// perhaps is the event of a call that got no answer: if it happened it was possible, and it may never have happened. The
// second is told by an end that never comes: an event without an end may be the last of all.
func (e event) perhaps() event {
	switch e.met {
	case present:
		e.met = ifPresent
	case absent:
		e.met = ifAbsent
	}
	return e
}

func (e event) String() string {
	what := [...]string{"found", "missed", "set", "added", "removed"}[e.deed]
	if e.deed == found && e.value == 0 {
		return e.call + ": no row"
	}
	return fmt.Sprintf("%s: %s %d%s%s", e.call, what, e.value,
		[...]string{"", ", present", ", absent", ", if present", ", if absent"}[e.met],
		[...]string{"", ", even", ", odd"}[e.where])
}

// register is a row of the table for the checker. Its state is the value, 0 for no row.
func register(initial int64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, _ any) (bool, any) {
			ok, next := input.(event).step(state.(int64))
			return ok, next
		},
		Hash: func(state any) uint64 { return uint64(state.(int64)) },
	}
}
