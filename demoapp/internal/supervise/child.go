// Package supervise runs the shop as a child process, so that a dashboard can kill it, start it again with other policies, and
// look at what is left.
//
// The two talk over pipes: the child says its address on standard output and takes commands on standard input, whose end
// makes it stop. So a child never outlives its parent.
package supervise

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// restartPause keeps a child that ends at once from being started in a busy loop.
const restartPause = 200 * time.Millisecond

// Hello is what a child says when it serves.
type Hello struct {
	URL string `json:"url"`
}

// Command is what a child is told.
type Command struct {
	PauseMS int64 `json:"pause_ms,omitempty"` // makes the databases wait
}

// Config says how the child is run.
type Config struct {
	Path   string
	Args   func() []string // asked before each start
	Env    []string        // besides this process's
	Stderr io.Writer
}

// Supervisor keeps one child running. Its methods may be called by any goroutine.
type Supervisor struct {
	cfg  Config
	done chan struct{} // closed when the last child has ended, after Stop

	mu      sync.Mutex // guards all below
	process *process   // nil between two
	starts  int
	crashes int
	stopped bool
	changed chan struct{} // closed, and another put in its place, when a child serves or has ended
}

// process is one life of the child.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	url   string
	ended chan struct{}
	err   error // of its end; valid once ended is closed
}

// Start starts the child and waits until it serves. Whoever starts a Supervisor stops it.
func Start(ctx context.Context, cfg Config) (*Supervisor, error) {
	s := &Supervisor{cfg: cfg, done: make(chan struct{}), changed: make(chan struct{})}
	first, err := s.launch(ctx)
	if err != nil {
		return nil, err
	}
	s.serves(first)
	go s.watch(first)
	return s, nil
}

// URL is where the child answers; "" while none runs.
func (s *Supervisor) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return ""
	}
	return s.process.url
}

// Starts is how often a child was started, Crashes how often one ended that was not told to.
func (s *Supervisor) Starts() (starts, crashes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts, s.crashes
}

// Kill ends the child as a crash does, and waits until the next one serves.
func (s *Supervisor) Kill(ctx context.Context) error {
	return s.replace(ctx, func(p *process) error { return p.cmd.Process.Kill() })
}

// Restart ends the child in order, and waits until the next one serves.
func (s *Supervisor) Restart(ctx context.Context) error {
	return s.replace(ctx, func(p *process) error { return p.stdin.Close() })
}

// Tell gives the child a command.
func (s *Supervisor) Tell(c Command) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return errNone
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write a command: %w", err)
	}
	if _, err := s.process.stdin.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("tell the shop: %w", err)
	}
	return nil
}

// Stop ends the child in order, or kills it when the context ends first. It may be called again.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	p := s.process
	s.mu.Unlock()
	if p != nil {
		_ = p.stdin.Close() // one that has ended does not mind
	}
	var err error
	select {
	case <-s.done:
	case <-ctx.Done():
		err = fmt.Errorf("wait for the shop to end: %w", ctx.Err())
		s.mu.Lock()
		if s.process != nil {
			_ = s.process.cmd.Process.Kill() // it may just have ended
		}
		s.mu.Unlock()
		<-s.done
	}
	if p != nil && err == nil && p.err != nil {
		err = fmt.Errorf("end the shop: %w", p.err)
	}
	return err
}

var errNone = errors.New("the shop is not running just now")

// replace ends the child of now and waits for the next one.
func (s *Supervisor) replace(ctx context.Context, end func(*process) error) error {
	s.mu.Lock()
	p, starts := s.process, s.starts
	s.mu.Unlock()
	if p == nil {
		return errNone
	}
	if err := end(p); err != nil {
		return fmt.Errorf("end the shop: %w", err)
	}
	for {
		s.mu.Lock()
		changed, again, stopped := s.changed, s.process != nil && s.starts > starts, s.stopped
		s.mu.Unlock()
		switch {
		case again:
			return nil
		case stopped:
			return errNone
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the shop to serve again: %w", ctx.Err())
		}
	}
}

// serves notes that a child serves; nil, that one has ended.
func (s *Supervisor) serves(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = p
	if p != nil {
		s.starts++
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// watch waits for the child's end and starts another, until Stop.
func (s *Supervisor) watch(p *process) {
	defer close(s.done)
	for {
		<-p.ended
		s.mu.Lock()
		stopped := s.stopped
		if p.err != nil && !stopped {
			s.crashes++
		}
		s.mu.Unlock()
		s.serves(nil)
		for next := (*process)(nil); ; {
			s.mu.Lock()
			stopped = s.stopped
			s.mu.Unlock()
			if stopped {
				return
			}
			var err error
			if next, err = s.launch(context.Background()); err == nil {
				p = next
				break
			}
			fmt.Fprintf(s.cfg.Stderr, "start the shop again: %v\n", err)
			time.Sleep(restartPause) //nolint:forbidigo // there is nothing to wait for but time
		}
		s.serves(p)
		s.mu.Lock()
		stopped = s.stopped
		s.mu.Unlock()
		if stopped {
			_ = p.stdin.Close() // Stop came while it started
		}
	}
}

// launch starts a child and waits for its address.
func (s *Supervisor) launch(ctx context.Context) (*process, error) {
	cmd := exec.Command(s.cfg.Path, slices.Clone(s.cfg.Args())...) //nolint:gosec,noctx // our own program; its end is told by its input
	cmd.Env = append(os.Environ(), s.cfg.Env...)
	cmd.Stderr = s.cfg.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the shop: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the shop: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the shop: %w", err)
	}
	p := &process{cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	hello := make(chan Hello, 1)
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			var h Hello
			if json.Unmarshal(lines.Bytes(), &h) == nil && h.URL != "" {
				hello <- h
				break
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
		p.err = cmd.Wait()
	}()
	select {
	case h := <-hello:
		p.url = h.URL
		return p, nil
	case <-p.ended:
		select {
		case h := <-hello: // it said so and ended at once: whoever watches sees that
			p.url = h.URL
			return p, nil
		default:
		}
		return nil, fmt.Errorf("start the shop: it ended before it served: %w", orNone(p.err))
	case <-ctx.Done():
		_ = cmd.Process.Kill() // it may just have ended
		<-p.ended
		return nil, fmt.Errorf("start the shop: %w", ctx.Err())
	}
}

// orNone is the error, or one that says there was none.
func orNone(err error) error {
	if err == nil {
		return errors.New("without an error")
	}
	return err
}
