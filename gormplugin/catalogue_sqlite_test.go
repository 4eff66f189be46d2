package cacheplugin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/testkit"
)

func surveySQLite(tb testing.TB, triggers map[string][]string, statements ...string) *surveyed {
	tb.Helper()
	return survey(tb, testkit.SQLiteDatabase(tb), triggers, statements...)
}

func TestSQLiteKeyClasses(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil, `CREATE TABLE kinds (i INTEGER PRIMARY KEY, bi BIGINT, un "UNSIGNED BIG INT", point "FLOATING POINT",
		tx TEXT, vc varchar(20), ch CHARACTER(4), bl BLOB, b BOOLEAN, b2 bool, u uuid, nu NUMERIC, re REAL, dt datetime, js JSON, none,
		nocase TEXT COLLATE NOCASE, trimmed TEXT DEFAULT ',' CHECK (trimmed <> ')') COLLATE /* , */ rtrim, -- a ', comment
		after TEXT NOT NULL, [in brackets] TEXT, "in "" quotes" TEXT DEFAULT 'it''s, (', also INTEGER COLLATE NOCASE, CHECK (i > 0))`)
	require.Equal(t, map[string]keyClass{
		"i": keyInt, "bi": keyInt, "un": keyInt, "also": keyInt,
		"point": keyInt, // SQLite's own affinity of it: there is an INT in POINT
		"tx":    keyText, "vc": keyText, "ch": keyText, "after": keyText, "in brackets": keyText, `in " quotes`: keyText,
		"bl": keyBytes, "b": keyBool, "b2": keyBool,
		"u": keyNone, "nu": keyNone, "re": keyNone, "dt": keyNone, "js": keyNone, "none": keyNone,
		"nocase": keyNone, "trimmed": keyNone,
	}, s.table(t, "kinds").keys)
}

func TestSQLiteCollationsSurviveEveryWayToMakeAColumn(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil,
		`CREATE TABLE "grown (up" (id TEXT PRIMARY KEY)`, `ALTER TABLE "grown (up" ADD COLUMN loose TEXT COLLATE NOCASE`,
		`ALTER TABLE "grown (up" ADD COLUMN strict TEXT`, `ALTER TABLE "grown (up" RENAME COLUMN strict TO "str,ict"`,
		`CREATE TABLE copied AS SELECT id, loose FROM "grown (up"`,
		`CREATE TABLE keyed (k TEXT COLLATE NOCASE, v TEXT, PRIMARY KEY (k COLLATE BINARY)) WITHOUT ROWID`)
	rel, err := s.catalogue.table(t.Context(), s, sqltext.Name{Table: "grown (up"})
	require.NoError(t, err)
	require.Equal(t, map[string]keyClass{"id": keyText, "loose": keyNone, "str,ict": keyText}, rel.keys)
	require.Equal(t, map[string]keyClass{"id": keyText, "loose": keyText}, s.table(t, "copied").keys)
	require.Equal(t, map[string]keyClass{"k": keyNone, "v": keyText}, s.table(t, "keyed").keys)
	require.True(t, s.table(t, "keyed").identifies([]string{"k"}))
}

func TestSQLiteComparesAsTheClassSays(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil, `CREATE TABLE loose (i INTEGER, t TEXT, b BLOB)`,
		`INSERT INTO loose VALUES (7, '7', x'37'), (7.5, 7, '7'), ('7', '7.0', 7), ('seven', x'37', x'3737')`)
	count := func(condition string, arg any) (n int) {
		require.NoError(t, s.QueryRowContext(t.Context(), `SELECT count(*) FROM loose WHERE `+condition, arg).Scan(&n))
		return n
	}
	require.Equal(t, 2, count("i = ?", 7), "text that spells an integer became one")
	require.Equal(t, 2, count("i = ?", "7"))
	require.Equal(t, 2, count("t = ?", "7"), "an integer became text, bytes and 7.0 did not")
	require.Equal(t, 1, count("b = ?", []byte("7")))
}

func TestSQLiteUniqueIsOnlyWhatHoldsForAllRows(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil, `CREATE TABLE sets (a TEXT PRIMARY KEY, b INT, c INT UNIQUE, d INT)`,
		`CREATE UNIQUE INDEX partial ON sets (b) WHERE c = 1`, `CREATE UNIQUE INDEX computed ON sets (d + 1)`,
		`CREATE UNIQUE INDEX two ON sets (d, b)`, `CREATE INDEX plain ON sets (d)`)
	rel := s.table(t, "sets")
	for _, set := range [][]string{{"a"}, {"c"}, {"b", "d"}} {
		require.True(t, rel.identifies(set), set)
	}
	for _, set := range [][]string{{"b"}, {"d"}, {}, {"a", "b"}} {
		require.False(t, rel.identifies(set), set)
	}
}

func TestSQLiteNamesDisregardCase(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil, `CREATE TABLE "Mixed Case" (ID integer PRIMARY KEY)`,
		`CREATE TABLE below (id integer PRIMARY KEY, up integer REFERENCES "mixed case" (iD) ON DELETE CASCADE ON UPDATE CASCADE)`)
	for _, name := range []string{"Mixed Case", "mixed case", `main."MIXED CASE"`, `MAIN.[mixed case]`} {
		rel := s.table(t, name)
		require.True(t, rel.ordinary, name)
		require.Equal(t, []string{"ID"}, rel.columns)
		require.Equal(t, []string{"below"}, rel.deleteReaches)
		require.Equal(t, tags("below"), rel.reachedSetting([]string{"Id"}))
	}
}

func TestSQLiteAttachedDatabasesAreNotRead(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil)
	s.SetMaxOpenConns(1) // ATTACH holds for a connection
	s.run(t, `ATTACH ':memory:' AS aux`, `CREATE TABLE aux.far (id integer PRIMARY KEY)`)
	for _, name := range []string{"aux.far", "far"} {
		rel := s.table(t, name)
		require.False(t, rel.ordinary || rel.returning, name)
		require.Equal(t, everything, rel.reached(opUpdate), name)
	}
}

func TestSQLiteVirtualTablesAreNotOrdinary(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil, `CREATE VIRTUAL TABLE words USING fts5 (body)`, `CREATE TABLE docs (id integer PRIMARY KEY, body text)`,
		`CREATE TRIGGER indexes BEFORE INSERT ON docs BEGIN INSERT INTO words (body) VALUES (new.body); END`)
	rel := s.table(t, "words")
	require.True(t, rel.exists)
	require.False(t, rel.ordinary || rel.returning || rel.installs)
	require.Equal(t, everything, rel.reached(opCreate))
}

func TestSQLiteTriggersThatMayWriteAnywhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, head             string
		inserts, updates, gone bool
		installs               bool
	}{
		{name: "after insert", head: "TRIGGER x AFTER INSERT ON t", inserts: true},
		{name: "after update of columns", head: `TRIGGER IF NOT EXISTS "after (x" AFTER UPDATE OF note, id ON t`, updates: true},
		{name: "after delete", head: "TRIGGER main.x AFTER DELETE ON t FOR EACH ROW WHEN old.id > 1", gone: true},
		{name: "before delete", head: "TRIGGER [after] BEFORE DELETE ON t", gone: true, installs: true},
		{name: "no word for when", head: "TRIGGER x /* AFTER */ DELETE ON t", gone: true, installs: true},
		{name: "before update", head: "TRIGGER x -- AFTER\n BEFORE UPDATE ON T", updates: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := surveySQLite(t, nil, `CREATE TABLE t (id integer PRIMARY KEY, note text)`, `CREATE TABLE log (n int)`,
				`CREATE `+c.head+` BEGIN INSERT INTO log VALUES (1); END`)
			rel := s.table(t, "t")
			require.True(t, rel.ordinary && rel.returning)
			require.Equal(t, c.inserts, rel.insertAll)
			require.Equal(t, c.updates, rel.updateAll)
			require.Equal(t, c.gone, rel.deleteAll)
			require.Equal(t, c.installs, rel.installs)
			require.Equal(t, everything, rel.reached(opRaw))
			require.Equal(t, c.updates, len(rel.reachedSetting([]string{"note"})) > 0)
		})
	}
}

func TestSQLiteNamedTriggerTablesAreReachedAndFollowed(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, map[string][]string{"Orders": {`"Log"`}, "quiet": {}, "lost": {"nowhere"}},
		`CREATE TABLE orders (id integer PRIMARY KEY)`, `CREATE TABLE log (id integer PRIMARY KEY)`,
		`CREATE TABLE quiet (id integer PRIMARY KEY)`, `CREATE TABLE lost (id integer PRIMARY KEY)`,
		`CREATE TABLE entries (id integer PRIMARY KEY, log_id int REFERENCES log ON DELETE CASCADE)`,
		`CREATE TRIGGER o AFTER INSERT ON orders BEGIN INSERT INTO log VALUES (1); END`,
		`CREATE TRIGGER q BEFORE INSERT ON quiet BEGIN SELECT raise(ABORT, 'no') WHERE new.id < 0; END`,
		`CREATE TRIGGER l BEFORE INSERT ON lost BEGIN SELECT 1; END`)
	rel := s.table(t, "orders")
	require.Equal(t, []string{"entries", "log"}, rel.insertReaches)
	require.Empty(t, rel.updateReaches)
	require.False(t, rel.installs)
	require.True(t, s.table(t, "quiet").installs)
	require.Empty(t, s.table(t, "quiet").reached(opRaw))
	require.True(t, s.table(t, "lost").insertAll)
}

func TestSQLiteTemporaryTriggersCount(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil)
	s.SetMaxOpenConns(1)
	s.run(t, `CREATE TABLE t (id integer PRIMARY KEY)`, `CREATE TABLE log (n int)`,
		`CREATE TEMP TRIGGER x AFTER UPDATE ON main.t BEGIN INSERT INTO log VALUES (1); END`)
	rel := s.table(t, "t")
	require.True(t, rel.updateAll)
	require.False(t, rel.installs || rel.insertAll)
}

func TestSQLiteReplaceDeletesWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil,
		`CREATE TABLE swaps (id integer PRIMARY KEY, code text UNIQUE ON CONFLICT REPLACE)`,
		`CREATE TABLE under (id integer PRIMARY KEY, swap_id int REFERENCES swaps (id) ON DELETE CASCADE)`,
		`CREATE TABLE plain (id integer PRIMARY KEY)`,
		`CREATE TABLE below (id integer PRIMARY KEY, plain_id int REFERENCES plain (id) ON DELETE CASCADE)`)
	rel := s.table(t, "swaps")
	require.Equal(t, []string{"swaps", "under"}, rel.insertReaches, "another row of the table may go, too")
	require.Equal(t, []string{"swaps", "under"}, rel.updateReaches)
	require.NotEmpty(t, rel.reachedSetting([]string{"code"}))
	require.False(t, rel.installs)

	plain := s.table(t, "plain")
	require.Empty(t, plain.reachedInserting())
	require.Equal(t, tags("below"), plain.reached(opCreate), "INSERT OR REPLACE is an INSERT, too")
}

func TestSQLiteAReadInATransactionDoesNotBreakItsWrite(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil, `CREATE TABLE busy (id integer PRIMARY KEY)`)
	tx, err := s.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	rel := look(t, s.catalogue, tx, "busy")
	require.True(t, rel.ordinary)
	require.Same(t, rel, s.table(t, "busy"))
	other, err := s.Conn(t.Context())
	require.NoError(t, err)
	defer other.Close()
	_, err = other.ExecContext(t.Context(), `PRAGMA busy_timeout = 0; INSERT INTO busy VALUES (1)`)
	require.ErrorContains(t, err, "locked", "a commit now would make the transaction's snapshot too old to write from")
	_, err = tx.ExecContext(t.Context(), `INSERT INTO busy VALUES (2)`)
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
}

func TestSQLiteOneConnectionIsEnough(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil, `CREATE TABLE lone (id integer PRIMARY KEY)`)
	s.SetMaxOpenConns(1)
	tx, err := s.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	require.True(t, look(t, s.catalogue, tx, "lone").ordinary)
	require.False(t, look(t, s.catalogue, tx, "missing").exists)
}

func TestSQLiteAnOldSnapshotIsNotRemembered(t *testing.T) {
	t.Parallel()
	s := surveySQLite(t, nil, `CREATE TABLE moved (id integer PRIMARY KEY)`)
	conn, err := s.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), `BEGIN; SELECT * FROM moved`)
	require.NoError(t, err)
	s.run(t, `ALTER TABLE moved ADD COLUMN more text`)
	s.catalogue.forget()
	require.Equal(t, []string{"id"}, look(t, s.catalogue, conn, "moved").columns)
	require.Equal(t, []string{"id", "more"}, s.table(t, "moved").columns)
	_, err = conn.ExecContext(t.Context(), `ROLLBACK`)
	require.NoError(t, err)
}

func TestSQLiteReturningNeedsAVersionThatHasIt(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"3.35.0": true, "3.46.1": true, "4.0": true, "3.34.1": false, "3.9.2": false, "": false, "x.y": false,
	} {
		require.Equal(t, want, hasReturning(version), version)
	}
}

func TestSQLiteTriggerHeadsNotUnderstoodAreTakenForTheWorst(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "CREATE", "CREATE TABLE x", "CREATE TRIGGER IF x", "CREATE TRIGGER x INSTEAD INSERT ON t", "CREATE TRIGGER x AFTER", "CREATE TRIGGER 'x",
	} {
		on, after := triggerEvents(text)
		require.Equal(t, onAny, on, text)
		require.True(t, after, text)
	}
}

func TestSQLiteTextThatIsNotTheTablesVouchesForNoColumn(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "CREATE TABLE t", "CREATE TABLE t (b TEXT)", "CREATE TABLE t (a TEXT", "CREATE TABLE t (a 'TEXT)", "((("} {
		require.Equal(t, []bool{false}, binaryColumns(text, []string{"a"}), text)
	}
	require.Equal(t, []bool{true, false}, binaryColumns("CREATE TABLE t (a TEXT)", []string{"a", "b"}))
}
