package sqltext

import (
	"strconv"
	"strings"
)

// Fixed is a column that a SELECT of one table holds to one value: a row with another value, or with NULL, changes nothing in
// its answer.
type Fixed struct {
	Column  string // as the dialect stores the name: PostgreSQL's unquoted ones in lower case, all others as written
	Arg     int    // the place of the value among the arguments, from 0 on; -1 for a literal
	Literal any    // an int64 or a string, when Arg is -1
}

// fixed finds the columns that an accepted SELECT fixes: by column = value in the AND at the top of its WHERE, also in
// parentheses within it. The text has one SELECT in it and reads one table, without joins; what comes after the
// WHERE only looks at rows that have met it. A form that is not known here fixes nothing.
func fixed(d Dialect, sql string, toks []token) []Fixed {
	if d != Postgres && d != SQLite || !toks[0].isWord("select") {
		return nil
	}
	f := fixer{d: d, sql: sql, toks: toks}
	where, end := f.where()
	if where < 0 || !f.countable() {
		return nil
	}
	f.conjunction(where, end)
	return f.found
}

// fixer reads the WHERE of one SELECT.
type fixer struct {
	d     Dialect
	sql   string
	toks  []token
	found []Fixed
}

// isWord is true of an unquoted word among these.
func (t token) isWord(words ...string) bool {
	if t.kind != tokenWord {
		return false
	}
	for _, w := range words {
		if t.val == w {
			return true
		}
	}
	return false
}

func (t token) isSymbol(s string) bool { return t.kind == tokenSymbol && t.val == s }

// where finds the tokens of the WHERE, -1 if there is none, or more than one SELECT, or not one plain table.
func (f *fixer) where() (start, end int) {
	from, start := -1, -1
	depth := 0
	for i, t := range f.toks {
		switch {
		case t.isSymbol("("):
			depth++
		case t.isSymbol(")"):
			depth--
		case t.isWord("select", "with", "union", "intersect", "except", "join", "lateral") && i > 0:
			return -1, -1
		case depth > 0 || f.named(i):
		case t.isWord("from") && from < 0:
			from = i
		case t.isWord("where") && start < 0:
			if from < 0 || !f.oneTable(from+1, i) {
				return -1, -1
			}
			start = i + 1
		case start >= 0 && (t.kind == tokenEnd || t.isSymbol(";") ||
			t.isWord("group", "having", "window", "order", "limit", "offset", "fetch", "for")):
			return start, i
		}
	}
	return -1, -1
}

// named is true of a word that a point makes a name.
func (f *fixer) named(i int) bool { return i > 0 && f.toks[i-1].isSymbol(".") }

// oneTable is true of a name with an alias or without: no list, no join, nothing in parentheses.
func (f *fixer) oneTable(start, end int) bool {
	for _, t := range f.toks[start:end] {
		switch t.kind {
		case tokenWord, tokenQuoted:
		case tokenSymbol:
			if t.val != "." {
				return false
			}
		default:
			return false
		}
	}
	return end > start
}

// countable is true if the place of each argument can be told: PostgreSQL numbers them, SQLite's plain marks are counted.
func (f *fixer) countable() bool {
	for _, t := range f.toks {
		if t.kind == tokenParam && (f.d == Postgres) != (t.val[0] == '$') || t.kind == tokenParam && f.d == SQLite && t.val != "?" {
			return false
		}
	}
	return true
}

// conjunction reads conditions joined by AND. Any other word that binds as loosely, or has an AND of its own, makes it none.
func (f *fixer) conjunction(start, end int) {
	depth := 0
	for i := start; i < end; i++ {
		switch t := f.toks[i]; {
		case t.isSymbol("("):
			depth++
		case t.isSymbol(")"):
			depth--
		case depth == 0 && t.isWord("or", "between", "case") && !f.named(i):
			return
		}
	}
	from := start
	for i := start; i <= end; i++ {
		t := f.toks[i]
		switch {
		case i < end && t.isSymbol("("):
			depth++
		case i < end && t.isSymbol(")"):
			depth--
		case depth == 0 && (i == end || t.isWord("and") && !f.named(i)):
			f.condition(from, i)
			from = i + 1
		}
	}
}

// condition reads one condition: an equality, or a conjunction in parentheses.
func (f *fixer) condition(start, end int) {
	if end-start > 2 && f.toks[start].isSymbol("(") && f.closes(start) == end-1 {
		f.conjunction(start+1, end-1)
		return
	}
	equals := start
	for equals < end && !f.toks[equals].isSymbol("=") {
		equals++
	}
	if equals == end {
		return
	}
	column, ok := f.column(start, equals)
	value := equals + 1
	if !ok { // value = column
		column, ok = f.column(equals+1, end)
		value = start
		if equals != start+1 {
			return
		}
	} else if end != equals+2 {
		return
	}
	if !ok {
		return
	}
	if fix, ok := f.value(f.toks[value]); ok {
		fix.Column = column
		f.found = append(f.found, fix)
	}
}

// closes is the place of the parenthesis that closes the one at start.
func (f *fixer) closes(start int) int {
	depth := 0
	for i := start; i < len(f.toks); i++ {
		switch {
		case f.toks[i].isSymbol("("):
			depth++
		case f.toks[i].isSymbol(")"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// column reads a column's name, alone or after the only table there is.
func (f *fixer) column(start, end int) (string, bool) {
	if end-start == 3 && f.toks[start].kind != tokenSymbol && f.toks[start+1].isSymbol(".") {
		start += 2
	}
	if end-start != 1 {
		return "", false
	}
	t := f.toks[start]
	switch {
	case t.kind == tokenQuoted, t.kind == tokenWord && (f.named(start) || !reserved[t.val] && !niladic[f.d][t.val] && !t.isWord("true", "false")):
		return ident(f.d, f.sql, t), true
	default:
		return "", false
	}
}

// value reads what a column is compared with.
func (f *fixer) value(t token) (Fixed, bool) {
	switch t.kind {
	case tokenParam:
		if f.d == Postgres {
			n, err := strconv.Atoi(t.val[1:])
			return Fixed{Arg: n - 1}, err == nil && n > 0
		}
		n := 0
		for _, other := range f.toks {
			if other.pos == t.pos {
				break
			}
			if other.kind == tokenParam {
				n++
			}
		}
		return Fixed{Arg: n}, true
	case tokenNumber:
		n, err := strconv.ParseInt(t.val, 10, 64)
		return Fixed{Arg: -1, Literal: n}, err == nil
	case tokenText:
		plain := f.sql[t.pos] == '\'' && strings.IndexByte(t.val, '\\') < 0
		return Fixed{Arg: -1, Literal: t.val}, plain
	default:
		return Fixed{}, false
	}
}
