package testkit

import (
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/glebarez/sqlite"
	driverMySQL "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Database is a fresh database of one kind, which any number of handles may be opened on. Handles opened by its methods
// are closed at the end of the test they were opened for.
type Database struct {
	Name string // "sqlite", "postgres" or "mysql": the dialect's name in GORM
	DSN  string
}

// EachDatabase runs the test as a subtest on a fresh database of SQLite and one of PostgreSQL. The subtests run one after the other, unless
// the test calls t.Parallel.
func EachDatabase(t *testing.T, test func(t *testing.T, db Database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLiteDatabase(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, PostgresDatabase(t)) })
}

// EveryDatabase is EachDatabase with MariaDB besides.
func EveryDatabase(t *testing.T, test func(t *testing.T, db Database)) {
	t.Helper()
	EachDatabase(t, test)
	t.Run("mariadb", func(t *testing.T) { test(t, MariaDatabase(t)) })
}

// SQLiteDatabase is a database made by [SQLite].
func SQLiteDatabase(tb testing.TB) Database {
	tb.Helper()
	return Database{Name: "sqlite", DSN: SQLite(tb)}
}

// PostgresDatabase is a database made by [Postgres].
func PostgresDatabase(tb testing.TB) Database {
	tb.Helper()
	return Database{Name: "postgres", DSN: Postgres(tb)}
}

// MariaDatabase is a database made by [MariaDB].
func MariaDatabase(tb testing.TB) Database {
	tb.Helper()
	return Database{Name: "mysql", DSN: MariaDB(tb)}
}

// Open opens another GORM handle, with a connection pool of its own. The configuration may be nil and is not changed;
// without a logger in it, the handle logs nothing.
func (d Database) Open(tb testing.TB, cfg *gorm.Config) *gorm.DB {
	tb.Helper()
	return d.gorm(tb, d.pool(tb, d.connector(tb)), cfg)
}

// OpenCounted is Open with a probe on the new handle's pool. What GORM sends while it opens is not counted.
func (d Database) OpenCounted(tb testing.TB, cfg *gorm.Config) (*gorm.DB, *Probe) {
	tb.Helper()
	pool, probe := d.RawCounted(tb)
	db := d.gorm(tb, pool, cfg)
	probe.Reset()
	return db, probe
}

// Raw opens a plain pool, past GORM and its plugins: it shows what the database really holds.
func (d Database) Raw(tb testing.TB) *sql.DB {
	tb.Helper()
	return d.pool(tb, d.connector(tb))
}

// RawCounted is Raw with a probe.
func (d Database) RawCounted(tb testing.TB) (*sql.DB, *Probe) {
	tb.Helper()
	probe := new(Probe)
	pool := d.pool(tb, &probeConnector{inner: d.connector(tb), probe: probe})
	tb.Cleanup(probe.releaseAll) // before the pool is closed, which waits for its connections
	return pool, probe
}

// Dialector returns GORM's dialector over a pool that is already open, for tests that open GORM themselves.
func (d Database) Dialector(pool gorm.ConnPool) gorm.Dialector {
	switch d.Name {
	case "postgres":
		return postgres.New(postgres.Config{Conn: pool})
	case "mysql":
		return mysql.New(mysql.Config{Conn: pool})
	default:
		return &sqlite.Dialector{Conn: pool}
	}
}

func (d Database) gorm(tb testing.TB, pool *sql.DB, cfg *gorm.Config) *gorm.DB {
	tb.Helper()
	var own gorm.Config
	if cfg != nil {
		own = *cfg
	}
	if own.Logger == nil {
		own.Logger = logger.Discard
	}
	db, err := gorm.Open(d.Dialector(pool), &own)
	if err != nil {
		tb.Fatalf("testkit: open GORM on %s: %v", d.Name, err)
	}
	return db
}

func (d Database) pool(tb testing.TB, connector driver.Connector) *sql.DB {
	tb.Helper()
	pool := sql.OpenDB(connector)
	tb.Cleanup(func() {
		if err := pool.Close(); err != nil {
			tb.Errorf("testkit: close a pool on %s: %v", d.Name, err)
		}
	})
	return pool
}

func (d Database) connector(tb testing.TB) driver.Connector {
	tb.Helper()
	switch d.Name {
	case "postgres":
		cfg, err := pgx.ParseConfig(d.DSN)
		if err != nil {
			tb.Fatalf("testkit: read the DSN: %v", err)
		}
		return stdlib.GetConnector(*cfg)
	case "mysql":
		cfg, err := driverMySQL.ParseDSN(d.DSN)
		if err != nil {
			tb.Fatalf("testkit: read the DSN: %v", err)
		}
		cfg.Logger = &driverMySQL.NopLogger{} // tests break connections on purpose
		connector, err := driverMySQL.NewConnector(cfg)
		if err != nil {
			tb.Fatalf("testkit: read the DSN: %v", err)
		}
		return connector
	}
	// The driver is registered under a name, and only a handle opened by it gives it out.
	db, err := sql.Open(sqliteDriver, d.DSN)
	if err != nil {
		tb.Fatalf("testkit: find the SQLite driver: %v", err)
	}
	defer db.Close()
	return dsnConnector{driver: db.Driver(), dsn: d.DSN}
}
