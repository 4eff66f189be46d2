package testkit

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// Kind is what a call asks of the driver.
type Kind uint8

// The calls a probe sees. Exec and Query carry SQL, whether sent as text or by a prepared statement; Prepare carries the
// SQL it prepares. Begin, Commit and Rollback are those of database/sql; the same words sent as SQL text are Exec.
const (
	Connect Kind = iota
	Begin
	Commit
	Rollback
	Prepare
	Exec
	Query
)

// String returns the kind in lower case.
func (k Kind) String() string {
	names := [...]string{"connect", "begin", "commit", "rollback", "prepare", "exec", "query"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Call is one call to the driver.
type Call struct {
	Kind Kind
	SQL  string // of Exec, Query and Prepare, as the driver gets it
	Args []any  // of Exec and Query, after database/sql converted them
	Conn int64  // which connection, counted from 1; 0 for Connect
	InTx bool   // whether a transaction of database/sql is open there; true for its Commit and Rollback
}

// Match picks calls. It runs on the calling goroutine and must not use the database.
type Match func(Call) bool

// On picks the calls of one of the kinds.
func On(kinds ...Kind) Match {
	return func(c Call) bool { return slices.Contains(kinds, c.Kind) }
}

// OnSQL picks the Exec and Query calls whose text has the fragment in it, in upper or lower case.
func OnSQL(fragment string) Match {
	fragment = strings.ToLower(fragment)
	return func(c Call) bool {
		return (c.Kind == Exec || c.Kind == Query) && strings.Contains(strings.ToLower(c.SQL), fragment)
	}
}

// Before runs before a call is sent. An error keeps the call from the driver and is what the caller gets; a refused
// Commit rolls the transaction back. The context is that of the call; Commit and Rollback have none of their own.
type Before func(ctx context.Context, call Call) error

// After runs when the driver has answered, with its error. What it returns is the error the caller gets, and with an
// error the caller gets no result.
type After func(ctx context.Context, call Call, err error) error

// Probe sits between database/sql and the driver of one handle. It records each call that is sent, and runs hooks
// around it. All methods are safe for use by any goroutine; the hooks run without a lock held and may call them.
//
// [Probe.Fail], [Probe.Lose], [Probe.Hold], [Probe.HoldAnswer], [Probe.Late] and [Probe.CutRows] arm one fault each,
// for the next call that matches; more than one may be armed, and the oldest that matches a call is the one it meets.
type Probe struct {
	mu     sync.Mutex // guards what follows
	conns  int64
	calls  []Call
	before []*Before
	after  []*After
	faults []*fault
	gates  []*Gate
}

// Count returns how many calls of the kinds were sent since the last Reset; without a kind, the statements: Exec and
// Query.
func (p *Probe) Count(kinds ...Kind) int {
	if len(kinds) == 0 {
		kinds = []Kind{Exec, Query}
	}
	return p.CountMatching(On(kinds...))
}

// CountMatching returns how many calls that m picks were sent since the last Reset.
func (p *Probe) CountMatching(m Match) int {
	n := 0
	for _, call := range p.Calls() {
		if m(call) {
			n++
		}
	}
	return n
}

// Calls returns the calls that were sent since the last Reset, in order.
func (p *Probe) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// Statements returns the SQL of the Exec and Query calls sent since the last Reset, in order.
func (p *Probe) Statements() []string {
	var texts []string
	for _, call := range p.Calls() {
		if call.Kind == Exec || call.Kind == Query {
			texts = append(texts, call.SQL)
		}
	}
	return texts
}

// Reset forgets the calls recorded so far. Hooks and faults stay.
func (p *Probe) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = nil
}

// Before adds a hook that runs before each call is sent, after those added earlier, until remove is called.
func (p *Probe) Before(hook Before) (remove func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = append(p.before, &hook)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.before = slices.DeleteFunc(slices.Clone(p.before), func(h *Before) bool { return h == &hook })
	}
}

// After adds a hook that runs when a call was answered, after those added earlier, until remove is called.
func (p *Probe) After(hook After) (remove func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = append(p.after, &hook)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.after = slices.DeleteFunc(slices.Clone(p.after), func(h *After) bool { return h == &hook })
	}
}

// run takes a call through faults and hooks. send hands it to the driver, refused tidies up where it was not sent, and
// unanswered where it was done but its caller is not to know; both may be nil.
func (p *Probe) run(ctx context.Context, call Call, send func(*fault) error, refused, unanswered func()) error {
	hit := p.takeFault(call)
	p.mu.Lock()
	before, after := slices.Clone(p.before), slices.Clone(p.after)
	p.mu.Unlock()
	err := hit.beforeSend(ctx)
	for _, hook := range before {
		if err != nil {
			break
		}
		err = (*hook)(ctx, call)
	}
	if err != nil {
		if refused != nil {
			refused()
		}
		return err
	}
	p.mu.Lock()
	p.calls = append(p.calls, call)
	p.mu.Unlock()
	sent := send(hit)
	err = hit.afterSend(ctx, sent)
	for _, hook := range after {
		err = (*hook)(ctx, call, err)
	}
	if sent == nil && err != nil && unanswered != nil {
		unanswered()
	}
	return err
}

// nextConn numbers a new connection.
func (p *Probe) nextConn() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns++
	return p.conns
}
