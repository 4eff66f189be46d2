package writeback_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

// TestMerging shows what becomes of changes in a row: the statement that is flushed, and what it carries.
func TestMerging(t *testing.T) {
	t.Parallel()
	type delta = []writeback.Delta
	type assign = []writeback.Assign
	stored, fresh := rowOf("k", int64(5), "old"), rowOf("k", int64(1), "new")
	for _, tc := range []struct {
		name    string
		stored  bool
		changes []writeback.Change
		kind    writeback.Kind // 0: nothing is flushed
		values  []any
		set     assign
		add     delta
	}{
		{
			"an addition stays an addition", true,
			[]writeback.Change{add("k", 2)},
			writeback.KindUpdate,
			rowOf("k", int64(7), "old"), nil,
			delta{{colHits, 2}},
		},
		{
			"additions add up", true,
			[]writeback.Change{add("k", 2), add("k", -3), add("k", 10)},
			writeback.KindUpdate,
			rowOf("k", int64(14), "old"), nil,
			delta{{colHits, 9}},
		},
		{
			"an addition after a value becomes part of it", true,
			[]writeback.Change{set("k", colHits, int64(40)), add("k", 2)},
			writeback.KindUpdate,
			rowOf("k", int64(42), "old"),
			assign{{colHits, int64(42)}},
			nil,
		},
		{
			"a value replaces additions", true,
			[]writeback.Change{add("k", 2), set("k", colHits, int64(9))},
			writeback.KindUpdate, rowOf("k", int64(9), "old"),
			assign{{colHits, int64(9)}},
			nil,
		},
		{
			"the last value wins, column by column", true,
			[]writeback.Change{set("k", colName, "a"), set("k", colHits, int64(1)), set("k", colName, "b")},
			writeback.KindUpdate, rowOf("k", int64(1), "b"),
			assign{{colName, "b"}, {colHits, int64(1)}},
			nil,
		},
		{
			"an addition to a NULL just set leaves it", true,
			[]writeback.Change{set("k", colHits, nil), add("k", 2)},
			writeback.KindUpdate, rowOf("k", nil, "old"),
			assign{{colHits, nil}},
			nil,
		},
		{
			"a create with updates is a create", false,
			[]writeback.Change{create(fresh), add("k", 2), set("k", colName, "x")},
			writeback.KindInsert,
			rowOf("k", int64(3), "x"), nil, nil,
		},
		{
			"a create and a delete are nothing", false,
			[]writeback.Change{create(fresh), add("k", 1), remove("k")},
			0, nil, nil, nil,
		},
		{
			"a delete after updates is a delete", true,
			[]writeback.Change{add("k", 1), remove("k")},
			writeback.KindDelete,
			rowOf("k", int64(6), "old"), nil, nil,
		},
		{
			"a delete and a create replace", true,
			[]writeback.Change{remove("k"), create(fresh), add("k", 1)},
			writeback.KindReplace, rowOf("k", int64(2), "new"), nil, nil,
		},
		{
			"a replaced row that is deleted is deleted", true,
			[]writeback.Change{remove("k"), create(fresh), remove("k")},
			writeback.KindDelete, rowOf("k", int64(1), "new"), nil, nil,
		},
		{
			"an upsert of an absent row keeps what it does on a conflict", false,
			[]writeback.Change{upsert(fresh, nil, delta{{colHits, 1}}), add("k", 4)},
			writeback.KindUpsert,
			rowOf("k", int64(5), "new"), nil,
			delta{{colHits, 5}},
		},
		{
			"an upsert of an existing row changes it", true,
			[]writeback.Change{upsert(fresh, nil, delta{{colHits, 1}})},
			writeback.KindUpsert, rowOf("k", int64(6), "old"), nil,
			delta{{colHits, 1}},
		},
		{
			"an upsert that does nothing on a conflict does nothing", true,
			[]writeback.Change{upsert(fresh, nil, nil)},
			0, nil, nil, nil,
		},
		{
			"an upsert after a create is in the create", false,
			[]writeback.Change{create(fresh), upsert(stored, assign{{colName, "up"}}, nil)},
			writeback.KindInsert,
			rowOf("k", int64(1), "up"), nil, nil,
		},
		{
			"an upsert after a delete replaces", true,
			[]writeback.Change{remove("k"), upsert(fresh, nil, delta{{colHits, 1}})},
			writeback.KindReplace,
			fresh, nil, nil,
		},
		{
			"an upsert of an absent row and a delete are nothing", false,
			[]writeback.Change{upsert(fresh, nil, nil), remove("k")},
			0, nil, nil, nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			db := newDatabase()
			if tc.stored {
				db.put("t", stored)
			}
			_, table := newTable(t, db, nil)
			for _, c := range tc.changes {
				apply(t, db, table, c)
			}
			require.NoError(t, table.Flush(context.Background()))
			require.Zero(t, table.Stats().Bytes)
			got := db.writes()
			if tc.kind == 0 {
				require.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			require.Equal(t, tc.kind.String(), got[0].Kind.String())
			require.Equal(t, tc.values, got[0].Values)
			require.ElementsMatch(t, tc.set, got[0].Set)
			require.ElementsMatch(t, tc.add, got[0].Add)
			require.Equal(t, uint64(len(tc.changes)), got[0].Last-got[0].First+1)
		})
	}
}

func TestAHundredIncrementsReachTheDatabaseOnce(t *testing.T) {
	t.Parallel()
	db := newDatabase()
	db.put("t", rowOf("k", int64(0), nil))
	_, table := newTable(t, db, nil)
	for range 100 {
		apply(t, db, table, add("k", 1))
	}
	require.NoError(t, table.Flush(context.Background()))
	require.Equal(t, int64(100), db.row("t", "k")[colHits])
	require.Len(t, db.writes(), 1)
	stats := table.Stats()
	require.Equal(t, uint64(100), stats.Changes)
	require.Equal(t, uint64(99), stats.Merged)
	require.Equal(t, uint64(1), stats.Flushed)
}

func TestWithoutMergingEachIncrementIsAStatement(t *testing.T) { //nolint:paralleltest // turns a rule off
	switches.Disable(t, switches.MergeWrites)
	db := newDatabase()
	db.put("t", rowOf("k", int64(0), nil))
	_, table := newTable(t, db, nil)
	for range 100 {
		apply(t, db, table, add("k", 1))
	}
	require.NoError(t, table.Flush(context.Background()))
	require.Equal(t, int64(100), db.row("t", "k")[colHits])
	require.Len(t, db.writes(), 100)
}

func TestAdditionsWhoseDifferenceOverflowsStayExact(t *testing.T) {
	t.Parallel()
	db := newDatabase()
	db.put("t", rowOf("k", int64(math.MinInt64), nil))
	_, table := newTable(t, db, func(cfg *writeback.TableConfig) {
		cfg.Columns[colHits].Min, cfg.Columns[colHits].Max = 0, 0
	})
	for range 2 {
		apply(t, db, table, add("k", math.MaxInt64))
	}
	row, _ := table.Get("k")
	require.Equal(t, int64(math.MaxInt64-1), row.Values[colHits])
	require.NoError(t, table.Flush(context.Background()))
	require.Equal(t, int64(math.MaxInt64-1), db.row("t", "k")[colHits])
	require.Len(t, db.writes(), 2)
}

func TestRefusedChangesChangeNothing(t *testing.T) {
	t.Parallel()
	db := newDatabase()
	db.put("t", rowOf("k", int64(999_999), "old"))
	_, table := newTable(t, db, nil)
	both := add("k", 2)
	both.Set = []writeback.Assign{{Column: colName, Value: "new"}}
	for name, tc := range map[string]struct {
		change writeback.Change
		err    error
	}{
		"a sum above the range":            {both, writeback.ErrRange},
		"a value below the range":          {set("k", colHits, int64(-1_000_001)), writeback.ErrRange},
		"NULL where it may not be":         {set("k", colKey, nil), writeback.ErrNull},
		"an integer of another type":       {set("k", colHits, 3), writeback.ErrChange},
		"an addition to a text":            {writeback.Change{Key: "k", Op: writeback.Update, Add: []writeback.Delta{{colName, 1}}}, writeback.ErrChange},
		"an addition twice":                {writeback.Change{Key: "k", Op: writeback.Update, Add: []writeback.Delta{{colHits, 1}, {colHits, 1}}}, writeback.ErrChange},
		"a column that does not exist":     {set("k", 4, "x"), writeback.ErrChange},
		"a row that is too short":          {create([]any{"k"}), writeback.ErrChange},
		"an update with a whole row":       {writeback.Change{Key: "k", Op: writeback.Update, Values: rowOf("k", nil, nil)}, writeback.ErrChange},
		"a delete with a column":           {writeback.Change{Key: "k", Op: writeback.Delete, Set: []writeback.Assign{{colName, "x"}}}, writeback.ErrChange},
		"no operation":                     {writeback.Change{Key: "k"}, writeback.ErrChange},
		"a create of a row that is stored": {create(rowOf("k", nil, nil)), writeback.ErrDuplicate},
	} {
		_, err := table.Apply(context.Background(), tc.change, db.base("t", tc.change.Key))
		require.ErrorIs(t, err, tc.err, name)
		require.Zero(t, table.Pending(), name)
	}
	apply(t, db, table, add("k", 1))
	_, err := table.Apply(context.Background(), both, nil)
	require.ErrorIs(t, err, writeback.ErrRange)
	_, err = table.Apply(context.Background(), create(rowOf("k", nil, nil)), nil)
	require.ErrorIs(t, err, writeback.ErrDuplicate)
	row, ok := table.Get("k")
	require.True(t, ok)
	require.Equal(t, rowOf("k", int64(1_000_000), "old"), row.Values)
}

func TestABaseIsNeededOnlyForARowThatIsNotPending(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	_, table := newTable(t, newDatabase(), nil)
	_, err := table.Apply(ctx, add("k", 1), nil)
	require.ErrorIs(t, err, writeback.ErrNeedBase)
	stale := &writeback.Base{Values: rowOf("k", int64(0), nil), Exists: true, Valid: func() bool { return false }}
	_, err = table.Apply(ctx, add("k", 1), stale)
	require.ErrorIs(t, err, writeback.ErrNeedBase)
	absent := &writeback.Base{Valid: func() bool { return true }}
	for _, c := range []writeback.Change{add("k", 1), remove("k")} {
		out, err := table.Apply(ctx, c, absent)
		require.NoError(t, err)
		require.Zero(t, out.Affected)
	}
	require.Zero(t, table.Pending())
	_, err = table.Apply(ctx, create(rowOf("k", int64(0), nil)), absent)
	require.NoError(t, err)
	_, err = table.Apply(ctx, add("k", 1), nil)
	require.NoError(t, err)
}

func TestAnImageOnceHandedOutDoesNotChange(t *testing.T) {
	t.Parallel()
	db := newDatabase()
	base := rowOf("k", int64(0), nil)
	db.put("t", base)
	_, table := newTable(t, db, nil)
	apply(t, db, table, add("k", 1))
	before, _ := table.Get("k")
	apply(t, db, table, add("k", 1))
	after, _ := table.Get("k")
	require.Equal(t, []any{int64(0), int64(1), int64(2)}, []any{base[colHits], before.Values[colHits], after.Values[colHits]})
	apply(t, db, table, remove("k"))
	gone, pending := table.Get("k")
	require.True(t, pending)
	require.Equal(t, writeback.Row{Deleted: true}, gone)
}

func TestTheBacklogIsBounded(t *testing.T) {
	t.Parallel()
	for full, want := range map[policy.Full]error{
		policy.FullReject: writeback.ErrBacklogFull, policy.FullSync: writeback.ErrSync, policy.FullBlock: writeback.ErrBacklogFull,
	} {
		t.Run(full.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db, answer, start := newDatabase(), make(chan error), time.Now()
				db.before = func(context.Context, writeback.Batch) error { return <-answer }
				_, table := newTable(t, db, func(cfg *writeback.TableConfig) { cfg.Pending, cfg.Full, cfg.Flush = 2, full, time.Hour })
				apply(t, db, table, create(rowOf("a", int64(0), nil)))
				apply(t, db, table, create(rowOf("b", int64(0), nil)))
				synctest.Wait() // the flusher, which the full backlog woke, is in the database
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				_, err := table.Apply(ctx, create(rowOf("c", nil, nil)), db.base("t", "c"))
				require.ErrorIs(t, err, want)
				require.Equal(t, full == policy.FullBlock, ctx.Err() != nil)
				apply(t, db, table, add("a", 1)) // a row that is pending is never refused

				applied := make(chan error)
				go func() {
					if full == policy.FullBlock {
						require.NoError(t, table.Ready(context.Background(), "c"))
					}
					_, err := table.Apply(context.Background(), create(rowOf("c", nil, nil)), db.base("t", "c"))
					applied <- err
				}()
				synctest.Wait()
				if full != policy.FullBlock {
					require.ErrorIs(t, <-applied, want)
				}
				answer <- nil
				require.Less(t, time.Since(start), time.Minute, "a full backlog does not wait for its age")
				if full == policy.FullBlock {
					require.NoError(t, <-applied)
				}
				close(answer)
				require.NoError(t, table.Flush(context.Background()))
				require.Equal(t, int64(1), db.row("t", "a")[colHits])
			})
		})
	}
}

func TestBadTablesAreRefused(t *testing.T) {
	t.Parallel()
	b, _ := newTable(t, newDatabase(), nil)
	for name, cfg := range map[string]writeback.TableConfig{
		"no name":           {Columns: columns()},
		"no columns":        {Name: "u"},
		"one of that name":  {Name: "t", Columns: columns()},
		"range from 2 to 1": {Name: "u", Columns: []writeback.Column{{Name: "n", Integer: true, Min: 2, Max: 1}}},
		"below zero":        {Name: "u", Columns: columns(), Batch: -1},
	} {
		_, err := b.Table(cfg)
		require.ErrorContains(t, err, name)
	}
}
