package cacheplugin

import (
	"slices"
	"strings"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/switches"
)

// relation is what the database says of a table. It does not change once it is made. In a relation that does not exist
// nothing is true, and a write of it counts as a write of everything.
type relation struct {
	name       sqltext.Name
	generation uint64 // of the catalogue when it was read
	exists     bool
	passing    bool // read under an old snapshot: true for its transaction, and for nobody after it

	// ordinary is a plain base table: no view, materialised view, foreign or virtual table, no partition, parent or child
	// of others, no temporary table, no table of the server's own.
	ordinary bool
	// rowSecurity is set if callers may see different rows of it.
	rowSecurity bool
	columns     []string            // in the order of SELECT *, as stored
	keys        map[string]keyClass // of every column, by its name in lower case
	// fixable are the columns that a query may be narrowed on, from the name in lower case to the name as it is stored. It is nil
	// where a write cannot tell what value its rows had: where a trigger may change a row before it is written or
	// after, or a RETURNING might be refused. A column computed from others changes with them, so it is none of these.
	fixable map[string]string
	unique  [][]string // column sets, in lower case and sorted, of which no two rows share non-NULL values
	// identity are the columns by which rows are told apart, in lower case and sorted: those of the primary key, or of the first
	// unique set where there is none. A model with another key has rows of its own making: nothing of it is cached by key,
	// and its writes move the table.
	identity []string

	// returning is set if a RETURNING of all columns is sure to add no error: an ordinary table that the current user may
	// read in full, without rules, row security for this user, or columns computed when they are read.
	returning bool
	// installs is set if what RETURNING gives is what is stored: nothing runs after it that may change the row again.
	installs bool
	// triggered is set if triggers or rules of its own run when its rows are written.
	triggered bool

	// The folded names of the tables that a statement may write besides those it names: by foreign-key actions, through any
	// number of tables, by inheritance, and by triggers and rules whose tables the application has named. The four flags
	// are set where triggers or rules may write anywhere.
	insertReaches, updateReaches, deleteReaches, truncateReaches []string
	insertAll, updateAll, deleteAll, truncateAll                 bool

	// keyed is set if an UPDATE reaches other tables only by actions on columns, and not at all when it assigns none of acted.
	keyed bool
	acted map[string]struct{} // in lower case

	// What only MySQL is asked: whether a value that does not fit its column is an error; whether no unique key but the primary
	// one exists; the auto-increment column in lower case, to which 0 gives a number of its own.
	strict  bool
	sole    bool
	counted string

	replaces bool // an INSERT may delete rows that stand in its way, by the wording of the statement alone
	tags     [opDelete + 1][]coherence.Tag
	plain    []coherence.Tag // of an INSERT that can meet no row
}

var everything = []coherence.Tag{coherence.Everything()}

// reached returns the tags of what an SQL statement may write besides the rows of the table itself: opCreate stands for
// INSERT, also where it replaces or updates the row in its way, opUpdate for UPDATE (a soft delete is one), opDelete for
// DELETE, opRaw for any of these and TRUNCATE. Of a table nobody can see it is everything. The caller does not change
// what it gets.
func (r *relation) reached(op operation) []coherence.Tag {
	if r == nil || !r.exists || int(op) >= len(r.tags) {
		return everything
	}
	return r.tags[op]
}

// reachedInserting is reached for an INSERT without a conflict clause and without OR REPLACE.
func (r *relation) reachedInserting() []coherence.Tag {
	if r == nil || !r.exists {
		return everything
	}
	return r.plain
}

// reachedSetting is reached for an UPDATE that assigns these columns and no other: foreign keys act only when a column
// they refer to changes.
func (r *relation) reachedSetting(columns []string) []coherence.Tag {
	if r == nil || !r.exists || !r.keyed {
		return r.reached(opUpdate)
	}
	for _, column := range columns {
		if _, ok := r.acted[strings.ToLower(column)]; ok {
			return r.reached(opUpdate)
		}
	}
	return nil
}

// identifies reports whether the database lets no two rows have the same values in these columns.
func (r *relation) identifies(columns []string) bool {
	if r == nil {
		return false
	}
	wanted := sortedNames(columns)
	for _, set := range r.unique {
		if slices.Equal(set, wanted) {
			return true
		}
	}
	return false
}

// identify fills in identity; the unique sets are in. primary is nil if there is no primary key.
func (r *relation) identify(primary []string) {
	if len(primary) > 0 {
		r.identity = sortedNames(primary)
		return
	}
	for _, set := range r.unique {
		if r.identity == nil || slices.Compare(set, r.identity) < 0 {
			r.identity = set
		}
	}
}

// identifiedBy reports whether rows are told apart by the model's key.
func (r *relation) identifiedBy(m *model) bool {
	if len(m.keys) == 0 || len(r.identity) != len(m.keys) {
		return false
	}
	for i, f := range m.keys {
		if !strings.EqualFold(f.DBName, r.identity[i]) {
			return false
		}
	}
	return true
}

// sortedNames are names in lower case, sorted.
func sortedNames(names []string) []string {
	sorted := make([]string, len(names))
	for i, name := range names {
		sorted[i] = strings.ToLower(name)
	}
	slices.Sort(sorted)
	return sorted
}

// fix fills in what queries may be narrowed on; the other facts are in. computed are columns in lower case, and those that
// another column differs from by case alone.
func (r *relation) fix(computed map[string]bool) {
	if !r.ordinary || !r.returning || r.triggered && switches.On(switches.NarrowTriggers) {
		return
	}
	r.fixable = map[string]string{}
	for _, column := range r.columns {
		if name := strings.ToLower(column); r.keys[name] != keyNone && !computed[name] {
			r.fixable[name] = column
		}
	}
}

// follow fills in what writes of the node reach.
func (r *relation) follow(g *graph, self string, named map[string][]string) {
	r.insertReaches, r.insertAll = g.reach(self, onInsert, named)
	r.updateReaches, r.updateAll = g.reach(self, onUpdate, named)
	r.deleteReaches, r.deleteAll = g.reach(self, onDelete, named)
	r.truncateReaches, r.truncateAll = g.reach(self, onTruncate, named)
	r.triggered = g.node(self).fires != 0
	// A chain of actions that comes back to the table may change the row that was returned.
	if folded := g.node(self).folded; r.insertAll || r.updateAll ||
		slices.Contains(r.insertReaches, folded) || slices.Contains(r.updateReaches, folded) {
		r.installs = false
	}
}

// act notes a column whose change sets off foreign-key actions.
func (r *relation) act(column string) {
	if r.acted == nil {
		r.acted = map[string]struct{}{}
	}
	r.acted[strings.ToLower(column)] = struct{}{}
}

// addUnique notes a set of columns.
func (r *relation) addUnique(columns []string) {
	if slices.Contains(columns, "") {
		return // an expression
	}
	r.unique = append(r.unique, sortedNames(columns))
}

// seal makes the tags, once, of what has been found.
func (r *relation) seal() {
	insert, update, deletes := reachedTables{r.insertReaches, r.insertAll}, reachedTables{r.updateReaches, r.updateAll}, reachedTables{r.deleteReaches, r.deleteAll}
	r.plain = tagsOf(insert)
	r.tags[opUpdate] = tagsOf(update)
	r.tags[opDelete] = tagsOf(deletes)
	r.tags[opCreate] = tagsOf(insert, update)
	if r.replaces {
		r.tags[opCreate] = tagsOf(insert, update, deletes)
	}
	r.tags[opRaw] = tagsOf(insert, update, deletes, reachedTables{r.truncateReaches, r.truncateAll})
}

// reachedTables is a list of tables, or all there are.
type reachedTables struct {
	names []string
	all   bool
}

func tagsOf(lists ...reachedTables) []coherence.Tag {
	var names []string
	for _, list := range lists {
		if list.all {
			return everything
		}
		names = append(names, list.names...)
	}
	slices.Sort(names)
	var tags []coherence.Tag
	for _, name := range slices.Compact(names) {
		tags = append(tags, coherence.TableTag(name))
	}
	return slices.Clip(tags)
}
