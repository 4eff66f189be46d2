package cacheplugin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// trial is something an application does with GORM, and writes down what it sees.
type trial struct {
	name string
	do   func(w *witness)
	late string // what write-back tells the application in another way, or at the flush, as the docs say; empty: nothing
}

// later is a trial whose outcome write-back may show otherwise.
func later(what string, tr trial) trial {
	tr.late = what
	return tr
}

// group is a list of trials of one kind. What only reads is done twice, so that the second time is served from the cache.
type group struct {
	name   string
	reads  bool
	trials []trial
}

// some are those of the group's trials that are run.
func (g group) some() []trial {
	var some []trial
	for i := 0; i < len(g.trials); i += oneTrialIn {
		some = append(some, g.trials[i])
	}
	return some
}

func groups() []group {
	return []group{
		{"reads", true, readTrials()},
		{"destinations", true, destinationTrials()},
		{"handles", true, handleTrials()},
		{"relations", true, relationTrials()},
		{"creates", false, createTrials()},
		{"updates", false, updateTrials()},
		{"saves and deletes", false, saveTrials()},
		{"associations", false, associationTrials()},
		{"transactions", false, transactionTrials()},
		{"raw", false, rawTrials()},
		{"random", false, randomTrials()},
	}
}

// fewestTrials keeps trials from getting lost.
const fewestTrials = 600

// TestWithThePluginAnApplicationSeesWhatItSeesWithout runs all trials on a plain handle and, for every policy, on one with
// the plugin, each over a database of its own with the same contents, and compares what was seen.
func TestWithThePluginAnApplicationSeesWhatItSeesWithout(t *testing.T) {
	t.Parallel()
	all := groups()
	n := 0
	for i, g := range all {
		t.Logf("%4d %s", len(g.trials), g.name)
		n += len(g.trials)
		all[i].trials = g.some()
	}
	require.GreaterOrEqual(t, n, fewestTrials)
	for _, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			plain := newSide(t, kind, nil)
			want := map[string]string{}
			for _, g := range all {
				for _, tr := range g.trials {
					name := g.name + "/" + tr.name
					require.NotContains(t, want, name, "names tell trials apart")
					want[name] = plain.run(t, g, tr)
				}
			}
			for _, strategy := range []policy.Strategy{policy.Off, policy.Aside, policy.WriteThrough, policy.WriteBack} {
				t.Run(strategy.String(), func(t *testing.T) {
					t.Parallel()
					side := newSide(t, kind, &policy.Policy{Strategy: strategy})
					for _, g := range all {
						t.Run(g.name, func(t *testing.T) {
							for _, tr := range g.trials {
								t.Run(tr.name, func(t *testing.T) {
									got := side.run(t, g, tr)
									if strategy != policy.WriteBack || tr.late == "" {
										requireSame(t, want[g.name+"/"+tr.name], got)
									}
								})
							}
						})
					}
					t.Logf("%+v", side.plugin.Stats())
				})
			}
		})
	}
}

// requireSame shows the lines that differ, and no others.
func requireSame(tb testing.TB, want, got string) {
	tb.Helper()
	if want == got {
		return
	}
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for i := range max(len(wants), len(gots)) {
		var w, g string
		if i < len(wants) {
			w = wants[i]
		}
		if i < len(gots) {
			g = gots[i]
		}
		if w != g {
			fmt.Fprintf(&b, "line %d\n  plain:  %s\n  plugin: %s\n", i+1, w, g)
		}
	}
	tb.Errorf("an application sees the difference:\n%s", b.String())
}

// kind is a kind of database, and how it is opened.
type kind struct {
	name   string
	open   func(testing.TB) testkit.Database
	config gorm.Config
}

func kinds() []kind {
	return []kind{
		{name: "sqlite", open: testkit.SQLiteDatabase},
		{name: "sqlite with other settings", open: testkit.SQLiteDatabase, config: gorm.Config{
			PrepareStmt: true, SkipDefaultTransaction: true, TranslateError: true, QueryFields: true,
		}},
		{name: "postgres", open: testkit.PostgresDatabase},
		{name: "mariadb", open: testkit.MariaDatabase},
	}
}

// side is a handle on a database of its own, with or without the plugin.
type side struct {
	*gorm.DB
	plugin *cacheplugin.Plugin // nil: plain
	*fixture
	touched bool // the fixture's rows may have changed
}

func newSide(tb testing.TB, k kind, p *policy.Policy) *side {
	tb.Helper()
	database := k.open(tb)
	k.config.NowFunc = frozen
	s := &side{DB: database.Open(tb, &k.config)}
	if p != nil {
		s.plugin = cacheplugin.New(cacheplugin.WithDefaultPolicy(*p), cacheplugin.WithSingleProcess())
		require.NoError(tb, s.Use(s.plugin))
		tb.Cleanup(func() { require.NoError(tb, s.plugin.Close(context.Background())) })
	}
	require.NoError(tb, s.AutoMigrate(models()...))
	s.fixture = newFixture(tb, database)
	return s
}

// run is what the trial sees on this side, with what the database holds after it.
func (s *side) run(tb testing.TB, g group, tr trial) string {
	tb.Helper()
	if s.touched {
		s.reset(tb)
		s.touched = false
		if s.plugin != nil {
			require.NoError(tb, s.plugin.Engine().InvalidateAll(tb.Context()))
		}
	}
	w := newWitness(tb, s.DB)
	if g.reads {
		w.try(tr)
		w.saw("again")
		w.try(tr)
		return strings.Join(w.seen, "\n")
	}
	s.touched = true
	s.warm(tb)
	w.try(tr)
	w.seen = append(w.seen, s.warm(tb)...)
	if s.plugin != nil {
		require.NoError(tb, s.plugin.Flush(tb.Context()))
	}
	w.seen = append(w.seen, s.contents(tb))
	require.False(tb, w.panicked, "GORM leaves the transaction of a write that panics open: %s", tr.name)
	return strings.Join(w.seen, "\n")
}

// warm reads the rows most trials change: by key, as lists, and counted.
func (s *side) warm(tb testing.TB) []string {
	tb.Helper()
	w := newWitness(tb, s.DB)
	for id := range 3 {
		var (
			sailor Sailor
			ship   Ship
			coin   Coin
			locker Locker
		)
		w.ran(w.First(&sailor, id+1), &sailor)
		w.ran(w.First(&ship, id+1), &ship)
		w.ran(w.Take(&coin, "id = ?", id+1), &coin)
		w.ran(w.Limit(1).Find(&locker, id+1), &locker)
	}
	var (
		sailors []Sailor
		ships   []*Ship
		tongue  Tongue
		cargo   Cargo
		n       int64
	)
	w.ran(w.Unscoped().Order("id").Find(&sailors), &sailors)
	w.ran(w.Order("id").Preload("Cargo", func(tx *gorm.DB) *gorm.DB { return tx.Order("hold") }).Find(&ships), &ships)
	w.ran(w.First(&tongue, "code = ?", "en"), &tongue)
	w.ran(w.First(&cargo, &Cargo{ShipID: 1, Hold: "bow"}), &cargo)
	w.ran(w.Model(&Coin{}).Where("worth > ?", 5).Count(&n), &n)
	return w.seen
}
