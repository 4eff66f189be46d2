package testkit_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

func TestAFailedCommitLeavesNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		db.probe.Fail(testkit.On(testkit.Commit), errInjected)
		require.ErrorIs(t, db.Create(&thing{Name: "one"}).Error, errInjected)
		require.Zero(t, db.rows(t))
		require.NoError(t, db.Create(&thing{Name: "one"}).Error, "the fault is for one call, and the connection is clean")
		require.Equal(t, 1, db.rows(t))
	})
}

func TestALostCommitHappened(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		db.probe.Lose(testkit.On(testkit.Commit), errInjected)
		require.ErrorIs(t, db.Create(&thing{Name: "one"}).Error, errInjected)
		require.Equal(t, 1, db.rows(t))
		require.NoError(t, db.Create(&thing{Name: "two"}).Error)
	})
}

func TestALostAnswerOfAQueryFreesItsConnection(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		pool, err := db.DB.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		db.probe.Lose(testkit.OnSQL("select"), errInjected)
		require.ErrorIs(t, db.Find(&[]thing{}).Error, errInjected)
		db.probe.Lose(testkit.On(testkit.Begin), errInjected)
		require.ErrorIs(t, db.Create(&thing{Name: "one"}).Error, errInjected)
		db.probe.Lose(testkit.On(testkit.Prepare), errInjected)
		require.ErrorIs(t, db.Session(&gorm.Session{PrepareStmt: true}).Find(&[]thing{}).Error, errInjected)
		require.NoError(t, db.Find(&[]thing{}).Error)
	})
}

func TestAHeldCommitIsSeenAfterItsRelease(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		gate := db.probe.Hold(testkit.On(testkit.Commit))
		created := make(chan error, 1)
		go func() { created <- db.Create(&thing{Name: "one"}).Error }()
		<-gate.Reached()
		require.Zero(t, db.rows(t))
		gate.Release()
		gate.Release()
		require.NoError(t, <-created)
		require.Equal(t, 1, db.rows(t))
	})
}

func TestAHeldAnswerIsOfACommitThatHappened(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		gate := db.probe.HoldAnswer(testkit.On(testkit.Commit))
		created := make(chan error, 1)
		go func() { created <- db.Create(&thing{Name: "one"}).Error }()
		<-gate.Reached()
		require.Equal(t, 1, db.rows(t))
		require.Empty(t, created, "its caller still waits")
		gate.Release()
		require.NoError(t, <-created)
	})
}

func TestAHeldCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		ctx, cancel := context.WithCancel(t.Context())
		gate := db.probe.Hold(testkit.OnSQL("insert"))
		created := make(chan error, 1)
		go func() { created <- db.WithContext(ctx).Create(&thing{Name: "one"}).Error }()
		<-gate.Reached()
		cancel()
		require.ErrorContains(t, <-created, context.Canceled.Error())
		require.Zero(t, db.probe.CountMatching(testkit.OnSQL("insert")))
	})
}

func TestALateCommitLandsWhenItIsReleased(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		ctx, cancel := context.WithCancel(t.Context())
		gate := db.probe.Late(errInjected)
		err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			return tx.Session(&gorm.Session{PrepareStmt: true}).Create(&thing{Name: "one"}).Error
		})
		require.ErrorIs(t, err, errInjected)
		cancel() // its client has long given up
		require.Zero(t, db.rows(t))
		require.NoError(t, db.Find(&[]thing{}).Error, "the handle goes on with another connection")
		gate.Release()
		<-gate.Done()
		require.NoError(t, gate.Err())
		require.Equal(t, 1, db.rows(t))
	})
}

func TestAForgottenGateHangsNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		db.probe.Late(errInjected)
		require.ErrorIs(t, db.Create(&thing{Name: "one"}).Error, errInjected)
		db.probe.Hold(testkit.OnSQL("select"))
		go db.Find(&[]thing{})
	})
}

func TestACutResultEndsWithTheError(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		require.NoError(t, db.Create([]thing{{Name: "one"}, {Name: "two"}, {Name: "three"}}).Error)
		var got []thing
		db.probe.CutRows(testkit.OnSQL("from"), 2, errInjected)
		require.ErrorIs(t, db.Find(&got).Error, errInjected)
		require.Len(t, got, 2)
		require.NoError(t, db.Find(&got).Error)
		require.Len(t, got, 3)
	})
}

func TestFaultsAreMetInTheOrderTheyWereArmed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		db.probe.Fail(testkit.OnSQL("select"), errInjected)
		db.probe.CutRows(testkit.OnSQL("select"), 0, context.DeadlineExceeded)
		require.ErrorIs(t, db.Find(&[]thing{}).Error, errInjected)
		require.ErrorIs(t, db.Find(&[]thing{}).Error, context.DeadlineExceeded)
		require.NoError(t, db.Find(&[]thing{}).Error)
	})
}
