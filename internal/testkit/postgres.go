package testkit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// envDSN names a server to use instead of one of our own; its user must be allowed to create databases.
	envDSN = "CACHEWRIGHT_TEST_DSN"
	// envPostgres set to "skip" leaves the tests that need PostgreSQL out.
	envPostgres = "CACHEWRIGHT_POSTGRES"
)

// shared is the server of this test process; the first test that needs it starts it.
var shared sharedServer

type sharedServer struct {
	mu     sync.Mutex // held through the start, so that it happens once
	server *Server
	err    error // of the start; it is not tried twice
}

// Postgres returns the DSN, a URL, of a fresh, empty database that goes with the test. All of them live on one server:
// that of CACHEWRIGHT_TEST_DSN if it is set, else a private one that the first call starts. Where no PostgreSQL is
// installed the test fails and says what to install; with CACHEWRIGHT_POSTGRES=skip it is skipped.
func Postgres(tb testing.TB) string {
	tb.Helper()
	skipIfAsked(tb)
	admin := os.Getenv(envDSN)
	if admin == "" {
		server, err := shared.get()
		if err != nil {
			tb.Fatalf("testkit: %v", err)
		}
		admin = server.DSN("")
	}
	name := randomName()
	dsn, err := withDatabase(admin, name)
	if err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	if err := createDatabase(admin, name); err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	tb.Cleanup(func() {
		if err := dropDatabase(admin, name); err != nil {
			tb.Errorf("testkit: %v", err)
		}
	})
	return dsn
}

func (s *sharedServer) get() (*Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil && s.err == nil {
		s.server, s.err = newServer(nil)
	}
	return s.server, s.err
}

func (s *sharedServer) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	return s.server.close()
}

func skipIfAsked(tb testing.TB) {
	tb.Helper()
	if os.Getenv(envPostgres) == "skip" {
		tb.Skip("testkit: " + envPostgres + "=skip leaves out the tests that need PostgreSQL")
	}
}

// createDatabase copies template0, which nobody can be connected to and nobody has changed.
func createDatabase(admin, name string) error {
	return adminExec(admin, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
}

// dropDatabase ends the sessions a test left in it.
func dropDatabase(admin, name string) error {
	return adminExec(admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

func adminExec(admin, statement string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect to the PostgreSQL server of the tests: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("run %q: %w", statement, err)
	}
	return nil
}

// withDatabase returns the DSN with its database replaced, in either of the forms PostgreSQL knows.
func withDatabase(dsn, name string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + name, nil // of two words for one setting the later holds
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", envDSN, err)
	}
	u.Path = "/" + name
	return u.String(), nil
}

// randomName returns a database name that needs no quotes.
func randomName() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return "cw_" + hex.EncodeToString(b[:])
}
