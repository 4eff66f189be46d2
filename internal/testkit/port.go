package testkit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// errPortTaken: somebody else bound the port between our look and the server's start.
var errPortTaken = errors.New("the port is taken")

// freePort returns a loopback port on which nobody listens, below the range that systems hand out to clients: there, a
// client that dials a stopped server's port may be given that very port for its own end, and talk to itself.
func freePort() (int, error) {
	const lowest, count, tries = 15_000, 15_000, 100
	var listen net.ListenConfig
	var last error
	for range tries {
		port := lowest + rand.IntN(count)
		l, err := listen.Listen(context.Background(), "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("give back the port that was found: %w", err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}

// onFreePort starts a server on a free port, whose number it puts into port. Another process may take the port between our look
// and the server's bind; then it tries another one.
func onFreePort(port *int, start func() error) (err error) {
	const tries = 5
	for range tries {
		if *port, err = freePort(); err != nil {
			return err
		}
		if err = start(); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}
