package coherence_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

func TestAReleasedWriteLeavesEntriesGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.read("a")
	write := w.begin(row("a"))
	require.False(t, w.hit("a"), "a writer is announced")
	write.Release()
	require.True(t, w.hit("a"))
	require.Zero(t, w.engine.Stats().Publishes)
}

func TestASecondEndDoesNothing(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*coherence.Write){
		"publish": func(w *coherence.Write) { w.Publish(context.Background()) },
		"settle":  (*coherence.Write).Settle,
		"release": (*coherence.Write).Release,
	}
	for first, end := range ends {
		for second, again := range ends {
			t.Run(first+", then "+second, func(t *testing.T) {
				t.Parallel()
				e := newEngine(t)
				w, err := e.Begin(t.Context(), row("a"))
				require.NoError(t, err)
				end(w)
				before, stamps := e.Stats(), e.Stamp(nil, row("a"))
				again(w)
				require.Equal(t, before, e.Stats())
				require.True(t, e.Valid(stamps))
			})
		}
	}
}

func TestAWriteCountsOnceOnEachWord(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	w, err := e.Begin(t.Context(), row("a"), row("a"), row("b"), coherence.TableTag("things"), row("b"))
	require.NoError(t, err)
	for _, tag := range []coherence.Tag{row("a"), row("b")} {
		require.Equal(t, []uint64{1, 1, 1}, coherence.Writers(e, tag))
	}
	require.Equal(t, []uint64{1, 1}, coherence.Writers(e, coherence.TableTag("things")))
	require.Len(t, w.Tags(), 5, "tags are told as they were given")
	stamps := e.Stamp(nil, row("a"))
	w.Publish(t.Context())
	for i, now := range e.Stamp(nil, row("a"))[1:] {
		require.Equal(t, stamps[i+1].Version+1, now.Version, "moved by one, however many tags")
	}
	require.Equal(t, []uint64{0, 0, 0}, coherence.Writers(e, row("a")))
}

func TestTheTagsOfAWriteAreItsOwn(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tags := []coherence.Tag{row("a")}
	w, err := e.Begin(t.Context(), tags...)
	require.NoError(t, err)
	tags[0] = row("b")
	require.Equal(t, []coherence.Tag{row("a")}, w.Tags())
	w.Release()
}

func TestWhatATagMoves(t *testing.T) {
	t.Parallel()
	var (
		table, other = coherence.TableTag("things"), coherence.TableTag("people")
		name, url    = coherence.NamedTag("prices"), coherence.URLTag("https://shop.example/a")
		everything   = coherence.Everything()
	)
	all := []coherence.Tag{table, row("a"), row("b"), other, name, url, {}}
	for _, c := range []struct {
		name  string
		write coherence.Tag
		moved []coherence.Tag
	}{
		{"a table moves the table and each of its rows", table, []coherence.Tag{table, row("a"), row("b")}},
		{"a row moves itself and the table", row("a"), []coherence.Tag{table, row("a")}},
		{"a name moves itself", name, []coherence.Tag{name}},
		{"a URL moves itself", url, []coherence.Tag{url}},
		{"everything moves all", everything, all},
		{"the zero tag moves nothing", coherence.Tag{}, nil},
	} {
		for how, move := range map[string]func(*coherence.Engine) error{
			"invalidated": func(e *coherence.Engine) error { return e.Invalidate(context.Background(), c.write) },
			"written": func(e *coherence.Engine) error {
				w, err := e.Begin(context.Background(), c.write)
				if err == nil {
					w.Publish(context.Background())
				}
				return err
			},
		} {
			t.Run(c.name+", "+how, func(t *testing.T) {
				t.Parallel()
				e := newEngine(t)
				before := map[coherence.Tag]coherence.Stamps{}
				for _, tag := range all {
					before[tag] = e.Stamp(nil, tag)
				}
				require.NoError(t, move(e))
				var moved []coherence.Tag
				for _, tag := range all {
					if e.Moved(before[tag]) {
						moved = append(moved, tag)
					}
					require.NotEqual(t, e.Moved(before[tag]), e.Valid(before[tag]))
				}
				require.Equal(t, c.moved, moved)
			})
		}
	}
}

func TestInvalidateWorksForACallerWhoHasLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.read("a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, w.engine.Invalidate(ctx, row("a")), context.Canceled)
	require.False(t, w.hit("a"))
}

func TestInvalidateDoesNotWaitForWriters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	coherence.SetMaxWriters(w.engine, 1)
	w.read("a")
	write := w.begin(row("a"))
	require.NoError(t, w.engine.Invalidate(t.Context(), row("a")))
	write.Release()
	require.False(t, w.hit("a"))
}

func TestBeginWaitsAtTheMaximumOfWriters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		coherence.SetMaxWriters(w.engine, 2)
		first, second := w.begin(row("a")), w.begin(row("a"))
		var third *coherence.Write
		go func() { third, _ = w.engine.Begin(t.Context(), row("a")) }()
		<-time.After(time.Hour)
		synctest.Wait()
		require.Nil(t, third)
		require.Equal(t, []uint64{2, 2, 2}, coherence.Writers(w.engine, row("a")))
		first.Release()
		<-time.After(time.Second)
		synctest.Wait()
		require.NotNil(t, third)
		require.Equal(t, []uint64{2, 2, 2}, coherence.Writers(w.engine, row("a")))
		second.Release()
		third.Release()
		require.Equal(t, []uint64{0, 0, 0}, coherence.Writers(w.engine, row("a")))
	})
}

func TestABeginThatGivesUpLeavesNothingAnnounced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		coherence.SetMaxWriters(w.engine, 1)
		w.read("b")
		held := w.begin(row("a"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		started := time.Now()
		var tags []coherence.Tag
		for i := range 50 {
			tags = append(tags, coherence.NamedTag(fmt.Sprint(i)))
		}
		_, err := w.engine.Begin(ctx, append(tags, row("a"))...)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(started))
		for _, tag := range tags {
			require.Equal(t, []uint64{0}, coherence.Writers(w.engine, tag))
		}
		held.Release()
		require.True(t, w.hit("b"))
	})
}

func TestWritersAtTheMaximumDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		coherence.SetMaxWriters(e, 1)
		var group sync.WaitGroup
		for i := range 16 {
			tags := []coherence.Tag{coherence.NamedTag("one"), coherence.NamedTag("two"), coherence.NamedTag("three")}
			tags[0], tags[i%3] = tags[i%3], tags[0]
			group.Go(func() {
				for range 20 {
					w, err := e.Begin(t.Context(), tags...)
					if err != nil {
						t.Error(err)
						return
					}
					w.Publish(t.Context())
				}
			})
		}
		group.Wait()
		require.Equal(t, uint64(16*20), e.Stats().Publishes)
	})
}

func TestListenersAreToldAfterTheVersionsMoved(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*coherence.Engine, coherence.Tag){
		"publish": func(e *coherence.Engine, tag coherence.Tag) {
			w, _ := e.Begin(context.Background(), tag)
			w.Publish(context.Background())
		},
		"settle": func(e *coherence.Engine, tag coherence.Tag) {
			w, _ := e.Begin(context.Background(), tag)
			w.Settle()
		},
		"invalidate": func(e *coherence.Engine, tag coherence.Tag) { _ = e.Invalidate(context.Background(), tag) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t)
			stamps := e.Stamp(nil, row("a"))
			var told [][]coherence.Tag
			cancel := e.OnCommit(func(tags []coherence.Tag) {
				require.True(t, e.Moved(stamps))
				require.Equal(t, []uint64{0, 0, 0}, coherence.Writers(e, row("a")))
				told = append(told, tags)
				tags[0] = coherence.Tag{} // a listener's own copy
			})
			also := 0
			defer e.OnCommit(func(tags []coherence.Tag) {
				require.Equal(t, row("a"), tags[0])
				also++
			})()
			end(e, row("a"))
			require.Equal(t, 1, also)
			require.Len(t, told, 1)
			cancel()
			cancel()
			end(e, row("a"))
			require.Len(t, told, 1)
			require.Equal(t, 2, also)
		})
	}
}

func TestListenersHearNothingOfARollback(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	defer e.OnCommit(func([]coherence.Tag) { t.Error("told") })()
	w, err := e.Begin(t.Context(), row("a"))
	require.NoError(t, err)
	w.Release()
}
