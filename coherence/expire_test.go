package coherence_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

func TestExpireEndsFreshnessAndNoStamp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.engine.Moment()
	w.read("a")
	hit, ok, err := w.engine.Rows().Get(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, hit.Expired(before))

	require.NoError(t, w.engine.Expire(t.Context(), row("a")))
	require.True(t, hit.Valid())
	require.True(t, w.hit("a"), "what is due to be made again is not wrong")
	require.True(t, hit.Expired(before))
	require.True(t, w.engine.Expired(hit.Stamps(nil), before))
	require.False(t, hit.Expired(w.engine.Moment()), "a page made after it is fresh again")
}

func TestExpireMeetsWhatInvalidateWould(t *testing.T) {
	t.Parallel()
	tags := []coherence.Tag{
		coherence.TableTag("things"), row("a"), row("b"), coherence.TableTag("people"), coherence.NamedTag("prices"),
		coherence.URLTag("https://shop.example/"), coherence.Everything(),
	}
	for _, tag := range tags {
		t.Run(tag.String(), func(t *testing.T) {
			t.Parallel()
			e := newEngine(t)
			moment := e.Moment()
			stamps := map[coherence.Tag]coherence.Stamps{}
			for _, read := range tags {
				stamps[read] = e.Stamp(nil, read)
			}
			require.NoError(t, e.Expire(t.Context(), tag))
			require.NoError(t, e.Invalidate(t.Context(), tag))
			for _, read := range tags {
				require.Equal(t, e.Moved(stamps[read]), e.Expired(stamps[read], moment), read)
			}
		})
	}
}

func TestTheSoftTableExistsOnlyOnceItIsUsed(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	require.False(t, e.Expired(e.Stamp(nil, row("a")), e.Moment()))
	require.False(t, coherence.SoftTable(e))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, e.Expire(ctx, row("a")), context.Canceled)
	require.True(t, coherence.SoftTable(e))
	require.True(t, e.Expired(e.Stamp(nil, row("a")), 0), "it works for a caller who has left")
}

func TestManyMayExpireAtOnce(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				moment, stamps := e.Moment(), e.Stamp(nil, row("a"))
				if err := e.Expire(t.Context(), row("a")); err != nil || !e.Expired(stamps, moment) {
					t.Error("an expired page is fresh", err)
					return
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, uint64(1600), e.Moment())
	require.False(t, e.Expired(e.Stamp(nil, row("a")), e.Moment()))
}
