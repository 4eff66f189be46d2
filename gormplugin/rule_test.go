package cacheplugin_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/storetest"
)

// The twins of these tests turn off rules that belong to the engine, and see through GORM what each is for. A rule belongs
// to the whole process, so the twins do not run in parallel.

func TestOnceSomebodyHasSeenAWriteNobodyIsServedWhatWasBefore(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) { require.EqualValues(t, 99, readBesideAWriter(t, c)) })
}

func TestServingUnderAWriterWouldGoBackBehindWhatSomebodyHasSeen(t *testing.T) {
	switches.Disable(t, switches.WriterCheck)
	eachAside(t, func(t *testing.T, c *cached) { require.EqualValues(t, 10, readBesideAWriter(t, c)) })
}

// readBesideAWriter reads a cached row when the database has committed, somebody has seen that, and the writer does not
// know it yet.
func readBesideAWriter(t *testing.T, c *cached) int64 {
	t.Helper()
	c.warm(t)
	gate := c.probe.HoldAnswer(testkit.On(testkit.Commit))
	written := parallel(func() error { return c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error })
	<-gate.Reached()
	require.EqualValues(t, 99, c.pastTheCache(t))
	price := c.price(t, 1)
	gate.Release()
	require.NoError(t, written())
	require.EqualValues(t, 99, c.price(t, 1))
	return price
}

// pastTheCache is the price of the first ware as the database has it.
func (c *cached) pastTheCache(tb testing.TB) int64 {
	tb.Helper()
	return c.read(tb, c.WithContext(cacheplugin.Bypass(tb.Context())), 1).Price
}

func TestAReadAfterAWriteDoesNotWaitForOneThatReadBefore(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		require.EqualValues(t, 99, readBesideAnEarlierRead(t, c, func(c *cached) (finish func()) {
			c.set(t, c.DB, 1, 99)
			return func() {}
		}))
	})
}

func TestJoiningUnderOtherStampsWouldGiveWhatWasReadBeforeTheWrite(t *testing.T) {
	switches.Disable(t, switches.CoalesceStamps)
	eachAside(t, func(t *testing.T, c *cached) {
		require.EqualValues(t, 10, readBesideAnEarlierRead(t, c, func(c *cached) (finish func()) {
			c.set(t, c.DB, 1, 99)
			return func() {}
		}))
	})
}

func TestAReadDuringAWriteDoesNotWaitForOneThatReadBefore(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		require.EqualValues(t, 99, readBesideAnEarlierRead(t, c, func(c *cached) func() { return c.committing(t) }))
	})
}

func TestJoiningUnderAWriterWouldGiveWhatWasReadBeforeTheWrite(t *testing.T) {
	switches.Disable(t, switches.CoalesceQuiet)
	eachTagged(t, func(t *testing.T, c *cached) {
		require.EqualValues(t, 10, readBesideAnEarlierRead(t, c, func(c *cached) func() { return c.committing(t) }))
	})
}

// committing updates the first ware until the database has committed, which somebody has seen, and the writer has not heard
// of it; finish lets it hear.
func (c *cached) committing(tb testing.TB) (finish func()) {
	tb.Helper()
	gate := c.probe.HoldAnswer(testkit.On(testkit.Commit))
	written := parallel(func() error { return c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error })
	<-gate.Reached()
	require.EqualValues(tb, 99, c.pastTheCache(tb))
	return func() {
		gate.Release()
		require.NoError(tb, written())
	}
}

// readBesideAnEarlierRead returns what a read gives that begins after write did, while another one that read before it has
// not returned. The earlier one waits at the store, so that it surely has its answer.
func readBesideAnEarlierRead(t *testing.T, c *cached, write func(c *cached) (finish func())) int64 {
	t.Helper()
	c, faulty := c.withFaulty(t)
	reached, proceed := make(chan struct{}), make(chan struct{})
	faulty.Script(storetest.OpSet, storetest.Fault{Before: func(context.Context) error {
		close(reached)
		<-proceed
		return nil
	}})
	early, late := c.new(), c.new()
	first := parallel(func() error { return c.First(early, 1).Error })
	<-reached
	finish := write(c)
	ctx := newWaiting(t.Context())
	second := parallel(func() error {
		defer ctx.Done() // a hit waits for nothing
		return c.WithContext(ctx).First(late, 1).Error
	})
	<-ctx.asked // it waits for a connection of its own, or for the early one
	close(proceed)
	require.NoError(t, first())
	require.NoError(t, second())
	finish()
	require.EqualValues(t, 10, early.ware().Price)
	require.EqualValues(t, 99, c.price(t, 1))
	return late.ware().Price
}

// waiting is a context that tells when somebody first waits for its end.
type waiting struct {
	context.Context
	once  sync.Once
	asked chan struct{}
}

func newWaiting(ctx context.Context) *waiting {
	return &waiting{Context: ctx, asked: make(chan struct{})}
}

func (w *waiting) Done() <-chan struct{} {
	w.once.Do(func() { close(w.asked) })
	return w.Context.Done()
}

func TestAValueStagedByAWriteThatFailsIsNeverServed(t *testing.T) {
	t.Parallel()
	eachThrough(t, func(t *testing.T, c *cached) { require.EqualValues(t, 10, failBetweenTwoRows(t, c)) })
}

func TestStagingUnderStampsThatHoldWouldServeWhatWasRolledBack(t *testing.T) {
	switches.Disable(t, switches.StageNeverValid)
	eachThrough(t, func(t *testing.T, c *cached) { require.EqualValues(t, 99, failBetweenTwoRows(t, c)) })
}

// failBetweenTwoRows is a write-through write of two rows whose first value the cache takes and whose second it does not.
func failBetweenTwoRows(t *testing.T, c *cached) int64 {
	t.Helper()
	c, faulty := c.withFaulty(t)
	c.warm(t)
	faulty.Script(storetest.OpSet, storetest.Fault{}, storetest.FailBefore(store.ErrUnavailable))
	err := c.Model(c.new()).Where("id IN ?", []int64{1, 2}).Update("price", 99).Error
	require.ErrorIs(t, err, cacheplugin.ErrCacheUnavailable)
	require.EqualValues(t, 10, c.pastTheCache(t))
	return c.price(t, 1)
}
