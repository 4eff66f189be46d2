package cacheplugin

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// postgresFacts reads a table, and the tables that foreign-key actions, inheritance and named triggers lead to from it,
// in one statement. Its arguments are the schema or nothing, the table, and the folded names of all tables that named
// triggers may write, as a JSON array. It knows PostgreSQL 12 and later.
//
// A name without a schema is the table that a statement would find, by search_path. Triggers of the server's own, which
// enforce foreign keys, are left out; disabled ones too.
const postgresFacts = `
WITH RECURSIVE self AS (
	SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.relispartition, c.relrowsecurity OR c.relforcerowsecurity AS secured,
		n.nspname LIKE 'pg\_%' OR n.nspname = 'information_schema' AS system
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relname = $2::text::name
		AND CASE WHEN $1::text = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $1::text::name END
), edge (origin, target) AS (
	SELECT confrelid, conrelid FROM pg_catalog.pg_constraint
	WHERE contype = 'f' AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))
	UNION ALL SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits
	UNION ALL SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits
), member (oid) AS (
	SELECT oid FROM self
	UNION
	SELECT oid FROM pg_catalog.pg_class
	WHERE $3::text <> '[]' AND relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.lower(relname::text COLLATE pg_catalog."default")
		= ANY (ARRAY (SELECT pg_catalog.jsonb_array_elements_text($3::text::jsonb)))
	UNION
	SELECT e.target FROM member m JOIN edge e ON e.origin = m.oid
)
SELECT 'self', s.oid::text, s.relname::text, pg_catalog.concat(
		CASE WHEN s.relkind = 'r' AND s.relpersistence <> 't' AND NOT s.relispartition AND NOT s.system
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE s.oid IN (i.inhrelid, i.inhparent)) THEN 'o' END,
		CASE WHEN s.secured THEN 's' END,
		CASE WHEN pg_catalog.row_security_active(s.oid) THEN 'h' END,
		CASE WHEN pg_catalog.has_table_privilege(s.oid, 'SELECT') THEN 'p' END,
		CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = s.oid AND r.ev_enabled <> 'D') THEN 'r' END,
		CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = s.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
			AND t.tgfoid NOT IN (SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.proname = 'cachewright_note')
			AND t.tgtype & 66 = 0 AND t.tgtype & 28 <> 0) THEN 'a' END,
		CASE WHEN pg_catalog.current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN 'i' END), 0 AS n
FROM self s
UNION ALL
SELECT 'column', '', a.attname::text, pg_catalog.concat(CASE
		WHEN a.atttypid IN ('pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype, 'pg_catalog.int8'::regtype) THEN 'i'
		WHEN a.atttypid = 'pg_catalog.bool'::regtype THEN 'b'
		WHEN a.atttypid = 'pg_catalog.uuid'::regtype THEN 'u'
		WHEN a.atttypid = 'pg_catalog.bytea'::regtype THEN 'y'
		WHEN a.atttypid IN ('pg_catalog.text'::regtype, 'pg_catalog.varchar'::regtype) AND l.collisdeterministic THEN 't' END,
		CASE WHEN a.attgenerated <> '' THEN 'g' END, CASE WHEN a.attgenerated = 'v' THEN 'v' END), a.attnum
FROM self s JOIN pg_catalog.pg_attribute a ON a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
UNION ALL
SELECT 'unique', x.indexrelid::text, a.attname::text, CASE WHEN x.indisprimary THEN 'p' ELSE '' END, k.place
FROM self s JOIN pg_catalog.pg_index x ON x.indrelid = s.oid
	CROSS JOIN LATERAL pg_catalog.unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
	JOIN pg_catalog.pg_attribute a ON a.attrelid = s.oid AND a.attnum = k.attnum
WHERE x.indisunique AND x.indisvalid AND x.indimmediate AND x.indpred IS NULL AND x.indexprs IS NULL AND k.place <= x.indnkeyatts
UNION ALL
SELECT 'acted', '', a.attname::text, CASE WHEN a.attgenerated <> '' THEN 'g' ELSE '' END, 0
FROM self s JOIN pg_catalog.pg_constraint f ON f.confrelid = s.oid AND f.contype = 'f' AND f.confupdtype IN ('c', 'n', 'd')
	JOIN pg_catalog.pg_attribute a ON a.attrelid = s.oid AND a.attnum = ANY (f.confkey)
UNION ALL
SELECT 'table', c.oid::text, c.relname::text,
	CASE WHEN c.relkind NOT IN ('r', 'p') OR c.relnamespace = 'pg_catalog'::regnamespace THEN 'q' ELSE '' END,
	coalesce((SELECT pg_catalog.bit_or(t.tgtype::int & 60) FROM pg_catalog.pg_trigger t
		WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
			AND t.tgfoid NOT IN (SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.proname = 'cachewright_note')), 0)
	| coalesce((SELECT pg_catalog.bit_or(CASE r.ev_type WHEN '2' THEN 16 WHEN '3' THEN 4 WHEN '4' THEN 8 ELSE 0 END)
		FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_enabled <> 'D'), 0)
FROM member m JOIN pg_catalog.pg_class c ON c.oid = m.oid
UNION ALL
SELECT 'action', f.confrelid::text, f.conrelid::text, f.confdeltype::text || f.confupdtype::text, 0
FROM member m JOIN pg_catalog.pg_constraint f ON f.confrelid = m.oid AND f.contype = 'f'
WHERE f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd')
UNION ALL
SELECT 'child', i.inhparent::text, i.inhrelid::text, '', 0
FROM member m JOIN pg_catalog.pg_inherits i ON i.inhparent = m.oid
ORDER BY n`

// postgresClasses are the letters of a column fact.
var postgresClasses = map[byte]keyClass{'i': keyInt, 'b': keyBool, 'u': keyUUID, 't': keyText, 'y': keyBytes}

func (c *catalogue) readPostgres(ctx context.Context, q querier, name sqltext.Name) (*relation, error) {
	targets := map[string]struct{}{}
	for _, tables := range c.named {
		for _, table := range tables {
			targets[table] = struct{}{}
		}
	}
	list := []byte("[]")
	if len(targets) > 0 {
		var err error
		if list, err = json.Marshal(slices.Sorted(maps.Keys(targets))); err != nil {
			return nil, err
		}
	}
	found, err := facts(ctx, q, postgresFacts, name.Schema, name.Table, string(list))
	if err != nil {
		return nil, err
	}
	r := postgresRelation{relation: &relation{keys: map[string]keyClass{}}, graph: newGraph(), unique: map[string][]string{}, computed: map[string]bool{}}
	for _, f := range found {
		r.add(f)
	}
	return r.finish(q, c.named), nil
}

// postgresRelation is a relation while its facts come in.
type postgresRelation struct {
	*relation
	graph     *graph
	self      string
	flags     string
	unique    map[string][]string // by the index
	primary   []string
	virtual   bool            // a column is computed when it is read
	computed  map[string]bool // columns computed from others, and those whose names differ by case alone
	generated bool            // a column that foreign keys act on is computed from others
}

func (r *postgresRelation) add(f fact) {
	switch f.kind {
	case "self":
		r.exists, r.self, r.flags = true, f.a, f.c
	case "column":
		r.columns = append(r.columns, f.b)
		class := keyNone
		if f.c != "" {
			class = postgresClasses[f.c[0]]
		}
		lower := strings.ToLower(f.b)
		if _, twice := r.keys[lower]; twice || strings.Contains(f.c, "g") {
			r.computed[lower] = true
		}
		r.keys[lower] = class
		r.virtual = r.virtual || strings.HasSuffix(f.c, "v")
	case "unique":
		r.unique[f.a] = append(r.unique[f.a], f.b)
		if f.c != "" {
			r.primary = r.unique[f.a]
		}
	case "acted":
		r.act(f.b)
		r.generated = r.generated || f.c != ""
	case "table":
		n := r.graph.name(f.a, f.b)
		n.opaque, n.fires = f.c != "", events(f.n)
	case "action":
		deletes, updates := events(0), events(0)
		switch f.c[0] {
		case 'c':
			deletes = onDelete
		case 'n', 'd':
			deletes = onUpdate
		}
		if strings.IndexByte("cnd", f.c[1]) >= 0 {
			updates = onUpdate
		}
		r.graph.refer(f.a, f.b, deletes, updates)
	case "child":
		r.graph.inherit(f.a, f.b)
	}
}

func (r *postgresRelation) finish(q querier, named map[string][]string) *relation {
	if !r.exists {
		return r.relation
	}
	is := func(flag byte) bool { return strings.IndexByte(r.flags, flag) >= 0 }
	r.ordinary = is('o')
	r.rowSecurity = is('s')
	r.passing = is('i') && mayBeInTransaction(q)
	r.returning = r.ordinary && is('p') && !is('r') && !is('h') && !r.virtual
	r.installs = r.ordinary && !is('r') && !is('a')
	for _, columns := range r.unique {
		r.addUnique(columns)
	}
	r.identify(r.primary)
	r.keyed = r.ordinary && !r.generated && r.graph.node(r.self).fires&onUpdate == 0
	r.follow(r.graph, r.self, named)
	r.fix(r.computed)
	r.seal()
	return r.relation
}
