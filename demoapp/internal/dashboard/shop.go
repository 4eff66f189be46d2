package dashboard

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/client"
)

const askTimeout = 5 * time.Second

// shopStats is what the shop says of itself at /stats, as far as it is shown.
type shopStats struct {
	Pages       map[string]int64    `json:"pages"`
	NotModified int64               `json:"not_modified"`
	Rows        rowStats            `json:"rows"`
	WriteBack   map[string]flushing `json:"writeback"`
	Models      []modelStats        `json:"models"`
	Statements  []statement         `json:"statements"`
}

type rowStats struct {
	Hits, Misses, Stale, Coalesced int64
}

type flushing struct {
	Pending int64 `json:"pending"`
	LagMS   int64 `json:"lag_ms"`
	Changes int64 `json:"changes"`
	Flushed int64 `json:"flushed"`
}

type modelStats struct {
	Table  string `json:"table"`
	Policy string `json:"policy"`
	Reads  int64  `json:"reads"`
	Hits   int64  `json:"hits"`
	Writes int64  `json:"writes"`
	Better string `json:"better"`
	Advice string `json:"advice"`
}

type statement struct {
	Table      string `json:"table"`
	Statements int64  `json:"statements"`
}

// rivalStats is what the textbook cache says of itself.
type rivalStats struct {
	Hits, Misses, Writes, Statements int64
}

// sent is how many statements named the table; "" is any.
func (s *shopStats) sent(table string) int64 {
	var n int64
	for _, one := range s.Statements {
		if one.Table != "" && (table == "" || one.Table == table) {
			n += one.Statements
		}
	}
	return n
}

func (s *shopStats) model(table string) modelStats {
	for _, m := range s.Models {
		if m.Table == table {
			return m
		}
	}
	return modelStats{Table: table}
}

// request sends one request to the shop and reads a JSON answer into a value, unless that is nil.
func (d *Dashboard) request(ctx context.Context, method, path string, body io.Reader, into any) (status int, _ error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, d.cfg.Shop()+path, body)
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return client.Do(d.http, r, into)
}
