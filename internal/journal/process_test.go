package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
)

const (
	actVariable    = "CACHEWRIGHT_JOURNAL_ACT"
	folderVariable = "CACHEWRIGHT_JOURNAL_FOLDER"
)

// acts are what this test's binary does when a test starts it with actVariable set.
var acts = map[string]func(){
	"append until killed": func() {
		j, err := journal.Open(os.Getenv(folderVariable), options())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("id", j.ID())
		for i := 1; ; i++ {
			if _, err := j.Append(context.Background(), fmt.Appendf(nil, "record %d", i), journal.AckJournal); err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println("acknowledged", i)
		}
	},
}

// process is this test's binary, doing something else.
type process struct {
	command *exec.Cmd
	output  *bufio.Scanner
}

func startProcess(tb testing.TB, act, dir string) *process {
	tb.Helper()
	self, err := os.Executable()
	require.NoError(tb, err)
	command := exec.Command(self)
	command.Env = append(os.Environ(), actVariable+"="+act, folderVariable+"="+dir)
	output, err := command.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, command.Start())
	p := &process{command: command, output: bufio.NewScanner(output)}
	tb.Cleanup(p.kill)
	return p
}

// line is the next one that the process wrote.
func (p *process) line(tb testing.TB) string {
	tb.Helper()
	require.True(tb, p.output.Scan(), "the process wrote no more")
	return p.output.Text()
}

// kill sends SIGKILL and waits for the end. What the process wrote before can be read no more.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

func TestAProcessTakesNoJournalOfOneThatLives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := startProcess(t, "append until killed", dir)
	var id string
	_, err := fmt.Sscanf(child.line(t), "id %s", &id)
	require.NoError(t, err)

	left, err := journal.Adopt(dir, options())
	require.NoError(t, err)
	require.Empty(t, left, "it lives")
	own := openNew(t, dir, options())
	require.NotEqual(t, id, own.ID())

	acknowledged := 0
	for acknowledged < 200 {
		_, err := fmt.Sscanf(child.line(t), "acknowledged %d", &acknowledged)
		require.NoError(t, err)
	}
	child.kill()
	adopted := adoptOne(t, dir, options())
	require.Equal(t, id, adopted.ID())
	entries, found := replayed(t, adopted)
	require.GreaterOrEqual(t, len(entries), acknowledged, "SIGKILL loses nothing that the operating system has")
	require.False(t, found.Torn)
	for i, e := range entries {
		require.Equal(t, fmt.Sprintf("record %d", i+1), e.payload)
	}
	left, err = journal.Adopt(dir, options())
	require.NoError(t, err)
	require.Empty(t, left, "this process has both")
}
