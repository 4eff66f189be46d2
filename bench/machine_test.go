package bench_test

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/cpuid/v2"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

// surroundings say where and on what the table was measured: figures without them mean nothing.
func surroundings(tb testing.TB, database testkit.Database) string {
	tb.Helper()
	processor := cpuid.CPU.BrandName
	if processor == "" {
		processor = "unnamed processor"
	}
	lines := []string{
		fmt.Sprintf("machine     %s, %d of %d CPUs, %s/%s", processor, runtime.GOMAXPROCS(0), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH),
		fmt.Sprintf("Go          %s", runtime.Version()),
		fmt.Sprintf("PostgreSQL  %s on the same machine, fsync %s, synchronous_commit %s",
			setting(tb, database, "server_version"), setting(tb, database, "fsync"), setting(tb, database, "synchronous_commit")),
		fmt.Sprintf("date        %s", time.Now().UTC().Format("2006-01-02 15:04 UTC")),
	}
	// The commit is told where git can tell it.
	if commit, err := exec.CommandContext(tb.Context(), "git", "describe", "--always", "--dirty").Output(); err == nil {
		lines = append(lines, "commit      "+strings.TrimSpace(string(commit)))
	}
	return strings.Join(lines, "\n")
}

func setting(tb testing.TB, database testkit.Database, name string) string {
	tb.Helper()
	var value string
	require.NoError(tb, database.Raw(tb).QueryRowContext(tb.Context(), "SELECT current_setting($1)", name).Scan(&value))
	return value
}
