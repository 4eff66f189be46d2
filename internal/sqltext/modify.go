package sqltext

// selects reads a SELECT, VALUES or TABLE that stands alone.
func (w *writer) selects() {
	w.out.Kind = Select
	w.out.ReturnsRows = true
	if w.has("into") {
		w.selectsInto()
	}
	w.rest()
}

// selectsInto reads PostgreSQL's SELECT … INTO table. Elsewhere INTO names files and variables.
func (w *writer) selectsInto() {
	here := w.i
	w.i = w.find("into")
	if w.d != Postgres || !w.word("into") {
		w.i = here
		w.out.All = true
		return
	}
	w.anyWord("temp", "temporary", "unlogged")
	w.word("table")
	if !w.target() || w.has("into") {
		w.out.All = true
	}
	w.out.Kind, w.out.ReturnsRows = DDL, false
	w.i = here
}

// with reads common table expressions and the statement after them.
func (w *writer) with() {
	w.i++
	w.word("recursive")
	for {
		if !w.label() {
			w.unknown(Unknown)
			return
		}
		if w.isSymbol(0, "(") && !w.group() || !w.word("as") {
			w.unknown(Unknown)
			return
		}
		w.word("not")
		w.word("materialized")
		if !w.isSymbol(0, "(") {
			w.unknown(Unknown)
			return
		}
		if !w.expressionBody() {
			w.unknown(Unknown)
			return
		}
		if !w.symbol(",") {
			break
		}
	}
	if w.isWord(0, "search", "cycle") { // they may contain no call, but are not followed
		w.unknown(Unknown)
		return
	}
	inner := w.out
	main := judge(w.d, w.sql, w.toks[w.i:len(w.toks)-1], w.peekEnd(), w.depth+1)
	w.out.Kind, w.out.ReturnsRows = main.Kind, main.ReturnsRows
	if main.Kind == Select && inner.Kind != Unknown {
		w.out.Kind = inner.Kind
	}
	w.out.add(main)
	switch main.Kind {
	case Select, Insert, Update, Delete, Merge, DDL:
	default:
		w.out.All = true
	}
}

// expressionBody judges the statement of one common table expression.
func (w *writer) expressionBody() bool {
	start := w.i + 1
	if !w.group() {
		return false
	}
	body := judge(w.d, w.sql, w.toks[start:w.i-1], w.toks[w.i-1].pos, w.depth+1)
	w.out.add(body)
	switch body.Kind {
	case Select:
	case Insert, Update, Delete, Merge:
		w.out.Kind = body.Kind
	default:
		w.out.All = true
	}
	return true
}

func (w *writer) peekEnd() int { return w.toks[len(w.toks)-1].pos }

func (w *writer) label() bool {
	switch w.peek().kind {
	case tokenWord, tokenQuoted, tokenEither:
		w.i++
		return true
	}
	return false
}

// resolution reads SQLite's OR REPLACE and the like.
func (w *writer) resolution() bool {
	if w.d != SQLite || !w.word("or") {
		return true
	}
	if w.word("rollback") {
		w.out.EndsTransaction = true
		return true
	}
	return w.anyWord("replace", "ignore", "abort", "fail")
}

// returning notes whether the statement gives rows.
func (w *writer) returning() {
	if w.find("returning") < len(w.toks)-1 {
		w.out.ReturnsRows = true
	}
	if w.d == Other && w.has("output") { // OUTPUT … INTO writes another table
		w.out.ReturnsRows = true
		w.out.All = true
	}
}

func (w *writer) replace() {
	if w.d == Postgres {
		w.unknown(Unknown)
		return
	}
	w.insert()
}

func (w *writer) insert() {
	w.i++
	w.out.Kind = Insert
	w.returning()
	for w.d == MySQL && w.anyWord("low_priority", "delayed", "high_priority", "ignore") {
		continue
	}
	if !w.resolution() || !w.word("into") && w.d != MySQL || !w.target() {
		w.unknown(Insert)
		return
	}
	if w.word("as") && !w.label() {
		w.unknown(Insert)
		return
	}
	if w.d == MySQL && w.word("partition") && !w.group() {
		w.unknown(Insert)
		return
	}
	if w.isSymbol(0, "(") && !w.isWord(1, "select", "with", "values", "table") && !w.isSymbol(1, "(") && !w.group() {
		w.unknown(Insert)
		return
	}
	w.rest()
}

func (w *writer) update() {
	w.i++
	w.out.Kind = Update
	w.returning()
	if w.d == MySQL {
		w.word("low_priority")
		w.word("ignore")
	}
	if !w.resolution() {
		w.unknown(Update)
		return
	}
	var ok bool
	switch w.d {
	case Postgres:
		w.word("only")
		ok = w.target()
		w.symbol("*")
		if ok && !w.word("set") {
			w.word("as")
			ok = w.label() && w.word("set")
		}
	case SQLite:
		ok = w.target()
		if ok && w.word("as") {
			ok = w.label()
		}
		if ok && w.word("indexed") {
			ok = w.word("by") && w.label()
		}
		w.word("not", "indexed")
		ok = ok && w.word("set")
	default:
		start, set := w.i, w.find("set")
		ok = set < len(w.toks)-1 && w.targets(set)
		if w.d == Other && w.find("from") < len(w.toks)-1 { // the name may be an alias of what FROM names
			ok = false
		}
		w.i = start
	}
	if !ok {
		w.unknown(Update)
		return
	}
	w.rest()
}

func (w *writer) delete() {
	w.i++
	w.out.Kind = Delete
	w.returning()
	var ok bool
	switch w.d {
	case Postgres, SQLite:
		ok = w.word("from")
		if w.d == Postgres {
			w.word("only")
		}
		ok = ok && w.target()
	default:
		ok = w.deleteMany()
	}
	if !ok {
		w.unknown(Delete)
		return
	}
	w.rest()
}

// deleteMany reads DELETE FROM list, DELETE names FROM list and DELETE FROM names USING list: the names are tables or
// aliases of the list, so the list tells them all. It leaves the cursor before the list.
func (w *writer) deleteMany() bool {
	for w.anyWord("low_priority", "quick", "ignore") {
		continue
	}
	from := w.find("from")
	if from == len(w.toks)-1 {
		return false
	}
	w.i = from + 1
	if using := w.find("using"); using < min(w.find("where"), w.find("join", "straight_join")) {
		w.i = using + 1
	}
	start := w.i
	ok := w.targets(w.find("where", "order", "limit", "returning"))
	w.i = start
	return ok
}
