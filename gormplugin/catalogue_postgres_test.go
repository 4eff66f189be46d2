package cacheplugin

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/testkit"
)

func surveyPostgres(tb testing.TB, triggers map[string][]string, statements ...string) *surveyed {
	tb.Helper()
	return survey(tb, testkit.PostgresDatabase(tb), triggers, statements...)
}

const touchFunction = `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$`

func TestPostgresKeyClasses(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil,
		`CREATE EXTENSION citext`,
		`CREATE DOMAIN positive AS int CHECK (value > 0)`,
		`CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
		`CREATE TABLE kinds (i2 int2, i4 int4, i8 int8, b bool, u uuid, tx text, vc varchar(20), by bytea, tc text COLLATE "C",
			loose text COLLATE loose, loosevc varchar COLLATE loose, ci citext, ch char(4), na name, nu numeric, f8 float8,
			ts timestamptz, da date, js jsonb, dom positive, arr int[], oi oid, en "char")`)
	want := map[string]keyClass{
		"i2": keyInt, "i4": keyInt, "i8": keyInt, "b": keyBool, "u": keyUUID, "tx": keyText, "vc": keyText, "by": keyBytes, "tc": keyText,
	}
	for _, none := range []string{"loose", "loosevc", "ci", "ch", "na", "nu", "f8", "ts", "da", "js", "dom", "arr", "oi", "en"} {
		want[none] = keyNone
	}
	rel := s.table(t, "kinds")
	require.Equal(t, want, rel.keys)
	require.Len(t, rel.columns, len(want))
}

func TestPostgresDroppedColumnsAreGone(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil, `CREATE TABLE shrunk (id int PRIMARY KEY, old text, new text)`, `ALTER TABLE shrunk DROP COLUMN old`)
	require.Equal(t, []string{"id", "new"}, s.table(t, "shrunk").columns)
}

func TestPostgresUniqueIsOnlyWhatHoldsForAllRowsAtAllTimes(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil,
		`CREATE TABLE sets (a int, b int, c int, d int, e int UNIQUE DEFERRABLE, f int, PRIMARY KEY (a))`,
		`CREATE UNIQUE INDEX ON sets (b) WHERE c = 1`,
		`CREATE UNIQUE INDEX ON sets ((c + 1))`,
		`CREATE UNIQUE INDEX ON sets (d, c) INCLUDE (f)`,
		`CREATE INDEX ON sets (f)`)
	rel := s.table(t, "sets")
	require.ElementsMatch(t, [][]string{{"a"}, {"c", "d"}}, rel.unique)
}

func TestPostgresNamesAreFoundBySearchPathOrSchema(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil,
		`CREATE SCHEMA "Tenant A"`, `CREATE SCHEMA other`,
		`CREATE TABLE twice (id int PRIMARY KEY)`,
		`CREATE TABLE "Tenant A".twice (id int PRIMARY KEY, more text)`,
		`CREATE TABLE other.hidden (id int PRIMARY KEY)`,
		`CREATE TABLE "Twice" (id uuid PRIMARY KEY)`)
	require.Equal(t, []string{"id"}, s.table(t, "twice").columns)
	require.Equal(t, []string{"id"}, s.table(t, "public.twice").columns)
	require.Equal(t, []string{"id", "more"}, s.table(t, `"Tenant A".twice`).columns)
	require.Equal(t, keyUUID, s.table(t, "Twice").keys["id"])
	require.False(t, s.table(t, "hidden").exists)
	require.True(t, s.table(t, "other.hidden").ordinary)

	conn, err := s.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), `SET search_path = "Tenant A", public`)
	require.NoError(t, err)
	rel, err := s.catalogue.fresh(t.Context(), conn, sqltext.Name{Table: "twice"})
	require.NoError(t, err)
	require.Equal(t, []string{"id", "more"}, rel.columns)
}

func TestPostgresCutsALongName(t *testing.T) {
	t.Parallel()
	const long = "a_table_whose_name_is_longer_than_the_sixty_three_bytes_that_are_kept"
	s := surveyPostgres(t, nil, `CREATE TABLE `+long+` (id int PRIMARY KEY)`)
	require.True(t, s.table(t, long).ordinary)
}

func TestPostgresTablesThatAreNotPlainAreNotOrdinary(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil,
		`CREATE EXTENSION file_fdw`, `CREATE SERVER files FOREIGN DATA WRAPPER file_fdw`,
		`CREATE FOREIGN TABLE outside (line text) SERVER files OPTIONS (filename '/dev/null')`,
		`CREATE TABLE base (id int PRIMARY KEY)`,
		`CREATE MATERIALIZED VIEW kept AS SELECT id FROM base`,
		`CREATE UNLOGGED TABLE light (id int PRIMARY KEY)`,
		`CREATE SEQUENCE counter`,
		`CREATE TABLE split (id int PRIMARY KEY) PARTITION BY RANGE (id)`,
		`CREATE TABLE split_low PARTITION OF split FOR VALUES FROM (0) TO (10)`,
		`CREATE TABLE split_high PARTITION OF split FOR VALUES FROM (10) TO (20)`,
		`CREATE TABLE animal (id int PRIMARY KEY)`, `CREATE TABLE dog (breed text) INHERITS (animal)`)
	for _, name := range []string{"outside", "kept", "counter", "base_pkey", "split", "split_low", "animal", "dog"} {
		rel := s.table(t, name)
		require.True(t, rel.exists, name)
		require.False(t, rel.ordinary || rel.returning || rel.installs, name)
	}
	for _, name := range []string{"outside", "kept", "counter"} {
		require.Equal(t, everything, s.table(t, name).reached(opUpdate), name)
	}
	require.True(t, s.table(t, "base").ordinary)
	require.True(t, s.table(t, "light").ordinary)
}

func TestPostgresAWriteReachesParentsAndChildren(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil,
		`CREATE TABLE split (id int PRIMARY KEY) PARTITION BY RANGE (id)`,
		`CREATE TABLE split_low PARTITION OF split FOR VALUES FROM (0) TO (10)`,
		`CREATE TABLE split_high PARTITION OF split FOR VALUES FROM (10) TO (20)`,
		`CREATE TABLE part (id int PRIMARY KEY, split_id int REFERENCES split (id) ON DELETE CASCADE)`,
		`CREATE TABLE owner (id int PRIMARY KEY)`,
		`CREATE TABLE owned (id int, owner_id int REFERENCES owner (id) ON DELETE CASCADE) PARTITION BY LIST (owner_id)`,
		`CREATE TABLE owned_one PARTITION OF owned FOR VALUES IN (1)`)
	require.Equal(t, []string{"split_high", "split_low"}, s.table(t, "split").insertReaches)
	require.Equal(t, []string{"split"}, s.table(t, "split_low").insertReaches, "no row of the other part is touched")
	require.Contains(t, s.table(t, "split_low").deleteReaches, "part")
	require.Contains(t, s.table(t, "split").updateReaches, "part", "a row that moves is deleted on the way")
	require.Equal(t, []string{"owned", "owned_one"}, s.table(t, "owner").deleteReaches)

	s.run(t, touchFunction, `CREATE TRIGGER t AFTER INSERT ON split FOR EACH ROW EXECUTE FUNCTION touch()`)
	s.catalogue.forget()
	require.Equal(t, everything, s.table(t, "split_low").reachedInserting(), "the parent's triggers run for its parts")
	require.False(t, s.table(t, "split_low").deleteAll)
}

func TestPostgresTriggersThatMayWriteAnywhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, trigger           string
		inserts, updates, gone  bool // count as writes of everything
		installs, onlyTruncates bool
	}{
		{name: "after insert", trigger: "AFTER INSERT ON t FOR EACH ROW", inserts: true},
		{name: "before insert", trigger: "BEFORE INSERT ON t FOR EACH ROW", inserts: true},
		{name: "after update of a column", trigger: "AFTER UPDATE OF note ON t FOR EACH ROW", updates: true},
		{name: "after delete of a statement", trigger: "AFTER DELETE ON t FOR EACH STATEMENT", gone: true},
		{name: "after all", trigger: "AFTER INSERT OR UPDATE OR DELETE ON t", inserts: true, updates: true, gone: true},
		{name: "before delete", trigger: "BEFORE DELETE ON t FOR EACH ROW", gone: true, installs: true},
		{name: "before truncate", trigger: "BEFORE TRUNCATE ON t", installs: true, onlyTruncates: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := surveyPostgres(t, nil, `CREATE TABLE t (id int PRIMARY KEY, note text)`, touchFunction,
				`CREATE TRIGGER fires `+c.trigger+` EXECUTE FUNCTION touch()`)
			rel := s.table(t, "t")
			require.True(t, rel.ordinary && rel.returning)
			require.Equal(t, c.inserts, rel.insertAll)
			require.Equal(t, c.updates, rel.updateAll)
			require.Equal(t, c.gone, rel.deleteAll)
			require.Equal(t, c.installs, rel.installs)
			require.Equal(t, c.onlyTruncates, rel.truncateAll)
			require.Equal(t, everything, rel.reached(opRaw))
			require.Equal(t, c.inserts, len(rel.reachedInserting()) > 0)
			require.Equal(t, c.updates, len(rel.reachedSetting([]string{"id"})) > 0)
			require.Equal(t, c.inserts || c.updates, len(rel.reached(opCreate)) > 0)

			s.run(t, `ALTER TABLE t DISABLE TRIGGER fires`)
			s.catalogue.forget()
			rel = s.table(t, "t")
			require.True(t, rel.installs)
			require.Empty(t, rel.reached(opRaw))
		})
	}
}

func TestPostgresADeferredConstraintTriggerNeverInstalls(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, map[string][]string{"t": nil}, `CREATE TABLE t (id int PRIMARY KEY)`, touchFunction,
		`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION touch()`)
	rel := s.table(t, "t")
	require.False(t, rel.installs)
	require.True(t, rel.returning)
	require.Empty(t, rel.reached(opRaw), "it is said to write nowhere else")
}

func TestPostgresNamedTriggerTablesAreReachedAndFollowed(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, map[string][]string{`public."Orders"`: {"Audit", "totals"}, "quiet": nil, "lost": {"no_such_table"}},
		`CREATE SCHEMA logs`,
		`CREATE TABLE "Orders" (id int PRIMARY KEY)`, `CREATE TABLE quiet (id int PRIMARY KEY)`, `CREATE TABLE lost (id int PRIMARY KEY)`,
		`CREATE TABLE logs.audit (id int PRIMARY KEY)`, `CREATE TABLE totals (id int PRIMARY KEY)`,
		`CREATE TABLE shares (id int PRIMARY KEY, total_id int REFERENCES totals (id) ON DELETE CASCADE)`,
		`CREATE TABLE lines (id int PRIMARY KEY, order_id int)`,
		touchFunction,
		`CREATE TRIGGER t BEFORE INSERT ON "Orders" FOR EACH ROW EXECUTE FUNCTION touch()`,
		`CREATE TRIGGER t BEFORE UPDATE ON quiet FOR EACH ROW EXECUTE FUNCTION touch()`,
		`CREATE TRIGGER t BEFORE UPDATE ON lost FOR EACH ROW EXECUTE FUNCTION touch()`)
	orders := s.table(t, "Orders")
	require.Equal(t, []string{"audit", "shares", "totals"}, orders.insertReaches)
	require.Empty(t, orders.updateReaches)
	require.True(t, orders.installs, "BEFORE triggers have run when RETURNING is made")
	require.ElementsMatch(t, tags("audit", "shares", "totals"), orders.reachedInserting())

	quiet := s.table(t, "quiet")
	require.Empty(t, quiet.reached(opRaw))
	require.True(t, quiet.installs)
	require.Equal(t, everything, s.table(t, "lost").reached(opUpdate), "a name nobody finds may be a mistake")

	s.run(t, `CREATE TRIGGER t AFTER INSERT ON logs.audit FOR EACH ROW EXECUTE FUNCTION touch()`)
	s.catalogue.forget()
	require.Equal(t, everything, s.table(t, "Orders").reachedInserting(), "triggers of the named table are not named")
	require.False(t, s.table(t, "Orders").installs)
}

func TestPostgresTriggersBehindACascadeCount(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil,
		`CREATE TABLE a (id int PRIMARY KEY)`,
		`CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a (id) ON DELETE SET NULL)`,
		touchFunction, `CREATE TRIGGER t AFTER UPDATE ON b FOR EACH ROW EXECUTE FUNCTION touch()`)
	rel := s.table(t, "a")
	require.True(t, rel.deleteAll)
	require.False(t, rel.updateAll || rel.insertAll)
	require.Equal(t, []coherence.Tag{coherence.Everything()}, rel.reached(opDelete))
	require.Empty(t, rel.reached(opUpdate))
}

func TestPostgresRulesNeitherReturnNorInstall(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, map[string][]string{"named": {"log"}},
		`CREATE TABLE log (id int)`,
		`CREATE TABLE ruled (id int PRIMARY KEY)`, `CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO log VALUES (new.id)`,
		`CREATE TABLE kept (id int PRIMARY KEY)`, `CREATE RULE never AS ON DELETE TO kept DO INSTEAD NOTHING`,
		`CREATE TABLE named (id int PRIMARY KEY)`, `CREATE RULE also AS ON INSERT TO named DO ALSO INSERT INTO log VALUES (new.id)`)
	ruled := s.table(t, "ruled")
	require.False(t, ruled.returning || ruled.installs)
	require.True(t, ruled.insertAll)
	require.False(t, ruled.updateAll || ruled.deleteAll)
	require.True(t, s.table(t, "kept").deleteAll)
	require.False(t, s.table(t, "kept").returning)
	require.Equal(t, tags("log"), s.table(t, "named").reachedInserting())
	require.False(t, s.table(t, "named").installs)
}

// become creates a role of the database's own name, with the given statements, and returns a connection that has taken it.
// ROLE in the statements stands for it.
func (s *surveyed) become(tb testing.TB, statements ...string) *sql.Conn {
	tb.Helper()
	var role string // roles belong to the whole server
	require.NoError(tb, s.QueryRowContext(tb.Context(), `SELECT quote_ident(current_database() || '_role')`).Scan(&role))
	s.run(tb, `CREATE ROLE `+role)
	tb.Cleanup(func() {
		_, err := s.Exec(`DROP OWNED BY ` + role + `; DROP ROLE ` + role)
		require.NoError(tb, err)
	})
	for _, statement := range statements {
		s.run(tb, strings.ReplaceAll(statement, "ROLE", role))
	}
	conn, err := s.Conn(tb.Context())
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_, err := conn.ExecContext(context.Background(), `RESET ROLE`)
		require.NoError(tb, err)
		require.NoError(tb, conn.Close())
	})
	_, err = conn.ExecContext(tb.Context(), `SET ROLE `+role)
	require.NoError(tb, err)
	return conn
}

func TestPostgresReturningNeedsSelectOnTheWholeTable(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil, `CREATE TABLE guarded (id int PRIMARY KEY, secret text)`)
	require.True(t, s.table(t, "guarded").returning)
	conn := s.become(t, `GRANT UPDATE, SELECT (id) ON guarded TO ROLE`)
	rel, err := s.catalogue.fresh(t.Context(), conn, sqltext.Name{Table: "guarded"})
	require.NoError(t, err)
	require.True(t, rel.ordinary)
	require.False(t, rel.returning)
	_, err = conn.ExecContext(t.Context(), `UPDATE guarded SET secret = 'x' WHERE id = 1 RETURNING *`)
	require.ErrorContains(t, err, "42501")
	_, err = conn.ExecContext(t.Context(), `UPDATE guarded SET secret = 'x' WHERE id = 1`)
	require.NoError(t, err)
}

func TestPostgresRowSecurity(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil, `CREATE TABLE private (id int PRIMARY KEY)`, `ALTER TABLE private ENABLE ROW LEVEL SECURITY`)
	rel := s.table(t, "private")
	require.True(t, rel.ordinary && rel.rowSecurity)
	require.True(t, rel.returning, "the owner is not subject to it")
	conn := s.become(t, `GRANT ALL ON private TO ROLE`)
	rel, err := s.catalogue.fresh(t.Context(), conn, sqltext.Name{Table: "private"})
	require.NoError(t, err)
	require.True(t, rel.rowSecurity)
	require.False(t, rel.returning)
}

func TestPostgresAnOldSnapshotIsNotRemembered(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil, `CREATE TABLE moved (id int PRIMARY KEY)`, `CREATE TABLE elsewhere (id int PRIMARY KEY)`, touchFunction)
	tx, err := s.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	require.NoError(t, err)
	defer tx.Rollback()
	_, err = tx.ExecContext(t.Context(), `SELECT FROM elsewhere`)
	require.NoError(t, err)
	s.run(t, `CREATE TRIGGER t AFTER INSERT ON moved FOR EACH ROW EXECUTE FUNCTION touch()`)
	s.catalogue.forget()
	require.True(t, look(t, s.catalogue, tx, "moved").installs, "the snapshot does not have the trigger")
	require.False(t, s.table(t, "moved").installs)

	// Where every transaction is REPEATABLE READ, a pool's statement still has a snapshot of its own.
	require.NoError(t, tx.Rollback())
	s.SetMaxOpenConns(1)
	s.run(t, `SET default_transaction_isolation = 'repeatable read'`)
	require.Same(t, s.table(t, "elsewhere"), s.table(t, "elsewhere"))
}

func TestPostgresAnAbortedTransactionGivesItsError(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil, `CREATE TABLE fine (id int PRIMARY KEY)`)
	tx, err := s.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	_, err = tx.ExecContext(t.Context(), `SELECT 1 / 0`)
	require.Error(t, err)
	_, err = s.catalogue.table(t.Context(), tx, sqltext.Name{Table: "fine"})
	require.ErrorContains(t, err, "25P02")
	require.True(t, s.table(t, "fine").ordinary)
}

func TestPostgresDDLOfTheSameTransactionIsSeen(t *testing.T) {
	t.Parallel()
	s := surveyPostgres(t, nil)
	tx, err := s.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	_, err = tx.ExecContext(t.Context(), `CREATE TABLE mine (id int PRIMARY KEY)`)
	require.NoError(t, err)
	rel, err := s.catalogue.fresh(t.Context(), tx, sqltext.Name{Table: "mine"})
	require.NoError(t, err)
	require.True(t, rel.ordinary)
	require.False(t, s.table(t, "mine").exists)
}
