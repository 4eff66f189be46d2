package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/internal/testkit"
)

// TestMain is also the demo: the shop that a dashboard under test supervises.
func TestMain(m *testing.M) {
	if name, value, _ := strings.Cut(childEnv, "="); os.Getenv(name) == value {
		main()
		return
	}
	testkit.Main(m)
}

// outcome is what became of a run of the program.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs the program to its end, without a terminal.
func run(tb testing.TB, args ...string) outcome {
	tb.Helper()
	return runWith(tb.Context(), tb, nil, args...)
}

func runWith(ctx context.Context, tb testing.TB, env map[string]string, args ...string) outcome {
	tb.Helper()
	var stdout, stderr bytes.Buffer
	p := program{getenv: func(name string) string { return env[name] }, stdout: &stdout, stderr: &stderr}
	code := p.run(ctx, args)
	return outcome{code, stdout.String(), stderr.String()}
}

func TestACommandLineThatCannotBeReadIsAnErrorThatSaysWhy(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"flag provided but not defined: -fast":  {"-fast"},
		`"tour" is no flag`:                     {"tour"},
		`invalid boolean value "maybe"`:         {"-tour=maybe"},
		`-addr "8080": an address is HOST:PORT`: {"-addr", "8080"},
		"flag needs an argument: -dsn":          {"-dsn"},
	} {
		got := run(t, args...)
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.stderr, want)
		require.Contains(t, got.stderr, "demoapp -help")
		require.Equal(t, 1, strings.Count(got.stderr, "\n"), "one line, and not all of the help: %s", got.stderr)
		require.Empty(t, got.stdout)
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	got := run(t, "-help")
	require.Equal(t, exitOK, got.code)
	require.Empty(t, got.stderr)
	for _, flag := range []string{
		"-addr", "-dsn", "-tour", "-serve", "-v", "-journal", "-policy", "-rate", "-plain", "-readonly", "-uncached", "-json",
	} {
		require.Contains(t, got.stdout, "\n  "+flag)
	}
}

func TestAPortThatIsTakenIsAnErrorThatSaysHowToTakeAnother(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	got := run(t, "-addr", taken.Addr().String())
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.stderr, taken.Addr().String())
	require.Contains(t, got.stderr, "address already in use")
	require.Contains(t, got.stderr, "-addr")
}

func TestADatabaseThatCannotBeUsedIsAnErrorThatNamesItWithoutThePassword(t *testing.T) {
	t.Parallel()
	closed := closedPort(t)
	missing := filepath.Join(t.TempDir(), "nowhere", "shop.db")
	for name, c := range map[string]struct{ dsn, want string }{
		"nobody listens":         {"postgres://me:hunter2@" + closed + "/shop", "connect to the database postgres://me:xxxxx@" + closed + "/shop"},
		"a folder is missing":    {"sqlite:" + missing, "connect to the database sqlite:" + missing},
		"another kind":           {"mysql://me:hunter2@localhost/shop", `"mysql:" is no database this demo knows: use postgres://`},
		"a path without a kind":  {"/var/lib/hunter2.db", "it names no database: use postgres://"},
		"a DSN of another style": {"host=localhost password=hunter2", "it names no database: use postgres://"},
		"no path":                {"sqlite:", "sqlite: needs a path"},
		"a URL that is none":     {"postgres://me:hunter2@local host:x/shop", "read the DSN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(t, "-addr", "127.0.0.1:0", "-dsn", c.dsn)
			require.Equal(t, exitError, got.code)
			require.Contains(t, got.stderr, c.want)
			require.NotContains(t, got.stderr+got.stdout, "hunter2")
		})
	}
}

func TestTheEnvironmentNamesTheDatabaseUnlessTheCommandLineDoes(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DATABASE_URL": "mysql://elsewhere"}
	got := runWith(t.Context(), t, env, "-addr", "127.0.0.1:0")
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.stderr, "mysql:")
	got = runWith(t.Context(), t, env, "-addr", "127.0.0.1:0", "-dsn", "oracle:x")
	require.Contains(t, got.stderr, "oracle:")
}

func TestItServesUntilInterruptedAndKeepsWhatItCounted(t *testing.T) {
	t.Parallel()
	dsn := apptest.SQLite(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	reader, writer := io.Pipe()
	var stderr bytes.Buffer
	p := program{getenv: func(string) string { return "" }, stdout: writer, stderr: &stderr}
	ended := make(chan int, 1)
	go func() {
		ended <- p.run(ctx, []string{"-plain", "-addr", "127.0.0.1:0", "-dsn", dsn})
		_ = writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	var url string
	for url == "" && lines.Scan() {
		if _, after, found := strings.Cut(lines.Text(), "shop.db on "); found {
			url = strings.TrimSuffix(after, " until interrupted")
		}
	}
	require.NotEmpty(t, url, stderr.String())
	for range 3 {
		require.Equal(t, http.StatusOK, status(t, url+"/products/1"))
	}
	interrupt()
	for lines.Scan() { // to the end of the output
	}
	require.Equal(t, exitOK, <-ended, stderr.String())

	pool, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:"))
	require.NoError(t, err)
	defer pool.Close()
	var hits int
	require.NoError(t, pool.QueryRowContext(t.Context(), "SELECT hits FROM page_views WHERE path = '/products/1'").Scan(&hits))
	require.Equal(t, 3, hits, "what was pending at the interrupt is in the database")
}

func TestTheTourHoldsOnSQLiteAndItsDatabaseIsGoneAfterwards(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt() // before it begins: it starts, or does not, and leaves nothing either way
	runWith(ctx, t, nil, "-addr", "127.0.0.1:0")
	requireGreen(t, run(t, "-tour"))
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// status gets a page and returns its status.
func status(tb testing.TB, url string) int {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, nil)
	require.NoError(tb, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(tb, err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(tb, err)
	return response.StatusCode
}

// closedPort is a local address that nobody listens on.
func closedPort(tb testing.TB) string {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	require.NoError(tb, listener.Close())
	return listener.Addr().String()
}
