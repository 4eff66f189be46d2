package testkit

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// fault is what the next matching call meets. The zero value, and nil, do nothing.
type fault struct {
	match  Match
	refuse error // not sent
	lose   error // sent; the answer is this
	before *Gate // waits before it is sent
	after  *Gate // waits before it is answered
	late   *Gate // of Commit: answered with lose, sent when released
	cut    *cut  // of Query: rows end early
}

// cut ends a result early.
type cut struct {
	rows int
	err  error
}

// Gate is where a call waits. Its methods are safe for use by any goroutine.
type Gate struct {
	reached  chan struct{}
	released chan struct{}
	done     chan struct{}
	reach    sync.Once
	release  sync.Once
	detains  atomic.Bool // a late COMMIT was detained: done will be closed
	err      error       // written before done is closed
}

func newGate() *Gate {
	return &Gate{reached: make(chan struct{}), released: make(chan struct{}), done: make(chan struct{})}
}

// Reached is closed when a call waits at the gate.
func (g *Gate) Reached() <-chan struct{} { return g.reached }

// Release lets the call go on, now or when it comes; again does nothing. The end of the test does it, too.
func (g *Gate) Release() { g.release.Do(func() { close(g.released) }) }

// Done is closed when a call that [Probe.Late] detained has been carried out, after its release.
func (g *Gate) Done() <-chan struct{} { return g.done }

// Err returns what the driver said in the end to a call that [Probe.Late] detained. It is set once Done is closed.
func (g *Gate) Err() error {
	select {
	case <-g.done:
		return g.err
	default:
		return nil
	}
}

// wait holds the caller until the gate is released or its context ends.
func (g *Gate) wait(ctx context.Context) error {
	g.reach.Do(func() { close(g.reached) })
	select {
	case <-g.released:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Fail keeps the next matching call from the driver; its caller gets err. A Commit so refused is a transaction rolled
// back.
func (p *Probe) Fail(m Match, err error) { p.arm(&fault{match: m, refuse: err}) }

// Lose lets the next matching call happen and gives its caller err instead of the answer, as when the connection breaks
// after the server has done the work. The connection stays usable, unless err is driver.ErrBadConn.
func (p *Probe) Lose(m Match, err error) { p.arm(&fault{match: m, lose: err}) }

// Hold makes the next matching call wait at the gate before it is sent. When its context ends first, it is not sent.
func (p *Probe) Hold(m Match) *Gate {
	gate := newGate()
	p.arm(&fault{match: m, before: gate})
	return gate
}

// HoldAnswer sends the next matching call and holds its answer at the gate. When its context ends first, the caller gets
// the context's error though the call has happened.
func (p *Probe) HoldAnswer(m Match) *Gate {
	gate := newGate()
	p.arm(&fault{match: m, after: gate})
	return gate
}

// Late detains the next Commit: its caller gets err at once and the connection is lost to it, yet the transaction stays
// open and commits when the gate is released, as when a client dies and its COMMIT is still on its way. Done tells when
// it is over.
func (p *Probe) Late(err error) *Gate {
	gate := newGate()
	p.arm(&fault{match: On(Commit), lose: err, late: gate})
	return gate
}

// CutRows ends the result of the next matching Query with err after so many rows.
func (p *Probe) CutRows(m Match, rows int, err error) {
	p.arm(&fault{match: func(c Call) bool { return c.Kind == Query && m(c) }, cut: &cut{rows: rows, err: err}})
}

func (p *Probe) arm(f *fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, f)
	for _, gate := range []*Gate{f.before, f.after, f.late} {
		if gate != nil {
			p.gates = append(p.gates, gate)
		}
	}
}

// takeFault returns the oldest fault that matches, and disarms it.
func (p *Probe) takeFault(call Call) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, f := range p.faults {
		if f.match(call) {
			p.faults = slices.Delete(p.faults, i, i+1)
			return f
		}
	}
	return nil
}

// releaseAll opens every gate, and waits for calls that Late detained; no test hangs on a gate it forgot.
func (p *Probe) releaseAll() {
	p.mu.Lock()
	gates := slices.Clone(p.gates)
	p.mu.Unlock()
	for _, gate := range gates {
		gate.Release()
		if gate.detains.Load() {
			<-gate.done
		}
	}
}

func (f *fault) beforeSend(ctx context.Context) error {
	switch {
	case f == nil:
		return nil
	case f.before != nil:
		return f.before.wait(ctx)
	default:
		return f.refuse
	}
}

func (f *fault) afterSend(ctx context.Context, err error) error {
	switch {
	case f == nil:
		return err
	case f.after != nil:
		if waited := f.after.wait(ctx); waited != nil {
			return waited
		}
		return err
	case f.lose != nil && err == nil:
		return f.lose
	default:
		return err
	}
}
