package cacheplugin_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

// fixture is a database that can be put back to what it held at first.
type fixture struct {
	database testkit.Database
	raw      *sql.DB
	tables   []string    // each after those it refers to
	script   string      // brings back the rows of the beginning
	restore  []*sql.Stmt // the same, for SQLite, where reading SQL costs more than running it
	dump     *sql.Stmt
}

// newFixture fills the database. The models' tables must be there.
func newFixture(tb testing.TB, database testkit.Database) *fixture {
	tb.Helper()
	f := &fixture{database: database, raw: database.Raw(tb)}
	f.raw.SetMaxOpenConns(1)
	db := database.Open(tb, &gorm.Config{NowFunc: frozen, SkipDefaultTransaction: true})
	for _, m := range models() {
		stmt := &gorm.Statement{DB: db}
		require.NoError(tb, stmt.Parse(m))
		f.tables = append(f.tables, stmt.Schema.Table)
	}
	f.tables = append(f.tables, "sailor_tongues", "sailor_mates")
	seed(tb, db)
	var restore strings.Builder
	if database.Name == "mysql" {
		restore.WriteString("SET FOREIGN_KEY_CHECKS = 0;\nBEGIN;\n") // it looks at the rows one by one
	}
	for i := range f.tables {
		fmt.Fprintf(&restore, "DELETE FROM %s;\n", f.tables[len(f.tables)-1-i])
	}
	if database.Name == "sqlite" {
		restore.WriteString("DELETE FROM sqlite_sequence;\n")
	}
	for _, table := range f.tables {
		if table == "flags" {
			continue // a generated column takes no copy; it begins empty
		}
		f.exec(tb, "CREATE TABLE seed_of_"+table+" AS SELECT * FROM "+table)
		fmt.Fprintf(&restore, "INSERT INTO %s SELECT * FROM seed_of_%s;\n", table, table)
	}
	restore.WriteString(f.sequences(tb))
	f.script = restore.String()
	if database.Name == "sqlite" {
		for text := range strings.Lines(f.script) {
			f.restore = append(f.restore, f.prepare(tb, text))
		}
	}
	f.dump = f.prepare(tb, f.dumpOf(tb))
	return f
}

func (f *fixture) prepare(tb testing.TB, query string) *sql.Stmt {
	tb.Helper()
	stmt, err := f.raw.PrepareContext(tb.Context(), query)
	require.NoError(tb, err, query)
	tb.Cleanup(func() { require.NoError(tb, stmt.Close()) })
	return stmt
}

// reset brings back the rows of the beginning.
func (f *fixture) reset(tb testing.TB) {
	tb.Helper()
	if f.database.Name != "sqlite" {
		f.exec(tb, f.script)
		return
	}
	f.exec(tb, "BEGIN")
	for _, stmt := range f.restore {
		_, err := stmt.ExecContext(tb.Context())
		require.NoError(tb, err)
	}
	f.exec(tb, "COMMIT")
}

func (f *fixture) exec(tb testing.TB, query string) {
	tb.Helper()
	_, err := f.raw.ExecContext(tb.Context(), query)
	require.NoError(tb, err, query)
}

// sequences begins the keys that PostgreSQL makes at 101. MariaDB's counters go on, by as much on one side as on the other.
func (f *fixture) sequences(tb testing.TB) string {
	tb.Helper()
	switch f.database.Name {
	case "sqlite":
		return ""
	case "mysql":
		return "COMMIT;\n"
	}
	return "SELECT " + strings.Join(f.list(tb, "SELECT 'setval(''' || sequence_name || ''', 100)' FROM information_schema.sequences"), ", ")
}

// dumpOf is the query whose answer is all that the tables hold.
func (f *fixture) dumpOf(tb testing.TB) string {
	tb.Helper()
	var parts []string
	for _, table := range f.tables {
		if f.database.Name == "postgres" {
			parts = append(parts, fmt.Sprintf("SELECT '%s', COALESCE(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM %s t", table, table))
			continue
		}
		var columns []string
		if f.database.Name == "mysql" {
			for _, name := range f.list(tb, "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "+
				"AND table_name = '"+table+"' ORDER BY ordinal_position") {
				columns = append(columns, "QUOTE(`"+name+"`)")
			}
			row := "CONCAT_WS(',', " + strings.Join(columns, ", ") + ")"
			parts = append(parts, fmt.Sprintf("SELECT '%s', COALESCE(GROUP_CONCAT(%s ORDER BY %s SEPARATOR '\n'), '') FROM %s", table, row, row, table))
			continue
		}
		for _, name := range f.list(tb, "SELECT name FROM pragma_table_xinfo('"+table+"')") {
			columns = append(columns, `quote("`+name+`")`)
		}
		row := strings.Join(columns, " || ',' || ")
		parts = append(parts, fmt.Sprintf("SELECT '%s', COALESCE((SELECT group_concat(r, char(10)) FROM (SELECT %s AS r FROM %s ORDER BY r)), '')", table, row, table))
	}
	return strings.Join(parts, " UNION ALL ")
}

func (f *fixture) list(tb testing.TB, query string) []string {
	tb.Helper()
	rows, err := f.raw.QueryContext(tb.Context(), query)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, rows.Close()) }()
	var all []string
	for rows.Next() {
		var s string
		require.NoError(tb, rows.Scan(&s))
		all = append(all, s)
	}
	require.NoError(tb, rows.Err())
	return all
}

// contents are the tables' rows as text.
func (f *fixture) contents(tb testing.TB) string {
	tb.Helper()
	rows, err := f.dump.QueryContext(tb.Context())
	require.NoError(tb, err)
	defer func() { require.NoError(tb, rows.Close()) }()
	var b strings.Builder
	for rows.Next() {
		var table, text string
		require.NoError(tb, rows.Scan(&table, &text))
		if text != "" {
			fmt.Fprintf(&b, "%s:\n%s\n", table, text)
		}
	}
	require.NoError(tb, rows.Err())
	return b.String()
}

// seed writes the rows that every trial begins with.
func seed(tb testing.TB, db *gorm.DB) {
	tb.Helper()
	ships := []Ship{{ID: 1, Name: "Argo", Tons: 100}, {ID: 2, Name: "Beagle", Tons: 235}, {ID: 3, Name: "Calypso", Tons: 360}}
	cargo := []Cargo{{1, "bow", 10, nil}, {1, "stern", 20, ptr("fragile")}, {2, "bow", 5, nil}, {3, "mid", 7, ptr("")}}
	tongues := []Tongue{{"el", "Greek"}, {"en", "English"}, {"fr", "French"}, {"sw", "Swahili"}}
	sailors := []Sailor{
		{Name: "Ann", Age: 40, Wage: 12.5, Born: ptr(day(1)), Sober: true, ShipID: ptr(int64(1))},
		{Name: "Bob", Age: 30, Wage: 8, ShipID: ptr(int64(1)), CaptainID: ptr(uint(1))},
		{Name: "Cid", Age: 20, Born: ptr(day(3)), ShipID: ptr(int64(2)), CaptainID: ptr(uint(1))},
		{Name: "Dot", Age: 30, Wage: 0.1, Sober: true, CaptainID: ptr(uint(3))},
		{Name: "Eve", Age: 25, Model: gorm.Model{DeletedAt: gorm.DeletedAt{Time: day(9), Valid: true}}},
	}
	for i := range sailors {
		sailors[i].ID = uint(i + 1)
	}
	parrots := []Parrot{
		{Model: gorm.Model{ID: 1}, SailorID: ptr(uint(1)), Name: "Polly"},
		{Model: gorm.Model{ID: 2}, SailorID: ptr(uint(1)), Name: "Kiki"},
		{Model: gorm.Model{ID: 3}, SailorID: ptr(uint(2)), Name: "Rio"},
		{Model: gorm.Model{ID: 4}, Name: "Stray"},
		{Model: gorm.Model{ID: 5, DeletedAt: gorm.DeletedAt{Time: day(9), Valid: true}}, SailorID: ptr(uint(1)), Name: "Ghost"},
	}
	coins := []Coin{
		{1, "king", 10, 1, "sailors"}, {2, "queen", 20, 1, "sailors"}, {3, "ship", 5, 2, "sailors"}, {4, "bird", 1, 1, "parrots"},
	}
	charts := []Chart{{"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "Aegean"}, {"6ba7b811-9dad-11d1-80b4-00c04fd430c8", "Baltic"}}
	for _, rows := range []any{
		ships, cargo, tongues, sailors,
		[]Berth{{1, ptr(uint(1)), "A1"}, {2, ptr(uint(2)), "B2"}},
		parrots, coins, charts,
		[]Voyage{{ID: 1, Name: "out", Days: 3}, {ID: 2, Name: "home", Days: 4}},
		[]Remark{{1, 1, "fair"}, {2, 1, "foul"}},
		[]Logline{{1, "left"}, {1, "left"}, {2, "wind"}},
		[]Tide{{0.5, "low"}, {2.25, "high"}},
		[]Rope{{"Main", 30}, {"jib", 12}},
		lockers(), chests(),
	} {
		require.NoError(tb, db.Session(&gorm.Session{SkipHooks: true}).Omit("Coin").Create(rows).Error)
	}
	for table, pairs := range map[string]string{
		"sailor_tongues (sailor_id, tongue_code)": "(1,'el'),(1,'en'),(2,'en'),(3,'fr')",
		"sailor_mates (sailor_id, mate_id)":       "(1,2),(1,3),(2,1)",
	} {
		require.NoError(tb, db.Exec("INSERT INTO "+table+" VALUES "+pairs).Error)
	}
}

func lockers() []Locker {
	return []Locker{
		{
			ID: 1, I8: -8, I16: -16, I32: -32, U8: 8, U32: 32, U64: 64, F32: 0.25, F64: 1e-9, B: true, S: "söl 'quoted'\n", Short: "12345678",
			Fixed: "abc", Bytes: []byte{0, 1, 255}, T: day(4), Price: 12.34, PI: ptr(int64(7)), PS: ptr("p"), PB: ptr(false),
			PF: ptr(2.5), PT: ptr(day(5)), NS: sql.NullString{String: "ns", Valid: true}, NI: sql.NullInt64{Int64: 9, Valid: true},
			NB: sql.NullBool{Bool: true, Valid: true}, NF: sql.NullFloat64{Float64: 0.5, Valid: true}, NT: sql.NullTime{Time: day(6), Valid: true},
			G: sql.Null[int16]{V: 3, Valid: true},
		},
		{ID: 2, Bytes: []byte{}, T: time0()},
		{ID: 3, F64: -0.1, S: "null", T: day(7)},
	}
}

func chests() []Chest {
	return []Chest{
		{
			ID: 1, Mood: "grim", Grade: 3, Weight: 12, Heavy: ptr(Kilos(40)), Marks: Marks{"x", "y"}, Notes: map[string]any{"a": 1.5, "b": []any{"c"}},
			List: []string{"one", "two"}, Secret: Spot{1, 2}, Sealed: 981203415, Where: Spot{3, 4}, To: &Spot{5, 6}, Inner: Inner{Depth: 7, Lid: ptr("oak")},
		},
		{ID: 2},
	}
}
