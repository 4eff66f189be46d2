package sqltext_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/sqltext"
)

func TestARememberedVerdictIsTheSameForTheSameDialectAndText(t *testing.T) {
	t.Parallel()
	c := sqltext.NewCache()
	const text = `SELECT * FROM "orders" WHERE a = ?`
	first := c.Read(pg, text)
	require.Equal(t, sqltext.JudgeRead(pg, text), *first)
	require.Same(t, first, c.Read(pg, strings.Clone(text)))
	require.Equal(t, sqltext.JudgeRead(li, text), *c.Read(li, text))
	require.NotEqual(t, c.Read(li, text), first)
	require.Same(t, c.Write(pg, text), c.Write(pg, text))
	require.Equal(t, 3, c.Len())
}

func TestAHitAllocatesNothing(t *testing.T) {
	c := sqltext.NewCache()
	const text = `UPDATE orders SET a = 1`
	c.Write(pg, text)
	c.Read(pg, text)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		c.Write(pg, text)
		c.Read(pg, text)
	}))
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := sqltext.NewCache()
	for i := range 20_000 {
		c.Read(pg, fmt.Sprintf("SELECT * FROM orders WHERE id = %d", i))
	}
	assert.LessOrEqual(t, c.Len(), 4096)
	assert.Greater(t, c.Len(), 3000)
	before := c.Len()
	long := "SELECT * FROM orders WHERE id IN (" + strings.Repeat("1,", 20_000) + "1)"
	require.Empty(t, c.Read(pg, long).Refusal)
	require.Equal(t, before, c.Len())
}

func TestTheCacheIsSafeForManyGoroutines(t *testing.T) {
	t.Parallel()
	c := sqltext.NewCache()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				text := fmt.Sprintf("DELETE FROM t%d", i)
				assert.Equal(t, fmt.Sprintf("t%d", i), names(c.Write(pg, text).Tables))
			}
		})
	}
	wg.Wait()
}

func BenchmarkCacheHit(b *testing.B) {
	c := sqltext.NewCache()
	const text = `SELECT * FROM "orders" WHERE "orders"."id" = $1 AND "orders"."deleted_at" IS NULL ORDER BY "orders"."id" LIMIT $2`
	b.ReportAllocs()
	for b.Loop() {
		c.Read(pg, text)
	}
}

func BenchmarkJudgeRead(b *testing.B) {
	const text = `SELECT * FROM "orders" WHERE "orders"."id" = $1 AND "orders"."deleted_at" IS NULL ORDER BY "orders"."id" LIMIT $2`
	b.ReportAllocs()
	for b.Loop() {
		sqltext.JudgeRead(pg, text)
	}
}
