package policy

import (
	"strings"
	"time"
)

// NegativeOff as Policy.Negative turns the memory of missing rows off. Every other value below zero does the same.
const NegativeOff time.Duration = -1

const (
	defaultNegative = 30 * time.Second
	defaultFlush    = time.Second
	defaultBatch    = 1000
	defaultPending  = 100000
)

// Policy is how one model is cached. The zero value is Off; the zero value of every field but Strategy means the
// default, which WithDefaults puts in its place. Policies are compared with ==.
//
// A policy written in code obeys the rules of the tag grammar in the package documentation; Validate checks them.
type Policy struct {
	// Strategy says how reads and writes meet the cache.
	Strategy Strategy
	// TTL is the upper bound of an entry's life. Zero: none, or what the plugin chooses where other processes write.
	TTL time.Duration
	// Jitter is a fraction of TTL, 0.1 for 10%: each life is shortened at random by up to that. At least 0, below 1;
	// it needs a TTL.
	Jitter float64
	// Negative is how long "no such row" is remembered. Zero: 30 s; below zero: not at all.
	Negative time.Duration
	// Queries says whether query results are cached, besides rows. Zero: they are.
	Queries Queries
	// Flush is how long a change may wait for the database. WriteBack only. Zero: 1 s.
	Flush time.Duration
	// Batch is the number of rows in one flush statement. WriteBack only. Zero: 1,000.
	Batch int
	// Pending is the bound of rows not yet flushed. WriteBack only. Zero: 100,000.
	Pending int
	// Full says what a write meets at the bound. WriteBack only. Zero: it waits.
	Full Full
	// Ack says when a write is acknowledged. WriteBack only. Zero: in the journal if one is set, else in RAM.
	Ack Ack
	// Reads says what a query sees of changes not yet flushed. WriteBack only. Zero: all of them.
	Reads Reads
	// OnFail says what happens when the cache cannot take a value. WriteThrough only. Zero: the write fails.
	OnFail OnFail
	// Critical makes it an error for code to move the model to WriteBack. Aside and WriteThrough only.
	Critical bool
}

// Validate checks a policy built in code by the rules of the tag grammar. Its error holds one *ParseError, with an
// empty Tag, for each field that is out of range, of another strategy, or no value of its type.
func (p Policy) Validate() error { return join(p.mistakes()) }

// WithDefaults returns p with the default in place of every zero field that its strategy uses. TTL and Jitter have
// none, and AckDefault stays, for only the plugin knows whether there is a journal. A Negative below zero becomes
// NegativeOff. A valid policy stays valid, and a second call changes nothing.
func (p Policy) WithDefaults() Policy {
	switch {
	case p.Strategy == Off:
		return p
	case p.Negative == 0:
		p.Negative = defaultNegative
	case p.Negative < 0:
		p.Negative = NegativeOff
	}
	if p.Strategy != WriteBack {
		return p
	}
	if p.Flush == 0 {
		p.Flush = defaultFlush
	}
	if p.Batch == 0 {
		p.Batch = defaultBatch
	}
	if p.Pending == 0 {
		p.Pending = defaultPending
	}
	return p
}

// String is the tag that means p, without cache:"…" around it: the strategy, then each field that is not zero in the
// order of the grammar. Parse gives a valid p back, with NegativeOff for any Negative below zero.
func (p Policy) String() string {
	words := []string{p.Strategy.String()}
	for _, o := range options() {
		value := o.format(p)
		switch {
		case value == "":
		case o.flag:
			words = append(words, o.name)
		default:
			words = append(words, o.name+"="+value)
		}
	}
	return strings.Join(words, ",")
}

// mistakes is what Validate reports.
func (p Policy) mistakes() []*ParseError {
	if !p.Strategy.valid() {
		return []*ParseError{{Word: "Strategy: " + p.Strategy.String(), Problem: "is no strategy", Allowed: strategyWords(), code: true}}
	}
	var found []*ParseError
	for _, o := range options() {
		word := o.format(p)
		if word == "" {
			continue
		}
		e := &ParseError{Word: o.field + ": " + word, code: true}
		switch {
		case !o.allows(p.Strategy):
			e.Problem = o.notFor(p.Strategy)
			e.Allowed = fieldsOf(p.Strategy)
		case !o.valid(p):
			e.Problem = "is out of range"
			e.Allowed = append([]string{"0 for the default"}, o.values...)
		default:
			continue
		}
		found = append(found, e)
	}
	if p.Jitter != 0 && p.TTL == 0 && p.Strategy != Off {
		found = append(found, &ParseError{Word: "Jitter", Problem: "needs a TTL to shorten", code: true})
	}
	return found
}
