//go:build !race

package cacheplugin_test

// oneTrialIn of so many is run.
const oneTrialIn = 1
