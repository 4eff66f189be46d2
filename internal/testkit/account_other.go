//go:build !unix

package testkit

import (
	"errors"
	"os"
	"syscall"
)

// account stands for the user a server runs as; only Unix systems start servers.
type account struct{}

func serverAccount(string) (account, error) {
	return account{}, errors.New("start a server: only Unix systems can; set " + envDSN + " and " + envMariaDSN + " to servers to use")
}

func (account) attributes() *syscall.SysProcAttr { return nil }

func (account) folder() (string, error) { return os.MkdirTemp("", "cachewright-db-") }

func quit(p *os.Process) error { return p.Kill() }
