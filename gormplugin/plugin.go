package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/policy"
)

// Plugin is the GORM plugin. One value serves one database.
type Plugin struct {
	settings settings
	engine   *coherence.Engine
	logger   *slog.Logger
	replayer *rowset.Replayer // from Initialize on; it has a goroutine, which a plugin never used has not
	texts    *sqltext.Cache
	stats    counters
	since    time.Time // Initialize

	// Written once by Initialize, before the first statement.
	dialect   sqltext.Dialect
	database  string // names the database in every key
	networked bool
	returning bool // the dialect has RETURNING
	coded     map[reflect.Type]policy.Policy
	root      *sql.DB
	pool      gorm.ConnPool // the wrapped pool of the database itself
	base      gorm.ConnPool // what is in it
	original  originals
	catalogue *catalogue
	writeback *writeback
	narrowed  narrowed
	outbox    coherence.Outbox // nil without a backplane in the database

	models    sync.Map    // *schema.Schema -> *model
	anyHidden atomic.Bool // whether hidden has something; before it
	hidden    sync.Map    // folded table -> *[]string, columns that are never stored

	plainValuers sync.Map // reflect.Type -> bool, see plainValuer

	mu          sync.Mutex // guards the two below
	initialized bool
	closed      atomic.Bool
}

var _ gorm.Plugin = (*Plugin)(nil)

// New returns a plugin for db.Use. Its options are checked by db.Use.
func New(opts ...Option) *Plugin {
	p := &Plugin{texts: sqltext.NewCache(), logger: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		if opt == nil {
			p.settings.refuse("New: a nil option")
			continue
		}
		opt(&p.settings)
	}
	if b := p.settings.backplane; b != nil {
		p.settings.engine = append(p.settings.engine, coherence.WithBackplane(b, p.settings.lease))
	} else if p.settings.lease != 0 {
		p.settings.refuse("WithLease without WithBackplane: only news from others can be late")
	}
	if p.settings.grace == 0 {
		p.settings.grace = outcomeGrace
	}
	p.engine, _ = coherence.New(coherence.Deferred()) // a deferred engine has no error to report
	if p.settings.logger != nil {
		p.logger = p.settings.logger
	}
	return p
}

// Name is the name GORM knows the plugin by.
func (p *Plugin) Name() string { return "cachewright" }

// Engine is never nil. Until db.Use has succeeded it caches nothing, and the middleware passes requests through.
func (p *Plugin) Engine() *coherence.Engine { return p.engine }

// Initialize is called by db.Use. Its error holds everything that is wrong with the options and with the tags of
// WithModels. A second db.Use is an error; dbresolver's own calls for its pools are not.
func (p *Plugin) Initialize(db *gorm.DB) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.initialized {
		if db.Plugins[p.Name()] != gorm.Plugin(p) {
			return errors.New("cacheplugin: this plugin serves a database already: New makes one for another database")
		}
		p.wrapPools(db)
		return nil
	}
	if p.closed.Load() {
		return errors.New("cacheplugin: the plugin is closed")
	}
	if err := p.configure(db); err != nil {
		return err
	}
	root, err := db.DB()
	if err != nil {
		return fmt.Errorf("finding the *sql.DB: %w", err)
	}
	p.root = root
	if err := p.prepareOutbox(context.Background(), db.Name()); err != nil {
		return err
	}
	if err := p.engine.Start(p.settings.engine...); err != nil {
		return err
	}
	if err := p.writeback.start(context.Background()); err != nil {
		return err
	}
	p.replayer = rowset.NewReplayer()
	p.wrapPools(db)
	p.pool, p.base = db.ConnPool, base(db.ConnPool)
	if err := p.register(db); err != nil {
		return errors.Join(fmt.Errorf("registering callbacks: %w", err), p.writeback.Close(context.Background()))
	}
	p.since = time.Now()
	p.initialized = true
	if p.networked && !p.settings.singleProcess && p.settings.backplane == nil {
		p.logger.Info("cachewright: no backplane: entries live 30s at most, for other processes may write; WithSingleProcess says that none does",
			"dialect", db.Name())
	}
	return nil
}

// configure checks all there is to check and joins what is wrong.
func (p *Plugin) configure(db *gorm.DB) error {
	errs := slices.Clip(p.settings.errs)
	if err := coherence.Check(p.settings.engine...); err != nil {
		errs = append(errs, err)
	}
	p.dialect = sqltext.DialectOf(db.Name())
	p.networked = p.dialect != sqltext.SQLite
	p.returning = p.dialect == sqltext.Postgres || p.dialect == sqltext.SQLite
	p.database = db.Name()
	p.coded = map[reflect.Type]policy.Policy{}
	for _, c := range p.settings.coded {
		errs = append(errs, p.addCoded(db, c))
	}
	triggers := map[string][]string{}
	for _, t := range p.settings.triggers {
		s, err := parseModel(db, t.model)
		if err != nil {
			errs = append(errs, fmt.Errorf("cacheplugin: WithTriggerTables: %w", err))
			continue
		}
		triggers[sqltext.Folded(s.Table)] = t.tables
	}
	p.outbox, _ = p.settings.backplane.(coherence.Outbox)
	if err := p.refuseBackplane(); err != nil {
		errs = append(errs, err)
	}
	p.catalogue = newCatalogue(p.dialect, triggers)
	for _, m := range p.settings.models {
		s, err := parseModel(db, m)
		if err != nil {
			errs = append(errs, fmt.Errorf("cacheplugin: WithModels: %w", err))
			continue
		}
		if m := p.modelOf(s); m.err != nil {
			errs = append(errs, m.err)
		}
	}
	p.writeback = newWriteback(p, db)
	return errors.Join(errs...)
}

func (p *Plugin) addCoded(db *gorm.DB, c modelPolicy) error {
	s, err := parseModel(db, c.model)
	if err != nil {
		return fmt.Errorf("cacheplugin: WithPolicy: %w", err)
	}
	if _, twice := p.coded[s.ModelType]; twice {
		return fmt.Errorf("cacheplugin: WithPolicy is given twice for %s", s.ModelType)
	}
	p.coded[s.ModelType] = c.policy
	return p.modelOf(s).err
}

// Invalidate makes the rows with the given keys, or without keys the whole table of the model, stale: for writes the
// plugin could not see. A composite key is given as a slice of its parts.
func (p *Plugin) Invalidate(ctx context.Context, model any, keys ...any) error {
	wb := p.started()
	if wb == nil {
		return errors.New("cacheplugin: Invalidate before db.Use")
	}
	s, err := parseModel(wb.db, model)
	if err != nil {
		return fmt.Errorf("cacheplugin: Invalidate: %w", err)
	}
	table := coherence.TableTag(s.Table)
	if len(keys) == 0 {
		return p.engine.Invalidate(ctx, table)
	}
	tags := make([]coherence.Tag, len(keys))
	for i, key := range keys {
		if parts, ok := key.([]any); ok {
			tags[i] = table.Row(parts...)
			continue
		}
		tags[i] = table.Row(key)
	}
	return p.engine.Invalidate(ctx, tags...)
}

// Flush writes all pending write-back rows to the database. Its error says what stays pending.
func (p *Plugin) Flush(ctx context.Context) error {
	if wb := p.started(); wb != nil {
		return wb.Flush(ctx)
	}
	return nil
}

// Close flushes what is pending, ends background work and closes the store, as far as ctx allows; its error says what
// stayed behind. The application may go on using the database, without a cache. Close may be called again.
func (p *Plugin) Close(ctx context.Context) error {
	var err error
	if wb := p.started(); wb != nil {
		err = wb.Close(ctx)
	}
	p.closed.Store(true)
	err = errors.Join(err, p.engine.Close(ctx))
	p.mu.Lock()
	replayer := p.replayer
	p.mu.Unlock()
	if replayer != nil {
		err = errors.Join(err, replayer.Close())
	}
	return err
}

// started is the write-back side once Initialize has succeeded, nil before.
func (p *Plugin) started() *writeback {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.initialized {
		return nil
	}
	return p.writeback
}
