package testkit

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// gormStatements is the goroutine of GORM's cache of prepared statements; GORM has no way to end it.
const gormStatements = "gorm.io/gorm/internal/lru.NewLRU[...].func1"

// Main runs a package's tests, then, if they are green, looks for goroutines that outlived them, then stops the shared
// servers and removes their folders. It ends the process with the exit code, 1 for a leak.
//
// The options name goroutines that may stay, such as those a dependency starts for the life of the process.
func Main(m *testing.M, opts ...goleak.Option) {
	code := m.Run()
	if code == 0 {
		// The server is our own process with our own waiter; all else that still runs was left behind by a test.
		opts = append(opts, goleak.IgnoreAnyFunction(waiterFunction), goleak.IgnoreAnyFunction(mariaWaiterFunction), goleak.IgnoreTopFunction(gormStatements))
		if err := goleak.Find(opts...); err != nil {
			fmt.Fprintf(os.Stderr, "goroutines outlived the tests: %v\n", err)
			code = 1
		}
	}
	if err := errors.Join(shared.close(), sharedMaria.close()); err != nil {
		fmt.Fprintf(os.Stderr, "stop the servers of the tests: %v\n", err)
		if code == 0 {
			code = 1
		}
	}
	os.Exit(code)
}
