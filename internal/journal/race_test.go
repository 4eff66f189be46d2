//go:build race

package journal_test

// raced: the race detector makes loops without concurrency ten times slower.
const raced = true
