package sqltext

import "strings"

// systemSchemas holds the schemas of the servers' own tables, but for PostgreSQL's, which all start with pg_.
var systemSchemas = wordSet(`information_schema performance_schema mysql sys`)

// systemTables holds SQLite's virtual tables that need no schema and no arguments.
var systemTables = wordSet(`dbstat json_each json_tree jsonb_each jsonb_tree generate_series`)

// from reads the relations after FROM.
func (r *reader) from() bool {
	return r.commaList(r.joined)
}

// joined reads a relation and the joins that follow it.
func (r *reader) joined() bool {
	if !r.relation() {
		return false
	}
	for {
		start := r.i
		r.word("natural")
		if !r.anyWord("inner", "cross") && r.anyWord("left", "right", "full") {
			r.word("outer")
		}
		if !r.word("join") && (r.d != MySQL || r.i != start || !r.word("straight_join")) {
			return r.i == start
		}
		if !r.relation() {
			return false
		}
		if r.word("on") && !r.expression() || r.word("using") && !r.names() {
			return false
		}
	}
}

// relation reads one table, derived table or join in parentheses, with its alias.
func (r *reader) relation() bool {
	if !r.enter() {
		return false
	}
	defer r.leave()
	if r.symbol("(") {
		inner := r.from
		if r.isWord(0, "select", "with") {
			inner = r.query
		}
		return inner() && r.symbol(")") && r.aliased()
	}
	if r.isWord(0, "lateral") {
		return r.fail(ReasonLateral)
	}
	t := r.peek()
	if !r.alias() {
		return false
	}
	n := Name{Table: ident(r.d, r.sql, t)}
	if r.symbol(".") {
		t = r.peek()
		if !r.label() {
			return false
		}
		n = Name{Schema: n.Table, Table: ident(r.d, r.sql, t)}
	}
	if r.isSymbol(0, "(") {
		return r.fail(ReasonTableFunction)
	}
	r.read(n, t.kind == tokenEither)
	return r.aliased() && r.hinted()
}

// read notes that a relation is read.
func (r *reader) read(n Name, either bool) {
	if n.Schema == "" {
		for _, cte := range r.ctes {
			if cte == n.Table {
				return
			}
		}
	}
	if ofSystem(r.d, n) || either && n.Table == "" {
		r.refuse(ReasonSystemCatalog)
		r.hidden = true
	}
	r.tables = addName(r.tables, n)
}

// ofSystem is true of the tables that belong to the server.
func ofSystem(d Dialect, n Name) bool {
	schema, table := strings.ToLower(n.Schema), strings.ToLower(n.Table)
	switch {
	case systemSchemas[schema], strings.HasPrefix(schema, "pg_"):
		return true
	case d == Postgres:
		return strings.HasPrefix(table, "pg_")
	case d == SQLite:
		return strings.HasPrefix(table, "sqlite_") || strings.HasPrefix(table, "pragma_") || systemTables[table]
	}
	return false
}

// aliased reads an alias if there is one.
func (r *reader) aliased() bool {
	if r.word("as") {
		if !r.alias() {
			return false
		}
	} else {
		r.alias()
	}
	if r.isWord(0, "tablesample") {
		return r.fail(ReasonSample)
	}
	return true
}

// hinted reads the index hints of MySQL and SQLite.
func (r *reader) hinted() bool {
	switch r.d {
	case MySQL:
		for r.anyWord("use", "force", "ignore") {
			if !r.anyWord("index", "key") {
				return false
			}
			if r.word("for") && !r.word("join") && !r.word("order", "by") && !r.word("group", "by") {
				return false
			}
			if !r.symbol("(") || !r.isSymbol(0, ")") && !r.commaList(r.label) || !r.symbol(")") {
				return false
			}
		}
	case SQLite:
		if r.word("indexed") {
			return r.word("by") && r.alias()
		}
		r.word("not", "indexed")
	}
	return true
}
