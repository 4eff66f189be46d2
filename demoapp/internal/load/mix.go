package load

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Mix is a kind of load.
type Mix string

// The mixes.
const (
	Idle       Mix = ""
	ReadHeavy  Mix = "read-heavy"  // 95 of 100 requests read
	WriteHeavy Mix = "write-heavy" // every other one
	HotKey     Mix = "hot-key"     // everybody looks at one product whose price changes all the time
)

// Mixes are all that can be started.
func Mixes() []Mix { return []Mix{ReadHeavy, WriteHeavy, HotKey} }

// The rows that a load uses. Products are few, so that what is read was often written just before.
const (
	Products  = 40
	customers = 20
	sensors   = 4
)

// script makes the requests of a mix, the same ones for the same seed but for prices, no two of which are alike: a watcher
// tells by them whether a row has changed.
type script struct {
	mu     sync.Mutex // guards random
	random *rand.Rand
	mix    Mix
	prices *atomic.Int64
}

func newScript(mix Mix, seed uint64, prices *atomic.Int64) *script {
	return &script{random: rand.New(rand.NewPCG(seed, 1)), mix: mix, prices: prices} //nolint:gosec // picks requests, guards nothing
}

// next fills in a request whose URL is a path.
func (s *script) next(t *vegeta.Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Method, t.Header, t.Body = http.MethodGet, http.Header{}, nil
	product := 1 + s.random.IntN(Products)
	writes := 5
	switch s.mix {
	case WriteHeavy:
		writes = 50
	case HotKey:
		product, writes = 1, 20
	}
	if s.random.IntN(100) >= writes {
		s.read(t, product)
	} else {
		s.write(t, product)
	}
}

func (s *script) read(t *vegeta.Target, product int) {
	switch n := s.random.IntN(10); {
	case s.mix == HotKey || n < 5:
		t.URL = fmt.Sprintf("/products/%d", product)
		if s.random.IntN(2) == 0 {
			t.Header.Set("Cache-Control", "no-store") // past the pages, so that rows are read, too
		}
	case n < 7:
		t.URL = fmt.Sprintf("/products?category=%s&limit=10", []string{"tea", "coffee", "books"}[s.random.IntN(3)])
	case n < 9:
		t.URL = fmt.Sprintf("/orders/%d", 1+s.random.IntN(100))
		t.Header.Set("Authorization", fmt.Sprintf("Bearer demo-%d", 1+s.random.IntN(customers))) // of others it is a 404
	default:
		t.URL = "/categories"
	}
}

func (s *script) write(t *vegeta.Target, product int) {
	t.Header.Set("Content-Type", "application/json")
	switch n := s.random.IntN(10); {
	case s.mix == HotKey || n < 3:
		t.Method, t.URL = http.MethodPatch, fmt.Sprintf("/products/%d", product)
		t.Body = fmt.Appendf(nil, `{"price_cents": %d}`, s.prices.Add(1))
	case n < 5:
		t.Method, t.URL = http.MethodPost, "/orders"
		t.Header.Set("Authorization", fmt.Sprintf("Bearer demo-%d", 1+s.random.IntN(customers)))
		t.Body = fmt.Appendf(nil, `{"items": [{"product_id": %d, "quantity": 1}]}`, 100+s.random.IntN(1000))
	default:
		t.Method, t.URL = http.MethodPost, "/metrics"
		t.Body = fmt.Appendf(nil, `{"sensor": "load-%d", "samples": [%d]}`, 1+s.random.IntN(sensors), 20_000+s.random.IntN(2000))
	}
}
