package pgbackplane_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWritesFromOutsideAreHeardOfOnceATableIsWatched(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	i := s.open(t, nil, s.DSN, short)
	require.NoError(t, s.plain.Exec("SELECT cachewright_watch('items')").Error)
	require.NoError(t, s.plain.Exec("SELECT cachewright_watch('items')").Error, "a second time changes nothing")
	n := func(id int64) func() int64 { return func() int64 { return i.n(t, id) } }
	outbox := func() (keys string) {
		require.NoError(t, s.plain.Raw("SELECT coalesce(row_keys::text, 'all') FROM cachewright_outbox ORDER BY xid DESC, n DESC LIMIT 1").Scan(&keys).Error)
		return keys
	}
	cached(t, i, n(1))
	received := i.plugin.Stats().Engine.Backplane.Received
	require.NoError(t, s.plain.Exec("UPDATE items SET n = 5 WHERE id = 1").Error)
	require.Equal(t, `[["1"]]`, outbox())
	require.Eventually(t, func() bool { return i.n(t, 1) == 5 }, soon, often)
	require.Equal(t, received+1, i.plugin.Stats().Engine.Backplane.Received, "the row, and nothing else")

	require.NoError(t, s.plain.Exec("UPDATE items SET id = 100 WHERE id = 2").Error)
	require.JSONEq(t, `[["100"], ["2"]]`, outbox(), "the key it had and the key it has")
	require.NoError(t, s.plain.Exec("DELETE FROM items WHERE id = 100").Error)
	require.JSONEq(t, `[["100"]]`, outbox())
	require.NoError(t, s.plain.Exec("DELETE FROM items WHERE id = 100").Error)
	require.JSONEq(t, `[["100"]]`, outbox(), "what wrote nothing is not told")
	cached(t, i, n(3))
	require.NoError(t, s.plain.Exec("INSERT INTO items (id, n) SELECT 1000 + g, 1 FROM generate_series(1, 300) g").Error)
	require.Equal(t, "all", outbox(), "many rows are told as their table")
	require.NoError(t, s.plain.Exec("TRUNCATE items").Error)
	require.Equal(t, "all", outbox())
	require.Eventually(t, func() bool { return i.Find(&[]Item{}, []int64{3}).RowsAffected == 0 }, soon, often)

	require.NoError(t, s.plain.Exec("SELECT cachewright_unwatch('items')").Error)
	require.NoError(t, s.plain.Exec("DELETE FROM cachewright_outbox").Error)
	require.NoError(t, s.plain.Exec("INSERT INTO items (id) VALUES (1)").Error)
	var left int64
	require.NoError(t, s.plain.Raw("SELECT count(*) FROM cachewright_outbox").Scan(&left).Error)
	require.Zero(t, left)
}

func TestAWatchedTableIsCachedAndInstalledAsEver(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	require.NoError(t, s.open(t, nil, s.DSN, short).Exec("SELECT cachewright_watch('throughs')").Error)
	one, other := s.open(t, nil, s.DSN, short), s.open(t, nil, s.DSN, short)
	require.NoError(t, one.Create(&Through{ID: 100, N: 1}).Error)
	require.NoError(t, other.Create(&Through{ID: 101, N: 1}).Error)
	// One has heard of other's row, so it has looked at the outbox since its own.
	require.Eventually(t, func() bool { return one.plugin.Stats().Engine.Backplane.Received > 0 }, soon, often)
	hits := one.plugin.Stats().Hits
	require.NoError(t, one.First(&Through{}, 100).Error)
	require.Equal(t, hits+1, one.plugin.Stats().Hits, "what triggers noted of its own write says nothing new")
}
