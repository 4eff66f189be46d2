package coherence

import (
	"context"
	"slices"
	"sync"
)

// MaxStamps is how many words one page may stand on.
const MaxStamps = 4096

// Deps collects what a page is made from: the stamps of every read the plugin did with the page's context, and the
// reasons why stamps alone cannot vouch for it. It is safe for all goroutines of a handler. A nil Deps collects nothing.
type Deps struct {
	engine *Engine
	outer  *Deps // of any engine, nil for none
	scope  string
	record *record // shared with the outer sets of the same engine

	mu     sync.Mutex // guards sealed
	sealed func(Note)
}

// record is what was collected for the outermost set and all within it.
type record struct {
	mu     sync.Mutex // guards what follows
	stamps stampSet   // in the order of first reading
	reads  int
	notes  []Note
	tables map[uint64]*tableReads // by the hash of the table's name
	scopes []scopeNote            // the first two that differ: one of them differs from any third
}

// scopeNote is a scope that something was read under, with the place of the first such read.
type scopeNote struct{ scope, site string }

// Note is a reason with the place that caused it.
type Note struct {
	Reason Reason
	Site   string // file:line of the application's call; "" when it is not known
}

type depsKey struct{}

// Collect returns a context that carries a new dependency set for one page. Sets nest: what the inner one collects
// counts for the outer one, too, and the inner one answers for all that the outer had collected before.
func (e *Engine) Collect(ctx context.Context) (context.Context, *Deps) {
	d := &Deps{engine: e, scope: e.Scope(ctx), outer: DepsOf(ctx)}
	if same := d.outer.of(e); same != nil {
		d.record = same.record
	} else {
		d.record = &record{}
	}
	return context.WithValue(ctx, depsKey{}, d), d
}

// DepsOf is the innermost dependency set the context carries, of whatever engine, or nil. Whoever has stamps to add asks
// [Engine.Deps]: stamps mean nothing to the set of another engine.
func DepsOf(ctx context.Context) *Deps {
	d, _ := ctx.Value(depsKey{}).(*Deps)
	return d
}

// Deps is the innermost of this engine's dependency sets that the context carries, or nil. Pages of other engines that are
// being made cannot be told when this engine's data changes: they are refused with [ReasonPool].
func (e *Engine) Deps(ctx context.Context) *Deps {
	var own *Deps
	DepsOf(ctx).each(func(d *Deps) {
		if d.engine == e {
			own = d
		} else {
			d.Refuse(ReasonPool)
		}
	})
	return own
}

// Detached returns a context that carries no dependency set, with all other values of ctx: for work that outlives the request
// it was started by, so that what is read for it is not late for the request's page.
func Detached(ctx context.Context) context.Context {
	return context.WithValue(ctx, depsKey{}, (*Deps)(nil))
}

// Depend makes the page of ctx stand on the tags. Call it before the data is read. Without a page it does nothing.
func Depend(ctx context.Context, tags ...Tag) {
	DepsOf(ctx).each(func(d *Deps) {
		others := make([]Tag, 0, len(tags))
		for _, t := range tags {
			if t.kind == kindRow {
				d.dependRow(t)
			} else {
				others = append(others, t)
			}
		}
		if len(others) > 0 || len(tags) == 0 {
			d.Read(d.engine.Stamp(nil, others...))
		}
	})
}

// Untracked marks the page of ctx as made from something the plugin cannot see: without explicit freshness it is not stored.
func Untracked(ctx context.Context) {
	DepsOf(ctx).each(func(d *Deps) { d.Refuse(ReasonUntracked) })
}

// Read adds the stamps of one read, taken before its data was. They must come from the set's own engine.
func (d *Deps) Read(s Stamps) {
	if d == nil {
		return
	}
	if !d.record.read(s) {
		d.note(ReasonMany)
	}
	d.tooLate(ReasonLate)
}

// Refuse notes why stamps alone cannot vouch for the page, with the line of the application that caused it.
func (d *Deps) Refuse(r Reason) {
	if d == nil {
		return
	}
	d.note(r)
	d.tooLate(r)
}

// Scoped notes the scope of a read. A set whose own scope, the one in its page's key, is another has [ReasonScope] among its
// notes. So has an inner set, when something was read under another scope before it was made.
func (d *Deps) Scoped(scope string) {
	if d == nil || !d.engine.scoped() {
		return
	}
	r := d.record
	r.mu.Lock()
	known := len(r.scopes) == 2 || slices.ContainsFunc(r.scopes, func(s scopeNote) bool { return s.scope == scope })
	r.mu.Unlock()
	if known {
		return
	}
	site := CallSite()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.scopes) < 2 && !slices.ContainsFunc(r.scopes, func(s scopeNote) bool { return s.scope == scope }) {
		r.scopes = append(r.scopes, scopeNote{scope, site})
	}
}

// Scope is the scope of the context the set was made for.
func (d *Deps) Scope() string { return d.scope }

// Reads is the number of reads collected, those of outer sets included.
func (d *Deps) Reads() int {
	d.record.mu.Lock()
	defer d.record.mu.Unlock()
	return d.record.reads
}

// Stamps are all stamps collected so far, those of outer sets included. The caller owns them.
func (d *Deps) Stamps() Stamps {
	d.record.mu.Lock()
	defer d.record.mu.Unlock()
	return slices.Clone(d.record.stamps.list)
}

// Notes are the reasons collected so far, each once and the first one first, those of outer sets included.
func (d *Deps) Notes() []Note {
	r := d.record
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.notes)
	for _, s := range r.scopes {
		if s.scope != d.scope {
			return append(all, Note{Reason: ReasonScope, Site: s.site})
		}
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

// of finds the innermost set of the engine among d and its outer ones.
func (d *Deps) of(e *Engine) *Deps {
	for d != nil && d.engine != e {
		d = d.outer
	}
	return d
}

// each calls f with the innermost set of each engine.
func (d *Deps) each(f func(*Deps)) {
	for s := d; s != nil; s = s.outer {
		if d.of(s.engine) == s {
			f(s)
		}
	}
}

// read reports whether there was room for all stamps.
func (r *record) read(s Stamps) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.add(s)
}

// add is read with mu held.
func (r *record) add(s Stamps) bool {
	r.reads++
	room := true
	for _, st := range s {
		if len(r.stamps.list) <= MaxStamps {
			r.stamps.add(st)
		}
		room = len(r.stamps.list) <= MaxStamps
	}
	return room
}

// note adds a reason to the record, once.
func (d *Deps) note(why Reason) {
	r := d.record
	is := func(n Note) bool { return n.Reason == why }
	r.mu.Lock()
	known := slices.ContainsFunc(r.notes, is)
	r.mu.Unlock()
	if known {
		return
	}
	n := Note{Reason: why, Site: CallSite()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.ContainsFunc(r.notes, is) {
		r.notes = append(r.notes, n)
	}
}

// tooLate tells the sealed sets among d and its outer ones.
func (d *Deps) tooLate(why Reason) {
	for e := d.engine; d != nil; d = d.outer {
		if d.engine != e {
			continue
		}
		d.mu.Lock()
		late := d.sealed
		d.mu.Unlock()
		if late != nil {
			late(Note{Reason: why, Site: CallSite()})
		}
	}
}
