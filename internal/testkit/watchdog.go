package testkit

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
)

// watchdogScript reads the server's process id, one a line, 0 for none, until its input ends. The input is a pipe that
// only the test process writes to, so it ends when that process does, killed or not. Then the server is stopped and its
// folder removed. The pipe is closed across exec, so no other child of the test process keeps it open.
const watchdogScript = `
pid=0
while read -r next; do pid=$next; done
if [ "$pid" -gt 0 ]; then
	kill -QUIT "$pid" 2>/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null
fi
rm -rf "$1"
`

// watchdog is a small shell process that outlives us by a moment, to clean up.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// startWatchdog watches over the folder as the account that owns it.
func startWatchdog(dir string, as account) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "sh", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = as.attributes()
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the pipe of the server's watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server's watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

// watch names the process to stop at the end; 0 means none.
func (w *watchdog) watch(pid int) error {
	if _, err := io.WriteString(w.pipe, strconv.Itoa(pid)+"\n"); err != nil {
		return fmt.Errorf("tell the server's watchdog its process: %w", err)
	}
	return nil
}

// close lets the watchdog do its work now, and waits for it.
func (w *watchdog) close() error {
	if err := w.pipe.Close(); err != nil {
		return fmt.Errorf("close the pipe of the server's watchdog: %w", err)
	}
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("wait for the server's watchdog: %w", err)
	}
	return nil
}
