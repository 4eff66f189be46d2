package cacheplugin_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// ledger knows every state each bill was in. Bills are written by one writer at a time each, so their states have an order; a
// total is never used twice, so it names the state.
type ledger struct {
	bills *bills
	next  atomic.Int64 // total
	rows  [12]ledgerRow
}

type ledgerRow struct {
	writing sync.Mutex // held from before a write is sent until it has returned
	stored  bool       // a soft-deleted row is there, too; guarded by writing

	mu     sync.Mutex // guards what follows
	states []ledgerState
	shown  int // the state that surely was visible when the last write returned
}

// ledgerState is a bill's owner, 0 for none, and its total; never is set of one that was rolled back.
type ledgerState struct {
	user, total int64
	never       bool
}

func (r *ledgerRow) last() ledgerState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states[r.shown]
}

// write notes a state that is about to be sent; the returned function notes what became of it.
func (r *ledgerRow) write(s ledgerState) (done func(happened bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, s)
	at := len(r.states) - 1
	return func(happened bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.states[at].never = !happened; happened {
			r.shown = at
		}
	}
}

// may reports whether the user's bill was seen rightly: as it was in some state between the two.
func (r *ledgerRow) may(user int64, from int, seen bool, total int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.states[from:], func(s ledgerState) bool {
		return !s.never && (s.user == user) == seen && (!seen || s.total == total)
	})
}

// since is what the row was from the state on.
func (r *ledgerRow) since(from int) []ledgerState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.states[from:])
}

func (r *ledgerRow) from() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shown
}

func newLedger(b *bills) *ledger {
	l := &ledger{bills: b}
	for i := range l.rows {
		l.rows[i].states = []ledgerState{{}}
	}
	return l
}

// read asks for the bills of one user and compares them with what they were during the call.
func (l *ledger) read(r *rand.Rand) error {
	var from [len(l.rows)]int
	for i := range l.rows {
		from[i] = l.rows[i].from()
	}
	user := 1 + r.Int64N(4)
	var found []Bill
	if err := l.bills.DB.Where("user_id = ? AND id < 50", user).Find(&found).Error; err != nil {
		return err
	}
	seen := map[int64]int64{}
	for _, bill := range found {
		seen[bill.ID] = bill.Total
	}
	for i := range l.rows {
		total, ok := seen[int64(i+1)]
		if !l.rows[i].may(user, from[i], ok, total) {
			return fmt.Errorf("the bills of %d: bill %d is there: %v, with the total %d; it was %+v since", user, i+1, ok, total, l.rows[i].since(from[i]))
		}
	}
	return nil
}

// write writes one bill, or two at once.
func (l *ledger) write(r *rand.Rand) error {
	db, i := l.bills.DB, r.IntN(len(l.rows))
	row := &l.rows[i]
	if r.IntN(6) == 0 && i+1 < len(l.rows) {
		return l.both(i, 1+r.Int64N(4), r.IntN(2) == 0)
	}
	row.writing.Lock()
	defer row.writing.Unlock()
	if r.IntN(4) == 0 { // so that its old value is known
		if err := db.Limit(1).Find(&Bill{}, i+1).Error; err != nil {
			return err
		}
	}
	was, is := row.last(), ledgerState{user: 1 + r.Int64N(4), total: l.next.Add(1)}
	bill := Bill{ID: int64(i + 1), UserID: is.user, Total: is.total}
	if was.user == 0 {
		return l.send(row, is, func() error {
			if row.stored {
				return db.Unscoped().Model(&bill).Updates(map[string]any{"user_id": is.user, "total": is.total, "deleted_at": nil}).Error
			}
			row.stored = true
			return db.Create(&bill).Error
		})
	}
	kept := ledgerState{user: was.user, total: is.total}
	switch r.IntN(9) {
	case 0:
		return l.send(row, is, func() error { return db.Save(&bill).Error })
	case 1:
		return l.send(row, is, func() error { return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&bill).Error })
	case 2:
		return l.send(row, is, func() error {
			return db.Model(&Bill{ID: bill.ID}).Updates(Bill{UserID: is.user, Total: is.total}).Error
		})
	case 3:
		return l.send(row, ledgerState{}, func() error { return db.Delete(&bill).Error })
	case 4:
		row.stored = false
		return l.send(row, ledgerState{}, func() error { return db.Unscoped().Delete(&bill).Error })
	case 5:
		done := row.write(is)
		tx := db.Begin()
		err := tx.Model(&Bill{ID: bill.ID}).Updates(Bill{UserID: is.user, Total: is.total}).Error
		done(false)
		if back := tx.Rollback().Error; err == nil {
			err = back
		}
		return err
	case 6:
		return l.send(row, is, func() error {
			return db.Exec("UPDATE bills SET user_id = ?, total = ? WHERE id = ?", is.user, is.total, bill.ID).Error
		})
	case 7:
		return l.send(row, kept, func() error {
			return db.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(&Bill{ID: bill.ID}).Update("total", kept.total).Error
		})
	default:
		return l.send(row, kept, func() error { return db.Model(&Bill{ID: bill.ID}).Update("total", kept.total).Error })
	}
}

func (l *ledger) send(row *ledgerRow, s ledgerState, f func() error) error {
	done := row.write(s)
	err := f()
	done(err == nil)
	return err
}

// both gives two bills that are there a new total, and another owner if it says so, in one statement.
func (l *ledger) both(i int, user int64, moves bool) error {
	var done []func(bool)
	var ids []int64
	total := l.next.Add(1)
	for j := i; j < i+2; j++ {
		row := &l.rows[j]
		row.writing.Lock()
		defer row.writing.Unlock()
		is := row.last()
		if is.user == 0 {
			continue
		}
		if is.total = total; moves {
			is.user = user
		}
		ids, done = append(ids, int64(j+1)), append(done, row.write(is))
	}
	if len(ids) == 0 {
		return nil
	}
	set := map[string]any{"total": total}
	if moves {
		set["user_id"] = user
	}
	err := l.bills.DB.Model(&Bill{}).Where("id IN ?", ids).Updates(set).Error
	for _, f := range done {
		f(err == nil)
	}
	return err
}

// play has three writers and three readers at work, and returns the first wrong answer.
func (l *ledger) play(seed uint64, writes int) error {
	var (
		writers, readers sync.WaitGroup
		ended            atomic.Bool
		once             sync.Once
		wrong            error
	)
	fail := func(err error) { once.Do(func() { wrong = err }) }
	for n := range uint64(3) {
		random := func(role uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 2*n+role)) }
		writers.Go(func() {
			r := random(0)
			for range writes {
				if err := l.write(r); err != nil {
					fail(fmt.Errorf("writing: %w", err))
					return
				}
			}
		})
		readers.Go(func() {
			for r := random(1); !ended.Load(); {
				if err := l.read(r); err != nil {
					fail(err)
					return
				}
			}
		})
	}
	writers.Wait()
	ended.Store(true)
	readers.Wait()
	return wrong
}

func TestNarrowedQueriesAreRightUnderConcurrentWriters(t *testing.T) {
	t.Parallel()
	eachBills(t, func(b *bills) {
		require.NoError(b.t, newLedger(b).play(1, 60))
		require.Positive(b.t, b.plugin.Engine().Stats().Rows.Hits)
	})
}

func TestConcurrentWritersShowWhatEachRuleIsFor(t *testing.T) {
	for name, rule := range map[string]switches.Rule{
		"values": switches.ValueMoves, "untold": switches.UntoldMoves, "old": switches.OldValueAsked,
	} {
		t.Run(name, func(t *testing.T) {
			switches.Disable(t, rule)
			b := openBills(t, testkit.SQLiteDatabase(t), policy.Aside, nil)
			var wrong error
			for round := 0; wrong == nil && round < 20; round++ { // it takes writers that meet, which a busy machine may keep apart
				wrong = newLedger(b).play(1, 200)
			}
			require.ErrorContains(t, wrong, "it was")
		})
	}
}
