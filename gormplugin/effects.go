package cacheplugin

import (
	"slices"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
)

// effects is what a transaction has changed so far.
type effects struct {
	tags       []coherence.Tag
	seen       map[coherence.Tag]struct{} // of tags, once there are many
	rows       []stagedRow                // at most one per row
	savepoints []savepoint
	sequence   int
	ddl        bool
}

// stagedRow is what the last statement that touched a row got back of it.
type stagedRow struct {
	tag       coherence.Tag
	installs  []coherence.Install // empty: the row is only invalidated
	mustCache bool                // a value the cache cannot take fails the transaction
	sequence  int

	again *rereading // its installs are read again before COMMIT; nil: they are not
	key   []string   // of a row to be read again
}

// drop makes the row one that is only invalidated.
func (r *stagedRow) drop() { r.installs, r.again = nil, nil }

type savepoint struct {
	name     string
	sequence int
}

func (e *effects) empty() bool { return len(e.tags) == 0 }

// touch notes that the tags are written and nothing is known of their values: what was staged of these rows, or of rows
// that a table or everything covers, is not installed.
func (e *effects) touch(tags ...coherence.Tag) {
	e.sequence++
	for _, tag := range tags {
		e.add(tag)
		for i := range e.rows {
			if r := &e.rows[i]; r.tag == tag.Untold() || tag == coherence.Everything() || r.tag.Table() == tag {
				r.drop()
				r.sequence = e.sequence
			}
		}
	}
}

// stage notes that a row was written and what the database returned of it. announced are the tags of the row and its values.
func (e *effects) stage(tag coherence.Tag, announced []coherence.Tag, installs []coherence.Install, mustCache bool) {
	e.sequence++
	for _, t := range announced {
		e.add(t)
	}
	row := stagedRow{tag: tag, installs: installs, mustCache: mustCache, sequence: e.sequence}
	if staged := e.row(tag); staged != nil {
		*staged = row
		return
	}
	e.rows = append(e.rows, row)
}

// row is what is staged under the tag, nil for nothing.
func (e *effects) row(tag coherence.Tag) *stagedRow {
	if i := slices.IndexFunc(e.rows, func(r stagedRow) bool { return r.tag == tag }); i >= 0 {
		return &e.rows[i]
	}
	return nil
}

// dropAll makes all rows ones that are only invalidated.
func (e *effects) dropAll() {
	for i := range e.rows {
		e.rows[i].drop()
	}
}

func (e *effects) add(tag coherence.Tag) {
	const scanned = 16
	if e.seen == nil {
		if slices.Contains(e.tags, tag) {
			return
		}
		if len(e.tags) < scanned {
			e.tags = append(e.tags, tag)
			return
		}
		e.seen = make(map[coherence.Tag]struct{}, 4*scanned)
		for _, t := range e.tags {
			e.seen[t] = struct{}{}
		}
	}
	if _, ok := e.seen[tag]; !ok {
		e.seen[tag] = struct{}{}
		e.tags = append(e.tags, tag)
	}
}

// save remembers where a savepoint stands. A name used again hides the older one.
func (e *effects) save(name string) {
	e.savepoints = append(e.savepoints, savepoint{name: name, sequence: e.sequence})
}

// release forgets the savepoint and those set after it.
func (e *effects) release(name string) {
	if i := e.savepoint(name); i >= 0 {
		e.savepoints = e.savepoints[:i]
	}
}

// rollbackTo turns every row staged since the savepoint into a plain invalidation: what its statement returned is not
// what the database will hold, and what was staged before it may have been replaced. Tags stay, which costs misses only.
func (e *effects) rollbackTo(name string) {
	from := -1
	if i := e.savepoint(name); i >= 0 {
		from = e.savepoints[i].sequence
		e.savepoints = e.savepoints[:i+1]
	}
	if !switches.On(switches.SavepointDrops) {
		return
	}
	for i := range e.rows {
		if e.rows[i].sequence > from {
			e.rows[i].drop()
		}
	}
}

func (e *effects) savepoint(name string) int {
	for i := len(e.savepoints) - 1; i >= 0; i-- {
		if e.savepoints[i].name == name {
			return i
		}
	}
	return -1
}
