package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/api"
	"github.com/cachewright/cachewright/demoapp/internal/database"
	"github.com/cachewright/cachewright/demoapp/internal/seed"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
	"github.com/cachewright/cachewright/demoapp/internal/textbook"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
)

// TextbookPath is where the same shop stands behind a textbook cache.
const TextbookPath = "/textbook"

// rival is the shop without the library: the same API on plain GORM, behind a textbook cache.
type rival struct {
	database *database.Database
	cache    *textbook.Cache
}

func (a *App) openTextbook(ctx context.Context, cfg Config) error {
	beside, err := database.Beside(ctx, a.Database, cfg.Logger)
	if err != nil {
		return err
	}
	r := &rival{database: beside}
	a.textbook = r // release closes it
	if err := beside.Migrate(ctx); err != nil {
		return err
	}
	if err := seed.Seed(ctx, beside.GORM, nil); err != nil {
		return err
	}
	none := cacheplugin.New() // never used: the doors let requests pass
	plain := api.New(api.Config{
		Shop: shop.New(beside.GORM), Engine: none.Engine(), Stats: none.Stats, Advise: none.Advise,
		Meter: beside.Meter, Ready: beside.Ping, Logger: cfg.Logger,
	})
	r.cache = textbook.New(plain)
	return nil
}

// handler is the API, with its rival beside it if there is one.
func (a *App) handler() http.Handler {
	if a.textbook == nil {
		return a.API
	}
	mux := http.NewServeMux()
	mux.Handle("/", a.API)
	mux.Handle(TextbookPath+"/", http.StripPrefix(TextbookPath, a.textbook.cache))
	mux.HandleFunc("GET "+TextbookPath+"/stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "application/json")
		counts := a.textbook.database.Meter.Counts()
		_ = json.NewEncoder(w).Encode(struct { // a client that has gone is no error of ours
			textbook.Stats
			Statements int64 `json:"statements"`
		}{a.textbook.cache.Stats(), counts.Statements()})
	})
	return mux
}

// Pause makes the databases wait for d before they take another statement.
func (a *App) Pause(d time.Duration) error {
	if d <= 0 || d > time.Minute {
		return errors.New("a pause is up to a minute")
	}
	a.Database.Meter.Pause(d)
	if a.textbook != nil {
		a.textbook.database.Meter.Pause(d)
	}
	return nil
}
