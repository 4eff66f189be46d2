package dashboard

import (
	"context"
	"fmt"
	"html/template"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/load"
	"github.com/cachewright/cachewright/demoapp/internal/watch"
)

// The places of the two applications in the load and among the watchers.
const (
	ours = iota
	rival
)

// collection is what is known of both applications. Guarded by Dashboard.mu.
type collection struct {
	at      time.Time
	up      bool
	shop    shopStats
	before  shopStats
	rival   rivalStats
	seconds float64 // between the last two looks

	statementsOurs, statementsRival series
	hitsOurs, hitsRival             series
	staleOurs, staleRival           series
	latencyOurs, latencyRival       series
	reads, writes                   series
	pending, lag                    series
}

func newCollection() collection {
	return collection{
		statementsOurs: series{name: "Cachewright"}, statementsRival: series{name: "textbook"},
		hitsOurs: series{name: "Cachewright, rows"}, hitsRival: series{name: "textbook, answers"},
		staleOurs: series{name: "Cachewright"}, staleRival: series{name: "textbook"},
		latencyOurs: series{name: "Cachewright"}, latencyRival: series{name: "textbook"},
		reads: series{name: "reads"}, writes: series{name: "writes"},
		pending: series{name: "rows pending"}, lag: series{name: "oldest, in 10 ms"},
	}
}

// charts are all there are, in their order on the page.
func (c *collection) charts() []chart {
	return []chart{
		{"statements", "Statements that reached the database, a second", "statements", []*series{&c.statementsOurs, &c.statementsRival}},
		{"staleness", "Stale answers found so far", "answers", []*series{&c.staleOurs, &c.staleRival}},
		{"hits", "Hit ratio, percent", "percent", []*series{&c.hitsOurs, &c.hitsRival}},
		{"latency", "Latency, the slowest of 100 (ms)", "ms", []*series{&c.latencyOurs, &c.latencyRival}},
		{"calls", "Reads and writes of models, a second", "calls", []*series{&c.reads, &c.writes}},
		{"writeback", "Waiting for the database", "rows, and tens of ms", []*series{&c.pending, &c.lag}},
	}
}

// collect looks at the shop until the context ends.
func (d *Dashboard) collect(ctx context.Context) {
	tick := time.NewTicker(d.cfg.Every)
	defer tick.Stop()
	for {
		d.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look asks the shop once.
func (d *Dashboard) look(ctx context.Context) {
	var (
		shop  shopStats
		other rivalStats
	)
	status, err := d.request(ctx, http.MethodGet, "/stats", nil, &shop)
	up := err == nil && status == http.StatusOK
	if up {
		status, err = d.request(ctx, http.MethodGet, "/textbook/stats", nil, &other)
		up = err == nil && status == http.StatusOK
	}
	d.mu.Lock()
	c := &d.collection
	now := time.Now()
	seconds := now.Sub(c.at).Seconds()
	first := c.at.IsZero()
	c.at, c.up = now, up
	if up {
		c.before, c.shop = c.shop, shop
		before := c.rival
		c.rival, c.seconds = other, seconds
		if !first {
			c.add(before, d.cfg.Load.Figures(ours), d.cfg.Load.Figures(rival), d.watchers[ours].Figures(), d.watchers[rival].Figures())
		}
	}
	d.mu.Unlock()
	d.publish()
}

// add is one point more of every line.
func (c *collection) add(before rivalStats, loadOurs, loadRival load.Figures, watchOurs, watchRival watch.Figures) {
	perSecond := func(n int64) float64 { return float64(n) / c.seconds }
	c.statementsOurs.add(perSecond(grew(c.shop.sent(""), c.before.sent(""))))
	c.statementsRival.add(perSecond(grew(c.rival.Statements, before.Statements)))
	hits, misses := grew(c.shop.Rows.Hits, c.before.Rows.Hits), grew(c.shop.Rows.Misses, c.before.Rows.Misses)
	c.hitsOurs.add(100 * ratio(hits, hits+misses))
	hits, misses = grew(c.rival.Hits, before.Hits), grew(c.rival.Misses, before.Misses)
	c.hitsRival.add(100 * ratio(hits, hits+misses))
	c.staleOurs.add(float64(watchOurs.Stale))
	c.staleRival.add(float64(watchRival.Stale))
	c.latencyOurs.add(float64(loadOurs.P99.Microseconds()) / 1000)
	c.latencyRival.add(float64(loadRival.P99.Microseconds()) / 1000)
	var reads, writes, pending, lag int64
	for _, m := range c.shop.Models {
		old := c.before.model(m.Table)
		reads += grew(m.Reads, old.Reads)
		writes += grew(m.Writes, old.Writes)
	}
	for _, w := range c.shop.WriteBack {
		pending += w.Pending
		lag = max(lag, w.LagMS)
	}
	c.reads.add(perSecond(reads))
	c.writes.add(perSecond(writes))
	c.pending.add(float64(pending))
	c.lag.add(float64(lag) / 10)
}

// watch looks for stale answers until the context ends.
func (d *Dashboard) watch(ctx context.Context) {
	tick := time.NewTicker(d.cfg.Every / 10)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		product := 1
		if d.cfg.Load.Mix() != load.HotKey {
			product += rand.IntN(load.Products) //nolint:gosec // picks a row, guards nothing
		}
		for _, w := range d.watchers {
			w.Look(ctx, product, watch.Where(n%3))
		}
	}
}

// modelRow is a line of the table of models.
type modelRow struct {
	Table, Policy, Why, Advice string
	Reads, Writes, Hits, Sent  string
	Pending, Lag               string
	Changed                    bool
}

// reasons say why a model has the policy it has, for people.
var reasons = map[string]string{
	"products":       "read by everybody, changed now and then",
	"categories":     "read by everybody, hardly ever changed",
	"orders":         "read by their customer right after each change",
	"order_items":    "written with their order, read with it",
	"page_views":     "counted at each view; a crash may lose a second's worth",
	"sensor_metrics": "summed up many times a second; acknowledged in the journal, so that a crash loses none",
	"customers":      "no tag: never cached, yet pages made from a customer go stale with it",
}

func (d *Dashboard) models() []modelRow {
	c := &d.collection
	var rows []modelRow
	for _, m := range c.shop.Models {
		old := c.before.model(m.Table)
		hits, reads := grew(m.Hits, old.Hits), grew(m.Reads, old.Reads)
		row := modelRow{
			Table: m.Table, Policy: m.Policy, Why: reasons[m.Table], Advice: m.Advice,
			Reads: d.rate(reads), Writes: d.rate(grew(m.Writes, old.Writes)),
			Sent: d.rate(grew(c.shop.sent(m.Table), c.before.sent(m.Table))),
			Hits: "–", Pending: "–", Lag: "–",
		}
		if reads > 0 {
			row.Hits = fmt.Sprintf("%.0f %%", 100*ratio(hits, reads))
		}
		if w, ok := c.shop.WriteBack[m.Table]; ok {
			row.Pending, row.Lag = fmt.Sprint(w.Pending), fmt.Sprintf("%d ms", w.LagMS)
		}
		_, row.Changed = d.policies[m.Table]
		rows = append(rows, row)
	}
	return rows
}

func (d *Dashboard) rate(n int64) string {
	if d.collection.seconds <= 0 {
		return "0"
	}
	return number(float64(n) / d.collection.seconds)
}

// tile is a figure with its name.
type tile struct {
	Name, Value, Note string
	Bad               bool
}

func (d *Dashboard) tiles() []tile {
	c := &d.collection
	w := [2]watch.Figures{d.watchers[ours].Figures(), d.watchers[rival].Figures()}
	f := [2]load.Figures{d.cfg.Load.Figures(ours), d.cfg.Load.Figures(rival)}
	pages := c.shop.Pages["hit"] + c.shop.Pages["miss"] + c.shop.Pages["collapsed"]
	return []tile{
		{Name: "Stale answers, Cachewright", Value: fmt.Sprint(w[ours].Stale), Note: fmt.Sprintf("of %d looks that prove something", w[ours].Looks), Bad: w[ours].Stale > 0},
		{Name: "Stale answers, textbook", Value: fmt.Sprint(w[rival].Stale), Note: fmt.Sprintf("of %d looks", w[rival].Looks), Bad: w[rival].Stale > 0},
		{Name: "Page hits", Value: fmt.Sprintf("%.0f %%", 100*ratio(c.shop.Pages["hit"], pages)), Note: fmt.Sprintf("of %d pages, %d of them 304", pages, c.shop.NotModified)},
		{Name: "Coalesced", Value: fmt.Sprintf("%.1f %%", 100*ratio(c.shop.Rows.Coalesced, c.shop.Rows.Misses)), Note: fmt.Sprintf("of %d misses were answered by another's read", c.shop.Rows.Misses)},
		{Name: "Latency, Cachewright", Value: f[ours].Median.Round(10 * time.Microsecond).String(), Note: fmt.Sprintf("median; %s for the slowest of 100; %d errors", f[ours].P99.Round(100*time.Microsecond), f[ours].Errors)},
		{Name: "Latency, textbook", Value: f[rival].Median.Round(10 * time.Microsecond).String(), Note: fmt.Sprintf("median; %s for the slowest of 100; %d errors", f[rival].P99.Round(100*time.Microsecond), f[rival].Errors)},
	}
}

// drawn is a chart as the page has it.
type drawn struct {
	ID, Title   string
	SVG, Legend template.HTML
}

func (d *Dashboard) drawn() []drawn {
	var all []drawn
	for _, c := range d.collection.charts() {
		all = append(all, drawn{c.id, c.title, c.svg(), c.legend()})
	}
	return all
}
