//go:build race

package coherence_test

// distinctKeys are fewer where the race detector watches: it makes everything many times slower.
const distinctKeys = 100_000
