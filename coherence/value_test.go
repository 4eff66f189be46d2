package coherence_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
)

var things = coherence.TableTag("things")

// moved reports which of the tags' stamps a write of others moves.
func moved(t *testing.T, stands coherence.Tag, written ...coherence.Tag) bool {
	t.Helper()
	e := newEngine(t, coherence.WithBits(20))
	stamps := e.Stamp(nil, stands)
	w, err := e.Begin(t.Context(), written...)
	require.NoError(t, err)
	require.Equal(t, len(stamps) > 0, !e.Moved(stamps))
	valid := e.Valid(stamps)
	w.Publish(t.Context())
	require.Equal(t, valid, e.Valid(stamps), "a writer and a moved version mean the same")
	return e.Moved(stamps)
}

func TestAQueryOfAValueIsMovedByWhoeverMayHaveChangedIt(t *testing.T) {
	t.Parallel()
	first, second := things.Value("user_id", "7", 1), things.Value("status", "open", 2)
	for _, c := range []struct {
		name    string
		written []coherence.Tag
		first   bool
		second  bool
	}{
		{"everything", []coherence.Tag{coherence.Everything()}, true, true},
		{"the table", []coherence.Tag{things}, true, true},
		{"another table", []coherence.Tag{coherence.TableTag("others")}, false, false},
		{"a row that tells nothing", []coherence.Tag{row("a")}, true, true},
		{"a row that tells the first column", []coherence.Tag{row("a").Told(1)}, false, true},
		{"a row that tells both", []coherence.Tag{row("a").Told(2)}, false, false},
		{"a row that tells more", []coherence.Tag{row("a").Told(coherence.MaxColumns)}, false, false},
		{"its value", []coherence.Tag{row("a").Told(2), first}, true, false},
		{"both values", []coherence.Tag{row("a").Told(2), first, second}, true, true},
		{"other values", []coherence.Tag{row("a").Told(2), things.Value("user_id", "8", 1), things.Value("status", "7", 2)}, false, false},
		{"the value in another column", []coherence.Tag{row("a").Told(2), things.Value("status", "7", 2)}, false, false},
		{"one row that tells and one that does not", []coherence.Tag{row("a").Told(2), row("b")}, true, true},
		{"a row of another table", []coherence.Tag{coherence.RowTag("others", "a")}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.first, moved(t, first, c.written...))
			require.Equal(t, c.second, moved(t, second, c.written...))
		})
	}
}

func TestARowThatTellsItsValuesIsTheRow(t *testing.T) {
	t.Parallel()
	told := row("a").Told(3)
	require.NotEqual(t, row("a"), told)
	require.NotEqual(t, row("a").Hash(), told.Hash())
	require.NotEqual(t, row("a").Told(2).Hash(), told.Hash())
	require.Equal(t, row("a"), told.Untold())
	require.Equal(t, things, told.Table())
	require.True(t, moved(t, row("a"), told))
	require.True(t, moved(t, told, row("a")))
	require.True(t, moved(t, things, told), "a query that is not narrowed stands on the table")
	require.False(t, moved(t, row("b"), told))
	require.False(t, moved(t, row("a"), things.Value("user_id", "7", 1)))
}

func TestWhatHasNoPlaceIsCoarser(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 0, coherence.MaxColumns + 1, 256} {
		require.Equal(t, row("a"), row("a").Told(n))
		require.Equal(t, things, things.Value("user_id", "7", n))
	}
	require.Equal(t, things, things.Told(1))
	require.Equal(t, row("a"), row("a").Value("user_id", "7", 1))
	require.Equal(t, things, things.Value("user_id", "7", 1).Table())
	require.Equal(t, things, things.Untold())
	named := coherence.NamedTag("a")
	require.Equal(t, named, named.Told(1))
	require.Equal(t, named, named.Value("user_id", "7", 1))
}

// TestValuesAreToldApart spells one column and value as the end of another.
func TestValuesAreToldApart(t *testing.T) {
	t.Parallel()
	require.NotEqual(t, things.Value("ab", "c", 1), things.Value("a", "bc", 1))
	require.NotEqual(t, things.Value("a", "", 1), things.Value("", "a", 1))
	require.NotEqual(t, things.Value("a", "b", 1), coherence.TableTag("others").Value("a", "b", 1))
	require.Equal(t, things.Value("a", "b", 1), things.Value("a", "b", 1))
}

func TestOthersHearOfPlainRowsOnly(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	var heard []coherence.Tag
	defer e.OnCommit(func(tags []coherence.Tag) { heard = tags })()
	w, err := e.Begin(t.Context(), row("a").Told(1), things.Value("user_id", "7", 1), coherence.NamedTag("x"))
	require.NoError(t, err)
	w.Publish(t.Context())
	require.Equal(t, []coherence.Tag{row("a"), coherence.NamedTag("x")}, heard)
}

func TestInvalidateOfARowMeetsTheQueriesOfEveryValue(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	stamps := e.Stamp(nil, things.Value("user_id", "7", 1))
	require.NoError(t, e.Invalidate(t.Context(), row("a")))
	require.True(t, e.Moved(stamps))
}

func TestExpireOfARowMeetsThePagesOfEveryValue(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	stamps, moment := e.Stamp(nil, things.Value("user_id", "7", 1)), e.Moment()
	require.NoError(t, e.Expire(t.Context(), row("a")))
	require.True(t, e.Expired(stamps, moment))
}

func TestAValueThatMovedIsReadAgain(t *testing.T) {
	requireRule(t, switches.ValueMoves, func(t *testing.T) string {
		return narrowed(t, 1, row("a").Told(1), things.Value("user_id", "7", 1))
	}, "new", "old")
}

// TestAWritePlannedBeforeAColumnCameMovesItsFirstQuery has a write that knows of one column end after a query on a second
// one was cached, which is the column that the write changed.
func TestAWritePlannedBeforeAColumnCameMovesItsFirstQuery(t *testing.T) {
	requireRule(t, switches.UntoldMoves, func(t *testing.T) string {
		return narrowed(t, 2, row("a").Told(1), things.Value("status", "open", 1))
	}, "new", "old")
}

// TestAWriteOfUnknownValuesMovesTheQueriesOfAll is a write by who knows no columns.
func TestAWriteOfUnknownValuesMovesTheQueriesOfAll(t *testing.T) {
	requireRule(t, switches.UntoldMoves, func(t *testing.T) string {
		return narrowed(t, 1, row("a"))
	}, "new", "old")
}

// narrowed is what a query on user_id = 7, the column at the place, is told after a write of the tags that changed its answer.
func narrowed(t *testing.T, place int, written ...coherence.Tag) string {
	t.Helper()
	w := newWorld(t)
	ask := func() string {
		if hit, ok, err := w.engine.Rows().Get(t.Context(), "query"); err == nil && ok {
			return string(hit.Value)
		}
		loaded, err := w.engine.Rows().Load(t.Context(), "query", []coherence.Tag{things.Value("user_id", "7", place)},
			func(context.Context) (coherence.Filled, error) {
				return coherence.Filled{Value: []byte(w.get("a")), Keep: true}, nil
			})
		require.NoError(t, err)
		return string(loaded.Value)
	}
	require.Equal(t, "old", ask())
	write := w.begin(written...)
	w.set("a", "new")
	write.Publish(t.Context())
	return ask()
}

// TestNarrowedQueriesAreRightInEveryOrder plays histories in tables of 4 to 1,024 words, in which tags share words in many ways.
func TestNarrowedQueriesAreRightInEveryOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		hits, wrong := playNarrowed(t, seed, int(2+seed%9))
		require.Empty(t, wrong, "seed %d", seed)
		require.Positive(t, hits)
	}
}

func TestWithoutARuleSomeNarrowedQueryIsWrong(t *testing.T) {
	for _, rule := range []switches.Rule{switches.ValueMoves, switches.UntoldMoves} {
		t.Run(fmt.Sprint(rule), func(t *testing.T) {
			switches.Disable(t, rule)
			for seed := range uint64(20) {
				if _, wrong := playNarrowed(t, seed, smallTable); wrong != "" {
					return
				}
			}
			t.Error("no wrong answer")
		})
	}
}

// narrowedWrite is a statement of a transaction that has not committed: it was planned when told columns were numbered.
type narrowedWrite struct {
	told         int
	was, is      [2]int
	had, removes bool
}

// tags are what the transaction announces at its COMMIT.
func (p narrowedWrite) tags(key int) []coherence.Tag {
	tags := []coherence.Tag{row(strconv.Itoa(key)).Told(p.told)}
	for i := range p.told {
		if p.had {
			tags = append(tags, columnTag(i, p.was[i]))
		}
		if !p.removes {
			tags = append(tags, columnTag(i, p.is[i]))
		}
	}
	return tags
}

func columnTag(column, value int) coherence.Tag {
	return things.Value([]string{"x", "y"}[column], strconv.Itoa(value), column+1)
}

// playNarrowed plays a random history of a table whose rows have two columns, of writers that know of none, one or both of them
// when they are planned, and of narrowed queries on each. It returns how many queries were hits, and the first that was wrong.
func playNarrowed(t *testing.T, seed uint64, bits int) (hits int, wrong string) {
	t.Helper()
	e, err := coherence.New(coherence.WithBits(bits))
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close(t.Context())) }()
	r := rand.New(rand.NewPCG(seed, 1))
	db := map[int][2]int{}
	answer := func(column, value int) (rows string) {
		for key := range 4 {
			if have, ok := db[key]; ok && have[column] == value {
				rows += fmt.Sprint(key, have, " ")
			}
		}
		return rows
	}
	type entry struct {
		stamps coherence.Stamps
		rows   string
	}
	cached := map[[2]int]entry{}
	var locked [4]*narrowedWrite
	for range 200 {
		switch key := r.IntN(len(locked)); {
		case r.IntN(3) > 0: // a query, answered by the cache or the database
			q := [2]int{r.IntN(2), r.IntN(3)}
			if have, ok := cached[q]; ok && e.Valid(have.stamps) {
				if hits++; have.rows != answer(q[0], q[1]) {
					return hits, have.rows
				}
				continue
			}
			stamps := e.Stamp(nil, columnTag(q[0], q[1]))
			cached[q] = entry{stamps, answer(q[0], q[1])}
		case locked[key] == nil:
			was, had := db[key]
			locked[key] = &narrowedWrite{
				told: r.IntN(3), was: was, had: had, is: [2]int{r.IntN(3), r.IntN(3)}, removes: r.IntN(4) == 0,
			}
		default:
			p := locked[key]
			locked[key] = nil
			w, err := e.Begin(t.Context(), p.tags(key)...)
			require.NoError(t, err)
			if p.removes {
				delete(db, key)
			} else {
				db[key] = p.is
			}
			w.Publish(t.Context())
		}
	}
	return hits, ""
}
