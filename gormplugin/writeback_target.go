package cacheplugin

import (
	"strings"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// target is a database table as a flush writes it. It is not changed once made.
type target struct {
	plugin  *Plugin
	name    string        // as SQL
	columns []dirtyColumn // in the order of SELECT *
	quoted  []string      // their names, as SQL
	keyAt   []int         // places of the key columns
	wants   []string      // columns besides these that must have a value
}

func (t *target) isKey(at int) bool {
	for _, k := range t.keyAt {
		if k == at {
			return true
		}
	}
	return false
}

// list is a new list of rows for a statement on the table.
func (t *target) list() source {
	if t.plugin.dialect == sqltext.Postgres {
		return &arrays{target: t}
	}
	return &tuples{target: t}
}

// inserted are the places of the columns that an INSERT names.
func (t *target) inserted() []int {
	places := make([]int, 0, len(t.columns))
	for at := range t.columns {
		if !t.columns[at].generated && !t.columns[at].missing {
			places = append(places, at)
		}
	}
	return places
}

// into is the beginning of an INSERT of the columns.
func (t *target) into(places []int) string {
	names := make([]string, len(places))
	for i, at := range places {
		names[i] = t.quoted[at]
	}
	text := "INSERT INTO " + t.name + " (" + strings.Join(names, ", ") + ")"
	if t.plugin.dialect == sqltext.Postgres {
		text += " OVERRIDING SYSTEM VALUE" // the key was the caller's choice, identity or not
	}
	return text
}

// keyNames are the key columns, as SQL.
func (t *target) keyNames() string {
	names := make([]string, len(t.keyAt))
	for i, at := range t.keyAt {
		names[i] = t.quoted[at]
	}
	return strings.Join(names, ", ")
}

func (t *target) conflictKeys() string { return " ON CONFLICT (" + t.keyNames() + ") DO " }
