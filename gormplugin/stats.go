package cacheplugin

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/cachewright/cachewright/coherence"
)

// Stats are the plugin's figures since db.Use. Each is read for itself: together they are no snapshot.
type Stats struct {
	Engine coherence.Stats

	Hits            uint64 // reads answered from the cache
	Misses          uint64 // reads that looked and went to the database
	WritesRefused   uint64 // write-through writes rolled back because the cache could not take the value
	UnknownOutcomes uint64 // writes whose COMMIT had no answer, and those in transactions the plugin cannot see the end of

	// Uncached counts the reads that went straight to the database, by reason.
	Uncached map[coherence.Reason]uint64

	// WriteBack has the figures of each write-back table, by table.
	WriteBack map[string]WriteBackStats

	// Journal is of this process's journal, Recovery of those that db.Use found; both are zero without WithJournal.
	Journal  JournalStats
	Recovery RecoveryStats
}

type counters struct {
	hits, misses, writesRefused, unknownOutcomes atomic.Uint64

	reasons sync.Map // coherence.Reason -> *atomic.Uint64
}

func (c *counters) refuse(why coherence.Reason) {
	n, ok := c.reasons.Load(why)
	if !ok {
		n, _ = c.reasons.LoadOrStore(why, new(atomic.Uint64))
	}
	n.(*atomic.Uint64).Add(1)
}

// Stats returns the figures as they are now.
func (p *Plugin) Stats() Stats {
	c := &p.stats
	s := Stats{
		Engine: p.engine.Stats(),
		Hits:   c.hits.Load(), Misses: c.misses.Load(),
		WritesRefused: c.writesRefused.Load(), UnknownOutcomes: c.unknownOutcomes.Load(),
		Uncached: map[coherence.Reason]uint64{},
	}
	c.reasons.Range(func(why, n any) bool {
		s.Uncached[why.(coherence.Reason)] = n.(*atomic.Uint64).Load()
		return true
	})
	if wb := p.started(); wb != nil {
		s.WriteBack = maps.Collect(wb.stats())
		s.Recovery = wb.recovered
		if wb.journal != nil {
			s.Journal = wb.journal.Stats()
		}
	}
	return s
}
