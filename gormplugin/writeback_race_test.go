package cacheplugin_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/policy"
)

func TestNoIncrementIsLostOrSeenTwiceByManyWriters(t *testing.T) {
	const writers, rows, rounds = 16, 64, 40
	eachBuffered(t, func(t *testing.T, b *buffered) {
		ids := make([]int64, rows)
		for i := range ids {
			ids[i] = int64(i) + 1
		}
		b.ready(t, ids...)
		var (
			group sync.WaitGroup
			sum   [rows + 1]atomic.Int64
			bulk  atomic.Int64 // increments of every row
		)
		for w := range writers {
			group.Go(func() {
				random := rand.New(rand.NewPCG(uint64(w), 7))
				for range rounds {
					id := random.Int64N(rows) + 1
					var err error
					switch kind := random.IntN(20); {
					case kind < 14:
						if err = b.add(id, 1).Error; err == nil {
							sum[id].Add(1)
						}
					case kind < 15 && b.Name == "postgres":
						err = b.db.Transaction(func(tx *gorm.DB) error {
							return tx.Model(one(id)).UpdateColumn("n", gorm.Expr("n + ?", 3)).Error
						})
						if err == nil {
							sum[id].Add(3)
						}
					case kind < 16 && w == 0:
						if err = b.db.Model(&Tally{}).Where("id > ?", 0).UpdateColumn("n", gorm.Expr("n + ?", 1)).Error; err == nil {
							bulk.Add(1)
						}
					case kind < 17:
						var all []Tally
						least := int64(10 * rows)
						for i := range ids {
							least += sum[i+1].Load()
						}
						if err = b.db.Find(&all).Error; err == nil {
							for _, tally := range all {
								least -= tally.N
							}
							if least > 0 {
								err = errors.New("a list is older than what was acknowledged before it")
							}
						}
					default:
						least := sum[id].Load() + bulk.Load() + 10
						var read Tally
						if err = b.db.First(&read, id).Error; err == nil && read.N < least {
							err = errors.New("a row is older than what was acknowledged before it")
						}
					}
					if err != nil && !errors.Is(err, cacheplugin.ErrDeadlock) && !errors.Is(err, cacheplugin.ErrPendingRow) {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		b.flush(t)
		for _, id := range ids {
			want := 10 + sum[id].Load() + bulk.Load()
			require.Equal(t, want, b.n(t, id))
		}
		require.Zero(t, b.stored(t, "SELECT count(*) FROM cachewright_dead_letters"))
		var total int64
		for _, id := range ids {
			total += b.n(t, id)
		}
		require.Equal(t, total, b.stored(t, "SELECT sum(n) FROM tallies"))
	}, tallies(func(p *policy.Policy) { p.Flush = time.Millisecond }))
}
