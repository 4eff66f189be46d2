package api_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/internal/testkit"
)

// times are what no two runs have in common.
var times = regexp.MustCompile(`"(updated_at|placed_at|paid_at)":"[^"]*"`)

// exchange is a request with what was answered.
type exchange struct {
	request string
	status  int
	body    string
}

// TestAnswersAreTheSameWithAndWithoutTheCache plays one script of some hundred random requests on both databases, with the
// cache and without, and compares every answer.
func TestAnswersAreTheSameWithAndWithoutTheCache(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var want []exchange
	for _, c := range []struct {
		name     string
		dsn      func(testing.TB) string
		uncached bool
	}{
		{"SQLite without the cache", apptest.SQLite, true},
		{"SQLite", apptest.SQLite, false},
		{"PostgreSQL without the cache", testkit.Postgres, true},
		{"PostgreSQL", testkit.Postgres, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startWith(t, c.dsn(t), c.uncached)
			got := play(t, s, rand.New(rand.NewPCG(seed, 7)))
			require.Equal(t, c.uncached, s.Cache.Stats().Hits == 0)
			if want == nil {
				want = got
				return
			}
			for i := range want {
				require.Equal(t, want[i], got[i], "answer %d", i)
			}
		})
	}
}

// play sends the script: few rows, so that what is read was often written just before.
func play(tb testing.TB, s server, random *rand.Rand) []exchange {
	tb.Helper()
	const requests = 400
	var all []exchange
	pick := func(n int) int { return 1 + random.IntN(n) }
	for range requests {
		method, path, body := http.MethodGet, "", ""
		switch random.IntN(16) {
		case 0, 1, 2:
			path = fmt.Sprintf("/products/%d", pick(6))
		case 3, 4:
			path = fmt.Sprintf("/products?category=tea&limit=%d", pick(9))
		case 5:
			path = "/categories"
		case 6, 7:
			method, path = http.MethodPatch, fmt.Sprintf("/products/%d", pick(6))
			body = fmt.Sprintf(`{"price_cents": %d, "stock": %d}`, pick(5000), pick(30))
		case 8:
			method, path = http.MethodPost, "/orders"
			body = fmt.Sprintf(`{"items": [{"product_id": %d, "quantity": %d}]}`, pick(6), pick(12))
		case 9, 10:
			path = []string{"/orders?limit=100", fmt.Sprintf("/orders/%d", 3000+pick(20))}[random.IntN(2)]
		case 11:
			method, path = http.MethodPost, fmt.Sprintf("/orders/%d/%s", 3000+pick(20), []string{"pay", "cancel"}[random.IntN(2)])
		case 12:
			method, path, body = http.MethodPatch, "/me", fmt.Sprintf(`{"name": "Ada %d"}`, pick(9))
		case 13:
			path = "/me"
		case 14:
			method, path = http.MethodPost, "/metrics"
			body = fmt.Sprintf(`{"sensor": "s-%d", "at": "2026-03-01T12:%02d:00Z", "samples": [%d, %d]}`, pick(2), pick(3), pick(99), pick(99))
		case 15:
			path = []string{"/pageviews?limit=50", "/metrics/s-1", "/metrics/s-2", "/pageviews?path=/products/1", "/products/0", "/products?limit=x"}[random.IntN(6)]
		}
		r := s.send(tb, method, path, body)
		all = append(all, exchange{method + " " + path + " " + body, r.status, times.ReplaceAllString(r.body, `"$1":""`)})
	}
	return all
}
