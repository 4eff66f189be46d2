package cacheplugin

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/policy"
)

// Advice is what was measured of one model since db.Use, and the policy that would send the fewest statements for it.
//
// Estimates come from one formula. For R reads and W writes in T seconds, both spread evenly over the rows, a policy sends
//
//	none           R + W           every call
//	aside          W + R·W/(R+W)   every write, and every read that is the first after one
//	writethrough   W               every write; the row it returned is what readers get
//	writeback      2·min(W, T/f)   a watermark and a batch for each flush f there was something for
//
// and what a change of policy may save of an aside model is bounded by the misses it really had. Write-back is considered only
// for models all of whose updates were arithmetic (`hits = hits + 1`), for others may be orders; never for critical ones. A
// policy that saves less than one statement in twenty calls is not worth a change, and below 100 calls nothing is said.
type Advice struct {
	Table  string
	Policy policy.Policy // as resolved, defaults filled in

	Reads  uint64        // reads that a cache may serve: not those in transactions, of raw SQL, or that lock rows
	Hits   uint64        // of these, answered from the cache or from what is pending
	Writes uint64        // creates, updates and deletes that succeeded, by call and not by row
	Over   time.Duration // the time that was measured

	Sends  uint64          // statements that Policy sends for this mix, by the formula
	Better policy.Strategy // the policy to choose; Policy.Strategy if that should stay
	Saves  uint64          // statements that Better would have saved of Sends
	Line   string          // all of it in a sentence
}

// Advise says for each model that was used how it is read and written, and which policy would serve it better. The list is
// sorted by table. It is an estimate to start a measurement from; nothing changes by itself.
func (p *Plugin) Advise() []Advice {
	wb := p.started()
	if wb == nil {
		return nil
	}
	over := time.Since(p.since)
	byTable := map[string]*mix{}
	p.models.Range(func(_, v any) bool {
		m := v.(*model)
		if m.err != nil || m.usage.empty() {
			return true
		}
		x := byTable[m.folded]
		if x == nil {
			x = &mix{table: m.schema.Table, policy: m.policy, over: over}
			byTable[m.folded] = x
		}
		if x.policy.Strategy == policy.Off {
			x.policy = m.policy // another struct over the table, which has one
		}
		x.add(&m.usage)
		return true
	})
	all := make([]Advice, 0, len(byTable))
	for _, x := range byTable {
		all = append(all, x.advice())
	}
	slices.SortFunc(all, func(a, b Advice) int { return cmp.Compare(a.Table, b.Table) })
	return all
}

// usage counts what a model's statements were.
type usage struct {
	hits, misses, uncached atomic.Uint64
	writes                 atomic.Uint64
	absolute               atomic.Uint64 // updates that set a value, whatever it was, and deletes
	arithmetic             atomic.Uint64 // updates by nothing but expressions
}

func (u *usage) empty() bool {
	return u.hits.Load()+u.misses.Load()+u.uncached.Load()+u.writes.Load() == 0
}

// wrote counts a write that succeeded.
func (u *usage) wrote(op operation, arithmetic bool) {
	u.writes.Add(1)
	switch {
	case op == opCreate:
	case arithmetic:
		u.arithmetic.Add(1)
	default:
		u.absolute.Add(1)
	}
}

// isArithmetic reports whether an update assigns nothing but expressions. It is asked before GORM builds the statement.
func isArithmetic(stmt *gorm.Statement, op operation) bool {
	values, ok := stmt.Dest.(map[string]any)
	if !ok || op != opUpdate || len(values) == 0 {
		return false
	}
	for _, v := range values {
		if _, ok := v.(clause.Expr); !ok {
			return false
		}
	}
	return true
}

const (
	adviceCalls = 100 // below them nothing is known
	adviceShare = 20  // one statement saved in so many calls is worth a change
)

// mix is what was measured of one table.
type mix struct {
	table                        string
	policy                       policy.Policy
	over                         time.Duration
	hits, misses, uncached       uint64
	writes, absolute, arithmetic uint64
}

func (x *mix) add(u *usage) {
	x.hits += u.hits.Load()
	x.misses += u.misses.Load()
	x.uncached += u.uncached.Load()
	x.writes += u.writes.Load()
	x.absolute += u.absolute.Load()
	x.arithmetic += u.arithmetic.Load()
}

func (x *mix) reads() uint64 { return x.hits + x.misses + x.uncached }

// sends is the formula.
func (x *mix) sends(s policy.Strategy) uint64 {
	r, w := x.reads(), x.writes
	switch s {
	case policy.Aside:
		if r+w == 0 {
			return 0
		}
		missed := uint64(float64(r) * float64(w) / float64(r+w))
		if x.policy.Strategy == policy.Aside {
			missed = min(missed, x.misses)
		}
		return w + missed
	case policy.WriteThrough:
		return w
	case policy.WriteBack:
		flush := x.policy.Flush
		if flush <= 0 {
			flush = (policy.Policy{Strategy: policy.WriteBack}).WithDefaults().Flush
		}
		return 2 * min(w, uint64(x.over/flush)+1)
	default:
		return r + w
	}
}

// counts reports whether the model may be written back: it was counted up, and nothing else.
func (x *mix) counts() bool {
	return x.policy.Strategy == policy.WriteBack || !x.policy.Critical && x.arithmetic > 0 && x.absolute == 0
}

// advice applies the rules.
func (x *mix) advice() Advice {
	now := x.sends(x.policy.Strategy)
	a := Advice{
		Table: x.table, Policy: x.policy, Reads: x.reads(), Hits: x.hits, Writes: x.writes, Over: x.over,
		Sends: now, Better: x.policy.Strategy,
	}
	calls := a.Reads + a.Writes
	if calls < adviceCalls {
		a.Line = fmt.Sprintf("%s: %d calls are too few to say anything", x.table, calls)
		return a
	}
	// The first of these that is worth the change over what came before it: a policy that promises less must save more.
	best := now
	for _, s := range []policy.Strategy{policy.Aside, policy.WriteThrough, policy.WriteBack} {
		if s == policy.WriteBack && !x.counts() {
			continue
		}
		if n := x.sends(s); n < best && (best-n)*adviceShare >= calls {
			best, a.Better = n, s
		}
	}
	a.Saves = now - best
	mixed := fmt.Sprintf("%s: %d reads, %d writes", x.table, a.Reads, a.Writes)
	if a.Better == x.policy.Strategy {
		a.Line = fmt.Sprintf("%s: %s serves this well", mixed, strategyWords(x.policy.Strategy))
		return a
	}
	a.Line = fmt.Sprintf("%s: %s would have saved %d of %d statements that %s sends", mixed, strategyWords(a.Better), a.Saves, now, strategyWords(x.policy.Strategy))
	return a
}

// strategyWords is a strategy in a sentence.
func strategyWords(s policy.Strategy) string {
	if s == policy.Off {
		return "no cache"
	}
	return s.String()
}
