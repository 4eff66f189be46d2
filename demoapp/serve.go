package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/app"
	"github.com/cachewright/cachewright/demoapp/internal/dashboard"
	"github.com/cachewright/cachewright/demoapp/internal/database"
	"github.com/cachewright/cachewright/demoapp/internal/load"
	"github.com/cachewright/cachewright/demoapp/internal/supervise"
	"github.com/cachewright/cachewright/demoapp/internal/watch"
)

// childEnv makes a test binary be the demo.
const childEnv = "CACHEWRIGHT_DEMO_CHILD=1"

// lookEvery is how often the dashboard looks at the shop.
const lookEvery = time.Second

// supervised is the shop of a dashboard.
func (p program) supervised(ctx context.Context, cfg config) (err error) {
	signal.Ignore(os.Interrupt) // a terminal interrupts both; the parent says when this process is to end
	ctx, end := context.WithCancel(ctx)
	defer end()
	a, err := app.Start(ctx, p.appConfig(cfg))
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer p.stop(ctx, a, &err)
	if err := supervise.Greet(p.stdout, a.URL); err != nil {
		return err
	}
	go func() {
		defer end() // the parent is done with us, or gone
		supervise.Listen(p.stdin, func(c supervise.Command) {
			if err := a.Pause(time.Duration(c.PauseMS) * time.Millisecond); err != nil {
				fmt.Fprintf(p.stderr, "demoapp: %v\n", err)
			}
		})
	}()
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.Served():
		return err
	}
}

// dashboard runs the shop as a child, and the dashboard in this process.
func (p program) dashboard(ctx context.Context, cfg config) (err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.addr)
	if err != nil {
		return fmt.Errorf("start: listen (another address: -addr): %w", err)
	}
	defer func() { _ = listener.Close() }() // the server has closed it, unless it never began
	if cfg.dsn == "" {
		folder, err := os.MkdirTemp("", "cachewright-demo-")
		if err != nil {
			return fmt.Errorf("make a folder for the database: %w", err)
		}
		defer func() { _ = os.RemoveAll(folder) }() // the system's own cleaning gets what stays
		cfg.dsn = "sqlite:" + filepath.Join(folder, "shop.db")
		if cfg.journal == "" {
			cfg.journal = filepath.Join(folder, "journal")
		}
	}
	cfg.textbook, cfg.tour = true, false
	child := &childArgs{cfg: cfg}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	fmt.Fprintln(p.stdout, "starting the shop; the first time it fills two databases")
	s, err := supervise.Start(ctx, supervise.Config{Path: self, Args: child.args, Env: []string{childEnv}, Stderr: p.stderr})
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err = errors.Join(err, s.Stop(stopping))
	}()
	logger := p.logger(cfg)
	watchers, closeWatched, err := watchBoth(ctx, cfg.dsn, s.URL, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeWatched()) }()
	d := dashboard.New(dashboard.Config{
		Shop: s.URL, Watchers: watchers, Starts: s.Starts, Kill: s.Kill, Every: lookEvery, Logger: logger, Readonly: cfg.readonly,
		Load: load.New(cfg.rate,
			load.Target{Name: "cachewright", Base: s.URL},
			load.Target{Name: "textbook", Base: func() string { return s.URL() + app.TextbookPath }}),
		Pause: func(d time.Duration) error { return s.Tell(supervise.Command{PauseMS: d.Milliseconds()}) },
		Policy: func(ctx context.Context, policies map[string]string) error {
			before := child.swap(policies)
			if err := s.Restart(ctx); err != nil {
				child.swap(before) // the shop that does not start is started as it was
				return err
			}
			return nil
		},
		Loopback: listener.Addr().(*net.TCPAddr).IP.IsLoopback(), //nolint:forcetypeassert // it listens on TCP
	})
	return p.serveDashboard(ctx, listener, d, cfg, logger)
}

// serveDashboard serves until interrupted.
func (p program) serveDashboard(ctx context.Context, listener net.Listener, d *dashboard.Dashboard, cfg config, logger *slog.Logger) error {
	server := &http.Server{
		Handler: d, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Fprintf(p.stdout, "serving %s on http://%s until interrupted\n", database.Shown(cfg.dsn), listener.Addr())
	var err error
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.stdout, "stopping")
	case err = <-served:
	}
	d.Close() // its streams would keep the server from ending
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if stopped := server.Shutdown(stopping); stopped != nil {
		err = errors.Join(err, stopped, server.Close())
	}
	return err
}

// watchBoth opens the databases of both applications for those who look for stale answers.
func watchBoth(ctx context.Context, dsn string, shop func() string, logger *slog.Logger) (watchers [2]*watch.Watcher, _ func() error, err error) {
	beside, err := database.BesideDSN(dsn)
	if err != nil {
		return watchers, nil, err
	}
	var opened []*database.Database
	closeAll := func() error {
		var errs []error
		for _, db := range opened {
			errs = append(errs, db.Close())
		}
		return errors.Join(errs...)
	}
	for i, one := range []struct {
		dsn  string
		base func() string
	}{{dsn, shop}, {beside, func() string { return shop() + app.TextbookPath }}} {
		db, err := database.Open(ctx, one.dsn, logger)
		if err != nil {
			return watchers, nil, errors.Join(err, closeAll())
		}
		opened = append(opened, db)
		watchers[i] = watch.New(one.base, db.Outside)
	}
	return watchers, closeAll, nil
}

// childArgs are the arguments of the next child.
type childArgs struct {
	cfg config

	mu       sync.Mutex // guards policies
	policies map[string]string
}

func (c *childArgs) swap(policies map[string]string) (before map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, c.policies = c.policies, policies
	return before
}

func (c *childArgs) args() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	args := []string{"-supervised", "-addr", "127.0.0.1:0", "-dsn", c.cfg.dsn, "-journal", c.cfg.journal}
	for name, set := range map[string]bool{"-v": c.cfg.verbose, "-json": c.cfg.json, "-uncached": c.cfg.uncached, "-textbook": c.cfg.textbook, "-quiet": c.cfg.tour} {
		if set {
			args = append(args, name)
		}
	}
	policies := map[string]string{}
	for table, p := range c.cfg.policies {
		policies[table] = p.String()
	}
	maps.Copy(policies, c.policies)
	for _, table := range slices.Sorted(maps.Keys(policies)) {
		args = append(args, "-policy", table+"="+policies[table])
	}
	return args
}
