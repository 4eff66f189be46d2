package testkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// interruptPatience is how long an interrupted command may take to end.
const interruptPatience = 10 * time.Second

// Serve starts a PostgreSQL server, prints its DSN, runs the command with CACHEWRIGHT_TEST_DSN set to it, and stops the
// server when the command ends: many test processes then share one server. It returns the command's exit code. Without
// a command it serves until ctx ends, whose end also interrupts the command. A DSN already in the environment is used as it
// is, and CACHEWRIGHT_POSTGRES=skip starts nothing.
func Serve(ctx context.Context, output io.Writer, command []string) (exitCode int, err error) {
	if os.Getenv(envDSN) != "" || os.Getenv(envPostgres) == "skip" {
		return runCommand(ctx, command, nil)
	}
	server, err := newServer(nil)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	fmt.Fprintf(output, "PostgreSQL for the tests: %s\n", server.DSN(""))
	return runCommand(ctx, command, []string{envDSN + "=" + server.DSN("")})
}

func runCommand(ctx context.Context, command, env []string) (exitCode int, err error) {
	if len(command) == 0 {
		<-ctx.Done()
		return 0, nil
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = interruptPatience
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	default:
		return 1, fmt.Errorf("run %s: %w", command[0], err)
	}
}
