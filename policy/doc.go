// Package policy says how a model is cached, and reads it from struct tags.
//
// A model names its policy in a tag of the form
//
//	cache:"<strategy>[,option…]"
//
// on a blank field, on an embedded struct such as gorm.Model, or on any field:
//
//	type Product struct {
//		_    struct{} `cache:"aside,ttl=10m"`
//		ID   int64
//		Name string
//	}
//
// The strategy is one word and comes first:
//
//	aside         a read fills the cache, a write invalidates
//	writethrough  a write fills the cache with what the database stored, at COMMIT
//	writeback     a write is acknowledged before it reaches the database
//	off           the model is not cached; takes no option
//
// Write-back may lose acknowledged work in a crash, as far as ack allows it: orders and payments do not belong there,
// and critical lets a model refuse it.
//
// Every option stands at most once, in any order:
//
//	option                  | strategies                     | default           | meaning
//	ttl=10m                 | aside, writethrough, writeback | none              | upper bound of an entry's life
//	jitter=10%              | aside, writethrough, writeback | none              | shortens each life at random by up to this share of ttl, which it needs
//	negative=30s|off        | aside, writethrough, writeback | 30s               | how long "no such row" is remembered
//	queries=off             | aside, writethrough, writeback | on                | cache rows only, never query results
//	flush=1s                | writeback                      | 1s                | how long a change may wait for the database
//	batch=1000              | writeback                      | 1000              | rows in one flush statement
//	pending=100000          | writeback                      | 100000            | bound of rows not yet flushed
//	full=block|sync|reject  | writeback                      | block             | a write at that bound waits, goes to the database itself, or fails
//	ack=memory|journal|disk | writeback                      | journal or memory | acknowledged in RAM, in the journal, or when that is fsynced; by default in the journal if one is set
//	reads=latest|flushed    | writeback                      | latest            | a query flushes first, or may lag by flush
//	onfail=error|invalidate | writethrough                   | error             | when the cache cannot take the value: roll back, or commit and invalidate
//	critical                | aside, writethrough            | no                | code may not move the model to writeback
//
// Durations are written as [time.ParseDuration] reads them, above zero and without a sign; counts are decimal digits,
// above zero; jitter is a percentage above 0% and below 100%, with a decimal point if need be. Spaces around a comma
// and at either end are ignored; anywhere else they are a mistake, and so is upper case. An unknown word, an empty
// option, an option twice or of another strategy, and a value out of range are errors: one [ParseError] for each.
//
// A field tagged cache:"-" is never stored in the cache; on an embedded struct the tag means all its fields.
//
// [Of] reads the tags of a type, [Parse] one tag, and [Resolve] chooses between the tag, a policy written in code and
// the default of the application. The package keeps no state; everything in it may be called from any goroutine.
package policy
