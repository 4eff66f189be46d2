package history_test

import (
	"database/sql"
	"errors"
	"maps"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/policy"
)

var errRollback = errors.New("rolled back on purpose")

// transaction is what a client does in one: the net effect on each row, which all see at COMMIT, and what was found of rows
// that it had not touched itself.
type transaction struct {
	c    *client
	own  map[int64]event
	seen map[int64][]event
}

// attempts is how often a transaction is tried that others were in the way of.
const attempts = 5

// transact runs an explicit transaction.
func (c *client) transact() {
	level, name := c.level()
	from := c.now()
	defer func() { c.gone = nil }()
	for range attempts {
		t := &transaction{c: c, own: map[int64]event{}, seen: map[int64][]event{}}
		c.gone = map[int64]bool{}
		commits := c.random.IntN(5) > 0
		sent, err := t.run(level, commits)
		switch {
		case err == nil:
			c.note(c.id, from, name, t.events())
			return
		case errors.Is(err, errRollback):
			c.note(c.id, from, name+", rolled back", t.seen)
			return
		case again(err):
		case !sent || answered(err):
			c.fail(name, err)
			return
		default:
			c.doubt(c.id, from, name, t.perhaps())
			return
		}
	}
	c.fail(name, errors.New("others were in the way"))
}

// level picks an isolation level. SQLite has one.
func (c *client) level() (*sql.TxOptions, string) {
	if c.database.Name == "sqlite" {
		return nil, "transaction"
	}
	switch c.random.IntN(4) {
	case 0:
		return nil, "transaction"
	case 1:
		return &sql.TxOptions{Isolation: sql.LevelReadCommitted}, "READ COMMITTED transaction"
	case 2:
		return &sql.TxOptions{Isolation: sql.LevelRepeatableRead}, "REPEATABLE READ transaction"
	default:
		return &sql.TxOptions{Isolation: sql.LevelSerializable}, "SERIALIZABLE transaction"
	}
}

// steps is how many there are in a transaction, at most. On SQLite, which has one lock for all, a transaction of write-back
// rows that has written waits at another's gate until one of them is told that the database is busy, which takes seconds.
func (c *client) steps() int {
	if c.database.Name == "sqlite" && c.strategy == policy.WriteBack {
		return 1
	}
	return 3
}

// run tells whether COMMIT was sent.
func (t *transaction) run(level *sql.TxOptions, commits bool) (sent bool, err error) {
	body := func(tx *gorm.DB) error {
		for range 1 + t.c.random.IntN(t.c.steps()) {
			if err := t.step(tx); err != nil {
				return err
			}
		}
		if !commits {
			return errRollback
		}
		sent = true
		return nil
	}
	if t.c.random.IntN(2) == 0 {
		return sent, t.c.Transaction(body, options(level)...)
	}
	tx := t.c.Begin(options(level)...)
	if tx.Error != nil {
		return false, tx.Error
	}
	if err := body(tx); err != nil {
		tx.Rollback()
		return false, err
	}
	return true, tx.Commit().Error
}

func options(level *sql.TxOptions) []*sql.TxOptions {
	if level == nil {
		return nil
	}
	return []*sql.TxOptions{level}
}

// step does one thing in the transaction.
func (t *transaction) step(tx *gorm.DB) error {
	switch n := t.c.random.IntN(10); {
	case n < 2:
		return t.read(tx)
	case n < 7:
		return t.write(tx)
	default:
		return t.savepoint(tx, n == 9)
	}
}

// read reads by one of the kinds that take a handle.
func (t *transaction) read(tx *gorm.DB) error {
	kind := readKinds[t.c.random.IntN(12)]
	values, err := kind.read(t.c, tx)
	if err != nil {
		return err
	}
	for row, value := range values {
		if _, touched := t.own[row]; !touched {
			t.seen[row] = append(t.seen[row], event{deed: found, value: value})
		}
	}
	return nil
}

// write writes by one statement whose answer tells which rows it changed.
func (t *transaction) write(tx *gorm.DB) error {
	kind := exactKinds[t.c.random.IntN(len(exactKinds))]
	w := t.c.writing()
	if err := kind.write(w, tx); err != nil {
		return err
	}
	for row, list := range w.seen {
		if _, touched := t.own[row]; !touched {
			t.seen[row] = append(t.seen[row], list...)
		}
	}
	for row, e := range w.plan {
		t.own[row] = follow(t.own, row, e)
		if e.deed == removed {
			t.c.gone[row] = true
		}
	}
	return nil
}

// follow is the net effect of what the transaction did to a row before, and of what it does to it now.
func follow(own map[int64]event, row int64, e event) event {
	before, touched := own[row]
	switch {
	case !touched:
		return e
	case e.deed == added && before.deed == set:
		before.value += e.value
	case e.deed == added && before.deed == added:
		before.value += e.value
	default:
		before.deed, before.value = e.deed, e.value
	}
	return before
}

// savepoint does a step behind a savepoint, and may go back to it.
func (t *transaction) savepoint(tx *gorm.DB, named bool) error {
	before := maps.Clone(t.own)
	back := t.c.random.IntN(2) == 0
	if named {
		if err := tx.SavePoint("here").Error; err != nil {
			return err
		}
		if err := t.write(tx); err != nil || !back {
			return err
		}
		t.own = before
		return tx.RollbackTo("here").Error
	}
	err := tx.Transaction(func(inner *gorm.DB) error {
		if err := t.write(inner); err != nil {
			return err
		}
		if back {
			return errRollback
		}
		return nil
	})
	if errors.Is(err, errRollback) {
		t.own, err = before, nil
	}
	return err
}

// events are what a committed transaction did and found.
func (t *transaction) events() map[int64][]event {
	for row, e := range t.own {
		t.seen[row] = append(t.seen[row], e)
	}
	return t.seen
}

// perhaps is what a transaction did if it was committed.
func (t *transaction) perhaps() map[int64][]event {
	events := map[int64][]event{}
	for row, e := range t.own {
		events[row] = []event{e.perhaps()}
	}
	return events
}
