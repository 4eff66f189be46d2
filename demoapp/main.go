// Command demoapp is a small shop with a JSON API on chi and GORM, whose rows and pages Cachewright caches. It shows how
// an application is put together with the library, and runs a tour that shows what the library does.
//
//	go run ./demoapp          # the dashboard
//	go run ./demoapp -tour    # the tour
//	go run ./demoapp -help    # the rest
//
// Start reading at internal/shop, the models and their tags; then internal/api, the routes and the two doors of the page
// cache; then internal/app, which puts it together and ends it in the right order. The dashboard (internal/dashboard) runs in a
// process of its own, which supervises the shop.
//
// It is a demo: anybody may change a price, and a token says who somebody is without proof. By default it listens on this
// machine alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/cachewright/cachewright/demoapp/internal/app"
	"github.com/cachewright/cachewright/demoapp/internal/crash"
	"github.com/cachewright/cachewright/demoapp/internal/tour"
)

// stopTimeout is how long requests under way and counts not yet flushed may take at the end.
const stopTimeout = 15 * time.Second

// The exit codes.
const (
	exitOK    = 0
	exitError = 1 // something failed, or a claim was lost
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := program{getenv: os.Getenv, interactive: isatty.IsTerminal(os.Stdin.Fd()), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is the demo with what it needs of the process it runs in.
type program struct {
	getenv         func(string) string
	interactive    bool // somebody sits at standard input
	stdin          io.Reader
	stdout, stderr io.Writer
}

// run does what the arguments say until that is done or the context ends, and returns the exit code.
func (p program) run(ctx context.Context, args []string) int {
	cfg, err := parseConfig(args, p.getenv, p.stdout, p.stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	if err := p.start(ctx, cfg); err != nil {
		fmt.Fprintf(p.stderr, "demoapp: %v\n", err)
		return exitError
	}
	return exitOK
}

// start runs what is asked for, from its start to its stop.
func (p program) start(ctx context.Context, cfg config) error {
	if cfg.supervised {
		return p.supervised(ctx, cfg)
	}
	if cfg.dsn == "" {
		fmt.Fprintln(p.stdout, "database: SQLite in a temporary file, removed at the end; -dsn keeps the data")
	}
	if cfg.tour || cfg.plain {
		if err := p.inProcess(ctx, cfg); err != nil || cfg.plain {
			return err
		}
		if !cfg.serve || !p.interactive || ctx.Err() != nil {
			return nil
		}
	}
	return p.dashboard(ctx, cfg)
}

// inProcess runs the shop here: for the tour, for -plain, or for both.
func (p program) inProcess(ctx context.Context, cfg config) (err error) {
	cfg.textbook = cfg.textbook || cfg.tour // which looks at it, too
	a, err := app.Start(ctx, p.appConfig(cfg))
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer p.stop(ctx, a, &err)
	if cfg.tour {
		if err := p.tour(ctx, a, cfg); err != nil {
			return err
		}
		if !cfg.plain || !cfg.serve || !p.interactive {
			return nil
		}
	}
	fmt.Fprintf(p.stdout, "serving %s on %s until interrupted\n", a.Database.Name, a.URL)
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.stdout, "stopping")
		return nil
	case err := <-a.Served():
		return err
	}
}

func (p program) appConfig(cfg config) app.Config {
	return app.Config{
		Addr: cfg.addr, DSN: cfg.dsn, Logger: p.logger(cfg), Journal: cfg.journal, Policies: cfg.policies, Uncached: cfg.uncached,
		Textbook: cfg.textbook,
		Progress: func(what string, rows int) {
			if !cfg.supervised {
				fmt.Fprintf(p.stdout, "seeded %5d %s\n", rows, what)
			}
		},
	}
}

// stop ends the shop, and adds what went wrong to the error. The interrupt that ended ctx is no reason to lose what is pending.
func (p program) stop(ctx context.Context, a *app.App, err *error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if stopped := a.Stop(ctx); stopped != nil {
		*err = errors.Join(*err, fmt.Errorf("stop: %w", stopped))
	}
}

// tour runs the tour. A claim that is lost is an error.
func (p program) tour(ctx context.Context, a *app.App, cfg config) error {
	fmt.Fprintf(p.stdout, "touring %s on %s\n", a.Database.Name, a.URL)
	report := tour.Run(ctx, tour.Stage{
		URL: a.URL, Stats: a.Cache.Stats, Handled: a.API.Handled, Meter: a.Database.Meter, Outside: a.Database.Outside,
		Advise: a.Cache.Advise,
		Crash:  func(ctx context.Context) (crash.Report, error) { return p.crash(ctx, a, cfg) },
	}, p.stdout)
	if err := ctx.Err(); err != nil {
		return errors.New("the tour was interrupted")
	}
	report.Print(p.stdout)
	if lost := report.Lost(); len(lost) > 0 {
		return fmt.Errorf("the tour lost %d of its claims, the first one: %s", len(lost), lost[0])
	}
	return nil
}

// logger logs what an operator must know; a tour tells what happens by itself.
func (p program) logger(cfg config) *slog.Logger {
	level := slog.LevelInfo
	switch {
	case cfg.verbose:
		level = slog.LevelDebug
	case cfg.tour || cfg.quiet:
		level = slog.LevelWarn
	}
	options := &slog.HandlerOptions{Level: level}
	if cfg.json {
		return slog.New(slog.NewJSONHandler(p.stderr, options))
	}
	return slog.New(slog.NewTextHandler(p.stderr, options))
}
