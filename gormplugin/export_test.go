package cacheplugin

import (
	"time"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/policy"
)

// NarrowedColumns are the columns of the table that queries are narrowed on, in their places.
func NarrowedColumns(p *Plugin, table string) []string { return p.narrowed.columns(table) }

// Policy is the strategy of a model.
func Policy(p *Plugin, db *gorm.DB, v any) policy.Strategy {
	s, err := parseModel(db, v)
	if err != nil {
		return policy.Off
	}
	return p.modelOf(s).policy.Strategy
}

// Mix is what Advise measures of a model.
type Mix struct {
	Strategy                                             policy.Strategy
	Critical                                             bool
	Hits, Misses, Uncached, Writes, Absolute, Arithmetic uint64
	Over                                                 time.Duration
}

// Advice is what Advise says of it.
func (m Mix) Advice(table string) Advice {
	x := mix{
		table: table, policy: policy.Policy{Strategy: m.Strategy, Critical: m.Critical}.WithDefaults(), over: m.Over,
		hits: m.Hits, misses: m.Misses, uncached: m.Uncached, writes: m.Writes, absolute: m.Absolute, arithmetic: m.Arithmetic,
	}
	return x.advice()
}
