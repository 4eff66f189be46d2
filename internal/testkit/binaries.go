package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// errNoBinaries is met where PostgreSQL is not installed; its text tells the reader what to do.
var errNoBinaries = errors.New("find no PostgreSQL server on this machine: install the package \"postgresql\" " +
	"(apt-get install postgresql, dnf install postgresql-server, brew install postgresql), " +
	"or set " + envDSN + " to a server to use, or " + envPostgres + "=skip to leave these tests out")

// binaries are the programs a server is made with, as absolute paths.
type binaries struct {
	initdb, postgres string
}

// findBinaries looks in PATH first, then where the packages of Debian, Fedora and Homebrew put the newest version.
func findBinaries() (binaries, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		// PATH may hold a link to one program of an installation; initdb must be of the same one.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			if found, ok := binariesIn(filepath.Dir(target)); ok {
				return found, nil
			}
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		folders, err := filepath.Glob(pattern)
		if err != nil {
			return binaries{}, fmt.Errorf("look for PostgreSQL in %s: %w", pattern, err)
		}
		var best binaries
		bestVersion := -1
		for _, folder := range folders {
			if found, ok := binariesIn(folder); ok && versionOf(folder) > bestVersion {
				best, bestVersion = found, versionOf(folder)
			}
		}
		if bestVersion >= 0 {
			return best, nil
		}
	}
	return binaries{}, errNoBinaries
}

func binariesIn(folder string) (binaries, bool) {
	found := binaries{initdb: filepath.Join(folder, "initdb"), postgres: filepath.Join(folder, "postgres")}
	for _, path := range []string{found.initdb, found.postgres} {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return binaries{}, false
		}
	}
	return found, true
}

// versionOf reads the major version out of a folder such as /usr/lib/postgresql/17/bin: its last run of digits.
func versionOf(folder string) int {
	end := len(folder)
	for end > 0 && (folder[end-1] < '0' || folder[end-1] > '9') {
		end--
	}
	start := end
	for start > 0 && folder[start-1] >= '0' && folder[start-1] <= '9' {
		start--
	}
	version, err := strconv.Atoi(folder[start:end])
	if err != nil {
		return 0
	}
	return version
}
