package bench_test

import (
	"flag"
	"testing"

	"github.com/cachewright/cachewright/internal/testkit"
)

// rounds is how often the table measures everything; -benchtime is how long each time takes.
var rounds = flag.Int("rounds", 0, "measure so many rounds and print the table; 0: no table")

func TestMain(m *testing.M) { testkit.Main(m) }
