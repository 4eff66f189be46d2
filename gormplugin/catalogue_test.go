package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/testkit"
)

// surveyed is a database with a catalogue over it, and how often the catalogue was asked.
type surveyed struct {
	*sql.DB
	catalogue *catalogue
	queries   int
}

func (s *surveyed) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s.queries++
	return s.DB.QueryContext(ctx, query, args...)
}

func survey(tb testing.TB, db testkit.Database, triggers map[string][]string, statements ...string) *surveyed {
	tb.Helper()
	s := &surveyed{DB: db.Raw(tb), catalogue: newCatalogue(sqltext.DialectOf(db.Name), triggers)}
	s.run(tb, statements...)
	return s
}

func (s *surveyed) run(tb testing.TB, statements ...string) {
	tb.Helper()
	for _, statement := range statements {
		_, err := s.ExecContext(tb.Context(), statement)
		require.NoError(tb, err, statement)
	}
}

func (s *surveyed) table(tb testing.TB, name string) *relation {
	tb.Helper()
	return look(tb, s.catalogue, s, name)
}

func look(tb testing.TB, c *catalogue, q querier, name string) *relation {
	tb.Helper()
	rel, err := c.table(tb.Context(), q, sqltext.ParseName(name))
	require.NoError(tb, err)
	return rel
}

func tags(tables ...string) []coherence.Tag {
	var all []coherence.Tag
	for _, table := range tables {
		all = append(all, coherence.TableTag(table))
	}
	return all
}

func TestAPlainTableIsOrdinaryAndKnowsItsColumns(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil, `CREATE TABLE plain (id bigint PRIMARY KEY, "Name" text NOT NULL, n int, b boolean, UNIQUE (n, "Name"))`)
		rel := s.table(t, "plain")
		require.True(t, rel.exists)
		require.True(t, rel.ordinary)
		require.True(t, rel.returning)
		require.True(t, rel.installs)
		require.False(t, rel.rowSecurity)
		require.Equal(t, []string{"id", "Name", "n", "b"}, rel.columns)
		require.Equal(t, map[string]keyClass{"id": keyInt, "name": keyText, "n": keyInt, "b": keyBool}, rel.keys)
		require.True(t, rel.identifies([]string{"ID"}))
		require.True(t, rel.identifies([]string{"name", "n"}))
		require.False(t, rel.identifies([]string{"n"}))
		for op := opRaw; op <= opDelete; op++ {
			require.Empty(t, rel.reached(op))
		}
		require.Empty(t, rel.reachedInserting())
		require.Empty(t, rel.reachedSetting([]string{"id"}))
	})
}

func TestATableIsReadOnceUntilDDL(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil, `CREATE TABLE once (id bigint PRIMARY KEY)`)
		first := s.table(t, "once")
		require.Same(t, first, s.table(t, "once"))
		require.Equal(t, 1, s.queries)
		require.Equal(t, s.catalogue.generation(), first.generation)

		s.run(t, `ALTER TABLE once ADD COLUMN more text`)
		s.catalogue.forget()
		require.NotEqual(t, s.catalogue.generation(), first.generation)
		second := s.table(t, "once")
		require.Equal(t, []string{"id", "more"}, second.columns)
		require.Equal(t, s.catalogue.generation(), second.generation)
		require.Equal(t, []string{"id"}, first.columns, "a relation does not change")
	})
}

func TestAReadThatDDLOvertookIsNotRemembered(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil, `CREATE TABLE slow (id bigint PRIMARY KEY)`)
		during := overtaken{s.DB, func() {
			s.run(t, `ALTER TABLE slow ADD COLUMN more text`)
			s.catalogue.forget()
		}}
		old := look(t, s.catalogue, during, "slow")
		require.NotEqual(t, s.catalogue.generation(), old.generation, "whoever keeps it sees that it is old")
		require.Equal(t, []string{"id", "more"}, s.table(t, "slow").columns)
	})
}

// overtaken runs something between the call of the catalogue and its query.
type overtaken struct {
	*sql.DB
	meanwhile func()
}

func (o overtaken) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	o.meanwhile()
	return o.DB.QueryContext(ctx, query, args...)
}

func TestFreshReadsPastWhatIsRemembered(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil, `CREATE TABLE shared (id bigint PRIMARY KEY)`)
		before := s.table(t, "shared")
		tx, err := s.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer tx.Rollback()
		_, err = tx.ExecContext(t.Context(), `ALTER TABLE shared ADD COLUMN mine text`)
		require.NoError(t, err)
		rel, err := s.catalogue.fresh(t.Context(), tx, sqltext.ParseName("shared"))
		require.NoError(t, err)
		require.Equal(t, []string{"id", "mine"}, rel.columns)
		require.Same(t, before, s.table(t, "shared"), "others go on with what is committed")
	})
}

func TestAMissingTableIsAskedForAgainAndItsWriteIsOneOfEverything(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil)
		rel := s.table(t, "late")
		require.False(t, rel.exists || rel.ordinary || rel.returning || rel.installs)
		for op := opRaw; op <= opDelete; op++ {
			require.Equal(t, everything, rel.reached(op))
		}
		require.Equal(t, everything, rel.reachedInserting())
		require.Equal(t, everything, rel.reachedSetting(nil))
		require.False(t, rel.identifies([]string{"id"}))
		s.run(t, `CREATE TABLE late (id bigint PRIMARY KEY)`)
		require.True(t, s.table(t, "late").ordinary, "somebody else may have created it since")
	})
}

func TestAnErrorIsReturnedAndNotRemembered(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil, `CREATE TABLE fine (id bigint PRIMARY KEY)`)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		rel, err := s.catalogue.table(ctx, s, sqltext.ParseName("fine"))
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "table fine")
		require.Nil(t, rel)
		require.True(t, s.table(t, "fine").ordinary)
	})
}

func TestNothingIsKnownOfNoRelation(t *testing.T) {
	t.Parallel()
	var rel *relation
	require.Equal(t, everything, rel.reached(opUpdate))
	require.Equal(t, everything, rel.reachedInserting())
	require.Equal(t, everything, rel.reachedSetting([]string{"a"}))
	require.False(t, rel.identifies(nil))
}

func TestOtherDatabasesAreNotAskedAndTakenForTheWorst(t *testing.T) {
	t.Parallel()
	for _, dialect := range []sqltext.Dialect{sqltext.Other} {
		rel := look(t, newCatalogue(dialect, nil), silent{}, "orders")
		require.True(t, rel.exists)
		require.False(t, rel.ordinary || rel.returning || rel.installs)
		for op := opRaw; op <= opDelete; op++ {
			require.Equal(t, everything, rel.reached(op))
		}
	}
}

// silent is a database that must not be asked.
type silent struct{}

func (silent) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errors.New("the database was asked")
}

func TestNamesAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil,
			`CREATE TABLE "Weird Name" ("Key ""1""" bigint PRIMARY KEY, "it's" text)`,
			`CREATE TABLE "we""ird, (table" (id bigint PRIMARY KEY, "a,b" text)`,
			`CREATE TABLE "Übergröße" (id bigint PRIMARY KEY)`)
		rel := s.table(t, "Weird Name")
		require.True(t, rel.ordinary)
		require.Equal(t, []string{`Key "1"`, "it's"}, rel.columns)
		require.Equal(t, map[string]keyClass{`key "1"`: keyInt, "it's": keyText}, rel.keys)
		rel, err := s.catalogue.table(t.Context(), s, sqltext.Name{Table: `we"ird, (table`})
		require.NoError(t, err)
		require.True(t, rel.ordinary)
		require.Equal(t, map[string]keyClass{"id": keyInt, "a,b": keyText}, rel.keys)
		require.True(t, s.table(t, "Übergröße").ordinary)
		for _, none := range []string{`Weird" Name`, `' OR 1=1 --`, "weird%"} {
			rel, err := s.catalogue.table(t.Context(), s, sqltext.Name{Table: none})
			require.NoError(t, err)
			require.False(t, rel.exists)
		}
	})
}

func TestAWriteReachesWhatForeignKeysChange(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil,
			`CREATE TABLE grand (id bigint PRIMARY KEY, code text UNIQUE, note text)`,
			`CREATE TABLE parent (id bigint PRIMARY KEY, grand_id bigint REFERENCES grand (id) ON DELETE CASCADE)`,
			`CREATE TABLE child (id bigint PRIMARY KEY, parent_id bigint REFERENCES parent (id) ON DELETE SET NULL ON UPDATE CASCADE)`,
			`CREATE TABLE leaf (id bigint PRIMARY KEY, child_id bigint REFERENCES child (id) ON DELETE CASCADE)`,
			`CREATE TABLE coded (id bigint PRIMARY KEY, code text REFERENCES grand (code) ON UPDATE SET DEFAULT)`,
			`CREATE TABLE bystander (id bigint PRIMARY KEY, grand_id bigint REFERENCES grand (id))`)

		grand := s.table(t, "grand")
		require.Equal(t, []string{"child", "parent"}, grand.deleteReaches, "SET NULL deletes no child, so no leaf goes")
		require.Equal(t, []string{"coded"}, grand.updateReaches)
		require.Empty(t, grand.insertReaches)
		require.False(t, grand.insertAll || grand.updateAll || grand.deleteAll)
		require.ElementsMatch(t, tags("child", "parent"), grand.reached(opDelete))
		require.ElementsMatch(t, tags("coded"), grand.reached(opUpdate))
		require.ElementsMatch(t, tags("child", "coded", "parent"), grand.reached(opRaw))
		require.Subset(t, grand.reached(opCreate), tags("coded"), "an upsert updates")
		require.Empty(t, grand.reachedInserting())
		require.True(t, grand.installs)
		require.Empty(t, grand.reachedSetting([]string{"note", "id"}))
		require.ElementsMatch(t, tags("coded"), grand.reachedSetting([]string{"note", "CODE"}))

		require.Equal(t, []string{"child"}, s.table(t, "parent").deleteReaches)
		require.Equal(t, []string{"child"}, s.table(t, "parent").updateReaches)
		require.Equal(t, []string{"leaf"}, s.table(t, "child").deleteReaches)
		require.Empty(t, s.table(t, "leaf").reached(opRaw))
		require.Empty(t, s.table(t, "bystander").reached(opRaw))
	})
}

func TestAChainOfCascadesIsFollowedToItsEndAndCyclesEnd(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil,
			`CREATE TABLE a (id bigint PRIMARY KEY)`,
			`CREATE TABLE b (id bigint PRIMARY KEY, a_id bigint REFERENCES a (id) ON DELETE CASCADE)`,
			`CREATE TABLE c (id bigint PRIMARY KEY, b_id bigint REFERENCES b (id) ON DELETE CASCADE)`,
			`CREATE TABLE tree (id bigint PRIMARY KEY, up bigint REFERENCES tree (id) ON UPDATE CASCADE ON DELETE CASCADE)`,
			`CREATE TABLE wood (id bigint PRIMARY KEY, up bigint REFERENCES wood (id) ON DELETE SET NULL)`)
		require.Equal(t, []string{"b", "c"}, s.table(t, "a").deleteReaches)
		tree := s.table(t, "tree")
		require.Equal(t, []string{"tree"}, tree.deleteReaches)
		require.Equal(t, []string{"tree"}, tree.updateReaches)
		require.False(t, tree.installs, "the row returned may be changed once more by its own key")
		wood := s.table(t, "wood")
		require.Equal(t, []string{"wood"}, wood.deleteReaches)
		require.True(t, wood.installs)
	})
}

func TestAForeignKeyToTheWholePrimaryKeyIsKnown(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil,
			`CREATE TABLE pair (x bigint, y bigint, z bigint, PRIMARY KEY (x, y))`,
			`CREATE TABLE follows (id bigint PRIMARY KEY, x bigint, y bigint, FOREIGN KEY (x, y) REFERENCES pair ON UPDATE CASCADE)`)
		rel := s.table(t, "pair")
		require.True(t, rel.identifies([]string{"y", "x"}))
		require.Empty(t, rel.reachedSetting([]string{"z"}))
		require.Equal(t, tags("follows"), rel.reachedSetting([]string{"z", "y"}))
	})
}

func TestAViewIsNotOrdinaryAndAWriteOfItIsOneOfEverything(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil, `CREATE TABLE base (id bigint PRIMARY KEY)`, `CREATE VIEW seen AS SELECT id FROM base`)
		rel := s.table(t, "seen")
		require.True(t, rel.exists)
		require.False(t, rel.ordinary || rel.returning || rel.installs)
		require.Equal(t, everything, rel.reached(opUpdate))
		require.Equal(t, everything, rel.reached(opRaw))
	})
}

func TestATemporaryTableIsNotOrdinary(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil, `CREATE TABLE hides (id bigint PRIMARY KEY)`)
		require.True(t, s.table(t, "hides").ordinary)
		conn, err := s.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.ExecContext(t.Context(), `CREATE TEMP TABLE hides (id bigint PRIMARY KEY)`)
		require.NoError(t, err)
		s.catalogue.forget()
		rel := look(t, s.catalogue, conn, "hides")
		require.True(t, rel.exists)
		require.False(t, rel.ordinary || rel.returning || rel.installs)
	})
}

func TestTheServersOwnTablesAreNotOrdinary(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil, `CREATE TABLE plain (id integer PRIMARY KEY)`)
		names := []string{"pg_class", "pg_catalog.pg_class", "information_schema.sql_parts"}
		if db.Name == "sqlite" {
			s.run(t, `CREATE TABLE counted (id integer PRIMARY KEY AUTOINCREMENT)`)
			names = []string{"sqlite_master", "sqlite_sequence", "main.sqlite_schema"}
		}
		for _, name := range names {
			rel := s.table(t, name)
			require.False(t, rel.ordinary || rel.returning || rel.installs, name)
		}
	})
}

func TestGeneratedColumnsAndReturning(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		s := survey(t, db, nil,
			`CREATE TABLE stored (id int PRIMARY KEY, n int, double int GENERATED ALWAYS AS (n * 2) STORED UNIQUE)`,
			`CREATE TABLE follows (id int PRIMARY KEY, double int REFERENCES stored (double) ON UPDATE CASCADE)`)
		rel := s.table(t, "stored")
		require.True(t, rel.returning)
		require.Equal(t, []string{"id", "n", "double"}, rel.columns)
		require.Equal(t, tags("follows"), rel.reachedSetting([]string{"n"}), "the column referred to is made from n")
		if db.Name == "sqlite" {
			s.run(t, `CREATE TABLE computed (id int PRIMARY KEY, n text, kept int AS (json_extract(n, '$.a')))`)
			rel := s.table(t, "computed")
			require.True(t, rel.ordinary)
			require.Equal(t, []string{"id", "n", "kept"}, rel.columns)
			require.False(t, rel.returning, "what is computed when it is read may fail then")
		}
	})
}
