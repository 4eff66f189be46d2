package cacheplugin

import (
	"maps"
	"slices"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// events is a set of the events of a table. The bits are those of pg_trigger.tgtype.
type events uint8

const (
	onInsert   events = 4
	onDelete   events = 8
	onUpdate   events = 16
	onTruncate events = 32

	onAny = onInsert | onDelete | onUpdate | onTruncate
)

// maxReached is how many tables a write may reach before it counts as a write of everything.
const maxReached = 1000

// graph is how writes of tables set off writes of others, as far as the tables around one of them go.
type graph struct {
	nodes map[string]*node // by an identifier of the database's own
}

// node is a table in a graph.
type node struct {
	folded   string
	fires    events // those on which triggers and rules of its own run
	opaque   bool   // a view or the like: what a write of it writes is not followed
	replaces bool   // INSERT and UPDATE may delete rows that stand in their way
	actions  []keyAction
	parents  []string // tables whose rows contain those of this one
	children []string
}

// keyAction is a foreign key's: what happens to the table that has the key when the one it refers to is written.
type keyAction struct {
	on   events
	to   string
	then events
}

func newGraph() *graph { return &graph{nodes: map[string]*node{}} }

// node returns the node of an identifier and makes it if there is none.
func (g *graph) node(id string) *node {
	n := g.nodes[id]
	if n == nil {
		n = &node{}
		g.nodes[id] = n
	}
	return n
}

// name gives a node the name its tag is made from.
func (g *graph) name(id, table string) *node {
	n := g.node(id)
	n.folded = sqltext.Name{Table: table}.Folded()
	return n
}

// refer notes a foreign key of child to parent, by what it does to child's rows.
func (g *graph) refer(parent, child string, onDeletes, onUpdates events) {
	n := g.node(parent)
	if onDeletes != 0 {
		n.actions = append(n.actions, keyAction{on: onDelete, to: child, then: onDeletes})
	}
	if onUpdates != 0 {
		n.actions = append(n.actions, keyAction{on: onUpdate, to: child, then: onUpdates})
	}
}

// inherit notes that parent's rows contain those of child.
func (g *graph) inherit(parent, child string) {
	g.node(parent).children = append(g.node(parent).children, child)
	g.node(child).parents = append(g.node(child).parents, parent)
}

// walkPlace is a table that is written, directly or as a part of a table below it in an inheritance tree. The latter goes no
// further down: the rows of its other parts are not touched.
type walkPlace struct {
	id string
	up bool
}

// walk follows what a write sets off.
type walk struct {
	graph   *graph
	named   map[string][]string
	seen    map[walkPlace]events
	queue   []walkStep
	reached map[string]struct{}
	all     bool
}

type walkStep struct {
	walkPlace
	on   events
	from string // the parent it came down from
}

// reach returns the folded names of all tables that the event on one table leads to, sorted; the table itself is among
// them only if something leads back to it. all is true if a trigger or a rule on the way may write anywhere.
func (g *graph) reach(start string, on events, named map[string][]string) (names []string, all bool) {
	w := walk{graph: g, named: named, seen: map[walkPlace]events{}, reached: map[string]struct{}{}}
	w.queue = append(w.queue, walkStep{walkPlace: walkPlace{id: start}, on: on})
	w.seen[walkPlace{id: start}] = on
	for len(w.queue) > 0 && !w.all {
		next := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		w.leave(next)
	}
	if w.all || len(w.reached) > maxReached {
		return nil, true
	}
	return slices.Sorted(maps.Keys(w.reached)), false
}

// leave goes from a table to those next to it.
func (w *walk) leave(s walkStep) {
	n := w.graph.nodes[s.id]
	if n == nil || n.folded == "" || n.opaque {
		w.all = true
		return
	}
	if n.fires&s.on != 0 {
		w.fire(n)
	}
	if n.replaces && s.on&(onInsert|onUpdate) != 0 {
		w.enter(walkPlace{id: s.id}, onDelete, "")
	}
	for _, a := range n.actions {
		if a.on&s.on != 0 {
			w.enter(walkPlace{id: a.to}, a.then, "")
		}
	}
	on := s.on
	if on&onUpdate != 0 {
		on |= onInsert | onDelete // a row may move from one partition to another
	}
	for _, parent := range n.parents {
		if parent != s.from {
			w.enter(walkPlace{id: parent, up: true}, on, "")
		}
	}
	if s.up {
		return
	}
	for _, child := range n.children {
		w.enter(walkPlace{id: child}, on, s.id)
	}
}

// fire goes where triggers and rules lead. A table that the application named and nobody finds may be a mistake.
func (w *walk) fire(n *node) {
	targets, known := w.named[n.folded]
	if !known {
		w.all = true
		return
	}
	for _, target := range targets {
		found := false
		for id, m := range w.graph.nodes {
			if m.folded == target {
				found = true
				w.enter(walkPlace{id: id}, onAny, "")
			}
		}
		if !found {
			w.all = true
			return
		}
	}
}

func (w *walk) enter(v walkPlace, on events, from string) {
	if n := w.graph.nodes[v.id]; n != nil && n.folded != "" {
		w.reached[n.folded] = struct{}{}
	}
	if more := on &^ w.seen[v]; more != 0 {
		w.seen[v] |= on
		w.queue = append(w.queue, walkStep{v, more, from})
	}
}
