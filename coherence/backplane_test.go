package coherence_test

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

// wire is a backplane whose two ends are in the test's hands.
type wire struct {
	started chan *coherence.Inbox
	sent    chan []coherence.Tag

	mu   sync.Mutex // guards fail
	fail error      // of Publish
}

func newWire() *wire {
	return &wire{started: make(chan *coherence.Inbox, 1), sent: make(chan []coherence.Tag, 64)}
}

func (w *wire) Run(ctx context.Context, in *coherence.Inbox) {
	w.started <- in
	<-ctx.Done()
}

func (w *wire) Publish(_ context.Context, tags []coherence.Tag) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	w.sent <- tags
	return nil
}

func (w *wire) cut(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

// wired is a world whose engine hears from a wire, caught up now.
func wired(t testing.TB, opts ...coherence.Option) (*world, *wire, *coherence.Inbox) {
	t.Helper()
	line := newWire()
	w := newWorld(t, append([]coherence.Option{coherence.WithBackplane(line, 0)}, opts...)...)
	in := <-line.started
	in.CaughtUp(time.Now())
	return w, line, in
}

func TestAnEngineServesOnlyWithinItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line := newWire()
		w := newWorld(t, coherence.WithBackplane(line, 0))
		in := <-line.started
		require.Equal(t, coherence.DefaultLease, in.Lease())
		w.read("a")
		require.False(t, w.hit("a"), "it has never caught up")
		require.Negative(t, w.engine.Stats().Backplane.Lag)

		in.CaughtUp(time.Now())
		require.True(t, w.hit("a"))
		require.True(t, w.hit("a"), "from the front as well")
		stamps := w.engine.Stamp(nil, row("a"))
		<-time.After(coherence.DefaultLease - 1)
		require.True(t, w.hit("a"))
		require.True(t, w.engine.Valid(stamps))
		stats := w.engine.Stats().Backplane
		require.True(t, stats.Current)
		require.Equal(t, coherence.DefaultLease-1, stats.Lag)

		<-time.After(1)
		require.False(t, w.hit("a"))
		require.False(t, w.engine.Valid(stamps), "a page's stamps")
		require.False(t, w.engine.Stats().Backplane.Current)
		require.Equal(t, "old", w.read("a"), "from the database")

		in.CaughtUp(time.Now().Add(-coherence.DefaultLease))
		require.False(t, w.hit("a"), "that is over already")
		in.CaughtUp(time.Now())
		in.CaughtUp(time.Now().Add(-time.Second))
		require.True(t, w.hit("a"), "an older moment takes nothing back")
	})
}

func TestASuspendedMachineIsSeenByItsWallClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _, in := wired(t)
		w.read("a")
		require.True(t, w.hit("a"))
		coherence.SetWallAhead(w.engine, coherence.DefaultLease)
		require.False(t, w.hit("a"))
		require.Equal(t, coherence.DefaultLease, w.engine.Stats().Backplane.Lag)
		<-time.After(1)
		in.CaughtUp(time.Now())
		require.True(t, w.hit("a"))
	})
}

func TestALeaseCostsAHitNoAllocation(t *testing.T) { //nolint:paralleltest // allocations of others would count
	w, _, in := wired(t)
	w.read("a")
	key := []byte("a")
	hit := func() {
		in.CaughtUp(time.Now())
		if _, ok, err := w.engine.Rows().GetBytes(t.Context(), key); !ok || err != nil {
			t.Error("no hit", ok, err)
		}
	}
	hit() // it gets into the front
	require.Zero(t, testing.AllocsPerRun(100, hit))
}

func TestWritesOfOthersEndWhatStandsOnThem(t *testing.T) {
	t.Parallel()
	things := coherence.TableTag("things")
	value := things.Value("owner", "7", 1)
	for name, c := range map[string]struct {
		stands []coherence.Tag
		write  []coherence.Tag
		moved  bool
	}{
		"row by row":                         {[]coherence.Tag{row("a")}, []coherence.Tag{row("a")}, true},
		"row by another row":                 {[]coherence.Tag{row("a")}, []coherence.Tag{row("b")}, false},
		"row by its table":                   {[]coherence.Tag{row("a")}, []coherence.Tag{things}, true},
		"row by everything":                  {[]coherence.Tag{row("a")}, []coherence.Tag{coherence.Everything()}, true},
		"table by row":                       {[]coherence.Tag{things}, []coherence.Tag{row("a")}, true},
		"table by another table":             {[]coherence.Tag{things}, []coherence.Tag{coherence.TableTag("others")}, false},
		"value by a plain row":               {[]coherence.Tag{value}, []coherence.Tag{row("b")}, true},
		"value by a row told of its columns": {[]coherence.Tag{value}, []coherence.Tag{row("b").Told(1), things.Value("owner", "8", 1)}, true},
		"name by name":                       {[]coherence.Tag{coherence.NamedTag("n")}, []coherence.Tag{coherence.NamedTag("n")}, true},
		"URL by URL":                         {[]coherence.Tag{coherence.URLTag("/x")}, []coherence.Tag{coherence.URLTag("/x")}, true},
		"URL by name":                        {[]coherence.Tag{coherence.URLTag("/x")}, []coherence.Tag{coherence.NamedTag("/x")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, in := wired(t)
			stamps := w.engine.Stamp(nil, c.stands...)
			require.True(t, w.engine.Valid(stamps))
			in.ApplyEncoded(coherence.AppendTags(nil, c.write))
			require.Equal(t, !c.moved, w.engine.Valid(stamps))
		})
	}
}

func TestVeryManyRowsAreToldAsTheirTables(t *testing.T) {
	t.Parallel()
	var rows, tables []coherence.Tag
	for i := range coherence.MaxWireTags + 1 {
		rows = append(rows, coherence.RowTag("things", i))
		tables = append(tables, coherence.TableTag("t"+string(rune('a'+i%26))+string(rune('a'+i/26))))
	}
	got, err := coherence.ParseTags(coherence.AppendTags(nil, rows[1:]))
	require.NoError(t, err)
	require.Equal(t, rows[1:], got)
	got, err = coherence.ParseTags(coherence.AppendTags(nil, append(rows, coherence.NamedTag("n"))))
	require.NoError(t, err)
	require.Equal(t, []coherence.Tag{coherence.TableTag("things"), coherence.NamedTag("n")}, got)
	got, err = coherence.ParseTags(coherence.AppendTags(nil, tables))
	require.NoError(t, err)
	require.Equal(t, []coherence.Tag{coherence.Everything()}, got)
}

func TestTheFormOfTagsStays(t *testing.T) {
	t.Parallel()
	// Processes of two releases talk to each other while one is rolled out: what is written here must be read for ever.
	b := coherence.AppendTags(nil, []coherence.Tag{
		coherence.TableTag("things"), row("a"), coherence.NamedTag("n"), coherence.URLTag("u"), coherence.Everything(),
	})
	require.Equal(t, "01"+"013ae6f948fb05fe54"+"023ae6f948fb05fe54fb84958c5dfae075"+"03eede705074499a33"+"048998714779fbf8a8"+"05",
		hex.EncodeToString(b))
}

func TestWhatCannotBeReadIsAWriteOfEverything(t *testing.T) {
	t.Parallel()
	for _, b := range []string{"", "\x02", "\x01\x09", "\x01\x02abc"} {
		w, _, in := wired(t)
		stamps := w.engine.Stamp(nil, row("a"))
		in.ApplyEncoded([]byte(b))
		require.False(t, w.engine.Valid(stamps), "%q", b)
	}
}

func FuzzParseTags(f *testing.F) {
	f.Add(coherence.AppendTags(nil, []coherence.Tag{row("a"), coherence.TableTag("things"), coherence.Everything()}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		tags, err := coherence.ParseTags(b)
		if err == nil && len(tags) <= coherence.MaxWireTags {
			require.Equal(t, b, coherence.AppendTags(nil, tags))
		}
	})
}

func TestAWriteOfAnotherKeepsAnInstallOut(t *testing.T) {
	t.Parallel()
	for name, tag := range map[string]coherence.Tag{"of the row": row("a"), "of the table": coherence.TableTag("things")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, in := wired(t)
			write := w.begin(row("a"))
			w.stage(write, "a", "ours")
			w.set("a", "theirs, after ours")
			in.Apply(tag)
			write.Publish(t.Context())
			require.Equal(t, "theirs, after ours", w.read("a"))
		})
	}
}

func TestOldValuesAreNotAskedOfACacheThatMayLagBehind(t *testing.T) {
	t.Parallel()
	w, _, _ := wired(t)
	w.read("a")
	require.True(t, w.hit("a"))
	_, ok := w.engine.Rows().Before(t.Context(), "a")
	require.False(t, ok)
}

func TestOthersAreToldOfWhatNoTransactionTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, line, in := wired(t)
		require.NoError(t, w.engine.Invalidate(t.Context(), row("a"), coherence.TableTag("things").Value("c", "1", 1)))
		require.Equal(t, []coherence.Tag{row("a")}, <-line.sent)
		w.begin(row("b").Told(2)).Publish(t.Context())
		require.Equal(t, []coherence.Tag{row("b")}, <-line.sent)
		w.begin(row("c")).Settle()
		require.Equal(t, []coherence.Tag{row("c")}, <-line.sent)

		w.begin(row("d")).Release()
		carried := w.begin(row("e"))
		carried.Carry()
		carried.Publish(t.Context())
		in.Apply(row("f"))
		synctest.Wait()
		require.Empty(t, line.sent, "what did not happen, what its transaction tells, what others told us")
	})
}

func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, line, _ := wired(t)
		line.cut(errors.New("no line"))
		require.NoError(t, w.engine.Invalidate(t.Context(), row("a")))
		<-time.After(10 * time.Second)
		require.NoError(t, w.engine.Invalidate(t.Context(), row("b")))
		line.cut(nil)
		require.ElementsMatch(t, []coherence.Tag{row("a"), row("b")}, <-line.sent)

		line.cut(errors.New("no line"))
		for i := range 5000 {
			require.NoError(t, w.engine.Invalidate(t.Context(), coherence.RowTag("things", i)))
		}
		synctest.Wait()
		line.cut(nil)
		require.NoError(t, w.engine.Close(t.Context()), "what waits is told at the end")
		require.Equal(t, coherence.Everything(), (<-line.sent)[0])
	})
}

func TestWhileTheLeaseIsOverReadersShareOnlyReadsThatBeganAfterThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line := newWire()
		w := newWorld(t, coherence.WithBackplane(line, 0))
		<-line.started
		c := w.engine.Rows()
		before, release := held("before the write of another")
		leader := start(t.Context(), c, before)
		after, releaseAfter := held("after it")
		var late []*reader
		for range 5 {
			late = append(late, start(t.Context(), c, after))
		}
		release()
		synctest.Wait()
		require.Equal(t, "before the write of another", string(leader.loaded.Value))
		releaseAfter()
		synctest.Wait()
		reads := 0
		for _, r := range late {
			require.True(t, r.done.Load())
			require.NoError(t, r.err)
			require.Equal(t, "after it", string(r.loaded.Value))
			reads += r.reads
		}
		require.Equal(t, 1, reads)
		require.Zero(t, coherence.Flights(c))
	})
}

func TestWhileTheLeaseIsOverFewReadsRunAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		line := newWire()
		w := newWorld(t, coherence.WithBackplane(line, 0))
		<-line.started
		var mu sync.Mutex
		running, most := 0, 0
		gate := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		load := func(ctx context.Context, i int) error {
			_, err := w.engine.Rows().Load(ctx, string(rune('a'+i)), []coherence.Tag{row("a")},
				func(context.Context) (coherence.Filled, error) {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					<-gate
					mu.Lock()
					running--
					mu.Unlock()
					return coherence.Filled{}, nil
				})
			return err
		}
		var wg sync.WaitGroup
		for i := range 2 * coherence.LapsedReads {
			wg.Go(func() { _ = load(t.Context(), i) })
		}
		synctest.Wait()
		require.Equal(t, coherence.LapsedReads, most)
		ended := make(chan error, 1)
		go func() { ended <- load(ctx, 1000) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled, "nobody waits longer than their context")
		close(gate)
		wg.Wait()
		require.Equal(t, coherence.LapsedReads, most)
	})
}

func TestABackplaneOptionThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	err := coherence.Check(coherence.WithBackplane(nil, time.Millisecond))
	require.ErrorContains(t, err, "WithBackplane(nil)")
	require.ErrorContains(t, err, "too short")
}
