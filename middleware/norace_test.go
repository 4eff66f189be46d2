//go:build !race

package middleware_test

// raceAllocations is nothing without the race detector: the limit is the limit.
const raceAllocations = 0.0
