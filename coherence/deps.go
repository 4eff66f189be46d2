package coherence

import (
	"context"
	"slices"
	"sync"
)

// MaxStamps is how many words one page may stand on.
const MaxStamps = 4096

// Deps collects what a page is made from: the stamps of every read the plugin did with the page's context, and the
// reasons why stamps alone cannot vouch for it. It is safe for all goroutines of a handler.
type Deps struct {
	engine *Engine
	parent *Deps
	scope  string

	mu     sync.Mutex     // guards all below
	stamps Stamps         // in the order of first reading
	index  map[uint32]int // word -> place in stamps, once there are many
	notes  []Note
	reads  int
	sealed func(Note)
}

// Note is a reason with the place that caused it.
type Note struct {
	Reason Reason
	Site   string // file:line of the application's call; "" when it is not known
}

type depsKey struct{}

// Collect returns a context that carries a new dependency set for one page. Sets nest: what the inner one collects
// counts for the outer one, too, and [Deps.Stamps] of the inner holds what the outer had collected before.
func (e *Engine) Collect(ctx context.Context) (context.Context, *Deps) {
	d := &Deps{engine: e, scope: e.Scope(ctx)}
	if outer := DepsOf(ctx); outer != nil && outer.engine == e {
		d.parent = outer
	}
	return context.WithValue(ctx, depsKey{}, d), d
}

// DepsOf is the dependency set the context carries, or nil.
func DepsOf(ctx context.Context) *Deps {
	d, _ := ctx.Value(depsKey{}).(*Deps)
	return d
}

// Depend makes the page of ctx stand on the tags. Call it before the data is read. Without a page it does nothing.
func Depend(ctx context.Context, tags ...Tag) {
	if d := DepsOf(ctx); d != nil {
		d.Read(d.engine.Stamp(nil, tags...))
	}
}

// Untracked marks the page of ctx as made from something the plugin cannot see: without explicit freshness it is not stored.
func Untracked(ctx context.Context) {
	if d := DepsOf(ctx); d != nil {
		d.Refuse(ReasonUntracked)
	}
}

// Read adds the stamps of one read, taken before its data was.
func (d *Deps) Read(s Stamps) {
	for ; d != nil; d = d.parent {
		d.add(s)
	}
}

func (d *Deps) add(s Stamps) {
	d.mu.Lock()
	late := d.sealed
	d.reads++
	for _, st := range s {
		d.put(st)
	}
	over := len(d.stamps) > MaxStamps
	d.mu.Unlock()
	if over {
		d.note(ReasonMany)
	}
	if late != nil {
		late(Note{Reason: ReasonLate, Site: CallSite()})
	}
}

// put adds a stamp; of two of one word the older stands. Call with mu held.
func (d *Deps) put(st Stamp) {
	const scanned = 32
	if d.index == nil {
		if len(d.stamps) < scanned {
			d.stamps = d.stamps.with(st)
			return
		}
		d.index = make(map[uint32]int, 2*scanned)
		for i, have := range d.stamps {
			d.index[have.Word] = i
		}
	}
	if i, ok := d.index[st.Word]; ok {
		d.stamps[i].Version = min(d.stamps[i].Version, st.Version)
		return
	}
	if len(d.stamps) <= MaxStamps {
		d.index[st.Word] = len(d.stamps)
		d.stamps = append(d.stamps, st)
	}
}

// Refuse notes why stamps alone cannot vouch for the page, with the line of the application that caused it.
func (d *Deps) Refuse(r Reason) {
	for ; d != nil; d = d.parent {
		d.note(r)
	}
}

func (d *Deps) note(r Reason) {
	d.mu.Lock()
	late := d.sealed
	known := slices.ContainsFunc(d.notes, func(n Note) bool { return n.Reason == r })
	d.mu.Unlock()
	if known && late == nil {
		return
	}
	n := Note{Reason: r, Site: CallSite()}
	d.mu.Lock()
	d.notes = append(d.notes, n)
	d.mu.Unlock()
	if late != nil {
		late(n)
	}
}

// Scoped checks a read's scope against the one the page's key holds.
func (d *Deps) Scoped(scope string) {
	for ; d != nil; d = d.parent {
		if d.scope != scope {
			d.note(ReasonScope)
		}
	}
}

// Scope is the scope of the context the set was made for.
func (d *Deps) Scope() string { return d.scope }

// Reads is the number of reads collected, those of outer sets included.
func (d *Deps) Reads() int {
	n := 0
	for ; d != nil; d = d.parent {
		d.mu.Lock()
		n += d.reads
		d.mu.Unlock()
	}
	return n
}

// Stamps are all stamps collected so far, those of outer sets included.
func (d *Deps) Stamps() Stamps {
	var all Stamps
	for ; d != nil; d = d.parent {
		d.mu.Lock()
		all = all.Merge(d.stamps)
		d.mu.Unlock()
	}
	return all
}

// Notes are the reasons collected so far, the first one first, those of outer sets included.
func (d *Deps) Notes() []Note {
	var all []Note
	for ; d != nil; d = d.parent {
		d.mu.Lock()
		all = append(all, d.notes...)
		d.mu.Unlock()
	}
	return all
}

// Seal ends collecting: the page is finished. A read or reason that comes later is handed to late, which may be called
// from any goroutine.
func (d *Deps) Seal(late func(Note)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sealed = late
}
