// Package pgbackplane tells the processes of one PostgreSQL database of each other's writes by means of that database alone.
//
// A transaction that writes puts a row with the tags of what it wrote into the table cachewright_outbox, so that they are there
// if and only if it commits. Each process reads that table on a connection of its own: at once when it is woken by a NOTIFY, and
// at least every quarter of its lease in any case. A NOTIFY that is lost costs time and nothing else; it is sent after the
// transactions, at most one every 10 ms for each process, because one in each transaction would have all commits of the server
// wait for each other.
//
//	cache := cacheplugin.New(cacheplugin.WithBackplane(pgbackplane.New(os.Getenv("DATABASE_URL"))))
//
// The server is PostgreSQL 13 or newer, and a primary: a standby is refused, for its snapshots lag behind.
package pgbackplane

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cachewright/cachewright/coherence"
)

// DefaultRetention is how long rows stay in the outbox after everybody could see them.
const DefaultRetention = 5 * time.Minute

// Backplane is one process's end. It serves one engine.
type Backplane struct {
	settings settings
	origin   string // a UUID of this end's own
	outbox   string // the table, with its schema if one was given
	state    string

	wake  chan struct{} // others may have written
	nudge chan struct{} // we have written, and others are to be woken

	applied atomic.Pointer[snapshot] // all it sees has been applied; nil before the first look
}

var _ coherence.Outbox = (*Backplane)(nil)

// New returns a backplane for the database of the DSN, in either of the forms PostgreSQL knows: the one the application writes
// to. It opens two connections of its own when it runs. What is wrong with the arguments is reported by db.Use.
func New(dsn string, options ...Option) *Backplane {
	b := &Backplane{origin: newUUID(), wake: make(chan struct{}, 1), nudge: make(chan struct{}, 1)}
	b.settings = settings{dsn: dsn, listen: dsn, retention: DefaultRetention}
	for _, option := range options {
		option(&b.settings)
	}
	prefix := ""
	if b.settings.schema != "" {
		prefix = pgx.Identifier{b.settings.schema}.Sanitize() + "."
	}
	b.outbox, b.state = prefix+"cachewright_outbox", prefix+"cachewright_outbox_state"
	return b
}

// Statement notes the tags in the outbox.
func (b *Backplane) Statement(tags []coherence.Tag) (query string, args []any) {
	return "INSERT INTO " + b.outbox + " (origin, tags) VALUES ($1::uuid, $2::bytea) RETURNING xid::text",
		[]any{b.origin, coherence.AppendTags(nil, tags)}
}

// Committed has others woken.
func (b *Backplane) Committed() { signal(b.nudge) }

// Publish notes the tags in the outbox, in a transaction of its own.
func (b *Backplane) Publish(ctx context.Context, tags []coherence.Tag) error {
	conn, err := b.connect(ctx, b.settings.dsn)
	if err != nil {
		return err
	}
	defer closeConn(conn)
	query, args := b.Statement(tags)
	if _, err := conn.Exec(ctx, query, args...); err != nil {
		return fmt.Errorf("writing to the outbox: %w", err)
	}
	b.Committed()
	return nil
}

// Confirm reports what is wrong with the options, and whether the backplane reads the outbox that the application writes to:
// generation asks the application's own connection for one text. Only the plugin calls it.
func (b *Backplane) Confirm(ctx context.Context, generation func(ctx context.Context, query string) (string, error)) error {
	if err := errors.Join(b.settings.errs...); err != nil {
		return err
	}
	query := "SELECT generation::text FROM " + b.state
	theirs, err := generation(ctx, query)
	if err != nil {
		return fmt.Errorf("pgbackplane: asking the application's connection for its outbox: %w", err)
	}
	conn, err := b.connect(ctx, b.settings.dsn)
	if err != nil {
		return fmt.Errorf("pgbackplane: %w", err)
	}
	defer closeConn(conn)
	var ours string
	if err := conn.QueryRow(ctx, query).Scan(&ours); err != nil {
		return fmt.Errorf("pgbackplane: asking the backplane's connection for its outbox: %w", err)
	}
	if ours != theirs {
		return errors.New("pgbackplane: the backplane's connection sees another outbox than the application's: " +
			"both need the same database and the same schema (see Schema)")
	}
	return nil
}

// Run tells the inbox of what is new in the outbox, wakes others, and trims the outbox, until ctx ends.
func (b *Backplane) Run(ctx context.Context, in *coherence.Inbox) {
	in.Drop("a backplane begins")
	var listener sync.WaitGroup
	listener.Go(func() { b.listen(ctx, in) })
	b.follow(ctx, in)
	listener.Wait()
}

// connect opens a connection that needs no prepared statements on the server, so that PgBouncer may stand between.
func (b *Backplane) connect(ctx context.Context, dsn string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("reading the address of the backplane: %w", err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting the backplane: %w", err)
	}
	return conn, nil
}

// closeConn says goodbye to the server, if it listens.
func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the connection is gone either way
}

// signal puts a token into a channel of one, unless there is one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// newUUID is a random UUID in its text form.
func newUUID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
