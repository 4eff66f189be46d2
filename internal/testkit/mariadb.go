package testkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	// envMariaDSN names a MariaDB or MySQL server to use instead of one of our own, in the form of go-sql-driver; its user
	// must be allowed to create databases.
	envMariaDSN = "CACHEWRIGHT_TEST_MARIADB_DSN"
	// envMariaDB set to "skip" leaves the tests that need MariaDB out.
	envMariaDB = "CACHEWRIGHT_MARIADB"
)

// sharedMaria is the MariaDB server of this test process; the first test that needs it starts it.
var sharedMaria sharedMariaServer

type sharedMariaServer struct {
	mu     sync.Mutex // held through the start, so that it happens once
	server *mariaServer
	err    error // of the start; it is not tried twice
}

// MariaDB returns the DSN, in the form of go-sql-driver, of a fresh, empty database that goes with the test. All of them
// live on one server: that of CACHEWRIGHT_TEST_MARIADB_DSN if it is set, else a private one that the first call starts.
// Where no MariaDB is installed the test fails and says what to install; with CACHEWRIGHT_MARIADB=skip it is skipped.
//
// Its connections read times, in UTC, and take several statements in one string.
func MariaDB(tb testing.TB) string {
	tb.Helper()
	if os.Getenv(envMariaDB) == "skip" {
		tb.Skip("testkit: " + envMariaDB + "=skip leaves out the tests that need MariaDB")
	}
	admin := os.Getenv(envMariaDSN)
	if admin == "" {
		server, err := sharedMaria.get()
		if err != nil {
			tb.Fatalf("testkit: %v", err)
		}
		admin = server.dsn()
	}
	cfg, err := mysql.ParseDSN(admin)
	if err != nil {
		tb.Fatalf("testkit: read %s: %v", envMariaDSN, err)
	}
	name := randomName()
	if err := mariaExec(admin, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4"); err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	tb.Cleanup(func() {
		if err := mariaExec(admin, "DROP DATABASE IF EXISTS "+name); err != nil {
			tb.Errorf("testkit: %v", err)
		}
	})
	cfg.DBName, cfg.ParseTime, cfg.Loc, cfg.MultiStatements = name, true, time.UTC, true
	return cfg.FormatDSN()
}

func (s *sharedMariaServer) get() (*mariaServer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil && s.err == nil {
		s.server, s.err = newMariaServer()
	}
	return s.server, s.err
}

func (s *sharedMariaServer) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	return s.server.close()
}

func mariaExec(dsn, statement string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return fmt.Errorf("read the DSN of the MariaDB server of the tests: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("run %q: %w", statement, err)
	}
	return nil
}
