package sqltext

// reserved holds the words that end an expression or a relation, and so are no aliases, columns or tables here even
// where a server would let them be.
var reserved = wordSet(`select from where group having order limit offset fetch for union intersect except minus window
	join inner left right full outer cross natural on using as with into lock set returning tablesample lateral
	use force ignore straight_join partition indexed not and or xor case when then else end in is like ilike glob regexp
	rlike match similar between collate escape null isnull notnull distinct all any some exists cast array default
	values table only variadic div separator procedure qualify insert update delete merge placing asc desc nulls
	binary convert row over filter within references primary unique check create symmetric asymmetric both leading
	trailing returns limit`)

// query reads a SELECT with all that may stand around it: WITH, set operations, ORDER BY, LIMIT, locks.
func (r *reader) query() bool {
	if !r.enter() {
		return false
	}
	defer r.leave()
	scope := len(r.ctes)
	defer func() { r.ctes = r.ctes[:scope] }()
	if r.word("with") && !r.with() {
		return false
	}
	if !r.term() {
		return false
	}
	for r.anyWord("union", "intersect", "except") {
		r.anyWord("all", "distinct")
		if !r.term() {
			return false
		}
	}
	return r.tail()
}

// with reads common table expressions. A name counts from its end on, so an earlier or an inner use of it is taken for a
// table: at worst one table too many.
func (r *reader) with() bool {
	if r.word("recursive") {
		return r.fail(ReasonRecursive)
	}
	return r.commaList(func() bool {
		t := r.peek()
		if !r.alias() {
			return false
		}
		if r.isSymbol(0, "(") && !r.names() {
			return false
		}
		if !r.word("as") {
			return false
		}
		if !r.word("not", "materialized") {
			r.word("materialized")
		}
		if !r.symbol("(") {
			return false
		}
		if r.isWord(0, "insert", "update", "delete", "merge") {
			return r.fail(ReasonNotSelect)
		}
		if !r.query() || !r.symbol(")") {
			return false
		}
		r.ctes = append(r.ctes, ident(r.d, r.sql, t))
		return true
	})
}

// term reads a SELECT or a query in parentheses.
func (r *reader) term() bool {
	if r.symbol("(") {
		return r.query() && r.symbol(")")
	}
	if !r.word("select") {
		if r.isWord(0, "insert", "update", "delete", "merge", "replace") {
			return r.fail(ReasonNotSelect)
		}
		return false
	}
	return r.selected() && r.filtered()
}

// selected reads from after SELECT to before FROM.
func (r *reader) selected() bool {
	switch {
	case r.word("all"):
	case r.word("distinct"):
		if r.d == Postgres && r.word("on") {
			if !r.symbol("(") || !r.commaList(r.expression) || !r.symbol(")") {
				return false
			}
		}
	case r.d == MySQL:
		r.anyWord("distinctrow", "straight_join", "high_priority", "sql_no_cache", "sql_small_result", "sql_big_result")
	}
	return r.commaList(func() bool {
		if r.symbol("*") {
			return true
		}
		if !r.expression() {
			return false
		}
		if r.word("as") {
			return r.label()
		}
		if t := r.peek(); t.kind == tokenQuoted || t.kind == tokenEither || t.kind == tokenWord && !reserved[t.val] {
			return r.label()
		}
		return true
	})
}

// filtered reads from FROM to WINDOW.
func (r *reader) filtered() bool {
	if r.isWord(0, "into") {
		return r.fail(ReasonInto)
	}
	if r.word("from") && !r.from() {
		return false
	}
	if r.word("where") && !r.expression() {
		return false
	}
	if r.word("group") {
		if !r.word("by") || !r.commaList(r.expression) {
			return false
		}
		if r.d == MySQL {
			r.word("with", "rollup")
		}
	}
	if r.word("having") && !r.expression() {
		return false
	}
	if r.word("window") {
		return r.commaList(func() bool { return r.alias() && r.word("as") && r.symbol("(") && r.window() })
	}
	return true
}

// tail reads what may follow the last SELECT.
func (r *reader) tail() bool {
	for {
		switch {
		case r.word("order"):
			if !r.word("by") || !r.ordering() {
				return false
			}
		case r.word("limit"):
			if r.word("all") {
				continue
			}
			if !r.expression() || r.symbol(",") && !r.expression() {
				return false
			}
		case r.word("offset"):
			if !r.expression() {
				return false
			}
			r.anyWord("row", "rows")
		case r.word("fetch"):
			if !r.fetch() {
				return false
			}
		case r.word("for"), r.isWord(0, "lock"):
			r.refuse(ReasonLocking)
			if !r.locking() {
				return false
			}
		case r.isWord(0, "into"):
			return r.fail(ReasonInto)
		default:
			return true
		}
	}
}

func (r *reader) ordering() bool {
	return r.commaList(func() bool {
		if !r.expression() {
			return false
		}
		r.anyWord("asc", "desc")
		if r.word("nulls") {
			return r.anyWord("first", "last")
		}
		return true
	})
}

func (r *reader) fetch() bool {
	if !r.anyWord("first", "next") {
		return false
	}
	if t := r.peek(); t.kind == tokenNumber || t.kind == tokenParam {
		r.skip()
	}
	return r.anyWord("row", "rows") && (r.word("only") || r.word("with", "ties"))
}

// locking reads after FOR, or from LOCK on.
func (r *reader) locking() bool {
	if r.word("lock") {
		return r.word("in", "share", "mode")
	}
	if !r.anyWord("update", "share") && !r.word("no", "key", "update") && !r.word("key", "share") {
		return false
	}
	if r.word("of") && !r.commaList(r.alias) {
		return false
	}
	if !r.word("nowait") {
		r.word("skip", "locked")
	}
	return true
}

// names reads a list of plain names in parentheses.
func (r *reader) names() bool {
	return r.symbol("(") && r.commaList(r.alias) && r.symbol(")")
}

// alias reads one name that is not reserved.
func (r *reader) alias() bool {
	switch t := r.peek(); {
	case t.kind == tokenQuoted, t.kind == tokenEither, t.kind == tokenWord && !reserved[t.val]:
		r.i++
		return true
	}
	return false
}

// label reads the name of an output column, for which any word and, outside PostgreSQL, a string will do.
func (r *reader) label() bool {
	switch t := r.peek(); t.kind {
	case tokenWord, tokenQuoted, tokenEither:
	case tokenText:
		if r.d == Postgres {
			return false
		}
	default:
		return false
	}
	r.i++
	return true
}
