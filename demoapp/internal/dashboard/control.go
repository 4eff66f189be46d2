package dashboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/crash"
	"github.com/cachewright/cachewright/demoapp/internal/load"
	"github.com/cachewright/cachewright/policy"
)

// restartTime is how long the shop may take to be back.
const restartTime = time.Minute

// pauseTime is how long the databases are made to wait.
const pauseTime = 5 * time.Second

// tables are those whose policy can be another, offered the policies.
var (
	tables  = []string{"products", "categories", "orders", "order_items", "page_views", "sensor_metrics"}
	offered = []string{"off", "aside", "writethrough", "writeback"}
)

// critical models are never written back: their tags say so, and the plugin would refuse to start.
var critical = []string{"orders", "order_items"}

// run is what a policy was like before it was changed.
type run struct {
	Table, Policy string
	Calls         int64
	PerHundred    string // statements for a hundred calls
}

// errWish is the error of a control that was asked for what cannot be.
var errWish = errors.New("that cannot be done")

// controls are what visitors may do, by path. Each returns a sentence about what was done.
func (d *Dashboard) controls() map[string]func(*http.Request) (string, error) {
	return map[string]func(*http.Request) (string, error){
		"load": d.setLoad, "policy": d.setPolicy, "pause": d.pause, "crash": d.kill,
	}
}

// control lets only this page's own forms pass: a POST from another origin is refused by Sec-Fetch-Site, or by Origin where a
// browser sends no such field.
func (d *Dashboard) control(do func(*http.Request) (string, error)) http.HandlerFunc {
	sameOrigin := http.NewCrossOriginProtection()
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if d.cfg.Readonly {
			http.Error(w, "this dashboard is read-only", http.StatusForbidden)
			return
		}
		if err := sameOrigin.Check(r); err != nil {
			http.Error(w, "controls are for this page alone", http.StatusForbidden)
			return
		}
		const most = 4 << 10
		r.Body = http.MaxBytesReader(w, r.Body, most)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "the form cannot be read", http.StatusBadRequest)
			return
		}
		if !d.acting.TryLock() {
			http.Error(w, "another control is at work", http.StatusConflict)
			return
		}
		defer d.acting.Unlock()
		said, err := do(r)
		switch {
		case errors.Is(err, errWish):
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		case err != nil:
			d.cfg.Logger.Error("a control failed", slog.String("path", r.URL.Path), slog.Any("error", err))
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case strings.Contains(r.Header.Get("Accept"), "text/plain"):
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = fmt.Fprintln(w, said) // a visitor who has gone is no error of ours
		default: // a browser without scripts
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
		d.publish()
	}
}

func (d *Dashboard) setLoad(r *http.Request) (string, error) {
	mix := load.Mix(r.PostFormValue("mix"))
	if mix != load.Idle && !slices.Contains(load.Mixes(), mix) {
		return "", fmt.Errorf("%w: there is no load %q", errWish, mix)
	}
	d.cfg.Load.Start(mix)
	if mix == load.Idle {
		return "The load has stopped.", nil
	}
	return fmt.Sprintf("The load is %s.", mix), nil
}

func (d *Dashboard) pause(*http.Request) (string, error) {
	if err := d.cfg.Pause(pauseTime); err != nil {
		return "", err
	}
	return "The databases take no statement for 5 seconds. What is cached is served meanwhile.", nil
}

func (d *Dashboard) kill(r *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), restartTime)
	defer cancel()
	report, err := crash.Run(ctx, d.cfg.Shop, d.cfg.Kill)
	if err != nil {
		return "", fmt.Errorf("crash the shop: %w", err)
	}
	return report.String(), nil
}

func (d *Dashboard) setPolicy(r *http.Request) (string, error) {
	table, tag := r.PostFormValue("table"), r.PostFormValue("policy")
	wanted, err := policy.Parse(tag)
	switch {
	case !slices.Contains(tables, table):
		return "", fmt.Errorf("%w: %q is no model of the shop", errWish, table)
	case err != nil:
		return "", fmt.Errorf("%w: %w", errWish, err)
	case wanted.Strategy == policy.WriteBack && slices.Contains(critical, table):
		return "", fmt.Errorf("%w: %s is tagged critical, so it is never written back", errWish, table)
	}
	d.mu.Lock()
	policies := maps.Clone(d.policies)
	was := d.collection.shop.model(table)
	before := run{Table: table, Policy: was.Policy, Calls: was.Reads + was.Writes, PerHundred: number(100 * ratio(d.collection.shop.sent(table), was.Reads+was.Writes))}
	d.mu.Unlock()
	policies[table] = tag
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), restartTime)
	defer cancel()
	if err := d.cfg.Policy(ctx, policies); err != nil {
		return "", fmt.Errorf("start the shop with %s as %s: %w", table, tag, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.policies = policies
	if before.Calls > 0 {
		d.runs = append(d.runs, before)
	}
	return fmt.Sprintf("The shop was started again with %s as %s.", table, tag), nil
}
