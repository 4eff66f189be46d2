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

// Serve starts a PostgreSQL and a MariaDB server, prints their DSNs, runs the command with CACHEWRIGHT_TEST_DSN and
// CACHEWRIGHT_TEST_MARIADB_DSN set to them, and stops the servers when the command ends: many test processes then share
// them. It returns the command's exit code. Without a command it serves until ctx ends, whose end also interrupts the
// command. A DSN already in the environment is used as it is, and CACHEWRIGHT_POSTGRES=skip and CACHEWRIGHT_MARIADB=skip
// start nothing.
func Serve(ctx context.Context, output io.Writer, command []string) (exitCode int, err error) {
	var env []string
	if os.Getenv(envDSN) == "" && os.Getenv(envPostgres) != "skip" {
		server, err := newServer(nil)
		if err != nil {
			return 1, err
		}
		defer closing(server.close, &err)
		fmt.Fprintf(output, "PostgreSQL for the tests: %s\n", server.DSN(""))
		env = append(env, envDSN+"="+server.DSN(""))
	}
	if os.Getenv(envMariaDSN) == "" && os.Getenv(envMariaDB) != "skip" {
		server, err := newMariaServer()
		if err != nil {
			return 1, err
		}
		defer closing(server.close, &err)
		fmt.Fprintf(output, "MariaDB for the tests: %s\n", server.dsn())
		env = append(env, envMariaDSN+"="+server.dsn())
	}
	return runCommand(ctx, command, env)
}

// closing adds what closing tells to the error.
func closing(stop func() error, err *error) { *err = errors.Join(*err, stop()) }

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
