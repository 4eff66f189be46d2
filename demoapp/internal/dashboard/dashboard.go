// Package dashboard is the page on which one watches the shop: what each model's policy does under load, beside a textbook
// cache under the same load, and what becomes of both when the database hangs, the process is killed or a policy is another.
//
// It runs in the process that supervises the shop, so it outlives what it shows. The page is made on the server, charts
// included; a few lines of script put new parts in their places as they come (server-sent events).
package dashboard

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/load"
	"github.com/cachewright/cachewright/demoapp/internal/watch"
)

// contentPolicy lets the page load what this server sends, and nothing else: it works without a network.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

//go:embed assets
var assets embed.FS

var templates = template.Must(template.ParseFS(assets, "assets/*.html"))

// Config is what a Dashboard stands on. All fields are needed but the last two.
type Config struct {
	Shop     func() string // the shop's URL; "" while it does not run
	Load     *load.Load    // on the shop and on the textbook cache, in this order
	Watchers [2]*watch.Watcher
	Kill     func(context.Context) error                    // ends the shop as a crash does, and waits until it serves again
	Policy   func(context.Context, map[string]string) error // restarts the shop with policies by table
	Pause    func(time.Duration) error                      // makes the databases wait
	Starts   func() (starts, crashes int)
	Every    time.Duration // between two looks at the shop
	Logger   *slog.Logger

	Readonly bool // no controls
	Loopback bool // listens on this machine alone: requests to other names are refused
}

// Dashboard answers at / and below /dashboard, and hands everything else to the shop.
type Dashboard struct {
	cfg      Config
	http     *http.Client
	watchers [2]*watch.Watcher
	handler  http.Handler
	end      context.CancelFunc
	running  sync.WaitGroup
	ended    chan struct{} // closed by Close: streams end

	acting sync.Mutex // one control at a time

	mu         sync.Mutex // guards all below
	collection collection
	policies   map[string]string // in place of tags, by table
	runs       []run
	listeners  map[chan []byte]bool
}

var _ http.Handler = (*Dashboard)(nil)

// New returns a dashboard that looks at the shop until it is closed.
func New(cfg Config) *Dashboard {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, and documented to be
	transport.Proxy = nil                                        // it is our own address
	ctx, end := context.WithCancel(context.Background())
	d := &Dashboard{
		cfg: cfg, http: &http.Client{Transport: transport}, watchers: cfg.Watchers, end: end, ended: make(chan struct{}),
		collection: newCollection(), policies: map[string]string{}, listeners: map[chan []byte]bool{},
	}
	d.handler = d.routes(transport)
	d.running.Go(func() { d.collect(ctx) })
	d.running.Go(func() { d.watch(ctx) })
	return d
}

// Close ends the streams, the load and the looking.
func (d *Dashboard) Close() {
	d.end()
	close(d.ended)
	d.cfg.Load.Stop()
	d.running.Wait()
	d.http.CloseIdleConnections()
	for _, w := range d.watchers {
		w.Close()
	}
}

// ServeHTTP answers one request.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

func (d *Dashboard) routes(transport http.RoundTripper) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.page)
	mux.HandleFunc("GET /dashboard/events", d.events)
	for path, control := range d.controls() {
		mux.HandleFunc("POST /dashboard/"+path, d.control(control))
	}
	files, err := fs.Sub(assets, "assets")
	if err != nil { // the folder is part of the binary
		panic(fmt.Sprintf("dashboard: %v", err))
	}
	serveFiles := http.StripPrefix("/dashboard/assets/", http.FileServerFS(files))
	mux.HandleFunc("GET /dashboard/assets/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		serveFiles.ServeHTTP(w, r)
	})
	mux.Handle("/", d.shop(transport))
	return d.onlyHere(mux)
}

// shop hands a request to the shop.
func (d *Dashboard) shop(transport http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			if target, err := url.Parse(d.cfg.Shop()); err == nil {
				r.SetURL(target)
			}
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Retry-After", "1")
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte(`{"type":"about:blank","title":"Bad Gateway","status":502,"detail":"the shop is being started again"}`))
		},
		ErrorLog: slog.NewLogLogger(d.cfg.Logger.Handler(), slog.LevelDebug),
	}
}

// onlyHere refuses requests to names that are not this machine's, which a page elsewhere could have resolved to it.
func (d *Dashboard) onlyHere(next http.Handler) http.Handler {
	if !d.cfg.Loopback {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this demo answers to localhost", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// view is what the page shows.
type view struct {
	Up              bool
	Starts, Crashes int
	Mix             load.Mix
	Mixes           []load.Mix
	Tiles           []tile
	Models          []modelRow
	Charts          []drawn
	Runs            []run
	Readonly        bool
	Tables          []string
	Policies        []string
}

func (d *Dashboard) view() view {
	starts, crashes := d.cfg.Starts()
	mix := d.cfg.Load.Mix()
	d.mu.Lock()
	defer d.mu.Unlock()
	return view{
		Up: d.collection.up, Starts: starts, Crashes: crashes, Mix: mix, Mixes: load.Mixes(), Tiles: d.tiles(), Models: d.models(),
		Charts: d.drawn(), Runs: d.runs, Readonly: d.cfg.Readonly, Tables: tables, Policies: offered,
	}
}

func (d *Dashboard) page(w http.ResponseWriter, _ *http.Request) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, "page.html", d.view()); err != nil {
		d.cfg.Logger.Error("the dashboard cannot be shown", slog.Any("error", err))
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", contentPolicy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = page.WriteTo(w) // a visitor who has gone is no error of ours
}

// publish makes the parts of the page that change and hands them to all streams. It costs nothing while nobody looks.
func (d *Dashboard) publish() {
	d.mu.Lock()
	watched := len(d.listeners) > 0
	d.mu.Unlock()
	if !watched {
		return
	}
	parts := map[string]string{}
	v := d.view()
	for _, name := range []string{"state", "tiles", "models", "charts", "runs"} {
		var part bytes.Buffer
		if err := templates.ExecuteTemplate(&part, name, v); err != nil {
			d.cfg.Logger.Error("a part of the dashboard cannot be shown", slog.Any("error", err))
			return
		}
		parts[name] = part.String()
	}
	text, err := json.Marshal(parts)
	if err != nil { // strings always marshal
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for listener := range d.listeners {
		select {
		case listener <- text:
		default: // it is slow: it gets the next one
		}
	}
}

// events answers GET /dashboard/events with the parts that change, as often as they do.
func (d *Dashboard) events(w http.ResponseWriter, r *http.Request) {
	const most = 50
	parts := make(chan []byte, 1)
	d.mu.Lock()
	full := len(d.listeners) >= most
	if !full {
		d.listeners[parts] = true
	}
	d.mu.Unlock()
	if full {
		http.Error(w, "too many are looking", http.StatusServiceUnavailable)
		return
	}
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.listeners, parts)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	stream := http.NewResponseController(w)
	_ = stream.SetWriteDeadline(time.Time{}) // a stream has no end; one that cannot be told so ends early
	if _, err := fmt.Fprint(w, "retry: 1000\n\n"); err != nil || stream.Flush() != nil {
		return
	}
	for {
		select {
		case text := <-parts:
			if _, err := fmt.Fprintf(w, "event: parts\ndata: %s\n\n", text); err != nil || stream.Flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-d.ended:
			return
		}
	}
}
