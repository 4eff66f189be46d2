package cacheplugin_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/cachewright/cachewright/internal/testkit"
)

// watcher belongs to a connection of MySQL's driver. Tests make the driver panic in the middle of a query; database/sql then never
// gets the connection back, so it outlives its pool. The other drivers have no goroutine that would show it.
const watcher = "github.com/go-sql-driver/mysql.(*mysqlConn).startWatcher.func1"

func TestMain(m *testing.M) { testkit.Main(m, goleak.IgnoreTopFunction(watcher)) }
