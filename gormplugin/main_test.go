package cacheplugin_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/cachewright/cachewright/internal/testkit"
)

// watcher belongs to a connection of MySQL's driver. Those of transactions that plain GORM abandons, after a panic in a hook, stay
// with their connection, though their pool is closed.
const watcher = "github.com/go-sql-driver/mysql.(*mysqlConn).startWatcher.func1"

func TestMain(m *testing.M) { testkit.Main(m, goleak.IgnoreTopFunction(watcher)) }
