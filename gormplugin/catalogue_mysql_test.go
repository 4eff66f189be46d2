package cacheplugin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

func TestWhatMariaDBSaysOfATable(t *testing.T) {
	t.Parallel()
	s := survey(t, testkit.MariaDatabase(t), map[string][]string{"quiet": nil},
		`CREATE TABLE kinds (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, small TINYINT, flag BOOLEAN, price DECIMAL(9,2), d DOUBLE,
			bin VARCHAR(9) COLLATE utf8mb4_bin, folded VARCHAR(9) COLLATE utf8mb4_general_ci, nopad VARCHAR(9) COLLATE utf8mb4_nopad_bin,
			latin VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin, fixed CHAR(9) COLLATE utf8mb4_bin, bytes VARBINARY(9),
			filled BINARY(9), u UUID, hid INT INVISIBLE)`,
		`CREATE TABLE parents (id INT PRIMARY KEY, code VARCHAR(9) UNIQUE)`,
		`CREATE TABLE children (id INT PRIMARY KEY, parent INT REFERENCES parents (id) ON DELETE CASCADE ON UPDATE CASCADE)`,
		`CREATE TABLE fired (id INT PRIMARY KEY)`,
		`CREATE TABLE quiet (id INT PRIMARY KEY)`,
		`CREATE TRIGGER fire AFTER INSERT ON fired FOR EACH ROW INSERT INTO quiet VALUES (NEW.id)`,
		`CREATE TRIGGER hush BEFORE INSERT ON quiet FOR EACH ROW SET NEW.id = NEW.id + 1`,
		`CREATE VIEW looking AS SELECT * FROM parents`,
		`CREATE TABLE loose (id INT PRIMARY KEY) ENGINE=MyISAM`,
		`CREATE TABLE versioned (id INT PRIMARY KEY) WITH SYSTEM VERSIONING`,
	)
	kinds := s.table(t, "kinds")
	require.True(t, kinds.exists && kinds.ordinary && kinds.installs && kinds.strict && kinds.sole)
	require.Equal(t, "id", kinds.counted)
	require.Equal(t, map[string]keyClass{
		"id": keyNumber, "small": keyNumber, "flag": keyNumber, "price": keyNone, "d": keyNone, "bin": keyPadded, "folded": keyNone,
		"nopad": keyNone, "latin": keyNone, "fixed": keyNone, "bytes": keyBytes, "filled": keyNone, "u": keyUUID,
	}, kinds.keys)
	require.Empty(t, kinds.reached(opDelete))

	parents := s.table(t, "parents")
	require.False(t, parents.sole)
	require.True(t, parents.identifies([]string{"code"}))
	require.Equal(t, tags("children"), parents.reached(opDelete))
	require.Equal(t, tags("children"), parents.reachedSetting([]string{"id"}))
	require.Empty(t, parents.reachedSetting([]string{"code"}))
	require.Empty(t, s.table(t, "children").reached(opRaw))

	require.Equal(t, everything, s.table(t, "fired").reachedInserting())
	require.Empty(t, s.table(t, "fired").reached(opDelete))
	require.True(t, s.table(t, "quiet").triggered)
	require.Empty(t, s.table(t, "quiet").reachedInserting(), "the application has said so")

	for _, name := range []string{"looking", "loose", "versioned", "information_schema.TABLES", "mysql.user"} {
		require.False(t, s.table(t, name).ordinary, name)
	}
	require.False(t, s.table(t, "missing").exists)
	require.False(t, s.table(t, "Parents").exists, "the server tells cases apart")
}

func TestWithoutThePrivilegeToSeeTriggersMariaDBsTablesAreTakenForTheWorst(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"autocommit": "on", "lower_case_table_names": "0", "tx_isolation": "read-committed"}
	r := mysqlRelation{relation: &relation{keys: map[string]keyClass{}}, graph: newGraph(), wanted: "plain", settings: settings, unique: map[string][]string{}}
	r.add(fact{kind: "table", a: "plain", b: "BASE TABLE", c: "InnoDB"})
	rel := r.finish(nil)
	require.Equal(t, everything, rel.reached(opUpdate))
	require.True(t, rel.triggered)
	require.False(t, rel.installs)
}

func TestSessionsThatReadTheUncommittedVouchForNothing(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"autocommit": "off", "tx_isolation": "read-uncommitted", "transaction_isolation": "read-uncommitted"} {
		settings := map[string]string{"autocommit": "on", "lower_case_table_names": "0"}
		for _, ordinary := range []bool{true, false} {
			r := mysqlRelation{relation: &relation{keys: map[string]keyClass{}}, graph: newGraph(), wanted: "plain", settings: settings, unique: map[string][]string{}}
			r.add(fact{kind: "table", a: "plain", b: "BASE TABLE", c: "InnoDB"})
			require.Equal(t, ordinary, r.finish(nil).ordinary, name)
			settings[name] = value
		}
	}
}
