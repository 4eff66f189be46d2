package cacheplugin

import (
	"context"
	"strings"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// mysqlSettings reads what decides how the sessions of the pool see and keep rows. The isolation has another name in each of
// MySQL and MariaDB; a setting that does not exist has no row.
const mysqlSettings = `SHOW SESSION VARIABLES WHERE Variable_name IN
	('autocommit', 'lower_case_table_names', 'sql_mode', 'transaction_isolation', 'tx_isolation')`

// mysqlFacts reads a table, and all tables, triggers and foreign keys of its schema, in one statement. Its arguments are
// the schema or nothing, and the table. The names of triggers are shown only to those who have the privilege TRIGGER, so
// who has it is read, too: of the roles of a user nothing is known.
const mysqlFacts = `
SELECT 'table', t.TABLE_NAME, t.TABLE_TYPE, COALESCE(t.ENGINE, ''), 0 AS n
FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE())
UNION ALL
SELECT 'schema', COALESCE(NULLIF(?, ''), DATABASE(), ''), '', '', 0
UNION ALL
SELECT 'column', c.COLUMN_NAME, c.COLUMN_TYPE, CONCAT(COALESCE(c.COLLATION_NAME, ''), '|', c.EXTRA), c.ORDINAL_POSITION
FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND c.TABLE_NAME = ?
UNION ALL
SELECT 'unique', i.INDEX_NAME, COALESCE(i.COLUMN_NAME, ''), '', i.SEQ_IN_INDEX
FROM information_schema.STATISTICS i
WHERE i.TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND i.TABLE_NAME = ? AND i.NON_UNIQUE = 0
UNION ALL
SELECT 'trigger', g.EVENT_OBJECT_TABLE, g.EVENT_MANIPULATION, g.ACTION_TIMING, 0
FROM information_schema.TRIGGERS g WHERE g.EVENT_OBJECT_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE())
UNION ALL
SELECT 'action', r.REFERENCED_TABLE_NAME, r.TABLE_NAME, CONCAT(r.DELETE_RULE, ',', r.UPDATE_RULE), 0
FROM information_schema.REFERENTIAL_CONSTRAINTS r
WHERE r.CONSTRAINT_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND r.UNIQUE_CONSTRAINT_SCHEMA = r.CONSTRAINT_SCHEMA
UNION ALL
SELECT 'acted', k.TABLE_NAME, k.REFERENCED_COLUMN_NAME, '', 0
FROM information_schema.KEY_COLUMN_USAGE k WHERE k.TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE())
	AND k.REFERENCED_TABLE_SCHEMA = k.TABLE_SCHEMA AND k.REFERENCED_TABLE_NAME = ?
UNION ALL
SELECT 'allowed', p.GRANTEE, '', '', 0 FROM information_schema.USER_PRIVILEGES p
WHERE p.PRIVILEGE_TYPE = 'TRIGGER' AND p.GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')
UNION ALL
SELECT 'allowed', p.GRANTEE, '', '', 0 FROM information_schema.SCHEMA_PRIVILEGES p
WHERE p.PRIVILEGE_TYPE = 'TRIGGER' AND p.GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')
	AND COALESCE(NULLIF(?, ''), DATABASE()) LIKE p.TABLE_SCHEMA
UNION ALL
SELECT 'allowed', p.GRANTEE, '', '', 0 FROM information_schema.TABLE_PRIVILEGES p
WHERE p.PRIVILEGE_TYPE = 'TRIGGER' AND p.GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')
	AND p.TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND p.TABLE_NAME = ?
ORDER BY n`

func (c *catalogue) readMySQL(ctx context.Context, q querier, name sqltext.Name) (*relation, error) {
	settings, err := readSettings(ctx, q)
	if err != nil {
		return nil, err
	}
	schema, table := name.Schema, name.Table
	found, err := facts(ctx, q, mysqlFacts, schema, schema, schema, table, schema, table, schema, schema, schema, table,
		schema, schema, table)
	if err != nil {
		return nil, err
	}
	r := mysqlRelation{
		relation: &relation{keys: map[string]keyClass{}}, graph: newGraph(), wanted: table, settings: settings,
		unique: map[string][]string{},
	}
	for _, f := range found {
		r.add(f)
	}
	return r.finish(c.named), nil
}

// readSettings are the server's settings in lower case.
func readSettings(ctx context.Context, q querier) (settings map[string]string, err error) {
	rows, err := q.QueryContext(ctx, mysqlSettings)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	settings = map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		settings[strings.ToLower(name)] = strings.ToLower(value)
	}
	return settings, rows.Err()
}

// mysqlRelation is a relation while its facts come in. Names are compared in lower case, but for that of the table itself
// where the server tells cases apart.
type mysqlRelation struct {
	*relation
	graph    *graph
	wanted   string
	settings map[string]string
	schema   string
	self     string // the table's name, "" while it was not found
	base     bool   // an InnoDB table
	allowed  bool   // its triggers, if there are any, are shown
	virtual  bool   // a column is computed from others
	unique   map[string][]string
}

func (r *mysqlRelation) add(f fact) {
	switch f.kind {
	case "schema":
		r.schema = strings.ToLower(f.a)
	case "table":
		n := r.graph.name(strings.ToLower(f.a), f.a)
		n.opaque = n.opaque || f.b != "BASE TABLE" || !mysqlKeepsItself[strings.ToLower(f.c)]
		if f.a == r.wanted || r.settings["lower_case_table_names"] != "0" && strings.EqualFold(f.a, r.wanted) {
			r.self = strings.ToLower(f.a)
			r.base = f.b == "BASE TABLE" && strings.EqualFold(f.c, "InnoDB")
		}
	case "column":
		r.addColumn(f)
	case "unique":
		r.unique[f.a] = append(r.unique[f.a], f.b)
	case "trigger":
		r.graph.node(strings.ToLower(f.a)).fires |= mysqlEvents[f.b]
	case "action":
		deletes, updates := events(0), events(0)
		onDeletes, onUpdates, _ := strings.Cut(f.c, ",")
		switch onDeletes {
		case "CASCADE":
			deletes = onDelete
		case "SET NULL", "SET DEFAULT":
			deletes = onUpdate
		}
		switch onUpdates {
		case "CASCADE", "SET NULL", "SET DEFAULT":
			updates = onUpdate
		}
		r.graph.refer(strings.ToLower(f.a), strings.ToLower(f.b), deletes, updates)
	case "acted":
		r.act(f.b)
	case "allowed":
		r.allowed = true
	}
}

var (
	mysqlEvents = map[string]events{"INSERT": onInsert, "UPDATE": onUpdate, "DELETE": onDelete}

	// mysqlKeepsItself are the engines whose tables hold their own rows, and no view of rows elsewhere.
	mysqlKeepsItself = map[string]bool{"innodb": true, "myisam": true, "aria": true, "memory": true, "rocksdb": true, "archive": true, "csv": true}

	mysqlSystem = map[string]bool{"information_schema": true, "performance_schema": true, "mysql": true, "sys": true}
)

func (r *mysqlRelation) addColumn(f fact) {
	collation, extra, _ := strings.Cut(f.c, "|")
	extra = strings.ToLower(extra)
	r.virtual = r.virtual || strings.Contains(extra, "generated") && !strings.Contains(extra, "default_generated") ||
		strings.Contains(extra, "persistent")
	if strings.Contains(extra, "invisible") {
		return // not of SELECT *
	}
	if strings.Contains(extra, "auto_increment") {
		r.counted = strings.ToLower(f.a)
	}
	r.columns = append(r.columns, f.a)
	r.keys[strings.ToLower(f.a)] = mysqlClass(f.b, collation)
}

// finish draws the conclusions. Only InnoDB keeps what is uncommitted to itself; where sessions begin without autocommit, or
// read what is uncommitted, no answer vouches for anything.
func (r *mysqlRelation) finish(named map[string][]string) *relation {
	if r.self == "" {
		return r.relation
	}
	r.exists = true
	isolation := r.settings["transaction_isolation"] + r.settings["tx_isolation"]
	r.ordinary = r.base && !mysqlSystem[r.schema] && r.settings["autocommit"] == "on" && !strings.Contains(isolation, "uncommitted")
	r.strict = strings.Contains(r.settings["sql_mode"], "strict_")
	n := r.graph.node(r.self)
	if !r.allowed {
		n.fires = onAny // for all that is known
	}
	_, primary := r.unique["PRIMARY"]
	r.sole = primary && len(r.unique) == 1
	for _, columns := range r.unique {
		r.addUnique(columns)
	}
	r.identify(r.unique["PRIMARY"])
	r.installs = r.ordinary
	r.keyed = r.ordinary && !r.virtual && n.fires&onUpdate == 0
	r.replaces = true // REPLACE, for any table
	r.follow(r.graph, r.self, named)
	r.seal()
	return r.relation
}

// mysqlClass is how a column of the type compares.
//   - A number is compared with text as floating point, which is exact up to 15 digits.
//   - Under the old binary collations trailing spaces do not count; those without padding cut off what exceeds the column's
//     length if it is spaces, so that a key may be stored as another: they fit no class. Neither does char(n), which loses
//     its trailing spaces, nor binary(n), which is filled up.
//   - MariaDB has a type for UUIDs.
func mysqlClass(declared, collation string) keyClass {
	base, _, _ := strings.Cut(strings.ToLower(declared), "(")
	base, _, _ = strings.Cut(base, " ")
	switch base {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return keyNumber
	case "varchar":
		if strings.HasPrefix(collation, "utf8mb4_") && strings.HasSuffix(collation, "_bin") && !strings.Contains(collation, "nopad") && !strings.Contains(collation, "0900") {
			return keyPadded
		}
		return keyNone
	case "varbinary":
		return keyBytes
	case "uuid":
		return keyUUID
	default:
		return keyNone
	}
}
