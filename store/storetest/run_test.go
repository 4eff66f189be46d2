package storetest_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunPassesAStoreThatKeepsTheContract(t *testing.T) {
	t.Parallel()
	t.Run("in a bubble", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(testing.TB) store.Store { return newMapStore() }, storetest.WithBubble())
	})
	t.Run("in real time", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(testing.TB) store.Store { return newMapStore() })
	})
	t.Run("with its own clock", func(t *testing.T) {
		t.Parallel()
		var clock testClock
		open := func(testing.TB) store.Store {
			s := newMapStore()
			s.now = clock.Now
			return s
		}
		storetest.Run(t, open, storetest.WithAdvance(clock.Advance))
	})
	t.Run("that has no optional interface", func(t *testing.T) {
		t.Parallel()
		open := func(testing.TB) store.Store { return struct{ store.Store }{newMapStore()} }
		storetest.Run(t, open, storetest.WithBubble())
	})
}

// defects maps what can be wrong with a store to the subtest that finds it.
var defects = map[string]string{
	"Get ignores its context":        "an ended context stops Get",
	"Set ignores its context":        "an ended context stops Set",
	"Delete ignores its context":     "an ended context stops Delete",
	"closed is a miss":               "a closed store is unavailable",
	"closing again fails":            "closing again does nothing",
	"absent is empty":                "a key never stored is not found",
	"absent has another error":       "a key never stored is not found",
	"empty is absent":                "an empty value is a value",
	"nothing expires":                "a value is gone after its lifetime",
	"reading prolongs":               "reading does not prolong a lifetime",
	"counts in seconds":              "the shortest lifetime ends",
	"wraps around":                   "the longest lifetime does not wrap around",
	"negative is endless":            "a negative lifetime is over already",
	"the first lifetime stays":       "a new value brings its own lifetime",
	"Get shares its bytes":           "the value returned by Get belongs to the caller",
	"Set keeps its argument":         "the value passed to Set may be reused",
	"Set writes to its argument":     "Set does not change the value passed to it",
	"keys of any length":             "a key above MaxKey is refused and never present",
	"keys end at NUL":                "odd keys are kept apart",
	"keys are cut":                   "odd keys are kept apart",
	"keys are trimmed":               "odd keys are kept apart",
	"entries of any size":            "an entry above MaxEntry bytes is refused",
	"refusing removes the old value": "a refused entry leaves the old value and all others",
	"refusing empties the store":     "a refused entry leaves the old value and all others",
	"deleting nothing fails":         "deleting an absent key is no error",
	"Delete does nothing":            "deleting removes the value",
}

// defectVariable tells a process of this test which defect to run the suite on.
const defectVariable = "CACHEWRIGHT_STORE_DEFECT"

// TestRunFindsDefects runs the suite on broken stores, each in a process of its own, where it must fail.
func TestRunFindsDefects(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	for defect, subtest := range defects {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			name := strings.ReplaceAll(subtest, " ", "_")
			pattern := fmt.Sprintf("^TestSuiteOnADefect$/^store$/^%s$", name)
			command := exec.CommandContext(t.Context(), self, "-test.run="+pattern)
			command.Env = append(os.Environ(), defectVariable+"="+defect)
			printed, err := command.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "the suite passed:\n%s", printed)
			require.Contains(t, string(printed), "--- FAIL: TestSuiteOnADefect/store/"+name)
			require.NotContains(t, string(printed), "panic:")
		})
	}
}

func TestSuiteOnADefect(t *testing.T) {
	defect := os.Getenv(defectVariable)
	if defect == "" {
		t.Skip("run by TestRunFindsDefects")
	}
	storetest.Run(t, func(testing.TB) store.Store { return newMapStore(defect) }, storetest.WithBubble())
}

// testClock is a clock that stands still until advanced.
type testClock struct {
	mu     sync.Mutex
	passed time.Duration // guarded by mu
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Unix(0, 0).Add(c.passed)
}

func (c *testClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
}
