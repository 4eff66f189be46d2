package journal_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
)

// BenchmarkAppend has writers that each wait for their record, of 256 bytes, before the next.
func BenchmarkAppend(b *testing.B) {
	for _, ack := range []journal.Ack{journal.AckMemory, journal.AckJournal, journal.AckDisk} {
		for _, writers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%v/writers=%d", ack, writers), func(b *testing.B) {
				j := openNew(b, b.TempDir(), journal.Options{Database: "shop"})
				payload := make([]byte, 256)
				b.ReportAllocs()
				b.ResetTimer()
				var group sync.WaitGroup
				for w := range writers {
					n := (b.N + w) / writers
					group.Go(func() {
						for range n {
							sequence, err := j.Append(b.Context(), payload, ack)
							if err != nil {
								b.Error(err)
								return
							}
							j.Release(sequence)
						}
					})
				}
				group.Wait()
				b.StopTimer()
				stats := j.Stats()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
				if stats.Syncs > 0 {
					b.ReportMetric(float64(b.N)/float64(stats.Syncs), "appends/sync")
					b.ReportMetric(float64(stats.SyncTime.Microseconds())/float64(stats.Syncs), "µs/sync")
				}
				require.NoError(b, j.Close(b.Context()))
			})
		}
	}
}
