package cacheplugin

import (
	"context"
	"slices"
	"strings"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/policy"
)

// installer turns returned rows into what Publish puts into the cache.
type installer struct {
	statement *statement
	plan      *writePlan
	effects   *effects
	scope     string
}

// install stages each returned row, or the absence of each deleted one. A row of the conditions that did not come back
// was not changed, or not there: it is invalidated only.
func (n *installer) install(ctx context.Context, v rowset.View) {
	s, m := n.statement, n.statement.model
	columns := make([]int, len(m.keys))
	for i, f := range m.keys {
		columns[i] = columnOf(v, f.DBName)
	}
	places := n.places(v)
	must := m.policy.OnFail != policy.OnFailInvalidate
	returned := map[coherence.Tag]bool{}
	for it := v.Rows(); it.Next(); {
		key, deleted, ok := n.read(v, it, columns)
		if !ok {
			n.effects.touch(s.table())
			return
		}
		tag := s.table().RowText(key...)
		returned[tag] = true
		values, told := n.values(v, it, places)
		announced := s.told(ctx, n.plan.tells, tag, key, values, told)
		n.effects.stage(tag, announced, n.entries(v, it, key, deleted, tag), must)
	}
	if !switches.On(switches.InstallReturned) {
		for _, key := range n.plan.pins {
			if tag := s.table().RowText(key...); !returned[tag] {
				n.effects.stage(tag, []coherence.Tag{tag}, []coherence.Install{n.entry(viewLive, key, tag, absent)}, false)
			}
		}
	}
}

func columnOf(v rowset.View, name string) int {
	for i := range v.NumColumns() {
		if strings.EqualFold(v.ColumnName(i), name) {
			return i
		}
	}
	return -1
}

// places are where the columns stand whose values are told, nil if none are or one is missing.
func (n *installer) places(v rowset.View) []int {
	if n.plan.tells == nil {
		return nil
	}
	places := make([]int, len(n.plan.tells.names))
	for i, name := range n.plan.tells.names {
		if places[i] = columnOf(v, name); places[i] < 0 {
			return nil
		}
	}
	return places
}

// values are the tags of the values of the row the iterator stands on; told is false if not all can be told.
func (n *installer) values(v rowset.View, it rowset.Iterator, places []int) (tags []coherence.Tag, told bool) {
	told = len(places) > 0
	for i := 0; told && i < v.NumColumns(); i++ {
		value := it.Value()
		if at := slices.Index(places, i); at >= 0 {
			tags, told = n.plan.tells.value(tags, n.statement.table(), at, value)
		}
	}
	return tags, told
}

// read finds the key of the row the iterator stands on, and whether it is soft-deleted.
func (n *installer) read(v rowset.View, it rowset.Iterator, columns []int) (key []string, deleted, ok bool) {
	m := n.statement.model
	soft := -1
	if m.soft != nil && !n.plan.deletes {
		if soft = columnOf(v, m.soft.DBName); soft < 0 {
			return nil, false, false
		}
	}
	key = make([]string, len(columns))
	for i := range v.NumColumns() {
		value := it.Value()
		for j, c := range columns {
			if c == i {
				if key[j], ok = keyOfValue(n.plan.classes[j], value); !ok {
					return nil, false, false
				}
			}
		}
		if i == soft {
			deleted = !value.IsNull()
		}
	}
	return key, deleted, len(key) > 0
}

// entries are the cache entries that follow from one row: one for each view that reads by key may have.
func (n *installer) entries(v rowset.View, it rowset.Iterator, key []string, deleted bool, tag coherence.Tag) []coherence.Install {
	m := n.statement.model
	if n.plan.deletes {
		all := []coherence.Install{n.entry(viewLive, key, tag, absent)}
		if m.soft != nil {
			all = append(all, n.entry(viewAll, key, tag, absent))
		}
		return keepable(all)
	}
	row, err := rowEntry(v, it)
	if err != nil || n.statement.plugin.hiding(m) {
		return nil
	}
	live := row
	if deleted {
		live = absent
	}
	all := []coherence.Install{n.entry(viewLive, key, tag, live)}
	if m.soft != nil {
		all = append(all, n.entry(viewAll, key, tag, row))
	}
	return keepable(all)
}

// keepable drops absences that the policy does not remember, which entry marks by an empty key.
func keepable(all []coherence.Install) []coherence.Install {
	kept := all[:0]
	for _, in := range all {
		if in.Key != "" {
			kept = append(kept, in)
		}
	}
	return kept
}

func (n *installer) entry(v view, key []string, tag coherence.Tag, value []byte) coherence.Install {
	s := n.statement
	in := coherence.Install{Cache: s.plugin.engine.Rows(), Value: value, Row: tag, Life: s.model.life}
	if len(value) == len(absent) {
		if !s.model.remember {
			return in
		}
		in.Life = s.model.negative
	}
	in.Key = string(s.plugin.rowKey(nil, n.scope, s.model, v, key...))
	return in
}
