package rowset_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rowset"
)

func sample(t testing.TB, rows int) []byte {
	t.Helper()
	b, err := rowset.NewBuilder(named("id", "name", "price", "active", "created_at"))
	require.NoError(t, err)
	for i := range rows {
		at := time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC)
		require.NoError(t, b.Append(int64(1000+i), fmt.Sprint("product ", i), 9.5, true, at))
	}
	return b.Bytes()
}

func TestReadingAllocatesNothing(t *testing.T) {
	data := sample(t, 10)
	var sum int64
	allocs := testing.AllocsPerRun(100, func() {
		v, err := rowset.Open(data)
		if err != nil || v.Check() != nil {
			panic("damaged")
		}
	})
	require.Zero(t, allocs)
	allocs = testing.AllocsPerRun(100, func() {
		v, _ := rowset.Open(data)
		it := v.Rows()
		for it.Next() {
			sum += it.Value().Int64() + int64(len(it.Value().StringAlias())+len(v.ColumnName(1)))
			it.Value().Float64()
			it.Value().Bool()
			sum += it.Value().Time().Unix()
		}
	})
	require.Zero(t, allocs)
	require.NotZero(t, sum)
}

func BenchmarkView(b *testing.B) {
	for _, n := range []int{1, 100} {
		data := sample(b, n)
		b.Run(fmt.Sprint("rows=", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v, err := rowset.Open(data)
				if err != nil {
					b.Fatal(err)
				}
				it := v.Rows()
				for it.Next() {
					for range v.NumColumns() {
						it.Value()
					}
				}
			}
		})
	}
}

func BenchmarkReplay(b *testing.B) {
	replayer := newReplayer(b)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, n := range []int{1, 100} {
		data := sample(b, n)
		b.Run(fmt.Sprint("rows=", n), func(b *testing.B) {
			var (
				id     int64
				name   string
				price  float64
				active bool
				at     time.Time
			)
			dest := []any{&id, &name, &price, &active, &at}
			b.ReportAllocs()
			for b.Loop() {
				rows, err := replayer.Rows(ctx, data)
				if err != nil {
					b.Fatal(err)
				}
				for rows.Next() {
					if err := rows.Scan(dest...); err != nil {
						b.Fatal(err)
					}
				}
				if err := rows.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReplayParallel(b *testing.B) {
	replayer := newReplayer(b)
	data := sample(b, 1)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			rows, err := replayer.Rows(context.Background(), data)
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
			}
			if err := rows.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCapture(b *testing.B) {
	db := openSQLite(b)
	for _, n := range []int{1, 100} {
		text := fmt.Sprintf(`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c LIMIT %d)
			SELECT i, 'product', 9.5, 1 FROM c`, n)
		for name, read := range map[string]func(testing.TB) int{
			"captured": func(t testing.TB) int {
				rows, err := db.QueryContext(context.Background(), text)
				require.NoError(t, err)
				return rowset.Capture(rows, 1<<20).NumRows()
			},
			"any": func(t testing.TB) int {
				rows, err := db.QueryContext(context.Background(), text)
				require.NoError(t, err)
				return len(drain(t, rows))
			},
		} {
			b.Run(fmt.Sprint(name, "/rows=", n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if read(b) != n {
						b.Fatal("rows missing")
					}
				}
			})
		}
	}
}
