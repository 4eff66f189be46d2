//go:build race

package middleware_test

// raceAllocations is how many more a hit may make under the race detector, which lets pools forget at random.
const raceAllocations = 2.0
