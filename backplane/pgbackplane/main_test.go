package pgbackplane_test

import (
	"testing"

	"github.com/cachewright/cachewright/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
