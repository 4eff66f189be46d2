//go:build !race

package coherence_test

// distinctKeys is how many rows are read, written and invalidated once each.
const distinctKeys = 1_000_000
