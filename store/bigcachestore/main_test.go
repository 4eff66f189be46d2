package bigcachestore_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cachewright/cachewright/store/bigcachestore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a store of so many MiB that is closed when the test ends.
func open(t testing.TB, mebibytes int64) *bigcachestore.Store {
	t.Helper()
	s, err := bigcachestore.New(mebibytes << 20)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
