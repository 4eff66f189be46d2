package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cachewright/cachewright/demoapp/internal/app"
	"github.com/cachewright/cachewright/demoapp/internal/crash"
	"github.com/cachewright/cachewright/demoapp/internal/database"
	"github.com/cachewright/cachewright/demoapp/internal/supervise"
)

// crash runs a second shop as a child, on a database beside the tour's, for it is to be killed.
func (p program) crash(ctx context.Context, a *app.App, cfg config) (_ crash.Report, err error) {
	beside, err := database.Beside(ctx, a.Database, p.logger(cfg))
	if err != nil {
		return crash.Report{}, err
	}
	cfg.dsn = beside.DSN()
	if err := beside.Close(); err != nil {
		return crash.Report{}, err
	}
	if cfg.journal, err = os.MkdirTemp("", "cachewright-journal-"); err != nil {
		return crash.Report{}, fmt.Errorf("make a folder for the journal: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cfg.journal)) }()
	self, err := os.Executable()
	if err != nil {
		return crash.Report{}, fmt.Errorf("find the program: %w", err)
	}
	cfg.textbook = false
	child := &childArgs{cfg: cfg}
	s, err := supervise.Start(ctx, supervise.Config{Path: self, Args: child.args, Env: []string{childEnv}, Stderr: p.stderr})
	if err != nil {
		return crash.Report{}, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err = errors.Join(err, s.Stop(ctx))
	}()
	return crash.Run(ctx, s.URL, s.Kill)
}
