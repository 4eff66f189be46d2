package middleware_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/go-chi/chi/v5"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// ask sends a request and shows the answer and how it came about.
func ask(h http.Handler, path, cookie string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Body, "|", w.Header().Get("Cache-Status"))
}

func ExampleShared() {
	engine, err := coherence.New()
	if err != nil {
		panic(err)
	}
	defer func() { _ = engine.Close(context.Background()) }()
	name := "violin"

	r := chi.NewRouter()
	r.With(middleware.Shared(engine)).Get("/products/{id}", func(w http.ResponseWriter, r *http.Request) {
		// With the GORM plugin, every query through db.WithContext(r.Context()) does this.
		coherence.Depend(r.Context(), coherence.RowTag("products", chi.URLParam(r, "id")))
		_, _ = io.WriteString(w, name)
	})
	ask(r, "/products/1", "")
	ask(r, "/products/1", "")
	name = "viola"
	_ = engine.Invalidate(context.Background(), coherence.RowTag("products", 1))
	ask(r, "/products/1", "")
	// Output:
	// violin | Cachewright;fwd=uri-miss;fwd-status=200;stored
	// violin | Cachewright;hit
	// viola | Cachewright;fwd=stale;fwd-status=200;stored
}

func ExamplePerUser() {
	engine, err := coherence.New()
	if err != nil {
		panic(err)
	}
	defer func() { _ = engine.Close(context.Background()) }()

	type userKey struct{}
	auth := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			session, err := r.Cookie("session")
			if err != nil {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, session.Value)))
		})
	}
	userID := func(r *http.Request) string {
		id, _ := r.Context().Value(userKey{}).(string)
		return id
	}
	r := chi.NewRouter()
	r.With(auth, middleware.PerUser(engine, userID)).Get("/orders", func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), coherence.TableTag("orders"))
		_, _ = io.WriteString(w, "orders of "+userID(r))
	})
	ask(r, "/orders", "session=alice")
	ask(r, "/orders", "session=alice")
	ask(r, "/orders", "session=bob")
	// Output:
	// orders of alice | Cachewright;fwd=uri-miss;fwd-status=200;stored
	// orders of alice | Cachewright;hit
	// orders of bob | Cachewright;fwd=uri-miss;fwd-status=200;stored
}

func ExampleTrack() {
	engine, err := coherence.New()
	if err != nil {
		panic(err)
	}
	defer func() { _ = engine.Close(context.Background()) }()
	flag := "old look"

	r := chi.NewRouter()
	r.Use(middleware.Track(engine))
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), coherence.RowTag("flags", "look"))
			next.ServeHTTP(w, r)
		})
	})
	r.With(middleware.Shared(engine)).Get("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, flag) })
	ask(r, "/", "")
	ask(r, "/", "")
	flag = "new look"
	_ = engine.Invalidate(context.Background(), coherence.RowTag("flags", "look"))
	ask(r, "/", "")
	// Output:
	// old look | Cachewright;fwd=uri-miss;fwd-status=200;stored
	// old look | Cachewright;hit
	// new look | Cachewright;fwd=stale;fwd-status=200;stored
}

func ExampleCookies() {
	engine, err := coherence.New()
	if err != nil {
		panic(err)
	}
	defer func() { _ = engine.Close(context.Background()) }()
	h := middleware.Shared(engine, middleware.Cookies("session"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), coherence.TableTag("products"))
		_, _ = io.WriteString(w, "sees ["+r.Header.Get("Cookie")+"]")
	}))
	ask(h, "/", "_ga=1; consent=yes")
	ask(h, "/", "_ga=2")
	ask(h, "/", "_ga=2; session=alice")
	// Output:
	// sees [] | Cachewright;fwd=uri-miss;fwd-status=200;stored
	// sees [] | Cachewright;hit
	// sees [session=alice] | Cachewright;fwd=bypass;fwd-status=200;detail=cookie
}

func ExampleWithRecorder() {
	engine, err := coherence.New()
	if err != nil {
		panic(err)
	}
	defer func() { _ = engine.Close(context.Background()) }()
	r := chi.NewRouter()
	r.With(middleware.Shared(engine, middleware.WithRecorder(func(e middleware.Event) {
		fmt.Println(e.Outcome, e.Route, e.Status, e.Reason)
	}))).Get("/now/{zone}", func(w http.ResponseWriter, r *http.Request) {
		coherence.Untracked(r.Context()) // a clock is no table
		_, _ = io.WriteString(w, "noon")
	})
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/now/utc", nil))
	// Output:
	// miss /now/{zone} 200 untracked
}
