package api

import (
	"net/http"

	"github.com/cachewright/cachewright/demoapp/internal/meter"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
)

// stats is what GET /stats answers: what the cache did, and what the database saw of it.
type stats struct {
	Handled    int64                `json:"pages_made"`     // by a handler, as opposed to the page cache
	Pages      map[string]int64     `json:"pages"`          // requests, by what became of them
	Rows       cached               `json:"rows"`           // and query results
	Uncached   map[string]uint64    `json:"uncached_reads"` // by reason
	WriteBack  map[string]writeBack `json:"writeback"`      // by table
	Statements []statement          `json:"statements"`     // that reached the database

	NotModified int64        `json:"not_modified"` // answers 304
	Models      []modelStats `json:"models"`
}

// modelStats is how a model is used, and which policy would serve that better.
type modelStats struct {
	Table  string `json:"table"`
	Policy string `json:"policy"`
	Reads  uint64 `json:"reads"`
	Hits   uint64 `json:"hits"`
	Writes uint64 `json:"writes"`
	Better string `json:"better"`
	Saves  uint64 `json:"saves"`
	Advice string `json:"advice"`
}

// cached is how the cache did with reads of rows and queries.
type cached struct {
	Hits      uint64 `json:"hits"`
	Misses    uint64 `json:"misses"`
	Stale     uint64 `json:"stale"` // misses because a commit had come between
	Coalesced uint64 `json:"coalesced"`
}

// writeBack is how one write-back table stands.
type writeBack struct {
	Pending int    `json:"pending"` // rows that are not in the database yet
	LagMS   int64  `json:"lag_ms"`  // age of the oldest of them
	Changes uint64 `json:"changes"`
	Flushed uint64 `json:"flushed"` // rows that the changes became
	Batches uint64 `json:"batches"`
	Dead    uint64 `json:"dead"`
}

// statement is how often one kind of statement reached the database.
type statement struct {
	Table string `json:"table,omitempty"`
	Verb  string `json:"verb"`
	meter.Count
}

// showStats answers GET /stats.
func (a *API) showStats(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	return answer(w, http.StatusOK, a.newStats(a.stats(), a.meter.Counts()))
}

func (a *API) newStats(cache cacheplugin.Stats, counts meter.Counts) stats {
	s := stats{
		Handled: a.Handled(), Pages: map[string]int64{}, Uncached: map[string]uint64{},
		WriteBack: map[string]writeBack{}, Statements: []statement{}, Models: []modelStats{},
		Rows: cached{
			Hits: cache.Hits, Misses: cache.Misses,
			Stale: cache.Engine.Rows.Stale, Coalesced: cache.Engine.Rows.Coalesced,
		},
	}
	a.mu.Lock()
	for outcome, n := range a.outcomes {
		s.Pages[string(outcome)] = n
	}
	s.NotModified = a.notModified
	a.mu.Unlock()
	for reason, n := range cache.Uncached {
		s.Uncached[string(reason)] = n
	}
	for table, t := range cache.WriteBack {
		s.WriteBack[table] = writeBack{
			Pending: t.Rows, LagMS: t.Oldest.Milliseconds(), Changes: t.Changes, Flushed: t.Flushed, Batches: t.Batches, Dead: t.Dead,
		}
	}
	for _, m := range a.advise() {
		s.Models = append(s.Models, modelStats{
			Table: m.Table, Policy: m.Policy.String(), Reads: m.Reads, Hits: m.Hits, Writes: m.Writes,
			Better: m.Better.String(), Saves: m.Saves, Advice: m.Line,
		})
	}
	for _, kind := range counts.Kinds() {
		s.Statements = append(s.Statements, statement{Table: kind.Table, Verb: kind.Verb, Count: counts[kind]})
	}
	return s
}
