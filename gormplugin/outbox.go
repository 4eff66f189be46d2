package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
)

// outboxTables are the tables that a backplane in the database needs.
var outboxTables = []string{"cachewright_outbox", "cachewright_outbox_state"}

// confirmer is a backplane that can tell whether it is connected to the database the plugin serves.
type confirmer interface {
	Confirm(ctx context.Context, generation func(ctx context.Context, query string) (string, error)) error
}

// prepareOutbox makes sure of the outbox, and that the backplane reads the one that is written to.
func (p *Plugin) prepareOutbox(ctx context.Context, dialect string) error {
	if p.outbox == nil {
		return nil
	}
	schema := librarySchema{purpose: "the backplane", tables: outboxTables}
	if err := schema.prepare(ctx, p.root, dialect, !p.settings.noMigrations); err != nil {
		return err
	}
	c, ok := p.outbox.(confirmer)
	if !ok {
		return nil
	}
	err := c.Confirm(ctx, func(ctx context.Context, query string) (text string, err error) {
		return text, p.root.QueryRowContext(ctx, query).Scan(&text)
	})
	if err != nil {
		return fmt.Errorf("cacheplugin: WithBackplane: %w", err)
	}
	return nil
}

// outboxOf is where a transaction on the pool tells others of its writes, nil if there is no such place: without a backplane in
// the database, or on a pool that may be another database.
func (p *Plugin) outboxOf(c gorm.ConnPool) coherence.Outbox {
	if p.outbox == nil || base(c) != p.base {
		return nil
	}
	return p.outbox
}

// carry has the transaction tell others of the tags. It is sent before COMMIT, in the transaction itself.
func carry(ctx context.Context, o coherence.Outbox, c interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, tags []coherence.Tag,
) (position string, err error) {
	query, args := o.Statement(tags)
	if err := c.QueryRowContext(ctx, query, args...).Scan(&position); err != nil {
		return "", fmt.Errorf("telling other processes of a write: %w", err)
	}
	return position, nil
}

// runCarried gives a statement that would commit by itself a transaction, in which others are told of it. It reports false,
// and nothing has happened, where there is no outbox or the statement refuses to be in a transaction: then others are told
// after it.
func (s *statement) runCarried(ctx context.Context, tags []coherence.Tag, f func(gorm.ConnPool, *effects) error) (bool, error) {
	if s.ends || s.plugin.outboxOf(s.inner) == nil {
		return false, nil
	}
	err := s.runOwn(ctx, tags, f)
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		switch state.SQLState() {
		case "25001", "2D000": // not inside a transaction block; a procedure that ends its transaction
			return false, nil
		}
	}
	return true, err
}

// tellClosed tells others of a write that is about to be sent after Close, when nothing is cached here any more.
func (s *statement) tellClosed(ctx context.Context, query string) (after func(), err error) {
	p := s.plugin
	if p.outbox == nil {
		return func() {}, nil
	}
	v := p.texts.Write(p.dialect, query)
	if !writes(v) {
		return func() {}, nil
	}
	tags, err := s.rawTags(ctx, v)
	if err != nil {
		return nil, err
	}
	if t, _ := txOf(s.inner); t != nil {
		t.effects.touch(tags...)
		return func() {}, nil
	}
	return func() {
		if err := p.outbox.Publish(context.WithoutCancel(ctx), tags); err != nil {
			p.logger.Error("cachewright: others were not told of a write after Close", "error", err)
		}
	}, nil
}

// refuseBackplane says what is wrong with the backplane for this database.
func (p *Plugin) refuseBackplane() error {
	if p.outbox != nil && p.dialect != sqltext.Postgres {
		return fmt.Errorf("cacheplugin: WithBackplane: this backplane lives in PostgreSQL, and the database is %s", p.database)
	}
	return nil
}
