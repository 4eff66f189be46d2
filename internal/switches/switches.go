// Package switches names the rules that make the cache right and lets a test turn one off.
//
// A rule that nothing misses is no rule: for each of these a test disables it and sees a stale read, a lost write or a
// wrong install. Production code only asks [On]; nothing outside a test calls [Disable], and nothing a user can
// configure reaches it. On costs one load of a word that never changes in production.
package switches

import (
	"slices"
	"sync/atomic"
)

// Rule is one thing the protocol does that a test may leave out.
type Rule uint8

// The rules, each named after what holds while it is on.
const (
	// StampCheck: an entry is served only if every word still has the version of its stamp.
	StampCheck Rule = iota
	// WriterCheck: an entry is served only if no word of its stamps has a writer.
	WriterCheck
	// EpochCheck: an entry of another engine is a miss.
	EpochCheck
	// AllWord: every set of stamps holds the word that "invalidate everything" bumps.
	AllWord
	// PublishBump: a publish moves the version of each of its words.
	PublishBump
	// BeginFirst: the writer is announced before the database may show the write.
	BeginFirst
	// EffectsAtCommit: a transaction's effects are published when it commits, not by its statements.
	EffectsAtCommit
	// RollbackDrops: a rolled-back transaction publishes nothing and installs nothing.
	RollbackDrops
	// SavepointDrops: a row staged before ROLLBACK TO is invalidated, not installed.
	SavepointDrops
	// InstallAlone: a value is installed only by the one writer its row had.
	InstallAlone
	// InstallQuietTable: a value is installed only if no bulk write met it.
	InstallQuietTable
	// InstallReturned: only a row that the statement changed and returned is installed.
	InstallReturned
	// StageNeverValid: a value staged before COMMIT carries a stamp that can never validate.
	StageNeverValid
	// CoalesceStamps: a reader joins another's read only under the same stamps.
	CoalesceStamps
	// CoalesceQuiet: a reader joins no read while its tags have a writer.
	CoalesceQuiet
	// Coalesce: readers who miss the same entry at the same time share one read.
	Coalesce
	// RecheckTogether: rows from several places are checked again together at the end.
	RecheckTogether
	// UnknownStays: after a COMMIT without an answer the writer stays until the outcome is settled.
	UnknownStays
	// Triggers: the catalogue's triggers and foreign-key actions count as writes.
	Triggers
	// MergeWrites: write-back merges the changes of a row before it flushes them.
	MergeWrites
	// PageStamps: a page is served only while its stamps are valid.
	PageStamps
	// PageUser: a page made for one user is keyed by that user.
	PageUser
	// PageShareable: a page is handed to another request only if it may be stored for it.
	PageShareable
	// ValueMoves: a write moves every value that its rows had or have in the columns that queries are narrowed on.
	ValueMoves
	// UntoldMoves: a write moves the queries narrowed on columns whose values it has not told.
	UntoldMoves
	// OldValueChecked: a cached row tells the old value only if its stamps are valid after the statement returned.
	OldValueChecked
	// OldValueAsked: a write that assigns a column tells the value that was there, besides the one that is there now.
	OldValueAsked
	// NarrowTriggers: no query is narrowed on a table whose rows a trigger may change beside the statement.
	NarrowTriggers
)

var off atomic.Uint64

// On reports whether the rule holds. It is true for every rule unless a test said otherwise.
func On(r Rule) bool { return off.Load()&(1<<r) == 0 }

// Cleaner is the part of testing.TB that Disable needs.
type Cleaner interface{ Cleanup(func()) }

// Disable turns the rule off until the test ends. The switch belongs to the whole process, so such a test must not
// run in parallel with others.
func Disable(t Cleaner, r Rule) {
	off.Or(1 << r)
	t.Cleanup(func() { off.And(^uint64(1 << r)) })
}

// DisableAll turns off the rules with the given names for the life of the process; a child process of a test does it.
// It reports the first name that is no rule.
func DisableAll(names []string) (unknown string, ok bool) {
	for _, name := range names {
		i := slices.Index(ruleNames[:], name)
		if i < 0 {
			return name, false
		}
		off.Or(1 << i)
	}
	return "", true
}

// Rules returns all rules, for tests that try each.
func Rules() []Rule {
	all := make([]Rule, len(ruleNames))
	for i := range all {
		all[i] = Rule(i)
	}
	return all
}

// String returns the name that [DisableAll] knows the rule by.
func (r Rule) String() string {
	if int(r) < len(ruleNames) {
		return ruleNames[r]
	}
	return "unknown"
}

var ruleNames = [...]string{
	StampCheck: "stamp-check", WriterCheck: "writer-check", EpochCheck: "epoch-check", AllWord: "all-word",
	PublishBump: "publish-bump", BeginFirst: "begin-first", EffectsAtCommit: "effects-at-commit",
	RollbackDrops: "rollback-drops", SavepointDrops: "savepoint-drops", InstallAlone: "install-alone",
	InstallQuietTable: "install-quiet-table", InstallReturned: "install-returned", StageNeverValid: "stage-never-valid",
	CoalesceStamps: "coalesce-stamps", CoalesceQuiet: "coalesce-quiet", Coalesce: "coalesce", RecheckTogether: "recheck-together",
	UnknownStays: "unknown-stays", Triggers: "triggers", MergeWrites: "merge-writes", PageStamps: "page-stamps",
	PageUser: "page-user", PageShareable: "page-shareable",
	ValueMoves: "value-moves", UntoldMoves: "untold-moves", OldValueChecked: "old-value-checked",
	OldValueAsked: "old-value-asked", NarrowTriggers: "narrow-triggers",
}
