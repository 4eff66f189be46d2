package cacheplugin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

func TestTheFirstStatementOfAFlushMovesItsWatermark(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 5).Error)
		b.flush(t)
		before := b.stored(t, "SELECT n FROM cachewright_watermarks")
		require.NoError(t, b.add(1, 5).Error)
		b.flush(t)
		require.Equal(t, before+1, b.stored(t, "SELECT n FROM cachewright_watermarks"))
		flush := strings.Split(strings.Join(b.probe.Statements(), "\n"), "\n")
		require.Contains(t, flush[len(flush)-2], "UPDATE cachewright_watermarks")
		require.Contains(t, flush[len(flush)-1], "UPDATE")
		require.NoError(t, b.cache.Close(t.Context()))
		require.Zero(t, b.stored(t, "SELECT count(*) FROM cachewright_watermarks"), "a flusher that ended well leaves nothing")
	})
}

// TestABatchIsWrittenOnlyOnTopOfTheLastOne: whoever has moved the row has a batch of this flusher that it does not know of.
func TestABatchIsWrittenOnlyOnTopOfTheLastOne(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 5).Error)
		b.flush(t)
		b.exec(t, "UPDATE cachewright_watermarks SET n = n + 1")
		require.NoError(t, b.add(1, 5).Error)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.ErrorContains(t, b.cache.Flush(ctx), "watermark")
		require.EqualValues(t, 15, b.stored(t, "SELECT n FROM tallies"))
		b.exec(t, "DELETE FROM cachewright_watermarks") // as the cleaning of old rows might
		b.flush(t)
		require.EqualValues(t, 20, b.stored(t, "SELECT n FROM tallies"))
	})
}

// TestACommitThatLandsAfterItsErrorIsCountedOnce has the server itself finish a COMMIT whose client was told of an error:
// a deferred trigger sleeps in it, and the flusher must wait for it.
func TestACommitThatLandsAfterItsErrorIsCountedOnce(t *testing.T) {
	t.Parallel()
	b := openBuffered(t, testkit.PostgresDatabase(t), nil)
	b.ready(t, 1)
	b.exec(t, `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.7); RETURN NULL; END'`)
	b.exec(t, `CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON tallies DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()`)
	require.NoError(t, b.add(1, 5).Error)
	gate := b.probe.Late(errDown)
	flushed := parallel(func() error { return b.cache.Flush(t.Context()) })
	<-gate.Reached()
	gate.Release() // from now on the server sleeps in COMMIT
	require.NoError(t, flushed())
	<-gate.Done()
	require.EqualValues(t, 15, b.stored(t, "SELECT n FROM tallies"))
	require.NoError(t, b.add(1, 5).Error)
	b.flush(t)
	require.EqualValues(t, 20, b.stored(t, "SELECT n FROM tallies"))
}
