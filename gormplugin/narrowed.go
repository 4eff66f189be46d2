package cacheplugin

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/policy"
)

// maxNarrowed is how many tables may have columns that queries are narrowed on; queries of further tables stand on the table.
const maxNarrowed = 1024

// narrowed remembers the columns that queries are narrowed on, by folded table, in the order in which they came. None is ever
// forgotten: a column's place is its number in the tags, see coherence.Tag.Value. So it is bounded by refusing what is new.
type narrowed struct {
	mu     sync.Mutex // guards changes; a map that was stored does not change any more
	tables atomic.Pointer[map[string][]string]
}

// columns are those of the table that queries are narrowed on, in lower case; nil for most tables.
func (n *narrowed) columns(table string) []string {
	tables := n.tables.Load()
	if tables == nil {
		return nil
	}
	return (*tables)[table]
}

// place is the number of a column, given out when it is asked for the first time; 0 if there is none left.
func (n *narrowed) place(table, column string) int {
	if i := slices.Index(n.columns(table), column); i >= 0 {
		return i + 1
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.columns(table)
	if i := slices.Index(known, column); i >= 0 {
		return i + 1
	}
	tables := map[string][]string{}
	if old := n.tables.Load(); old != nil {
		tables = maps.Clone(*old)
	}
	if len(known) == coherence.MaxColumns || known == nil && len(tables) == maxNarrowed {
		return 0
	}
	tables[strings.Clone(table)] = append(slices.Clip(known), strings.Clone(column))
	n.tables.Store(&tables)
	return len(known) + 1
}

// narrow is the tag of the value that the query's condition fixes a column to. It is the table's own where no column is
// fixed for sure, or where writes could not tell what value their rows had. Of several columns one is enough: that which is
// likely to have the most values.
func (r *reader) narrow(v *sqltext.Read, rel *relation) coherence.Tag {
	p, m := r.plugin, r.model
	table := coherence.TableTag(v.Tables[0].Folded())
	if m.off() || m.policy.Strategy == policy.WriteBack || m.folded != v.Tables[0].Folded() || rel.fixable == nil {
		return table
	}
	best, rank, text := "", 0, ""
	for _, f := range v.Fixed {
		column := strings.ToLower(f.Column)
		if _, ok := rel.fixable[column]; !ok {
			continue
		}
		value := f.Literal
		if f.Arg >= 0 {
			if f.Arg >= len(r.db.Statement.Vars) {
				return table
			}
			value = r.db.Statement.Vars[f.Arg]
		}
		class := rel.keys[column]
		if canonical, ok := canonicalKey(class, value); ok && selective[class] > rank {
			best, rank, text = column, selective[class], canonical
		}
	}
	if best == "" {
		return table
	}
	return table.Value(best, text, p.narrowed.place(m.folded, best))
}

// selective ranks classes of columns by how many values one is likely to have.
var selective = map[keyClass]int{keyBool: 1, keyBytes: 2, keyText: 3, keyInt: 4, keyUUID: 5}
