package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	gosqlite "github.com/glebarez/go-sqlite"
	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// connectTimeout is how long a server may take to answer a new connection, unless the DSN says otherwise.
const connectTimeout = 5 * time.Second

// target is a database one can connect to, as a DSN names it.
type target struct {
	dialect   string        // its name in GORM, and of the folder of migrations
	goose     goose.Dialect // its name in goose
	shown     string        // the DSN without the password, for people
	dsn       string        // as it was given
	connector driver.Connector
}

// parse reads a DSN: postgres://…, postgresql://…, or sqlite:PATH.
func parse(dsn string) (target, error) {
	scheme, rest, found := strings.Cut(dsn, ":")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return parsePostgres(dsn)
	case found && scheme == "sqlite":
		return parseSQLite(strings.TrimPrefix(rest, "//"))
	case found && !strings.ContainsAny(scheme, `/\. =`):
		return target{}, fmt.Errorf("read the DSN: %q is no database this demo knows: %s", scheme+":", known)
	default: // not shown: what looks like no DSN may still hold a password
		return target{}, errors.New("read the DSN: it names no database: " + known)
	}
}

const known = "use postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:PATH"

func parsePostgres(dsn string) (target, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return target{}, fmt.Errorf("read the DSN: %w", err) // pgx leaves the password out
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	shown := "postgres"
	if u, err := url.Parse(dsn); err == nil {
		u.RawQuery = "" // it may hold a password, too
		shown = u.Redacted()
	}
	return target{dialect: "postgres", goose: goose.DialectPostgres, shown: shown, dsn: dsn, connector: stdlib.GetConnector(*cfg)}, nil
}

// parseSQLite makes the settings a server needs part of every connection: readers and one writer do not wait for each
// other, a second writer waits its turn, a transaction that will write says so when it begins, and foreign keys hold.
func parseSQLite(path string) (target, error) {
	if path == "" {
		return target{}, errors.New("read the DSN: sqlite: needs a path: " + known)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return target{}, fmt.Errorf("read the DSN: %w", err)
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(absolute), RawQuery: url.Values{
		"_pragma": {"busy_timeout(10000)", "foreign_keys(1)", "journal_mode(WAL)", "synchronous(NORMAL)"},
		"_txlock": {"immediate"},
	}.Encode()}
	return target{
		dialect: "sqlite", goose: goose.DialectSQLite3, shown: "sqlite:" + absolute, dsn: "sqlite:" + absolute,
		connector: sqliteConnector(dsn.String()),
	}, nil
}

// dialector is GORM's way to a pool of connections to the target.
func (t target) dialector(pool gorm.ConnPool) gorm.Dialector {
	if t.dialect == "postgres" {
		return postgres.New(postgres.Config{Conn: pool})
	}
	return &sqlite.Dialector{Conn: pool}
}

// sqliteConnector opens connections by a DSN; the driver has no connector of its own.
type sqliteConnector string

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(string(c))
}

func (c sqliteConnector) Driver() driver.Driver { return new(gosqlite.Driver) }
