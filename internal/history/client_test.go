package history_test

import (
	"errors"
	"math/rand/v2"

	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
)

// client does one call after the other, as its random numbers say.
type client struct {
	*world
	*recorder
	trouble *trouble
	id      int
	random  *rand.Rand
	failed  map[string]int // calls that were refused, by error
	// cancellable are the kinds of write whose context may end under way.
	cancellable []writeKind
	gone        map[int64]bool // rows that the transaction under way has deleted: it does not make them again
}

func newClient(w *world, r *recorder, t *trouble, id int, seed uint64) *client {
	c := &client{world: w, recorder: r, trouble: t, id: id, random: rand.New(rand.NewPCG(seed, uint64(id)+10)), failed: map[string]int{}}
	for _, kind := range writeKinds {
		if w.database.Name == "sqlite" || t.alone > 0 || !kind.raw() {
			c.cancellable = append(c.cancellable, kind)
		}
	}
	return c
}

// run does so many calls, of which so many in a hundred write.
func (c *client) run(calls, writes int) {
	for range calls {
		if c.random.IntN(100) >= writes {
			c.read(readKinds[c.random.IntN(len(readKinds))])
			continue
		}
		switch n := c.random.IntN(20); {
		case n < 9:
			c.writeAlone(writeKinds[c.random.IntN(len(writeKinds))])
		case n < 10:
			c.writeCancelled(c.cancellable[c.random.IntN(len(c.cancellable))])
		default:
			c.transact()
		}
		c.trouble.maybeLate()
	}
}

// row is one of the hot rows; half of the calls are on the first two. A row that is deleted and made again by one
// transaction is never seen to be absent, and yet a bulk write that waits for it passes it by: no map could do that.
func (c *client) row() int64 {
	for {
		row := c.keys[c.random.IntN(len(c.keys))]
		if c.random.IntN(2) == 0 {
			row = c.keys[c.random.IntN(2)]
		}
		if !c.gone[row] {
			return row
		}
	}
}

// rows are some of the hot rows, in order.
func (c *client) rows() []int64 {
	var rows []int64
	for _, row := range c.keys {
		if c.random.IntN(2) == 0 && !c.gone[row] {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return []int64{c.row()}
	}
	return rows
}

// value is a number that nobody has written.
func (c *client) value() int64 { return 1 + c.random.Int64N(1<<40) }

// again reports whether the error says that nothing happened because somebody else was in the way.
func again(err error) bool {
	if errors.Is(err, cacheplugin.ErrPendingRow) || errors.Is(err, cacheplugin.ErrDeadlock) {
		return true
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		switch state.SQLState() {
		case "40001", "40P01", "55P03":
			return true
		}
		return false
	}
	var code interface{ Code() int }
	return errors.As(err, &code) && code.Code()&0xff == 5 // SQLite is busy
}

// answered reports whether the error is the database's own word that nothing happened.
func answered(err error) bool {
	var state interface{ SQLState() string }
	return again(err) || errors.Is(err, gorm.ErrDuplicatedKey) || errors.As(err, &state)
}

// fail counts what a call was refused for.
func (c *client) fail(call string, err error) { c.failed[call+": "+err.Error()]++ }
