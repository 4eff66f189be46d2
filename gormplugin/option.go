package cacheplugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/policy"
	"github.com/cachewright/cachewright/store"
)

// Option configures a plugin. What is wrong with an option is reported by db.Use, all of them at once.
type Option func(*settings)

type settings struct {
	engine        []coherence.Option
	defaultPolicy *policy.Policy
	coded         []modelPolicy
	models        []any
	triggers      []triggerTables
	onFlushError  func(FlushError)
	logger        *slog.Logger
	scoped        bool
	singleProcess bool
	backplane     coherence.Backplane
	lease         time.Duration
	grace         time.Duration
	noMigrations  bool
	journal       string // the folder
	unfitDead     bool
	errs          []error
}

type modelPolicy struct {
	model  any
	policy policy.Policy
}

type triggerTables struct {
	model  any
	tables []string
}

func (s *settings) refuse(why string) {
	s.errs = append(s.errs, errors.New("cacheplugin: "+why))
}

// WithMemory bounds the bytes of the built-in store, rows and pages together. Default 64 MiB, at least 8 MiB.
func WithMemory(bytes int64) Option {
	return func(s *settings) { s.engine = append(s.engine, coherence.WithMemory(bytes)) }
}

// WithStore keeps entries in the given store instead of the built-in one; Close closes it. It excludes WithMemory.
func WithStore(st store.Store) Option {
	return func(s *settings) { s.engine = append(s.engine, coherence.WithStore(st)) }
}

// WithPolicy gives a model its policy in code, which wins over the model's tag. model is a struct or a pointer to one.
// A model whose tag says critical refuses WriteBack.
func WithPolicy(model any, p policy.Policy) Option {
	return func(s *settings) { s.coded = append(s.coded, modelPolicy{model, p}) }
}

// WithDefaultPolicy is the policy of models that have neither a tag nor a WithPolicy. Without it they are not cached;
// their writes count all the same.
func WithDefaultPolicy(p policy.Policy) Option {
	return func(s *settings) {
		if s.defaultPolicy != nil {
			s.refuse("WithDefaultPolicy is given twice")
		}
		if err := p.Validate(); err != nil {
			s.errs = append(s.errs, fmt.Errorf("cacheplugin: WithDefaultPolicy: %w", err))
		}
		s.defaultPolicy = &p
	}
}

// WithModels names models whose tags db.Use is to check. GORM knows no model at that time: the bad tag of a model not
// named here is the error of its first statement.
func WithModels(models ...any) Option {
	return func(s *settings) { s.models = append(s.models, models...) }
}

// WithScope sets the function that tells apart callers who see different rows of one table, as with row-level security
// or search_path. Its answer goes into every key. Tables with row security are cached only when it is set.
func WithScope(scope func(context.Context) string) Option {
	return func(s *settings) {
		if scope == nil {
			s.refuse("WithScope(nil): a function is needed")
			return
		}
		s.scoped = true
		s.engine = append(s.engine, coherence.WithScope(scope))
	}
}

// WithSingleProcess says that no other process writes the database. On a networked database entries then live until
// they are written; without it, and without a backplane, they live 30 seconds at most.
func WithSingleProcess() Option { return func(s *settings) { s.singleProcess = true } }

// WithBackplane has processes that use the same database hear of each other's writes: pgbackplane.New makes a backplane of
// PostgreSQL itself. Entries then live until they are written, by whatever process; one that has not caught up with the
// others within its lease serves from the database until it has.
func WithBackplane(b coherence.Backplane) Option {
	return func(s *settings) {
		if b == nil {
			s.refuse("WithBackplane(nil): a backplane is needed")
		}
		s.backplane = b
	}
}

// WithLease is how long a process with a backplane goes on serving from its cache without having caught up with the writes of
// others: how old an answer may be when something fails. Default [coherence.DefaultLease], at least 100 ms.
func WithLease(d time.Duration) Option {
	return func(s *settings) {
		if d <= 0 {
			s.refuse(fmt.Sprintf("WithLease(%v): more than nothing is needed", d))
		}
		s.lease = d
	}
}

// WithGrace is how long readers go to the database after a write whose outcome nobody can be asked for: a statement outside
// a transaction that the server did not answer, or one in a transaction that the plugin does not see the end of (on
// PostgreSQL that is waited for by its snapshots instead). It must be longer than such a statement may still run, and than
// such a transaction may stay open. Default 60 s.
func WithGrace(d time.Duration) Option {
	return func(s *settings) {
		if d <= 0 {
			s.refuse(fmt.Sprintf("WithGrace(%v): more than nothing is needed", d))
		}
		s.grace = d
	}
}

// WithLogger sets the logger of the plugin and its engine. By default nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) {
		if l == nil {
			s.refuse("WithLogger(nil): a logger is needed")
			return
		}
		s.logger = l
		s.engine = append(s.engine, coherence.WithLogger(l))
	}
}

// WithTriggerTables names all tables that triggers on the model's table, and rules, may write. Without it a write of a table with
// triggers counts as a write of everything.
func WithTriggerTables(model any, tables ...string) Option {
	return func(s *settings) { s.triggers = append(s.triggers, triggerTables{model, tables}) }
}

// OnFlushError is called for each write-back row that the database refused for good, on the flusher's goroutine.
func OnFlushError(f func(FlushError)) Option {
	return func(s *settings) {
		if f == nil {
			s.refuse("OnFlushError(nil): a function is needed")
		}
		s.onFlushError = f
	}
}

// WithoutMigrations keeps Initialize from creating the tables that a configured feature needs; a missing one is then an
// error that names the file in the migrations folder.
func WithoutMigrations() Option { return func(s *settings) { s.noMigrations = true } }

// ErrCacheUnavailable is the error of a write-through write whose value the cache could not take. The database was
// rolled back.
var ErrCacheUnavailable = errors.New("cacheplugin: the cache cannot take the value")

// ErrBacklogFull is the error of a write-back write of a new row when as many rows are pending as the policy allows and
// it says full=reject.
var ErrBacklogFull = errors.New("cacheplugin: too many rows wait to be flushed")

type bypassKey struct{}

// Bypass returns a context whose reads go straight to the database and fill nothing. Its writes count as ever.
func Bypass(ctx context.Context) context.Context { return context.WithValue(ctx, bypassKey{}, true) }

func bypassed(ctx context.Context) bool { return ctx.Value(bypassKey{}) != nil }

type freshKey struct{}

// Fresh returns a context whose reads see every write that had been committed when they began, by whatever process: they are what
// reads of one process alone are without it. With a backplane, whose news may be some milliseconds late, they go to the database;
// without one they are served from the cache as ever.
func Fresh(ctx context.Context) context.Context { return context.WithValue(ctx, freshKey{}, true) }

// fresh reports whether the cache may lag behind what the context asks for.
func (p *Plugin) fresh(ctx context.Context) bool {
	return p.settings.backplane != nil && ctx.Value(freshKey{}) != nil
}
