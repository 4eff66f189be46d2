//go:build race

package cacheplugin_test

// oneTrialIn of so many is run: SQLite in Go is many times slower under the race detector.
const oneTrialIn = 8
