// Package storefront is the shop as people see it: a product's page, which is the same for everybody and stands behind
// [pagecache.Shared], and a customer's account page behind [pagecache.PerUser]. Each has a strip at its foot that tells where
// that very answer came from and which rows it was made from.
//
// The pages themselves may be cached, so the strip is not part of them: a few lines of script ask an uncached endpoint, by the
// number that middleware outside the doors gave the answer.
package storefront

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
	pagecache "github.com/cachewright/cachewright/middleware"
)

// cookieName holds the number of the customer who is signed in. Anybody can set it: see the demo's tokens.
const cookieName = "demo-customer"

// contentPolicy lets a page load what this server sends, and nothing else.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

//go:embed assets
var assets embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{"money": money}).ParseFS(assets, "assets/*.html"))

// Config is what the pages stand on. All fields are needed.
type Config struct {
	Shop   *shop.Shop
	Engine *coherence.Engine
	Logger *slog.Logger
	Record func(pagecache.Event)           // told of each request at one of the doors, besides the strip
	Around func(http.Handler) http.Handler // stands inside the doors
}

// Register adds the pages, all below /shop, to a router.
func Register(r chi.Router, cfg Config) {
	s := &storefront{shop: cfg.Shop, logger: cfg.Logger, strips: newStrips()}
	options := []pagecache.Option{
		pagecache.Cookies(), // the handlers read none: who is signed in is found out outside the door
		pagecache.WithRecorder(func(e pagecache.Event) {
			s.strips.record(e)
			cfg.Record(e)
		}),
	}
	shared := chi.Chain(s.strips.number, pagecache.Shared(cfg.Engine, options...), cfg.Around, s.strips.notes)
	perUser := chi.Chain(s.signedIn, s.strips.number, pagecache.PerUser(cfg.Engine, identity, options...), cfg.Around, s.strips.notes)

	r.With(shared...).Get("/shop/products/{id}", s.handle(s.product))
	r.With(perUser...).Get("/shop/account", s.handle(s.account))
	r.Get("/shop/sign-in", s.handle(s.signInPage))
	r.Post("/shop/sign-in", s.handle(s.signIn))
	r.Get("/shop/strip/{number}", s.strips.serve)
	files, err := fs.Sub(assets, "assets")
	if err != nil { // the folder is part of the binary
		panic(fmt.Sprintf("storefront: %v", err))
	}
	serveFiles := http.StripPrefix("/shop/assets/", http.FileServerFS(files))
	r.Get("/shop/assets/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		serveFiles.ServeHTTP(w, r)
	})
}

// storefront answers for the pages.
type storefront struct {
	shop   *shop.Shop
	logger *slog.Logger
	strips *strips
}

type customerKey struct{}

// signedIn sends those who are not signed in to where they can. It stands outside the door that tells customers apart.
func (s *storefront) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var id int64
		if cookie, err := r.Cookie(cookieName); err == nil {
			id, _ = strconv.ParseInt(cookie.Value, 10, 64)
		}
		if id <= 0 {
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, "/shop/sign-in", http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), customerKey{}, id)))
	})
}

func customer(r *http.Request) int64 {
	id, _ := r.Context().Value(customerKey{}).(int64)
	return id
}

// identity is what tells one customer's pages from another's.
func identity(r *http.Request) string {
	if id := customer(r); id > 0 {
		return strconv.FormatInt(id, 10)
	}
	return ""
}

func (s *storefront) product(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil || id <= 0 {
		return shop.ErrNotFound
	}
	product, err := s.shop.Product(r.Context(), id)
	if err != nil {
		return err
	}
	return render(w, http.StatusOK, "product.html", product)
}

func (s *storefront) account(w http.ResponseWriter, r *http.Request) error {
	const shown = 10
	who, err := s.shop.Customer(r.Context(), customer(r))
	if err != nil {
		return err
	}
	orders, _, err := s.shop.Orders(r.Context(), who.ID, shop.Span{Limit: shown})
	if err != nil {
		return err
	}
	return render(w, http.StatusOK, "account.html", struct {
		Customer shop.Customer
		Orders   []shop.Order
	}{who, orders})
}

func (s *storefront) signInPage(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	return render(w, http.StatusOK, "sign-in.html", "")
}

func (s *storefront) signIn(w http.ResponseWriter, r *http.Request) error {
	const most = 1 << 10
	r.Body = http.MaxBytesReader(w, r.Body, most)
	w.Header().Set("Cache-Control", "no-store")
	id, err := strconv.ParseInt(r.PostFormValue("customer"), 10, 64)
	if err == nil && id > 0 {
		_, err = s.shop.Customer(r.Context(), id)
	}
	if err != nil || id <= 0 {
		return render(w, http.StatusUnprocessableEntity, "sign-in.html", "There is no such customer: try a number from 1 to 500.")
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: strconv.FormatInt(id, 10), Path: "/shop", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, "/shop/account", http.StatusSeeOther)
	return nil
}

// handle turns an error into a page. What is not the visitor's business is logged and not told.
func (s *storefront) handle(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil || r.Context().Err() != nil {
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		status, text := http.StatusInternalServerError, "It is in the server's log."
		if errors.Is(err, shop.ErrNotFound) {
			status, text = http.StatusNotFound, "There is no such thing here."
		} else {
			s.logger.ErrorContext(r.Context(), "request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
		}
		if err := render(w, status, "error.html", struct {
			Status int
			Text   string
		}{status, text}); err != nil {
			http.Error(w, text, status)
		}
	}
}

// render sends a page at once, so it is complete or not there.
func render(w http.ResponseWriter, status int, name string, data any) error {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		return fmt.Errorf("make a page: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", contentPolicy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // a visitor who has gone is no error of ours
	return nil
}

// money writes cents as people do.
func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
