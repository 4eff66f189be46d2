package rowset

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Replayer plays answers back as *sql.Rows, through a database/sql driver of
// its own that needs no server and is registered nowhere. It holds one
// goroutine, database/sql's, until Close, and plays on without it after: an
// answer whose write was committed must reach its caller. Many goroutines may
// use it at once.
//
// Scan, ColumnTypes and their error texts are those of database/sql over the
// database the answer came from. A []byte is a copy that the reader may write
// to, RawBytes included; strings of an answer up to a few KiB share its memory.
type Replayer struct {
	db     *sql.DB
	closed atomic.Bool // set before db is closed
	names  nameMemo
}

// idleConnections bounds what is kept of connections, which here are an empty
// struct each: it costs nothing and spares a busy pool their making.
const idleConnections = 256

// NewReplayer returns a replayer; the caller closes it.
func NewReplayer() *Replayer {
	db := sql.OpenDB(connector{})
	db.SetMaxIdleConns(idleConnections)
	return &Replayer{db: db}
}

// Rows plays back an encoded answer, which must never change again. Damage in
// the head is an error here, damage in the values one of rows.Err; see
// View.Check. The rows end with ctx as those of a database do, but at their
// next step and without a goroutine to watch for it.
func (r *Replayer) Rows(ctx context.Context, data []byte) (*sql.Rows, error) {
	v, err := Open(data)
	if err != nil {
		return nil, err
	}
	return r.RowsOf(ctx, v)
}

// RowsOf plays back the columns a view sees.
func (r *Replayer) RowsOf(ctx context.Context, v View) (*sql.Rows, error) {
	p := &replay{}
	p.init(ctx, v, r.names.of(v))
	p.source = p
	return r.play(ctx, p)
}

// Resume hands on what Capture read, the columns [first, last) of it, and goes
// on reading from the database where Capture stopped. Of a further result set
// all columns are handed on. With an error the answer is closed; otherwise it
// belongs to the rows returned, and a second Resume is for complete answers.
func (r *Replayer) Resume(ctx context.Context, c *Captured, first, last int) (*sql.Rows, error) {
	if len(c.sets) == 0 {
		return nil, c.failure
	}
	view, err := c.sets[0].view.Project(first, last)
	if err != nil {
		_ = c.Close() // the range is the caller's mistake
		return nil, err
	}
	s := &resumed{captured: c, memo: &r.names}
	s.enter(ctx, view)
	rows, err := r.play(ctx, &s.replay)
	if err != nil {
		_ = c.Close() // why it cannot be played comes first
		return nil, err
	}
	return rows, nil
}

// Close ends the replayer's goroutine. Rows still open may be read to their
// end; new ones cost more than before.
func (r *Replayer) Close() error {
	r.closed.Store(true)
	return r.db.Close()
}

func (r *Replayer) play(ctx context.Context, p *replay) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows, err := r.db.QueryContext((*carrier)(p), "")
	if err != nil && r.closed.Load() {
		db, end := single()
		defer end()
		rows, err = db.QueryContext((*carrier)(p), "")
	}
	if err != nil {
		return nil, fmt.Errorf("replay rows: %w", err)
	}
	return rows, nil
}

// row plays the one row that the context carries, or its error.
func (r *Replayer) row(ctx context.Context) *sql.Row {
	row := r.db.QueryRowContext(ctx, "")
	if row.Err() != nil && r.closed.Load() { // the carried error comes again
		db, end := single()
		defer end()
		row = db.QueryRowContext(ctx, "")
	}
	return row
}

// single is a handle for one answer. Ended at once, it lets the rows it gave
// out be read to their end, and closes their connection with them.
func single() (db *sql.DB, end func()) {
	db = sql.OpenDB(connector{})
	return db, func() { _ = db.Close() } // a connection to nowhere closes without an error
}

// nameMemo remembers decoded column names by header, so that they are not
// allocated anew for every answer of the same statement. Full, it starts over.
type nameMemo struct {
	mu       sync.RWMutex
	byHeader map[string][]string // guarded by mu; the slices are read only
}

const maxHeaders = 1024

// of returns the names of all columns of the answer, seen or not.
func (m *nameMemo) of(v View) []string {
	m.mu.RLock()
	names, ok := m.byHeader[string(v.names)]
	m.mu.RUnlock()
	if ok {
		return names
	}
	names = make([]string, v.width)
	_, rest, _ := cutCount(v.names)
	for i := range names {
		var name []byte
		name, rest, _ = cutText(rest)
		names[i] = string(name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byHeader == nil || len(m.byHeader) >= maxHeaders {
		m.byHeader = make(map[string][]string)
	}
	m.byHeader[string(v.names)] = names
	return names
}

// connector opens connections to nowhere.
type connector struct{}

func (connector) Connect(context.Context) (driver.Conn, error) { return conn{}, nil }
func (connector) Driver() driver.Driver                        { return nowhere{} }

type nowhere struct{}

func (nowhere) Open(string) (driver.Conn, error) { return conn{}, nil }

// conn answers with the rows its context carries.
type conn struct{}

var errReplayOnly = errors.New("connection only replays rows")

func (conn) Prepare(string) (driver.Stmt, error) { return nil, errReplayOnly }
func (conn) Begin() (driver.Tx, error)           { return nil, errReplayOnly }
func (conn) Close() error                        { return nil }

func (conn) QueryContext(ctx context.Context, _ string, _ []driver.NamedValue) (driver.Rows, error) {
	switch carried := ctx.Value(carrierKey{}).(type) {
	case driver.Rows:
		return carried, nil
	case error:
		return nil, carried
	default:
		return nil, errReplayOnly
	}
}
