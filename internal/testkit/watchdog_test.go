//go:build unix

package testkit_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

// doomedEnv makes a run of this test binary the child that is killed.
const doomedEnv = "CACHEWRIGHT_TEST_DOOMED"

func TestAKilledTestProcessTakesItsServerAlong(t *testing.T) {
	if os.Getenv(doomedEnv) != "" {
		db := openPostgres(t, testkit.StartPostgres(t).DSN(""))
		os.Stdout.WriteString("data " + text(t, db, "SHOW data_directory") + "\n")
		<-t.Context().Done() // it is killed here
		return
	}
	if testing.Short() {
		t.Skip("starts a server in a process of its own")
	}
	t.Parallel()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), doomedEnv+"=1")
	output, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())

	var data string
	lines := bufio.NewScanner(output)
	for data == "" && lines.Scan() {
		data, _ = strings.CutPrefix(lines.Text(), "data ")
		if !filepath.IsAbs(data) {
			data = ""
		}
	}
	require.FileExists(t, filepath.Join(data, "postmaster.pid"))
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Dir(data))
		return os.IsNotExist(err)
	}, 30*time.Second, 20*time.Millisecond, "the folder goes after the server")
}
