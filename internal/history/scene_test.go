package history_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// scene is a history whose calls come in an order that a test decides.
type scene struct {
	testing.TB
	*world
	*recorder
	next int64
}

// newScene has the rows 1 and 2; row 3 does not exist.
func newScene(tb testing.TB, database testkit.Database, strategy policy.Strategy, options ...cacheplugin.Option) *scene {
	tb.Helper()
	w := openWorld(tb, database, strategy, 3, options...)
	return &scene{TB: tb, world: w, recorder: newRecorder(w.stored(tb)), next: 1000}
}

// fresh is a value that nobody has written.
func (s *scene) fresh() int64 {
	s.next++
	return s.next
}

// call does a call and records what it did.
func (s *scene) call(name string, do func() (map[int64]event, error)) {
	s.Helper()
	from := s.now()
	events, err := do()
	require.NoError(s, err, name)
	list := map[int64][]event{}
	for row, e := range events {
		list[row] = []event{e}
	}
	s.note(0, from, name, list)
}

// first reads a row by its key.
func (s *scene) first(row int64) { s.Helper(); s.firstWith(s.Context(), row) }

// firstPast reads a row from the database itself.
func (s *scene) firstPast(row int64) {
	s.Helper()
	s.firstWith(cacheplugin.Bypass(s.Context()), row)
}

func (s *scene) firstWith(ctx context.Context, row int64) {
	s.Helper()
	s.call("first", func() (map[int64]event, error) {
		var found Item
		err := s.WithContext(ctx).Limit(1).Find(&found, row).Error
		return map[int64]event{row: {value: found.N}}, err
	})
}

// page reads a row of a page, as the user.
func (s *scene) page(path string, row int64, user string, fields ...string) {
	s.Helper()
	s.call("page", func() (map[int64]event, error) {
		values, err := s.get(path, []int64{row}, user, fields...)
		events := map[int64]event{}
		for row, value := range values {
			events[row] = event{value: value}
		}
		return events, err
	})
}

// update sets a row that is there.
func (s *scene) update(row int64) {
	s.Helper()
	s.call("update", func() (map[int64]event, error) {
		value := s.fresh()
		return s.sets(row, value), s.Model(&Item{ID: row}).Update("n", value).Error
	})
}

func (s *scene) sets(row, value int64) map[int64]event {
	return map[int64]event{row: {deed: set, met: present, value: value}}
}

// beside runs the call on a goroutine of its own; wait waits for its end.
func (s *scene) beside(call func()) (wait func()) {
	var group sync.WaitGroup
	group.Go(call)
	return group.Wait
}

// waiting is a context that tells when somebody waits for its end.
type waiting struct {
	context.Context
	once   sync.Once
	signal chan struct{}
}

func newWaiting(ctx context.Context) *waiting {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(ctx, cancel)
	return &waiting{Context: ctx, signal: make(chan struct{})}
}

func (w *waiting) Done() <-chan struct{} {
	w.once.Do(func() { close(w.signal) })
	return w.Context.Done()
}

// inTransaction does f in a transaction that it may end by an error, and records what f says it did if it is committed.
func (s *scene) inTransaction(f func(tx *gorm.DB) (map[int64]event, error)) error {
	s.Helper()
	from := s.now()
	var events map[int64]event
	err := s.Transaction(func(tx *gorm.DB) (err error) {
		events, err = f(tx)
		return err
	})
	if err == nil {
		list := map[int64][]event{}
		for row, e := range events {
			list[row] = []event{e}
		}
		s.note(0, from, "transaction", list)
	}
	return err
}
