package testkit_test

import (
	"database/sql"
	"errors"
	"net/url"
	"os"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

func TestEachDatabaseIsFreshAndEmpty(t *testing.T) {
	t.Parallel()
	first, second := openPostgres(t, testkit.Postgres(t)), openPostgres(t, testkit.Postgres(t))
	mustExec(t, first, "CREATE TABLE things (id int)")
	for db, want := range map[*sql.DB]int{first: 1, second: 0} {
		require.Equal(t, want, count(t, db, "SELECT count(*) FROM pg_tables WHERE tablename = 'things'"))
	}
}

func TestTheDatabaseGoesWithItsTest(t *testing.T) {
	t.Parallel()
	watcher := openPostgres(t, testkit.Postgres(t))
	var name string
	outer := t
	t.Run("inner", func(t *testing.T) {
		dsn := testkit.Postgres(t)
		left := openPostgres(outer, dsn) // a session that is still open does not keep it
		require.NoError(t, left.PingContext(t.Context()))
		name = databaseOf(t, dsn)
		require.Equal(t, 1, count(t, watcher, "SELECT count(*) FROM pg_database WHERE datname = $1", name))
	})
	require.Equal(t, 0, count(t, watcher, "SELECT count(*) FROM pg_database WHERE datname = $1", name))
}

func TestAStoppedServerKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t, testkit.WithFsync(), testkit.WithSetting("max_connections", "20"))
	dsn := server.Database(t)
	db := openPostgres(t, dsn)
	require.Equal(t, "on", text(t, db, "SHOW fsync"))
	require.Equal(t, "20", text(t, db, "SHOW max_connections"))
	mustExec(t, db, "CREATE TABLE things (id int)")
	mustExec(t, db, "INSERT INTO things VALUES (1)")

	open, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = open.ExecContext(t.Context(), "INSERT INTO things VALUES (2)")
	require.NoError(t, err)

	server.Stop(t)
	server.Stop(t)
	require.Error(t, open.Commit(), "the connection is gone")
	require.Error(t, db.PingContext(t.Context()), "nobody listens")

	server.Start(t)
	server.Start(t)
	require.Equal(t, 1, count(t, db, "SELECT count(*) FROM things"))
	server.Restart(t)
	require.Equal(t, dsn, server.DSN(databaseOf(t, dsn)), "port and password stay")

	u, err := url.Parse(dsn)
	require.NoError(t, err)
	u.User = url.UserPassword(u.User.Username(), "guess")
	require.ErrorContains(t, openPostgres(t, u.String()).PingContext(t.Context()), "password authentication failed")
}

func TestSkipLeavesPostgresOut(t *testing.T) {
	t.Setenv("CACHEWRIGHT_POSTGRES", "skip")
	var names []string
	testkit.EachDatabase(t, func(_ *testing.T, db testkit.Database) { names = append(names, db.Name) })
	require.Equal(t, []string{"sqlite"}, names)
}

func TestAServerFromTheEnvironmentIsUsed(t *testing.T) {
	given, err := url.Parse(testkit.Postgres(t))
	require.NoError(t, err)
	given.RawQuery += "&application_name=given"
	t.Setenv("CACHEWRIGHT_TEST_DSN", given.String())
	dsn := testkit.Postgres(t)
	require.NotEqual(t, given.Path[1:], databaseOf(t, dsn))
	require.Equal(t, "given", text(t, openPostgres(t, dsn), "SHOW application_name"))

	t.Setenv("CACHEWRIGHT_TEST_DSN", "host="+given.Hostname()+" port="+given.Port()+" user="+given.User.Username()+
		" password="+passwordOf(given)+" dbname=postgres sslmode=disable application_name=words")
	require.Equal(t, "words", text(t, openPostgres(t, testkit.Postgres(t)), "SHOW application_name"))
}

func TestServeGivesTheCommandAServer(t *testing.T) {
	if os.Getenv("CACHEWRIGHT_POSTGRES") == "skip" {
		t.Skip("CACHEWRIGHT_POSTGRES=skip: tests without a server")
	}
	t.Setenv("CACHEWRIGHT_TEST_DSN", "")
	require.NoError(t, os.Unsetenv("CACHEWRIGHT_TEST_DSN"))
	var told writer
	// The shell sees the DSN it was told, and its exit code is Serve's.
	code, err := testkit.Serve(t.Context(), &told, []string{"sh", "-c", `case "$CACHEWRIGHT_TEST_DSN" in postgres://*) exit 7 ;; esac`})
	require.NoError(t, err)
	require.Equal(t, 7, code)
	require.Contains(t, string(told), "postgres://")

	_, err = testkit.Serve(t.Context(), &told, []string{"no-such-command-of-cachewright"})
	require.ErrorContains(t, err, "no-such-command-of-cachewright")
}

type writer []byte

func (w *writer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

func openPostgres(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	return db
}

func databaseOf(tb testing.TB, dsn string) string {
	tb.Helper()
	u, err := url.Parse(dsn)
	require.NoError(tb, err)
	return u.Path[1:]
}

func passwordOf(u *url.URL) string {
	password, _ := u.User.Password()
	return password
}

func mustExec(tb testing.TB, db *sql.DB, query string, args ...any) {
	tb.Helper()
	_, err := db.ExecContext(tb.Context(), query, args...)
	require.NoError(tb, err)
}

func count(tb testing.TB, db *sql.DB, query string, args ...any) int {
	tb.Helper()
	var n int
	require.NoError(tb, db.QueryRowContext(tb.Context(), query, args...).Scan(&n))
	return n
}

func text(tb testing.TB, db *sql.DB, query string) string {
	tb.Helper()
	var s string
	require.NoError(tb, db.QueryRowContext(tb.Context(), query).Scan(&s))
	return s
}

var errInjected = errors.New("injected")
