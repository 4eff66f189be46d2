package cacheplugin

import (
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
