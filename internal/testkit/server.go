package testkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser = "cachewright"
	// startPatience bounds one start, recovery included; stopPatience an immediate shutdown.
	startPatience = time.Minute
	stopPatience  = 30 * time.Second
	// waiterFunction is the goroutine of a running server, for goleak.
	waiterFunction = "github.com/cachewright/cachewright/internal/testkit.(*Server).wait"
)

// Server is a private PostgreSQL server on loopback. Its port, password and data stay the same while it is stopped and
// started. Its methods may be called from any goroutine that may call tb.Fatal.
type Server struct {
	binaries binaries
	settings settings
	account  account
	dir      string
	password string
	watchdog *watchdog

	mu      sync.Mutex // guards what follows, and is held through a start or stop
	port    int        // written once, by the first start
	cmd     *exec.Cmd  // nil while stopped
	exited  chan error // of cmd; receives once
	removed bool
}

// StartPostgres starts a server for this test alone, which ends with it. A test that only needs a database is better
// served by [Postgres]; one's own server takes about a second.
func StartPostgres(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	skipIfAsked(tb)
	s, err := newServer(opts)
	if err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.close(); err != nil {
			tb.Errorf("testkit: %v", err)
		}
	})
	return s
}

// DSN returns the address of the named database as a URL; an empty name means the maintenance database "postgres".
func (s *Server) DSN(database string) string {
	if database == "" {
		database = "postgres"
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password),
		Host: "127.0.0.1:" + strconv.Itoa(s.port), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Database makes a fresh, empty database and returns its DSN. It goes with the server.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := randomName()
	if err := createDatabase(s.DSN(""), name); err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	return s.DSN(name)
}

// Stop ends the server at once, as a crash would: connections break, and nothing is written that was not before. It
// returns when the server is gone; a server that is stopped stays so.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(); err != nil {
		tb.Fatalf("testkit: %v", err)
	}
}

// Start starts a stopped server again, on the same port and data, and returns when it answers.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.start(); err != nil {
		tb.Fatalf("testkit: %v", err)
	}
}

// Restart is Stop and Start.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Stop(tb)
	s.Start(tb)
}

// newServer makes a cluster and starts it. Nothing is left behind on an error.
func newServer(opts []Option) (_ *Server, err error) {
	s := &Server{settings: newSettings(opts), password: rand.Text()}
	if s.binaries, err = findBinaries(); err != nil {
		return nil, err
	}
	if s.account, err = serverAccount("postgres"); err != nil {
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
	if err = s.initdb(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err = onFreePort(&s.port, s.start); err != nil {
		return nil, err
	}
	return s, nil
}

// close stops the server and removes its folder; the second call does nothing.
func (s *Server) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removed {
		return nil
	}
	s.removed = true
	return errors.Join(s.stop(), s.watchdog.close())
}

func (s *Server) initdb() error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o644); err != nil { // the folder keeps others out
		return fmt.Errorf("write the server's password: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	cmd := s.command(ctx, s.binaries.initdb, "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=password",
		"--username="+superuser, "--pwfile="+secret, "--pgdata="+s.data())
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", s.binaries.initdb, err, output)
	}
	return os.Remove(secret)
}

// start starts the server and waits until it answers. The caller holds mu.
func (s *Server) start() error {
	if s.cmd != nil {
		return nil
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer log.Close() // the server has its own copy
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port)}
	for _, parameter := range s.settings.parameters {
		args = append(args, "-c", parameter[0]+"="+parameter[1])
	}
	cmd := s.command(context.Background(), s.binaries.postgres, args...)
	cmd.Stdout, cmd.Stderr = log, log // files, not pipes: nothing holds our own output open
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.binaries.postgres, err)
	}
	s.cmd, s.exited = cmd, make(chan error, 1)
	go s.wait(cmd, s.exited)
	if err := s.watchdog.watch(cmd.Process.Pid); err != nil {
		return errors.Join(err, s.stop())
	}
	return s.ready()
}

// wait is the goroutine that reaps the server.
func (*Server) wait(cmd *exec.Cmd, exited chan<- error) { exited <- cmd.Wait() }

// ready returns when the server answers, or with the end of its log when it does not. The caller holds mu.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for {
		err := s.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case exit := <-s.exited:
			s.cmd = nil
			log := s.logTail()
			if strings.Contains(log, "could not create any TCP/IP sockets") {
				return fmt.Errorf("%w: %d\n%s", errPortTaken, s.port, log)
			}
			return fmt.Errorf("start the PostgreSQL server: %w\n%s", exit, log)
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for the PostgreSQL server: %w\n%s", err, s.logTail()), s.stop())
		case <-pause.C:
		}
	}
}

// answers asks the server for its folder: on a port that somebody else took first, it is not ours.
func (s *Server) answers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.DSN(""))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var folder string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&folder); err != nil {
		return err
	}
	if folder != s.data() {
		return fmt.Errorf("another server answers at port %d", s.port)
	}
	return nil
}

// stop ends the server and waits for it. The caller holds mu.
func (s *Server) stop() error {
	if s.cmd == nil {
		return nil
	}
	err := quit(s.cmd.Process)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil // it had crashed
	}
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	select {
	case <-s.exited: // an immediate shutdown has no good exit code to look at
	case <-patience.C:
		err = errors.Join(err, errors.New("the PostgreSQL server did not stop; it was killed"), s.cmd.Process.Kill())
		<-s.exited
	}
	s.cmd = nil
	return errors.Join(err, s.watchdog.watch(0))
}

// command runs a program of the server as its account, without the PG… variables of ours that would mislead it.
func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = s.account.attributes()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=" + s.dir}
	return cmd
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

func (s *Server) logTail() string {
	text, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	const enough = 2000
	return string(text[max(0, len(text)-enough):])
}
