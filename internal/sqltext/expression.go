package sqltext

// operators holds the binary operators that are built in and known to be immutable, by dialect. Left out are those
// whose answer depends on a setting that may well differ (@@ and the default text search configuration).
var operators = map[Dialect]map[string]bool{
	Postgres: wordSet(`= <> != < > <= >= + - * / % ^ || & | # << >> ~ ~* !~ !~* ~~ ~~* !~~ !~~* -> ->> #> #>> #- @> <@ ?
		?| ?& &&`),
	SQLite: wordSet(`= == <> != < > <= >= + - * / % || & | << >> -> ->>`),
	MySQL:  wordSet(`= <=> <> != < > <= >= + - * / % || && & | ^ << >> -> ->>`),
}

// expression reads operands joined by operators, without caring which binds tighter.
func (r *reader) expression() bool {
	if !r.enter() {
		return false
	}
	defer r.leave()
	for {
		r.prefixes()
		if !r.operand() || !r.postfixes() {
			return false
		}
		more, ok := r.operator()
		if !more || !ok {
			return ok
		}
	}
}

func (r *reader) prefixes() {
	for r.word("not") || r.symbol("-") || r.symbol("+") || r.symbol("~") ||
		r.d == MySQL && (r.symbol("!") || r.word("binary")) {
		continue
	}
}

// postfixes reads casts, subscripts and collations.
func (r *reader) postfixes() bool {
	for {
		switch {
		case r.d == Postgres && r.symbol("::"):
			if !r.typeName() {
				return false
			}
		case r.d == Postgres && r.symbol("["):
			if !r.isSymbol(0, ":") && !r.expression() || r.symbol(":") && !r.isSymbol(0, "]") && !r.expression() ||
				!r.symbol("]") {
				return false
			}
		case r.word("collate"):
			if !r.label() || r.symbol(".") && !r.label() {
				return false
			}
		case r.d != MySQL && (r.word("isnull") || r.word("notnull")):
		case r.d == SQLite && r.word("not", "null"):
		default:
			return true
		}
	}
}

// operator takes a binary operator if one comes next; more is false if none does.
func (r *reader) operator() (more, ok bool) {
	t := r.peek()
	if t.kind == tokenSymbol {
		switch {
		case operators[r.d][t.val]:
			r.i++
			return true, true
		case t.val == "(" || t.val == ")" || t.val == "," || t.val == ";" || t.val == "." || t.val == "[" ||
			t.val == "]" || t.val == ":":
			return false, true
		}
		return false, r.fail(ReasonUnknownOperator)
	}
	switch {
	case r.anyWord("and", "or", "escape"):
		return true, true
	case r.word("is"):
		r.word("not")
		r.word("distinct", "from")
		return true, true
	case r.word("at", "time", "zone"):
		r.refuse(ReasonStableFunction)
		return true, true
	case r.d == MySQL && r.anyWord("xor", "div", "mod"):
		return true, true
	}
	start := r.i
	r.word("not")
	switch {
	case r.word("like"), r.d == Postgres && (r.word("ilike") || r.word("similar", "to")),
		r.d == SQLite && r.word("glob"), r.d == MySQL && r.anyWord("regexp", "rlike"):
		return true, true
	case r.word("between"):
		if r.d == Postgres {
			r.anyWord("symmetric", "asymmetric")
		}
		return true, true
	case r.word("in"):
		return true, r.isSymbol(0, "(")
	case r.d == SQLite && r.isWord(0, "regexp", "match"): // what they do is up to the application
		return false, r.fail(ReasonUnknownFunction)
	}
	r.i = start
	return false, true
}

// operand reads one literal, column, call, or what stands in parentheses.
func (r *reader) operand() bool {
	switch t := r.peek(); t.kind {
	case tokenText:
		if t.clock {
			r.refuse(ReasonClockLiteral)
		}
		r.i++
		return true
	case tokenNumber, tokenParam:
		r.i++
		return true
	case tokenVariable:
		r.refuse(ReasonVariable)
		r.i++
		return true
	case tokenSymbol:
		return r.symbol("(") && r.parenthesis()
	case tokenQuoted, tokenEither:
		return r.column()
	case tokenWord:
		if ok, done := r.keyword(t.val); done {
			return ok
		}
		if reserved[t.val] && !r.calls(t.val) {
			return false
		}
		return r.column()
	default:
		return false
	}
}

// calls is true of a reserved word that is also a function's name and is followed by a parenthesis.
func (r *reader) calls(word string) bool {
	return r.isSymbol(1, "(") && effectOf(r.d, word) != effectUnknown
}

// parenthesis reads after an opening parenthesis: a query or expressions, and the closing one.
func (r *reader) parenthesis() bool {
	if r.isWord(0, "select", "with") {
		return r.query() && r.symbol(")")
	}
	if r.d == SQLite && r.symbol(")") {
		return true // IN ()
	}
	return r.commaList(r.expression) && r.symbol(")")
}

// keyword reads an operand that starts with a keyword of its own syntax; done is false if it does not.
func (r *reader) keyword(word string) (ok, done bool) {
	switch word {
	case "null":
		r.i++
		return true, true
	case "case":
		r.i++
		return r.cases(), true
	case "cast":
		if !r.isSymbol(1, "(") {
			return false, true
		}
		r.i += 2
		return r.expression() && r.word("as") && r.typeName() && r.symbol(")"), true
	case "exists", "any", "all", "some":
		if !r.isSymbol(1, "(") {
			return false, true
		}
		r.i += 2
		return r.parenthesis(), true
	case "array", "row":
		if r.isSymbol(1, "[") && word == "array" && r.d == Postgres {
			r.i += 2
			return r.symbol("]") || r.commaList(r.expression) && r.symbol("]"), true
		}
		if r.isSymbol(1, "(") && r.d != SQLite {
			r.i += 2
			return r.parenthesis(), true
		}
		return false, true
	case "date", "time", "timestamp", "timestamptz", "interval":
		if r.ahead(1).kind == tokenText && r.d != SQLite {
			r.i++
			return r.operand(), true
		}
	}
	if niladic[r.d][word] && !r.isSymbol(1, ".") {
		r.refuse(ReasonVolatileFunction)
		r.i++
		if r.symbol("(") { // current_timestamp(3)
			if r.peek().kind == tokenNumber {
				r.i++
			}
			return r.symbol(")"), true
		}
		return true, true
	}
	return false, false
}

// cases reads after CASE.
func (r *reader) cases() bool {
	if !r.isWord(0, "when") && !r.expression() {
		return false
	}
	if !r.isWord(0, "when") {
		return false
	}
	for r.word("when") {
		if !r.expression() || !r.word("then") || !r.expression() {
			return false
		}
	}
	if r.word("else") && !r.expression() {
		return false
	}
	return r.word("end")
}

// column reads a column, all columns of a relation, or a call.
func (r *reader) column() bool {
	first := r.skip()
	if r.isSymbol(0, "(") {
		return r.call(first, "")
	}
	last, parts := first, 1
	for r.symbol(".") {
		if r.symbol("*") {
			return true
		}
		last = r.peek()
		if last.kind == tokenText || !r.label() {
			return false
		}
		parts++
	}
	if r.isSymbol(0, "(") {
		return r.call(last, ident(r.d, r.sql, first))
	}
	if systemColumns[r.d][foldASCII(last.val)] {
		r.refuse(ReasonSystemColumn)
	}
	return parts <= 4
}
