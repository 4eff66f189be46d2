package pgbackplane_test

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counted is what is known of a row that only ever counts up: when it was surely at a number, or past it.
type counted struct {
	mu   sync.Mutex // guards what follows
	told []time.Time
}

// reached notes that a commit of the number has returned.
func (c *counted) reached(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for int64(len(c.told)) <= n {
		c.told = append(c.told, now)
	}
}

// age is how long the number had been replaced at the moment, 0 if it had not.
func (c *counted) age(n int64, at time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n+1 >= int64(len(c.told)) {
		return 0
	}
	return max(at.Sub(c.told[n+1]), 0)
}

func TestNoReadIsOlderThanTheLease(t *testing.T) {
	t.Parallel()
	const (
		rows  = 4
		lease = time.Second
		lasts = 5 * time.Second
	)
	s, elsewhere := newShop(t), newShop(t)
	long, err := elsewhere.Raw(t).BeginTx(t.Context(), &sql.TxOptions{})
	require.NoError(t, err)
	defer func() { require.NoError(t, long.Rollback()) }()
	_, err = long.ExecContext(context.Background(), "UPDATE items SET n = 1") // open for the whole run, in another database
	require.NoError(t, err)

	p, dsn := newProxy(t, s.DSN)
	instances := []*instance{s.open(t, nil, s.DSN, lease), s.open(t, nil, s.DSN, lease), s.open(t, nil, dsn, lease)}
	var (
		truth   [rows]counted
		locks   [rows]sync.Mutex
		latest  [rows]atomic.Int64
		stopped atomic.Bool
		wg      sync.WaitGroup
		mu      sync.Mutex // guards ages
		ages    []time.Duration
	)
	for i := range truth {
		truth[i].reached(0)
	}
	end := time.Now().Add(lasts)
	going := func() bool { return !stopped.Load() && time.Now().Before(end) }
	for w, i := range instances {
		wg.Go(func() {
			if w == 2 {
				return // what an instance writes itself it knows without the others
			}
			defer func() { stopped.Store(stopped.Load() || t.Failed()) }()
			for k := w; going(); k++ {
				row := k % rows
				locks[row].Lock()
				n := latest[row].Load() + 1
				err := i.Model(&Through{ID: int64(row + 1)}).Update("n", n).Error
				if err == nil {
					latest[row].Store(n)
					truth[row].reached(n)
				}
				locks[row].Unlock()
				if err != nil {
					t.Errorf("writing: %v", err)
					return
				}
				// Hot rows with pauses between their writes, so that they are read from the cache.
				<-time.After(rand.N(10 * time.Millisecond))
			}
		})
		for range 2 {
			wg.Go(func() {
				var own []time.Duration
				for going() {
					row := rand.IntN(rows)
					var item Through
					at := time.Now()
					if err := i.First(&item, row+1).Error; err != nil {
						t.Errorf("reading: %v", err)
						break
					}
					own = append(own, truth[row].age(item.N, at))
				}
				mu.Lock()
				defer mu.Unlock()
				ages = append(ages, own...)
			})
		}
	}
	written := func(more int64) { // waits for so many writes of each row
		var until [rows]int64
		for row := range until {
			until[row] = latest[row].Load() + more
		}
		require.Eventually(t, func() bool {
			for row, n := range until {
				if going() && latest[row].Load() < n {
					return false
				}
			}
			return true
		}, soon, often)
	}
	written(10)
	p.cut()
	instances[2].current(t, false)
	written(50)
	p.mend()
	instances[2].current(t, true)
	wg.Wait()
	slices.Sort(ages)
	hits := uint64(0)
	for _, i := range instances {
		hits += i.plugin.Stats().Hits
	}
	stale, _ := slices.BinarySearch(ages, time.Nanosecond)
	t.Logf("%d reads, %d of them hits, %d older than the last commit; age at p99 %v, at most %v",
		len(ages), hits, len(ages)-stale, ages[len(ages)*99/100], ages[len(ages)-1])
	require.NotZero(t, hits)
	require.LessOrEqual(t, ages[len(ages)-1], lease)
	for row := range truth {
		for _, i := range instances {
			require.Eventually(t, func() bool {
				var item Through
				require.NoError(t, i.First(&item, row+1).Error)
				return item.N == latest[row].Load()
			}, soon, often)
		}
	}
}
