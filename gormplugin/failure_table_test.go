package cacheplugin_test

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/storetest"
)

// failure is one row of the table in docs/coherence.md: one remote effect that fails once, in one way, while the price of
// ware 1 is changed from 10 to 99.
type failure struct {
	step   string
	how    string
	where  string                 // one dialect, or empty for each
	do     func(f *failing) error // breaks the step and makes the call; its error is what the caller sees
	caller answer
	sight  sight
}

// answer is what the caller sees.
type answer struct {
	text string
	fits func(err error) bool
}

// sight is what readers see: each value in its time, none twice, and in the end the last.
type sight struct {
	text, never string
	values      []int64
	unmoved     bool // entries are as good as before
}

var (
	theError  = answer{"the error", func(err error) bool { return errors.Is(err, errNoAnswer) }}
	badConn   = answer{"the error", func(err error) bool { return errors.Is(err, driver.ErrBadConn) }}
	cancelled = answer{"the context's error", func(err error) bool { return errors.Is(err, context.Canceled) }}
	success   = answer{"success", func(err error) bool { return err == nil }}
	ownError  = answer{"the error that made it roll back", func(err error) bool { return errors.Is(err, errRollback) }}
	refusal   = answer{"`ErrCacheUnavailable`", func(err error) bool { return errors.Is(err, cacheplugin.ErrCacheUnavailable) }}
	either    = answer{"success, or the context's error", func(err error) bool { return err == nil || errors.Is(err, context.Canceled) }}
	stated    = answer{"the server's error", func(err error) bool {
		var state interface{ SQLState() string }
		return errors.As(err, &state)
	}}

	stays = sight{"the old value; entries stay good", "the new value", []int64{10}, true}
	old   = sight{"the old value, from the database first", "the new value", []int64{10}, false}
	fresh = sight{"the new value", "the old value, once the new one was seen", []int64{99}, false}
	turns = sight{"the old value until it lands, then the new one", "the old value, once the new one was seen", []int64{10, 99}, false}
)

const (
	notDone  = "fails, not done"
	lost     = "done, its answer lost"
	ctxEnds  = "the context ends"
	laterHow = "its error comes first, it lands later"
)

// failures of writes that go to the database in the call: aside and write-through, and write-back in a transaction of the
// application's.
var failures = []failure{
	{"BEGIN", notDone, "", fails(testkit.On(testkit.Begin)), theError, stays},
	{"BEGIN", lost, "", loses(testkit.On(testkit.Begin)), theError, stays},
	{"BEGIN", ctxEnds, "", ends(held(testkit.On(testkit.Begin))), cancelled, stays},
	{"statement", notDone, "", fails(updates), theError, stays},
	{"statement", lost, "", loses(updates), theError, stays},
	{"statement", ctxEnds, "", ends(answerHeld(updates)), cancelled, stays},
	{"SAVEPOINT", notDone, "", fails(testkit.OnSQL("SAVEPOINT")), theError, stays},
	{"SAVEPOINT", lost, "", loses(testkit.OnSQL("SAVEPOINT")), theError, stays},
	{"SAVEPOINT", ctxEnds, "", ends(answerHeld(testkit.OnSQL("SAVEPOINT"))), cancelled, stays},
	{"ROLLBACK TO, and COMMIT all the same", notDone, "", func(f *failing) error {
		f.probe.Fail(testkit.OnSQL("ROLLBACK TO"), errNoAnswer)
		return f.backAndCommit()
	}, theError, fresh},
	{"ROLLBACK TO, and COMMIT all the same", lost, "", func(f *failing) error {
		f.probe.Lose(testkit.OnSQL("ROLLBACK TO"), errNoAnswer)
		return f.backAndCommit()
	}, theError, old},
	{"COMMIT", notDone, "", fails(testkit.On(testkit.Commit)), theError, old},
	{"COMMIT", lost, "", loses(testkit.On(testkit.Commit)), theError, fresh},
	{"COMMIT", laterHow, "postgres", func(f *failing) error {
		late := f.probe.Late(errNoAnswer)
		err := f.change(f.Context())
		f.see()
		late.Release()
		<-late.Done()
		return err
	}, theError, turns},
	{"COMMIT", "the server refuses it", "postgres", func(f *failing) error {
		require.NoError(f, f.plain.Exec("CREATE TABLE fees AS SELECT unnest(ARRAY[10, 11, 20, 30])::bigint AS amount").Error)
		require.NoError(f, f.plain.Exec(`ALTER TABLE fees ADD PRIMARY KEY (amount); ALTER TABLE wares ADD FOREIGN KEY (price)
			REFERENCES fees DEFERRABLE INITIALLY DEFERRED`).Error) // nobody has heard of the price 99
		return f.change(f.Context())
	}, stated, old},
	{"COMMIT", ctxEnds + " before it is sent", "", func(f *failing) error {
		ctx, cancel := context.WithCancel(f.Context())
		return f.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			err := f.set(tx)
			cancel()
			return err
		})
	}, cancelled, stays},
	{"COMMIT", ctxEnds + " under way", "", ends(answerHeld(testkit.On(testkit.Commit))), either, fresh},
	{"ROLLBACK", notDone, "", func(f *failing) error {
		f.probe.Fail(testkit.On(testkit.Rollback), errNoAnswer)
		return f.rollBack(f.Context())
	}, ownError, stays},
	{"ROLLBACK", lost, "", func(f *failing) error {
		f.probe.Lose(testkit.On(testkit.Rollback), errNoAnswer)
		return f.rollBack(f.Context())
	}, ownError, stays},
	{"connection", "lost between the statement and COMMIT", "postgres", func(f *failing) error {
		return f.Transaction(func(tx *gorm.DB) error {
			var pid int64
			require.NoError(f, tx.Raw("SELECT pg_backend_pid()").Scan(&pid).Error)
			err := f.set(tx)
			require.NoError(f, f.plain.Exec("SELECT pg_terminate_backend(?, 10000)", pid).Error)
			return err
		})
	}, answer{"the error", func(err error) bool { return err != nil }}, old},
	{"connection", "lost with COMMIT's answer", "", func(f *failing) error {
		f.probe.Lose(testkit.On(testkit.Commit), driver.ErrBadConn)
		return f.change(f.Context())
	}, badConn, fresh},
	{"statement without a transaction", notDone, "", func(f *failing) error {
		f.probe.Fail(updates, errNoAnswer)
		return f.alone(f.Context())
	}, theError, old},
	{"statement without a transaction", lost, "", func(f *failing) error {
		f.probe.Lose(updates, errNoAnswer)
		return f.alone(f.Context())
	}, theError, fresh},
	{"statement without a transaction", laterHow, "postgres", func(f *failing) error {
		f.probe.Fail(updates, errNoAnswer)
		err := f.alone(f.Context())
		f.see()
		require.NoError(f, f.plain.Exec("UPDATE wares SET price = 99 WHERE id = 1").Error) // the server gets to it now
		return err
	}, theError, turns},
	{"query of a read", notDone, "", func(f *failing) error {
		f.probe.Fail(readsWares, errNoAnswer)
		return f.readAgain(f.Context())
	}, theError, old},
	{"query of a read", lost, "", func(f *failing) error {
		f.probe.Lose(readsWares, errNoAnswer)
		return f.readAgain(f.Context())
	}, theError, old},
	{"query of a read", ctxEnds, "", func(f *failing) error {
		ctx, cancel := context.WithCancel(f.Context())
		defer cancel()
		gate := f.probe.HoldAnswer(readsWares)
		read := parallel(func() error { return f.readAgain(ctx) })
		<-gate.Reached()
		cancel()
		return read()
	}, cancelled, old},
	{"store get", notDone, "", always(storetest.OpGet, storetest.FailBefore(store.ErrUnavailable)), success, fresh},
	{"store get", lost, "", always(storetest.OpGet, storetest.FailAfter(store.ErrUnavailable)), success, fresh},
	{"store get", ctxEnds, "", func(f *failing) error { return f.readUntil(storetest.OpGet) }, cancelled, stays},
	{"store set, of a read", notDone, "", func(f *failing) error {
		return f.readWith(storetest.FailBefore(store.ErrUnavailable))
	}, success, old},
	{"store set, of a read", lost, "", func(f *failing) error {
		return f.readWith(storetest.FailAfter(store.ErrUnavailable))
	}, success, old},
	{"store delete", "never called: nothing rests on it", "", func(f *failing) error {
		err := f.change(f.Context())
		require.Zero(f, f.store.Calls(storetest.OpDelete))
		return err
	}, success, fresh},
}

// throughFailures are those that only a write-through write has.
var throughFailures = []failure{
	{"store set, before COMMIT", notDone, "", scripted(storetest.FailBefore(store.ErrUnavailable)), refusal, old},
	{"store set, before COMMIT", lost, "", scripted(storetest.FailAfter(store.ErrUnavailable)), refusal, old},
	{"store set, before COMMIT", ctxEnds, "", func(f *failing) error { return f.writeUntil(storetest.OpSet) }, cancelled, old},
	{"store set, after COMMIT", notDone, "", scripted(storetest.Fault{}, storetest.FailBefore(store.ErrUnavailable)), success, fresh},
	{"store set, after COMMIT", lost, "", scripted(storetest.Fault{}, storetest.FailAfter(store.ErrUnavailable)), success, fresh},
}

// flushFailures are those of a flush, of a write-back change that was acknowledged before.
var flushFailures = []failure{
	{"BEGIN of a flush", notDone, "", flushes(failing.fail, testkit.On(testkit.Begin)), success, fresh},
	{"BEGIN of a flush", lost, "", flushes(failing.lose, testkit.On(testkit.Begin)), success, fresh},
	{"statement of a flush", notDone, "", flushes(failing.fail, updates), success, fresh},
	{"statement of a flush", lost, "", flushes(failing.lose, updates), success, fresh},
	{"COMMIT of a flush", notDone, "", flushes(failing.fail, testkit.On(testkit.Commit)), success, fresh},
	{"COMMIT of a flush", lost, "", flushes(failing.lose, testkit.On(testkit.Commit)), success, fresh},
	{"COMMIT of a flush", laterHow, "postgres", func(f *failing) error {
		require.NoError(f, f.set(f.DB))
		late := f.probe.Late(errNoAnswer)
		flushed := parallel(func() error { return f.plugin.Flush(f.Context()) })
		<-late.Reached()
		f.seeKey()
		late.Release()
		<-late.Done()
		return flushed()
	}, success, fresh},
}

// updates picks the statement that changes the price.
func updates(call testkit.Call) bool {
	return (call.Kind == testkit.Exec || call.Kind == testkit.Query) && len(call.SQL) > 6 && call.SQL[:6] == "UPDATE" &&
		testkit.OnSQL("price")(call)
}
