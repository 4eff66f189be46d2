// Command pgserve runs a command with a PostgreSQL and a MariaDB server for its tests:
//
//	go run ./internal/testkit/cmd/pgserve go test ./...
//
// The servers are private and temporary. The command finds their DSNs in CACHEWRIGHT_TEST_DSN and
// CACHEWRIGHT_TEST_MARIADB_DSN, and pgserve ends with the command's exit code. Without a command it prints the DSNs and
// serves until it is interrupted.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/cachewright/cachewright/internal/testkit"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := testkit.Serve(ctx, os.Stderr, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "pgserve: %v\n", err)
		code = max(code, 1)
	}
	os.Exit(code)
}
