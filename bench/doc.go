// Package bench measures what the cache costs and what it saves. "make bench" prints the table; its code is in the tests,
// because it uses the databases of internal/testkit.
//
// Every group of measurements has a floor: the same call with nothing left to do. What a hit costs above its floor is
// the cache's own; what plain GORM costs above it is the database's. The measurements take turns in each round, so that
// a busy machine disturbs all of them alike, and a ratio is the median of the ratios within the rounds.
//
// The allocations of a hit above its floor have a bound, which an ordinary "go test" checks.
package bench
