package testkit_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

// probed is a GORM handle with a probe, and a plain look at the same database.
type probed struct {
	*gorm.DB
	probe *testkit.Probe
	raw   *sql.DB
}

// onEach runs the test on every database, with the table of things in it and nothing counted yet.
func onEach(t *testing.T, test func(t *testing.T, db probed)) {
	t.Helper()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		t.Parallel()
		db, probe := database.OpenCounted(t, nil)
		require.Empty(t, probe.Calls(), "what GORM sends to open does not count")
		require.NoError(t, db.AutoMigrate(&thing{}))
		probe.Reset()
		test(t, probed{DB: db, probe: probe, raw: database.Raw(t)})
	})
}

func (p probed) rows(tb testing.TB) int {
	tb.Helper()
	return count(tb, p.raw, "SELECT count(*) FROM things")
}

func TestAProbeCountsWhatReachesTheDriver(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		require.NoError(t, db.Create(&thing{Name: "one"}).Error)
		require.Equal(t, 1, db.probe.Count())
		require.Equal(t, 1, db.probe.Count(testkit.Begin))
		require.Equal(t, 1, db.probe.Count(testkit.Commit))
		require.Zero(t, db.probe.Count(testkit.Rollback))
		require.Equal(t, 1, db.probe.CountMatching(testkit.OnSQL("insert into")))

		db.probe.Reset()
		var got thing
		require.NoError(t, db.Where("name = ?", "one").Take(&got).Error)
		require.Len(t, db.probe.Calls(), 1)
		call := db.probe.Calls()[0]
		require.Equal(t, testkit.Query, call.Kind)
		require.Contains(t, call.Args, "one")
		require.False(t, call.InTx)
		require.Equal(t, []string{call.SQL}, db.probe.Statements())

		db.probe.Reset()
		require.NoError(t, db.Session(&gorm.Session{DryRun: true}).Take(&got).Error)
		require.Empty(t, db.probe.Calls())
	})
}

func TestAPreparedStatementCountsEachTimeItRuns(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		prepared := db.Session(&gorm.Session{PrepareStmt: true})
		for _, name := range []string{"a", "b", "c"} {
			require.NoError(t, prepared.Exec("INSERT INTO things (name) VALUES (?)", name).Error)
		}
		require.Equal(t, 1, db.probe.Count(testkit.Prepare))
		require.Equal(t, 3, db.probe.Count(testkit.Exec))
		require.Equal(t, 3, db.rows(t))
	})
}

func TestAPassingProbeChangesNothing(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		t.Parallel()
		probed, _ := database.RawCounted(t)
		plain := database.Raw(t)
		mustExec(t, plain, "CREATE TABLE kinds (id bigint PRIMARY KEY, price numeric(9,2), name varchar(20) NOT NULL, made timestamp, raw bytea)")
		mustExec(t, probed, "INSERT INTO kinds VALUES ($1, $2, $3, $4, $5)", 7, "12.50", "seven", nil, []byte{0, 255})
		query := "SELECT id, price, name, made, raw FROM kinds WHERE id = $1"
		require.Equal(t, describe(t, plain, query, 7), describe(t, probed, query, 7))
	})
}

// describe returns the values of one row and all that database/sql tells about its columns.
func describe(tb testing.TB, db *sql.DB, query string, args ...any) []any {
	tb.Helper()
	rows, err := db.QueryContext(tb.Context(), query, args...)
	require.NoError(tb, err)
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	require.NoError(tb, err)
	require.True(tb, rows.Next())
	values := make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	require.NoError(tb, rows.Scan(into...))
	for _, column := range columns {
		length, hasLength := column.Length()
		nullable, hasNullable := column.Nullable()
		precision, scale, hasScale := column.DecimalSize()
		values = append(values, column.Name(), column.DatabaseTypeName(), column.ScanType(), //nolint:makezero // the row's values come first
			length, hasLength, nullable, hasNullable, precision, scale, hasScale)
	}
	require.NoError(tb, rows.Err())
	return values
}

func TestHooksRunUntilRemoved(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		var seen []string
		removeBefore := db.probe.Before(func(_ context.Context, call testkit.Call) error {
			seen = append(seen, "before "+call.Kind.String())
			if call.Kind == testkit.Exec {
				return errInjected
			}
			return nil
		})
		removeAfter := db.probe.After(func(_ context.Context, call testkit.Call, err error) error {
			seen = append(seen, "after "+call.Kind.String())
			return err
		})
		require.ErrorIs(t, db.Exec("DELETE FROM things").Error, errInjected)
		require.NoError(t, db.Find(&[]thing{}).Error)
		require.Equal(t, []string{"before exec", "before query", "after query"}, seen)
		require.Zero(t, db.probe.Count(testkit.Exec), "a refused call does not reach the driver")

		removeBefore()
		removeAfter()
		require.NoError(t, db.Exec("DELETE FROM things").Error)
		require.Len(t, seen, 3)
	})
}

func TestADeadConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db probed) {
		tx := db.Begin()
		require.NoError(t, tx.Create(&thing{Name: "one"}).Error)
		db.probe.Fail(testkit.On(testkit.Rollback), errInjected)
		require.ErrorIs(t, tx.Rollback().Error, errInjected)
		require.Zero(t, db.rows(t), "the server rolled back when the connection closed")
		require.NoError(t, db.Create(&thing{Name: "two"}).Error)
		calls := db.probe.Calls()
		require.NotEqual(t, calls[0].Conn, calls[len(calls)-1].Conn)
	})
}
