package journal_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if act, ok := acts[os.Getenv(actVariable)]; ok { // this is a process that a test started
		act()
		return
	}
	goleak.VerifyTestMain(m)
}
