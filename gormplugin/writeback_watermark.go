package cacheplugin

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// watermark is the row in which the database keeps the number of the flusher's last batch that was committed. Moving it is
// the first statement of a flush: so a batch is written only on top of the one before, and whoever locks the row has
// waited for a COMMIT that is still under way.
type watermark struct {
	plugin *Plugin
	id     string
	kept   bool // it belongs to a journal: a row that is gone is not made again
	last   atomic.Uint64

	mu    sync.Mutex  // serialises the making of the row
	ready atomic.Bool // it is there
}

// lockTimeout is how long a flush waits for a lock of somebody else's transaction before it gives its rows back.
const lockTimeout = "2s"

// memoryMark begins the names of the rows that end with their process.
const memoryMark = "memory-"

// errWatermark says that the row is not where the last batch left it: the database is another, or an older one.
var errWatermark = errors.New("the watermark of the flushes is not where the last batch left it")

// newWatermark is that of a flusher without a journal.
func newWatermark(p *Plugin) *watermark {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return &watermark{plugin: p, id: memoryMark + hex.EncodeToString(id[:])}
}

// prepare makes the row if it is not there.
func (m *watermark) prepare(ctx context.Context) error {
	if m.ready.Load() {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ready.Load() {
		return nil
	}
	p := m.plugin
	if !m.kept { // what processes left behind that did not end well
		old := "CURRENT_TIMESTAMP - INTERVAL '30 days'"
		if p.dialect == sqltext.SQLite {
			old = "datetime('now', '-30 days')"
		}
		_, _ = p.root.ExecContext(ctx, "DELETE FROM cachewright_watermarks WHERE id LIKE '"+memoryMark+"%' AND touched_at < "+old) // the next one will
	}
	_, err := p.root.ExecContext(ctx, "INSERT INTO cachewright_watermarks (id, n) VALUES ("+p.placeholder(1)+", "+p.placeholder(2)+ //nolint:gosec // placeholders, no values
		") ON CONFLICT (id) DO NOTHING", m.id, int64(m.last.Load()))
	if err != nil {
		return fmt.Errorf("cacheplugin: making the watermark of the flushes: %w", err)
	}
	m.ready.Store(true)
	return nil
}

// move sets the row from the last batch to this one, as the first statement of the transaction.
func (m *watermark) move(ctx context.Context, tx *sql.Tx, number uint64) error {
	p := m.plugin
	from := ""
	if p.dialect == sqltext.Postgres {
		from = " FROM set_config('lock_timeout', '" + lockTimeout + "', true)"
	}
	met, err := execRows(ctx, tx, "UPDATE cachewright_watermarks SET n = "+p.placeholder(1)+", touched_at = CURRENT_TIMESTAMP"+from+
		" WHERE id = "+p.placeholder(2)+" AND n = "+p.placeholder(3), []any{int64(number), m.id, int64(m.last.Load())})
	switch {
	case err != nil:
		return fmt.Errorf("moving the watermark: %w", err)
	case met == 1:
		return nil
	case !m.kept:
		m.ready.Store(false) // somebody has removed it; nothing of ours is unsettled, so it can be made again
	}
	return fmt.Errorf("%w: batch %d on top of %d", errWatermark, number, m.last.Load())
}

// moved notes that a batch was committed.
func (m *watermark) moved(number uint64) { m.last.Store(number) }

// reached finds out whether a batch whose COMMIT had no answer was committed. It does not give up before its context: until
// that is known the batch may be neither dropped nor sent again.
func (m *watermark) reached(ctx context.Context, number uint64) (bool, error) {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		n, err := m.read(ctx)
		switch {
		case err == nil && n == number:
			return true, nil
		case err == nil && n == m.last.Load():
			return false, nil
		case err == nil:
			err = fmt.Errorf("%w: it is at %d", errWatermark, n)
		}
		m.plugin.logger.Warn("how a flush ended is not known yet", "error", err)
		timer := time.NewTimer(mathrand.N(wait) + time.Millisecond) //nolint:gosec // spreads retries, guards nothing
		select {
		case <-ctx.Done():
			timer.Stop()
			return false, errors.Join(ctx.Err(), err)
		case <-timer.C:
		}
	}
}

// read is the number in the row, once no transaction has it locked.
func (m *watermark) read(ctx context.Context) (uint64, error) {
	p := m.plugin
	query := "SELECT n FROM cachewright_watermarks WHERE id = " + p.placeholder(1)
	if p.dialect != sqltext.SQLite { // which has one writer, in this process, and its COMMIT has returned
		query += " FOR UPDATE"
	}
	var n int64
	if err := p.root.QueryRowContext(ctx, query, m.id).Scan(&n); err != nil {
		return 0, fmt.Errorf("reading the watermark of the flushes: %w", err)
	}
	return uint64(n), nil
}

// remove takes the row away when nothing of its flusher is left. One that stays costs some bytes.
func (m *watermark) remove(ctx context.Context) {
	if !m.ready.Swap(false) {
		return
	}
	p := m.plugin
	if _, err := p.root.ExecContext(ctx, "DELETE FROM cachewright_watermarks WHERE id = "+p.placeholder(1), m.id); err != nil {
		p.logger.Warn("the watermark of the flushes stays", "error", err)
	}
}
