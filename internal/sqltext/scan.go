package sqltext

// neverCalls holds the words after which a parenthesis opens no call, by dialect: words that are reserved there.
var neverCalls = map[Dialect]map[string]bool{
	Postgres: wordSet(neverCallsAnywhere + `cast any some array row returning lateral only window default check do placing for
		table offset bigint bit boolean char character dec decimal float int integer interval nchar numeric precision real
		smallint time timestamp varchar grouping primary unique references`),
	SQLite: wordSet(neverCallsAnywhere + `cast set join default check returning primary unique`),
	MySQL:  wordSet(neverCallsAnywhere + `set join row default index key`),
	Other:  wordSet(neverCallsAnywhere),
}

const neverCallsAnywhere = ` values in as on and or not where having when then else case select distinct all exists from
	using limit union except intersect into between group order with `

// rest reads what follows the head of a statement. A statement can write beyond its head only by a call or by a statement
// in parentheses, and both need an opening parenthesis: so each of these is looked at, and nothing else matters.
func (w *writer) rest() {
	for w.peek().kind != tokenEnd {
		if !w.isSymbol(0, "(") {
			w.i++
			continue
		}
		if w.nested() {
			continue
		}
		if w.mayWrite() {
			w.out.All = true
		}
		w.i++
	}
}

// nested judges a data-modifying statement in parentheses, if one is here, and passes it.
func (w *writer) nested() bool {
	if !w.isWordAt(w.i+1, "insert", "update", "delete", "merge") || w.d != Postgres && w.isSymbol(2, "(") {
		return false
	}
	start := w.i + 1
	if !w.group() {
		w.out.All = true
		w.i = start
		return true
	}
	w.out.add(judge(w.d, w.sql, w.toks[start:w.i-1], w.toks[w.i-1].pos, w.depth+1))
	return true
}

// group passes a parenthesis and all up to the one that closes it. It stays if nothing closes it.
func (w *writer) group() bool {
	start, depth := w.i, 0
	for w.peek().kind != tokenEnd {
		switch {
		case w.isSymbol(0, "("):
			depth++
		case w.isSymbol(0, ")"):
			depth--
		}
		w.i++
		if depth == 0 {
			return true
		}
	}
	w.i = start
	return false
}

// mayWrite is true if the parenthesis here opens a call of something that is not known to write nothing.
func (w *writer) mayWrite() bool {
	if w.i == 0 {
		return false
	}
	name := w.toks[w.i-1]
	var before token
	if w.i > 1 {
		before = w.toks[w.i-2]
	}
	afterWord := func(words ...string) bool { return w.i > 1 && w.isWordAt(w.i-2, words...) }
	switch name.kind {
	case tokenQuoted, tokenEither:
		return !afterWord("as") // AS alias (columns)
	case tokenWord:
	default:
		return false
	}
	if before.kind == tokenSymbol && before.val == "." {
		if w.d != Postgres || w.i < 3 || !w.isWordAt(w.i-3, "pg_catalog") {
			return true
		}
		return effectOf(w.d, name.val) == effectUnknown
	}
	if neverCalls[w.d][name.val] || afterWord("as") {
		return false
	}
	switch name.val {
	case "conflict":
		return !afterWord("on")
	case "by":
		return !afterWord("group", "order", "partition")
	case "over", "filter":
		return before.kind != tokenSymbol || before.val != ")"
	case "insert":
		return !afterWord("then")
	case "set":
		return !afterWord("update") && !w.endsOperand(w.i-2)
	case "join":
		return !afterWord("left", "right", "full", "inner", "cross", "outer", "natural") && !w.endsOperand(w.i-2)
	case "any", "some":
		return before.kind != tokenSymbol || before.val == "(" || before.val == "," || before.val == ")"
	case "materialized":
		return !afterWord("as", "not")
	}
	return effectOf(w.d, name.val) == effectUnknown || w.d == MySQL && w.peek().pos != name.end
}

// endsOperand is true if a name or the end of a parenthesis stands at a place, so that no call can follow at once.
func (w *writer) endsOperand(i int) bool {
	if i < 0 {
		return false
	}
	t := w.toks[i]
	return t.kind == tokenQuoted || t.kind == tokenWord && !reserved[t.val] || t.kind == tokenSymbol && t.val == ")"
}

func (w *writer) isWordAt(i int, words ...string) bool { return w.isWord(i-w.i, words...) }

// find returns the place of the first of the words outside parentheses from the cursor on, or the end.
func (w *writer) find(words ...string) int {
	depth := 0
	for n := w.i; n < len(w.toks)-1; n++ {
		switch t := w.toks[n]; {
		case t.kind == tokenSymbol && t.val == "(":
			depth++
		case t.kind == tokenSymbol && t.val == ")":
			depth--
		case depth == 0 && w.isWordAt(n, words...):
			return n
		}
	}
	return len(w.toks) - 1
}

// has is true if one of the words stands anywhere from the cursor on.
func (w *writer) has(words ...string) bool {
	for n := w.i; n < len(w.toks); n++ {
		if w.isWordAt(n, words...) {
			return true
		}
	}
	return false
}

// target reads the name of a relation that is written.
func (w *writer) target() bool {
	var parts []string
	for {
		t := w.peek()
		if t.kind != tokenQuoted && t.kind != tokenEither && (t.kind != tokenWord || len(parts) == 0 && reserved[t.val]) {
			return false
		}
		w.i++
		parts = append(parts, ident(w.d, w.sql, t))
		if !w.symbol(".") {
			break
		}
	}
	n := Name{Table: parts[len(parts)-1]}
	if len(parts) > 1 {
		n.Schema = parts[len(parts)-2]
	}
	if len(parts) > 3 || n.Table == "" || ofSystem(w.d, n) {
		return false
	}
	w.out.Tables = addName(w.out.Tables, n)
	return true
}

// targets reads every relation of a list with joins, aliases and conditions, up to the place end.
func (w *writer) targets(end int) bool {
	expected := true
	for w.i < end {
		switch t := w.peek(); {
		case w.isSymbol(0, "("):
			if expected && !w.isWord(1, "select", "with", "values") {
				return false // a join in parentheses, or something else not followed here
			}
			if !w.group() {
				return false
			}
			expected = false
		case expected && w.isWord(0, "lateral", "only"):
			return false
		case expected:
			if !w.target() || w.isSymbol(0, "(") {
				return false
			}
			expected = false
		case t.kind == tokenSymbol && t.val == ",", w.isWord(0, "join", "straight_join"):
			expected = true
			w.i++
		default:
			w.i++
		}
	}
	return !expected && w.i == end
}
