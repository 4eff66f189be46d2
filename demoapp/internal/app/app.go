// Package app puts the demo together and takes it apart again, in the order that matters.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/api"
	"github.com/cachewright/cachewright/demoapp/internal/database"
	"github.com/cachewright/cachewright/demoapp/internal/seed"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
	"github.com/cachewright/cachewright/demoapp/internal/storefront"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/policy"
)

// Config is what an App is started with.
type Config struct {
	Addr     string                      // to listen on, such as 127.0.0.1:8080; port 0 takes a free one
	DSN      string                      // of the database; "" is a SQLite database in a temporary file
	Logger   *slog.Logger                // needed
	Progress func(what string, rows int) // told what is seeded; may be nil

	Journal  string                   // folder of the write-back journal; "" keeps what is pending in memory alone
	Policies map[string]policy.Policy // of models by table, in place of their tags
	Uncached bool                     // no cache at all: what the application answers without it
	Textbook bool                     // serve the same shop below /textbook, through a textbook cache and on its own database
}

// App is the demo, running.
type App struct {
	URL      string // where it answers
	Database *database.Database
	Cache    *cacheplugin.Plugin
	API      *api.API

	textbook *rival // nil without one
	server   *http.Server
	served   chan error // what Serve ended with; closed after
	stopping atomic.Bool
	folder   string // of the temporary database, "" if there is none
}

// Start listens, opens and fills the database, puts the cache into it, and serves. The order is that of what fails most
// easily; what was begun before an error is undone. Whoever starts an App stops it with Stop.
func Start(ctx context.Context, cfg Config) (_ *App, err error) {
	a := &App{served: make(chan error, 1)}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen (another address: -addr): %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, listener.Close(), a.release(context.WithoutCancel(ctx)))
		}
	}()
	if err := a.openDatabase(ctx, cfg); err != nil {
		return nil, err
	}
	if err := a.useCache(cfg); err != nil {
		return nil, err
	}
	if err := storefront.Watch(a.Database.GORM); err != nil {
		return nil, fmt.Errorf("watch what pages are made from: %w", err)
	}
	a.API = api.New(api.Config{
		Shop: shop.New(a.Database.GORM), Engine: a.Cache.Engine(), Stats: a.Cache.Stats, Advise: a.Cache.Advise,
		Meter: a.Database.Meter, Ready: a.ready, Logger: cfg.Logger,
	})
	if cfg.Textbook {
		if err := a.openTextbook(ctx, cfg); err != nil {
			return nil, err
		}
	}
	a.URL = "http://" + listener.Addr().String()
	a.serve(listener, cfg.Logger)
	return a, nil
}

// Served is closed when the server has ended, which Stop makes it do; an error before that comes through it first.
func (a *App) Served() <-chan error { return a.served }

// Stop takes the App apart, from the door inwards: first no request is under way any more, then what they left in the
// cache is in the database, then the database is closed. What the context does not allow is in the error.
func (a *App) Stop(ctx context.Context) error {
	a.stopping.Store(true)
	var errs []error
	if err := a.server.Shutdown(ctx); err != nil {
		errs = append(errs, fmt.Errorf("wait for requests to end: %w", err), a.server.Close())
	}
	if err, failed := <-a.served; failed {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, a.release(ctx))...)
}

// openDatabase opens a database with the shop in it. There is no cache in it yet: nobody has read what is seeded.
func (a *App) openDatabase(ctx context.Context, cfg Config) error {
	dsn := cfg.DSN
	if dsn == "" {
		folder, err := os.MkdirTemp("", "cachewright-demo-")
		if err != nil {
			return fmt.Errorf("make a folder for the database: %w", err)
		}
		a.folder, dsn = folder, "sqlite:"+filepath.Join(folder, "shop.db")
	}
	var err error
	if a.Database, err = database.Open(ctx, dsn, cfg.Logger); err != nil {
		return err
	}
	if err := a.Database.Migrate(ctx); err != nil {
		return err
	}
	return seed.Seed(ctx, a.Database.GORM, cfg.Progress)
}

// useCache is all it takes to have one.
func (a *App) useCache(cfg Config) error {
	options := []cacheplugin.Option{
		cacheplugin.WithModels(shop.Models()...), // a bad tag is an error now, not at its first statement
		cacheplugin.WithLogger(cfg.Logger),
		cacheplugin.WithSingleProcess(), // true of a demo; several processes have a backplane instead
		cacheplugin.OnFlushError(func(e cacheplugin.FlushError) {
			cfg.Logger.Error("the database refused a count", slog.String("table", e.Table), slog.Any("error", e.Err))
		}),
	}
	if cfg.Journal != "" {
		options = append(options, cacheplugin.WithJournal(cfg.Journal))
	}
	for table, p := range cfg.Policies {
		model := shop.Model(table)
		if model == nil {
			return fmt.Errorf("give %q another policy: it is no table of the shop that is cached", table)
		}
		options = append(options, cacheplugin.WithPolicy(model, p))
	}
	a.Cache = cacheplugin.New(options...)
	if cfg.Uncached {
		return nil // never used: its engine lets requests pass
	}
	if err := a.Database.GORM.Use(a.Cache); err != nil {
		return fmt.Errorf("put the cache into the database: %w", err)
	}
	return nil
}

func (a *App) serve(listener net.Listener, logger *slog.Logger) {
	a.server = &http.Server{
		Handler:           a.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(a.served)
		if err := a.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.served <- fmt.Errorf("serve: %w", err)
		}
	}()
}

// ready is asked by /readyz.
func (a *App) ready(ctx context.Context) error {
	if a.stopping.Load() {
		return errors.New("the server is stopping")
	}
	return a.Database.Ping(ctx)
}

// release closes what is open below the server.
func (a *App) release(ctx context.Context) error {
	var errs []error
	if a.Cache != nil {
		if err := a.Cache.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close the cache: %w", err))
		}
	}
	if a.textbook != nil {
		errs = append(errs, a.textbook.database.Close())
	}
	if a.Database != nil {
		errs = append(errs, a.Database.Close())
	}
	if a.folder != "" {
		errs = append(errs, os.RemoveAll(a.folder))
	}
	return errors.Join(errs...)
}
