package pgbackplane_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
)

func TestAFreshReadSeesWhatTheCacheHasNotHeardOf(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, dsn := newProxy(t, s.DSN)
	one, late := s.open(t, nil, s.DSN, minute), s.open(t, nil, dsn, minute)
	cached(t, late, func() int64 { return late.n(t, 1) })
	total := func(i *instance) (n int64) {
		require.NoError(t, i.Model(&Item{}).Where("n = ?", 5).Count(&n).Error)
		return n
	}
	cached(t, late, func() int64 { return total(late) })
	p.cut()
	require.NoError(t, one.Model(&Item{ID: 1}).Update("n", 5).Error)
	require.Zero(t, late.n(t, 1), "within the lease it may be old")
	require.Zero(t, total(late))
	fresh := *late
	fresh.DB = late.WithContext(cacheplugin.Fresh(t.Context()))
	var item Item
	require.NoError(t, fresh.First(&item, 1).Error)
	require.Equal(t, int64(5), item.N)
	require.Equal(t, int64(1), total(&fresh))

	alone := s.Open(t, nil)
	plugin := cacheplugin.New(cacheplugin.WithSingleProcess())
	require.NoError(t, alone.Use(plugin))
	defer func() { require.NoError(t, plugin.Close(t.Context())) }()
	for range 2 {
		require.NoError(t, alone.WithContext(cacheplugin.Fresh(t.Context())).First(&Item{}, 1).Error)
	}
	require.Equal(t, uint64(1), plugin.Stats().Hits, "alone, the cache is never behind")
}
