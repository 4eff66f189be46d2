//go:build unix

package testkit

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who a server runs as: PostgreSQL and MariaDB refuse to be root. The zero value is ourselves.
type account struct {
	uid, gid uint32
	other    bool
}

// serverAccount returns the account with the preferred name, or "nobody", when we are root, and ourselves otherwise.
func serverAccount(preferred string) (account, error) {
	if os.Getuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{preferred, "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(found.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(found.Gid, 10, 32)
		if errUID == nil && errGID == nil && uid != 0 {
			return account{uid: uint32(uid), gid: uint32(gid), other: true}, nil
		}
	}
	return account{}, fmt.Errorf("the server refuses to run as root, and there is no user %q or %q", preferred, "nobody")
}

// attributes starts a process as the account, in a process group of its own: an interrupt typed at the terminal is for
// the tests, and the server ends after them.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.other {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid, NoSetGroups: false}
	}
	return attr
}

// folder makes a new temporary folder that belongs to the account, below a folder the account can reach.
func (a account) folder() (string, error) {
	parent := os.TempDir()
	if a.other && !reachable(parent) {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "cachewright-db-")
	if err != nil {
		return "", fmt.Errorf("make the folder of a server: %w", err)
	}
	if a.other {
		if err := os.Chown(dir, int(a.uid), int(a.gid)); err != nil {
			return "", fmt.Errorf("hand the folder of a server over: %w", err)
		}
	}
	return dir, nil
}

// reachable reports whether everybody may pass through the folder and all above it.
func reachable(dir string) bool {
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// quit asks a server for an immediate shutdown: no checkpoint, no goodbye to clients; it recovers at its next start.
func quit(p *os.Process) error { return p.Signal(syscall.SIGQUIT) }
