package testkit

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// errNoMariaDB is met where MariaDB is not installed; its text tells the reader what to do.
var errNoMariaDB = errors.New("find no MariaDB server on this machine: install the package \"mariadb-server\" " +
	"(apt-get install mariadb-server-core, dnf install mariadb-server, brew install mariadb), " +
	"or set " + envMariaDSN + " to a server to use, or " + envMariaDB + "=skip to leave these tests out")

// mariaWaiterFunction is the goroutine of a running server, for goleak.
const mariaWaiterFunction = "github.com/cachewright/cachewright/internal/testkit.(*mariaServer).wait"

// mariaServer is a private MariaDB server on loopback.
type mariaServer struct {
	installer, program string // absolute paths
	account            account
	dir                string
	password           string
	watchdog           *watchdog
	port               int
	cmd                *exec.Cmd  // nil while there is none
	exited             chan error // of cmd; receives once
	removed            bool
}

// newMariaServer makes a data folder and starts a server on it. Nothing is left behind on an error.
func newMariaServer() (_ *mariaServer, err error) {
	s := &mariaServer{password: rand.Text()}
	if s.installer, s.program, err = findMariaDB(); err != nil {
		return nil, err
	}
	if s.account, err = serverAccount("mysql"); err != nil {
		return nil, err
	}
	if s.dir, err = s.account.folder(); err != nil {
		return nil, err
	}
	if s.watchdog, err = startWatchdog(s.dir, s.account); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err = s.install(); err != nil {
		return nil, err
	}
	if err = onFreePort(&s.port, s.start); err != nil {
		return nil, err
	}
	return s, nil
}

// findMariaDB looks for the server and the script that makes its data folder, on PATH and where packages put them.
func findMariaDB() (installer, program string, err error) {
	find := func(names []string, folders ...string) string {
		for _, name := range names {
			if path, err := exec.LookPath(name); err == nil {
				return path
			}
			for _, folder := range folders {
				path := filepath.Join(folder, name)
				if info, err := os.Stat(path); err == nil && !info.IsDir() {
					return path
				}
			}
		}
		return ""
	}
	program = find([]string{"mariadbd"}, "/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin")
	installer = find([]string{"mariadb-install-db"}, "/usr/bin", "/usr/local/bin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin")
	if program == "" || installer == "" {
		return "", "", errNoMariaDB
	}
	return installer, program, nil
}

// install makes the data folder, and the statements by which each start makes our user the only one.
func (s *mariaServer) install() error {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	cmd := s.command(ctx, s.installer, append([]string{"--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"}, s.files()...)...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", s.installer, err, output)
	}
	user := superuser + "@'127.0.0.1'"
	script := "CREATE OR REPLACE USER " + user + " IDENTIFIED BY '" + s.password + "';\n" +
		"GRANT ALL ON *.* TO " + user + " WITH GRANT OPTION;\n" +
		"DELETE FROM mysql.global_priv WHERE User NOT IN ('" + superuser + "', 'mariadb.sys');\n" +
		"FLUSH PRIVILEGES;\n"
	if err := os.WriteFile(s.script(), []byte(script), 0o644); err != nil { // the folder keeps others out
		return fmt.Errorf("write the server's first statements: %w", err)
	}
	return nil
}

// files are the options of both programs: small files, which are not synced.
func (s *mariaServer) files() []string {
	return []string{
		"--datadir=" + filepath.Join(s.dir, "data"), "--innodb-log-file-size=16M", "--innodb-buffer-pool-size=32M", "--innodb-flush-method=nosync",
		"--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite", "--skip-name-resolve",
	}
}

func (s *mariaServer) start() error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer log.Close() // the server has its own copy
	args := append([]string{"--no-defaults"}, s.files()...)
	args = append(args, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(s.port), "--socket="+filepath.Join(s.dir, "socket"),
		"--pid-file="+filepath.Join(s.dir, "pid"), "--init-file="+s.script(), "--max-connections=300", "--skip-log-bin",
		"--character-set-server=utf8mb4", "--default-time-zone=+00:00")
	cmd := s.command(context.Background(), s.program, args...)
	cmd.Stdout, cmd.Stderr = log, log // files, not pipes: nothing holds our own output open
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.program, err)
	}
	s.cmd, s.exited = cmd, make(chan error, 1)
	go s.wait(cmd, s.exited)
	if err := s.watchdog.watch(cmd.Process.Pid); err != nil {
		return errors.Join(err, s.stop())
	}
	return s.ready()
}

// wait is the goroutine that reaps the server.
func (*mariaServer) wait(cmd *exec.Cmd, exited chan<- error) { exited <- cmd.Wait() }

// ready returns when the server answers, or with the end of its log when it does not.
func (s *mariaServer) ready() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	db, err := sql.Open("mysql", s.dsn())
	if err != nil {
		return fmt.Errorf("read our own DSN: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for {
		var folder string
		err := db.QueryRowContext(ctx, "SELECT @@datadir").Scan(&folder) // on a port that somebody else took first, it is not ours
		if err == nil && filepath.Clean(folder) == filepath.Join(s.dir, "data") {
			return nil
		}
		select {
		case exit := <-s.exited:
			s.cmd = nil
			log := s.logTail()
			if strings.Contains(log, "Address already in use") {
				return fmt.Errorf("%w: %d\n%s", errPortTaken, s.port, log)
			}
			return fmt.Errorf("start the MariaDB server: %w\n%s", exit, log)
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for the MariaDB server: %w\n%s", err, s.logTail()), s.stop())
		case <-pause.C:
		}
	}
}

// stop ends the server at once; nobody needs its data any more.
func (s *mariaServer) stop() error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil // it had crashed
	}
	<-s.exited
	s.cmd = nil
	return errors.Join(err, s.watchdog.watch(0))
}

// close stops the server and removes its folder; the second call does nothing.
func (s *mariaServer) close() error {
	if s.removed {
		return nil
	}
	s.removed = true
	return errors.Join(s.stop(), s.watchdog.close())
}

// dsn is the address of the server, without a database.
func (s *mariaServer) dsn() string {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net = superuser, s.password, "tcp"
	cfg.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
	cfg.Logger = &mysql.NopLogger{} // while it starts, refused connections are no news
	return cfg.FormatDSN()
}

// command runs a program of the server as its account.
func (s *mariaServer) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = s.account.attributes()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=" + s.dir, "TMPDIR=" + s.dir}
	return cmd
}

func (s *mariaServer) script() string { return filepath.Join(s.dir, "init.sql") }

func (s *mariaServer) log() string { return filepath.Join(s.dir, "log") }

func (s *mariaServer) logTail() string {
	text, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	const enough = 2000
	return string(text[max(0, len(text)-enough):])
}
