package cacheplugin

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// sqliteFacts reads a table of the main database, and all tables, triggers and foreign keys there are, in one statement.
// Its argument is the table. A virtual table has no root page; triggers of the temporary database may stand on any table.
// Whether foreign keys are enforced is a setting of each connection, so their actions always count.
const sqliteFacts = `
WITH wanted (name) AS (SELECT ?), self (name, sql) AS (
	SELECT m.name, m.sql FROM main.sqlite_master m, wanted w
	WHERE m.type = 'table' AND m.rootpage > 0 AND m.name = w.name COLLATE NOCASE
)
SELECT 'server', sqlite_version(), '', '', 0 AS n
UNION ALL
SELECT 'hidden', t.name, '', '', 0 FROM temp.sqlite_master t, wanted w
WHERE t.type IN ('table', 'view') AND t.name = w.name COLLATE NOCASE
UNION ALL
SELECT 'self', name, coalesce(sql, ''), '', 0 FROM self
UNION ALL
SELECT 'column', x.name, coalesce(x.type, ''), x.hidden || ',' || x.pk, x.cid FROM self s, pragma_table_xinfo(s.name, 'main') x
UNION ALL
SELECT 'unique', l.name, coalesce(i.name, ''), '', i.seqno
FROM self s, pragma_index_list(s.name, 'main') l, pragma_index_info(l.name, 'main') i
WHERE l."unique" AND NOT l.partial
UNION ALL
SELECT 'table', m.name, CASE WHEN m.type = 'view' OR m.rootpage = 0 THEN 'q' ELSE '' END,
	CASE WHEN instr(upper(m.sql), 'REPLACE') > 0 THEN 'r' ELSE '' END, 0
FROM main.sqlite_master m WHERE m.type IN ('table', 'view')
UNION ALL
SELECT 'trigger', tbl_name, coalesce(sql, ''), '', 0 FROM main.sqlite_master WHERE type = 'trigger'
UNION ALL
SELECT 'trigger', tbl_name, coalesce(sql, ''), '', 0 FROM temp.sqlite_master WHERE type = 'trigger'
UNION ALL
SELECT 'action', f."table", m.name, f.on_delete || ',' || f.on_update || ',' || coalesce(f."to", ''), f.seq
FROM main.sqlite_master m, pragma_foreign_key_list(m.name, 'main') f WHERE m.type = 'table' AND m.rootpage > 0
ORDER BY n`

func (c *catalogue) readSQLite(ctx context.Context, q querier, name sqltext.Name) (*relation, error) {
	r := sqliteRelation{
		relation: &relation{keys: map[string]keyClass{}}, graph: newGraph(),
		wanted: strings.ToLower(name.Table), unique: map[string][]string{}, computed: map[string]bool{},
	}
	switch strings.ToLower(name.Schema) {
	case "", "main":
	case "temp":
		r.temporary = true
	default:
		return r.relation, nil // of an attached database, which is not read: it counts as one nobody can see
	}
	r.passing = mayBeInTransaction(q)
	if inTransaction(q) && lockSQLite(ctx, q, name.Table) == nil {
		r.passing = false // what the lock's holder reads is the newest state
	}
	found, err := facts(ctx, q, sqliteFacts, name.Table)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		r.add(f, name.Schema == "")
	}
	return r.finish(c.named), nil
}

// lockSQLite makes a transaction a writing one, as the statement that is about to run would. If it read the catalogue
// before, and another connection committed in between, that statement would meet SQLITE_BUSY_SNAPSHOT, which no timeout
// waits for. Of its error the statement itself will tell.
func lockSQLite(ctx context.Context, q querier, table string) error {
	rows, err := q.QueryContext(ctx, `DELETE FROM main."`+strings.ReplaceAll(table, `"`, `""`)+`" WHERE 0`)
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}

// sqliteRelation is a relation while its facts come in. Names are compared in lower case.
type sqliteRelation struct {
	*relation
	graph     *graph
	wanted    string
	sql       string
	base      bool // a base table of the main database
	temporary bool // a temporary table or view has the name
	version   string
	types     []string            // as declared, in the order of columns
	unique    map[string][]string // by the index
	primary   []string
	virtual   bool // a column is computed when it is read
	generated bool // a column is computed from others
	after     bool // a trigger runs after a row was written
	computed  map[string]bool
}

func (r *sqliteRelation) add(f fact, bare bool) {
	switch f.kind {
	case "server":
		r.version = f.a
	case "hidden":
		r.temporary = r.temporary || bare
	case "self":
		r.base, r.sql = true, f.b
	case "column":
		r.addColumn(f)
	case "unique":
		r.unique[f.a] = append(r.unique[f.a], f.b)
	case "table":
		n := r.graph.name(strings.ToLower(f.a), f.a)
		n.opaque, n.replaces = f.b != "", f.c != ""
	case "trigger":
		table := strings.ToLower(f.a)
		on, after := triggerEvents(f.b)
		r.graph.node(table).fires |= on
		r.after = r.after || after && table == r.wanted
	case "action":
		r.addAction(f)
	}
}

func (r *sqliteRelation) addColumn(f fact) {
	hidden, pk, _ := strings.Cut(f.c, ",")
	if hidden == "1" {
		return // not of SELECT *
	}
	r.columns = append(r.columns, f.a)
	r.types = append(r.types, f.b)
	r.virtual = r.virtual || hidden == "2"
	r.generated = r.generated || hidden != "0"
	r.computed[strings.ToLower(f.a)] = hidden != "0"
	if pk != "0" {
		r.primary = append(r.primary, f.a)
	}
}

func (r *sqliteRelation) addAction(f fact) {
	parent, child := strings.ToLower(f.a), strings.ToLower(f.b)
	parts := strings.SplitN(f.c, ",", 3)
	deletes, updates := events(0), events(0)
	switch strings.ToUpper(parts[0]) {
	case "CASCADE":
		deletes = onDelete
	case "SET NULL", "SET DEFAULT":
		deletes = onUpdate
	}
	switch strings.ToUpper(parts[1]) {
	case "CASCADE", "SET NULL", "SET DEFAULT":
		updates = onUpdate
	}
	r.graph.refer(parent, child, deletes, updates)
	if parent == r.wanted && updates != 0 {
		r.act(parts[2]) // nothing stands for the primary key
	}
}

func (r *sqliteRelation) finish(named map[string][]string) *relation {
	n := r.graph.nodes[r.wanted]
	if r.temporary {
		// What temporary tables refer to, and who refers to them, is not read.
		r.exists, r.insertAll, r.updateAll, r.deleteAll, r.truncateAll = true, true, true, true, true
		r.seal()
		return r.relation
	}
	if n == nil || n.folded == "" {
		return r.relation
	}
	r.exists = true
	r.ordinary = r.base && !strings.HasPrefix(r.wanted, "sqlite_")
	binary := binaryColumns(r.sql, r.columns)
	for i, column := range r.columns {
		r.keys[strings.ToLower(column)] = sqliteClass(r.types[i], binary[i])
	}
	for _, columns := range r.unique {
		r.addUnique(columns)
	}
	if len(r.primary) > 0 {
		r.addUnique(r.primary)
		if _, implied := r.acted[""]; implied {
			for _, column := range r.primary {
				r.act(column)
			}
		}
	}
	r.identify(r.primary)
	r.returning = r.ordinary && !r.virtual && hasReturning(r.version)
	r.installs = r.ordinary && !r.after
	r.keyed = r.ordinary && !r.generated && !n.replaces && n.fires&onUpdate == 0
	r.replaces = true // INSERT OR REPLACE, for any table
	r.follow(r.graph, r.wanted, named)
	r.fix(r.computed)
	r.seal()
	return r.relation
}

// hasReturning is true of SQLite 3.35 and later.
func hasReturning(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 3 || a == 3 && b >= 35)
}

// sqliteClass is how a column of the declared type compares. SQLite columns hold values of any type, but what equals an
// argument of the class is told apart by it:
//   - INTEGER affinity turns every number that is an integer into one, and text that spells one too.
//   - TEXT affinity keeps text as it is; under the collation BINARY only the same bytes are equal.
//   - BLOB affinity converts nothing, and bytes equal only bytes.
//   - A column declared boolean has NUMERIC affinity, where true and false are 1 and 0.
//
// A column declared uuid has NUMERIC affinity and compares its text with regard to case, so it fits no class.
func sqliteClass(declared string, binary bool) keyClass {
	declared = strings.ToUpper(strings.TrimSpace(declared))
	has := func(part string) bool { return strings.Contains(declared, part) }
	switch {
	case has("INT"):
		return keyInt
	case has("CHAR"), has("CLOB"), has("TEXT"):
		if binary {
			return keyText
		}
		return keyNone
	case has("BLOB"):
		return keyBytes
	case declared == "BOOLEAN", declared == "BOOL":
		return keyBool
	default:
		return keyNone
	}
}
