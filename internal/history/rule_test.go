package history_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/bigcachestore"
	"github.com/cachewright/cachewright/store/storetest"
)

// scenes has a history for each rule of the protocol that is in order while the rule holds, and is not without it.
var scenes = map[switches.Rule]func(t *testing.T) *scene{
	switches.StampCheck:        readWriteRead,
	switches.PublishBump:       readWriteRead,
	switches.WriterCheck:       readWhileCommitIsAnswered,
	switches.BeginFirst:        readWhileCommitIsAnswered,
	switches.EpochCheck:        readFromAnotherEnginesStore,
	switches.AllWord:           writeNobodyKnowsWhat,
	switches.EffectsAtCommit:   fillBeforeCommit,
	switches.RollbackDrops:     rollBack,
	switches.SavepointDrops:    rollBackToASavepoint,
	switches.InstallAlone:      writeBesideAnother,
	switches.InstallQuietTable: writeBesideABulkWrite,
	switches.InstallReturned:   updateBesideAnInsert,
	switches.StageNeverValid:   failHalfWayThroughStaging,
	switches.CoalesceStamps:    joinAfterAWrite,
	switches.CoalesceQuiet:     joinDuringAWrite,
	switches.UnknownStays:      commitLate,
	switches.Triggers:          writeByATrigger,
	switches.PageStamps:        pageWritePage,
	switches.PageUser:          pageOfAnotherUser,
	switches.PageShareable:     pageOfNobody,
	switches.ValueMoves:        writeARowOfAGroup,
	switches.UntoldMoves:       writeARowThatTellsNothing,
	switches.OldValueAsked:     moveToAnotherGroup,
	switches.OldValueChecked:   moveOnFromAnotherGroup,
	switches.NarrowTriggers:    moveByATrigger,
}

// unseen are rules that no history can miss, with the reason.
var unseen = map[switches.Rule]string{
	switches.MergeWrites:     "says how many statements a flush sends; what is read is the same without it",
	switches.Coalesce:        "says how many statements readers send; what is read is the same without it",
	switches.RecheckTogether: "is about several rows of one answer: each row for itself is right without it, and histories are checked row by row",
}

// Not parallel: a switch belongs to the whole process.
func TestTheCheckMissesEveryRule(t *testing.T) {
	for _, rule := range switches.Rules() {
		t.Run(rule.String(), func(t *testing.T) {
			play, ok := scenes[rule]
			if !ok {
				require.NotEmpty(t, unseen[rule], "every rule needs a history that goes wrong without it")
				t.Skip("cannot be missed here: it " + unseen[rule])
			}
			t.Run("with it", func(t *testing.T) { require.NoError(t, play(t).check()) })
			t.Run("without it", func(t *testing.T) {
				switches.Disable(t, rule)
				require.ErrorContains(t, play(t).check(), "have no order")
			})
		})
	}
}

func readWriteRead(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	s.first(1)
	s.update(1)
	s.first(1)
	return s
}

// readWhileCommitIsAnswered reads a cached row when somebody has seen the new value already.
func readWhileCommitIsAnswered(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	s.first(1)
	gate := s.probe.HoldAnswer(testkit.On(testkit.Commit))
	wait := s.beside(func() { s.update(1) })
	<-gate.Reached()
	s.firstPast(1)
	s.first(1)
	gate.Release()
	wait()
	return s
}

// unclosed leaves closing to the other engine of a shared store.
type unclosed struct{ store.Store }

func (unclosed) Close() error { return nil }

// readFromAnotherEnginesStore reads an entry that an engine left behind which has moved on since.
func readFromAnotherEnginesStore(t *testing.T) *scene {
	shared, err := bigcachestore.New(16 << 20)
	require.NoError(t, err)
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside, cacheplugin.WithStore(shared))
	s.first(1)
	s.update(1)
	s.join(t, cacheplugin.WithStore(unclosed{shared}))
	s.first(1)
	return s
}

// writeNobodyKnowsWhat writes by a text that does not tell what it writes.
func writeNobodyKnowsWhat(t *testing.T) *scene {
	s := newScene(t, testkit.PostgresDatabase(t), policy.Aside)
	s.first(1)
	s.call("do", func() (map[int64]event, error) {
		return s.sets(1, 4321), s.Exec("DO $$ BEGIN EXECUTE 'UPDATE it' || 'ems SET n = 4321 WHERE id = 1'; END $$").Error
	})
	s.first(1)
	return s
}

func fillBeforeCommit(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	require.NoError(t, s.inTransaction(func(tx *gorm.DB) (map[int64]event, error) {
		value := s.fresh()
		err := tx.Model(&Item{ID: 1}).Update("n", value).Error
		s.first(1)
		return s.sets(1, value), err
	}))
	s.first(1)
	return s
}

func rollBack(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.WriteThrough)
	s.first(1)
	require.ErrorIs(t, s.inTransaction(func(tx *gorm.DB) (map[int64]event, error) {
		require.NoError(t, tx.Model(&Item{ID: 1}).Update("n", s.fresh()).Error)
		return nil, errRollback
	}), errRollback)
	s.first(1)
	return s
}

func rollBackToASavepoint(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.WriteThrough)
	require.NoError(t, s.inTransaction(func(tx *gorm.DB) (map[int64]event, error) {
		value := s.fresh()
		require.NoError(t, tx.Model(&Item{ID: 1}).Update("n", value).Error)
		require.NoError(t, tx.SavePoint("here").Error)
		require.NoError(t, tx.Model(&Item{ID: 1}).Update("n", s.fresh()).Error)
		return s.sets(1, value), tx.RollbackTo("here").Error
	}))
	s.first(1)
	return s
}

// besideAWrite does a write between the COMMIT of another and its publish, and reads when both are over.
func besideAWrite(t *testing.T, write func(s *scene)) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.WriteThrough)
	gate := s.probe.HoldAnswer(testkit.On(testkit.Commit))
	wait := s.beside(func() { s.update(1) })
	<-gate.Reached()
	write(s)
	s.first(1)
	gate.Release()
	wait()
	s.first(1)
	s.firstPast(1)
	return s
}

func writeBesideAnother(t *testing.T) *scene { return besideAWrite(t, func(s *scene) { s.update(1) }) }

func writeBesideABulkWrite(t *testing.T) *scene {
	return besideAWrite(t, func(s *scene) {
		s.call("bulk", func() (map[int64]event, error) {
			return s.sets(1, 4321), s.Exec("UPDATE items SET n = 4321").Error
		})
	})
}

// updateBesideAnInsert looks in vain for a row that another inserts before the first commits.
func updateBesideAnInsert(t *testing.T) *scene {
	s := newScene(t, testkit.PostgresDatabase(t), policy.WriteThrough)
	require.NoError(t, s.inTransaction(func(tx *gorm.DB) (map[int64]event, error) {
		done := tx.Model(&Item{ID: 3}).Update("n", s.fresh())
		require.Zero(t, done.RowsAffected)
		s.call("create", func() (map[int64]event, error) {
			value := s.fresh()
			return map[int64]event{3: {deed: set, met: absent, value: value}}, s.Create(item(3, value)).Error
		})
		return nil, done.Error
	}))
	s.first(3)
	return s
}

// failHalfWayThroughStaging is a write-through write of two rows of which the cache takes only the first.
func failHalfWayThroughStaging(t *testing.T) *scene {
	inner, err := bigcachestore.New(16 << 20)
	require.NoError(t, err)
	faulty := storetest.NewFaulty(inner)
	s := newScene(t, testkit.SQLiteDatabase(t), policy.WriteThrough, cacheplugin.WithStore(faulty))
	faulty.Script(storetest.OpSet, storetest.Fault{}, storetest.FailBefore(store.ErrUnavailable))
	err = s.Model(&Item{}).Where("id IN ?", []int64{1, 2}).Update("n", s.fresh()).Error
	require.ErrorIs(t, err, cacheplugin.ErrCacheUnavailable)
	s.first(1)
	return s
}

// earlyReader begins to read row 1, and has what the database holds when it waits for proceed to be closed.
func earlyReader(t *testing.T) (s *scene, proceed chan struct{}, wait func()) {
	inner, err := bigcachestore.New(16 << 20)
	require.NoError(t, err)
	faulty := storetest.NewFaulty(inner)
	s = newScene(t, testkit.SQLiteDatabase(t), policy.Aside, cacheplugin.WithStore(faulty))
	reached, proceed := make(chan struct{}), make(chan struct{})
	faulty.Script(storetest.OpSet, storetest.Fault{Before: func(context.Context) error {
		close(reached)
		<-proceed
		return nil
	}})
	wait = s.beside(func() { s.first(1) })
	<-reached
	return s, proceed, wait
}

// joinAfterAWrite reads what somebody else is reading still, who began before a write.
func joinAfterAWrite(t *testing.T) *scene {
	s, proceed, early := earlyReader(t)
	s.update(1)
	ctx := newWaiting(t.Context())
	late := s.beside(func() { s.firstWith(ctx, 1) })
	<-ctx.signal // it asks the database, or waits for the early one
	close(proceed)
	early()
	late()
	return s
}

// joinDuringAWrite is the same while the write has committed and does not know it, though somebody has seen it.
func joinDuringAWrite(t *testing.T) *scene {
	s, proceed, early := earlyReader(t)
	committing := s.probe.HoldAnswer(testkit.On(testkit.Commit))
	write := s.beside(func() { s.update(1) })
	<-committing.Reached()
	s.firstPast(1)
	ctx := newWaiting(t.Context())
	late := s.beside(func() { s.firstWith(ctx, 1) })
	<-ctx.signal
	close(proceed)
	early()
	late()
	committing.Release()
	write()
	return s
}

// commitLate is a COMMIT that lands after its caller was told of a broken connection.
func commitLate(t *testing.T) *scene {
	s := newScene(t, testkit.PostgresDatabase(t), policy.Aside)
	late := s.probe.Late(errNoAnswer)
	from, value := s.now(), s.fresh()
	require.ErrorIs(t, s.Model(&Item{ID: 1}).Update("n", value).Error, errNoAnswer)
	s.doubt(0, from, "update", map[int64][]event{1: {{deed: set, met: ifPresent, value: value}}})
	s.first(1)
	late.Release()
	<-late.Done()
	require.NoError(t, late.Err())
	s.firstPast(1)
	s.first(1)
	return s
}

// Lever is a table whose trigger writes the hot rows.
type Lever struct {
	ID int64
	N  int64
}

func writeByATrigger(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	require.NoError(t, s.plain.AutoMigrate(&Lever{}))
	require.NoError(t, s.plain.Create(&Lever{ID: 1}).Error)
	require.NoError(t, s.plain.Exec(`CREATE TRIGGER pull AFTER UPDATE ON levers
		BEGIN UPDATE items SET n = NEW.n WHERE id = 1; END`).Error)
	s.first(1)
	s.call("pull", func() (map[int64]event, error) {
		value := s.fresh()
		return s.sets(1, value), s.Model(&Lever{ID: 1}).Update("n", value).Error
	})
	s.first(1)
	return s
}

func pageWritePage(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	s.page("/items/1", 1, "")
	s.update(1)
	s.page("/items/1", 1, "")
	return s
}

// pageOfAnotherUser asks for the row of one user after that of another.
func pageOfAnotherUser(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	s.page("/mine", 1, "1")
	s.page("/mine", 2, "2")
	return s
}

// pageOfNobody asks for a page with credentials after one without.
func pageOfNobody(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	s.page("/welcome", 1, "1")
	s.page("/welcome", 2, "2", "Authorization", "Basic x")
	return s
}
