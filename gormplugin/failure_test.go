package cacheplugin_test

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
	"github.com/cachewright/cachewright/store/storetest"
)

// failing is a database on which one thing fails, and what readers have seen of ware 1.
type failing struct {
	testing.TB
	*cached
	store *storetest.Faulty
	seen  []int64 // values, none twice in a row
}

// failureSetup is a way to cache, with the failures it has.
type failureSetup struct {
	policy string
	setup  setup
	rows   []failure
}

func failureSetups() []failureSetup {
	return []failureSetup{
		{"aside", setups()[0], failures},
		{"writethrough", setups()[1], slices.Concat(failures, throughFailures)},
		{"writeback", writeBackSetup(), slices.Concat(failures, flushFailures)},
	}
}

// writeBackSetup flushes when it is asked to.
func writeBackSetup() setup {
	return setup{name: "write-back", model: reflect.TypeFor[Ware](), options: []cacheplugin.Option{
		cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.WriteBack, Flush: time.Hour}),
	}}
}

func TestEveryFailureIsAsTheTableSays(t *testing.T) {
	t.Parallel()
	for _, s := range failureSetups() {
		t.Run(s.policy, func(t *testing.T) {
			t.Parallel()
			testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
				for _, row := range s.rows {
					if row.where == "" || row.where == database.Name {
						t.Run(row.step+", "+row.how, func(t *testing.T) { row.play(t, database, s.setup) })
					}
				}
			})
		})
	}
}

// play lets the step fail, and looks at what the caller and readers see.
func (row failure) play(t *testing.T, database testkit.Database, s setup) {
	if database.Name == "sqlite" {
		database = testkit.SQLiteDatabase(t)
	} else {
		_, err := database.Raw(t).ExecContext(t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
		require.NoError(t, err)
	}
	c, faulty := openCached(t, database, s).withFaulty(t)
	f := &failing{TB: t, cached: c, store: faulty}
	c.warm(t)
	err := row.do(f)
	require.True(t, row.caller.fits(err), "the caller sees: %v", err)
	if row.sight.unmoved {
		c.unmoved(t)
	}
	f.see()
	faulty.Repair()
	f.see()
	require.NoError(t, c.plugin.Flush(t.Context()))
	var stored Ware
	require.NoError(t, c.plain.First(&stored, 1).Error)
	require.Equal(t, row.sight.values[len(row.sight.values)-1], stored.Price, "the database")
	require.Equal(t, row.sight.values, f.seen, "what readers saw, in order")
	require.NoError(t, c.Model(c.with(Ware{ID: 1})).UpdateColumn("price", 11).Error) // nothing is held up
	require.EqualValues(t, 11, c.price(t, 1))
	require.Equal(t, []int64{11, 20, 30}, c.prices(t))
}

// see reads ware 1 by its key and in the list, more than once.
func (f *failing) see() {
	f.Helper()
	for range 3 {
		f.seeKey()
		f.saw(f.prices(f)[0])
	}
}

// seeKey reads ware 1 by its key.
func (f *failing) seeKey() { f.Helper(); f.saw(f.price(f, 1)) }

func (f *failing) saw(price int64) {
	if len(f.seen) == 0 || f.seen[len(f.seen)-1] != price {
		f.seen = append(f.seen, price)
	}
}

// set changes the price to 99.
func (f *failing) set(db *gorm.DB) error {
	return db.Model(f.with(Ware{ID: 1})).UpdateColumns(f.with(Ware{Price: 99})).Error
}

// change changes it in a transaction with a savepoint.
func (f *failing) change(ctx context.Context) error {
	return f.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		// GORM's own SavePoint says nothing of an error.
		if err := tx.Exec("SAVEPOINT here").Error; err != nil {
			return err
		}
		return f.set(tx)
	})
}

// alone changes it by a statement that commits by itself.
func (f *failing) alone(ctx context.Context) error {
	return f.WithContext(ctx).Exec("UPDATE wares SET price = 99 WHERE id = 1").Error
}

func (f *failing) rollBack(ctx context.Context) error {
	return f.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		require.NoError(f, f.set(tx))
		return errRollback
	})
}

// backAndCommit goes back to a savepoint, and commits whatever comes of it.
func (f *failing) backAndCommit() error {
	tx := f.Begin()
	require.NoError(f, tx.Exec("SAVEPOINT here").Error)
	require.NoError(f, f.set(tx))
	err := tx.Exec("ROLLBACK TO SAVEPOINT here").Error
	require.NoError(f, tx.Commit().Error)
	return err
}

func fails(m testkit.Match) func(f *failing) error {
	return func(f *failing) error {
		f.probe.Fail(m, errNoAnswer)
		return f.change(f.Context())
	}
}

func loses(m testkit.Match) func(f *failing) error {
	return func(f *failing) error {
		f.probe.Lose(m, errNoAnswer)
		return f.change(f.Context())
	}
}

func held(m testkit.Match) func(f *failing) *testkit.Gate {
	return func(f *failing) *testkit.Gate { return f.probe.Hold(m) }
}

func answerHeld(m testkit.Match) func(f *failing) *testkit.Gate {
	return func(f *failing) *testkit.Gate { return f.probe.HoldAnswer(m) }
}

// ends ends the context of a change that waits at the gate.
func ends(gate func(f *failing) *testkit.Gate) func(f *failing) error {
	return func(f *failing) error {
		ctx, cancel := context.WithCancel(f.Context())
		defer cancel()
		g := gate(f)
		changed := parallel(func() error { return f.change(ctx) })
		<-g.Reached()
		f.see()
		cancel()
		g.Release()
		return changed()
	}
}

// always reads and changes the price while all calls of the store fail.
func always(op storetest.Op, fault storetest.Fault) func(f *failing) error {
	return func(f *failing) error {
		f.store.Always(op, fault)
		f.price(f, 2)
		require.Positive(f, f.store.Faults(op))
		return f.change(f.Context())
	}
}

// scripted changes the price while the next calls that store something fail.
func scripted(faults ...storetest.Fault) func(f *failing) error {
	return func(f *failing) error {
		f.store.Script(storetest.OpSet, faults...)
		return f.change(f.Context())
	}
}

// flushes changes the price, which is acknowledged, and flushes it.
func flushes(arm func(f failing, m testkit.Match), m testkit.Match) func(f *failing) error {
	return func(f *failing) error {
		if err := f.set(f.DB); err != nil {
			return err
		}
		f.seeKey()
		arm(*f, m)
		return f.plugin.Flush(f.Context())
	}
}

func (f failing) fail(m testkit.Match) { f.probe.Fail(m, errNoAnswer) }
func (f failing) lose(m testkit.Match) { f.probe.Lose(m, errNoAnswer) }

// hanging makes the next call of the store hang, and ends the context when it does.
func (f *failing) hanging(op storetest.Op, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(f.Context())
	defer cancel()
	f.store.Script(op, storetest.Fault{Before: func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}})
	return call(ctx)
}

// readUntil reads until the context ends in the store.
func (f *failing) readUntil(op storetest.Op) error {
	return f.hanging(op, func(ctx context.Context) error { return f.WithContext(ctx).First(f.new(), 1).Error })
}

// writeUntil writes until the context ends in the store.
func (f *failing) writeUntil(op storetest.Op) error { return f.hanging(op, f.change) }

// readWith reads a row whose entry the store does not take.
func (f *failing) readWith(fault storetest.Fault) error {
	f.store.Script(storetest.OpSet, fault)
	return f.readAgain(f.Context())
}

// readAgain reads a row that is not in the cache.
func (f *failing) readAgain(ctx context.Context) error {
	require.NoError(f, f.plugin.Invalidate(f.Context(), f.new()))
	return f.WithContext(ctx).First(f.new(), 1).Error
}

// tableOfFailures is the table as docs/coherence.md has it.
func tableOfFailures() string {
	var b strings.Builder
	b.WriteString("| what fails | how | policies | the caller sees | readers see | nobody ever sees |\n|---|---|---|---|---|---|\n")
	write := func(policies string, rows []failure) {
		for _, row := range rows {
			how := row.how
			if row.where != "" {
				how += " (" + map[string]string{"postgres": "PostgreSQL"}[row.where] + ")"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", row.step, how, policies, row.caller.text, row.sight.text, row.sight.never)
		}
	}
	write("all", failures)
	write("writethrough", throughFailures)
	write("writeback", flushFailures)
	return b.String()
}

func TestTheTableOfFailuresIsTheOneInTheDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/coherence.md")
	require.NoError(t, err)
	if !strings.Contains(string(text), tableOfFailures()) {
		t.Fatalf("docs/coherence.md lacks the table of failures, which is\n%s", tableOfFailures())
	}
}
