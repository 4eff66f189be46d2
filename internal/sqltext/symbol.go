package sqltext

import "strings"

// postgresOperator is the set of bytes of which PostgreSQL makes its operators, by maximal munch.
const postgresOperator = "+-*/<>=~!@#%^&|?"

// symbols lists the operators of more than one byte outside PostgreSQL, longest first.
var symbols = []string{"->>", "<=>", "->", "<=", ">=", "<>", "!=", "==", "||", "&&", "<<", ">>", ":=", "::"}

// marker reads what starts with $ ? : or @: placeholders, dollar quotes, variables, or else operators.
func (l *lexer) marker() {
	pos := l.i
	switch c := l.s[l.i]; {
	case c == '$':
		l.dollar(pos)
	case c == '?' && l.d != Postgres:
		l.i++
		l.skip(isDigit)
		l.endParam(pos)
	case c == ':' && l.d != Postgres && isLetter(l.at(1)):
		if l.d == MySQL {
			l.refuse()
			return
		}
		l.i++
		l.skip(isNamePart)
		l.endParam(pos)
	case c == '@' && l.d == SQLite && isLetter(l.at(1)):
		l.i++
		l.skip(isNamePart)
		l.endParam(pos)
	case c == '@' && (l.d == MySQL || l.d == Other):
		l.skip(func(c byte) bool { return c == '@' || c == '.' || isNamePart(c) })
		l.emit(tokenVariable, pos, l.s[pos:l.i])
	default:
		l.symbol()
	}
}

// endParam emits a placeholder unless something is glued to it that a server might take as part of it.
func (l *lexer) endParam(pos int) {
	c := l.at(0)
	if isNamePart(c) || c == '(' && l.d == SQLite && l.s[pos] != '?' || c == ':' && l.d == SQLite {
		l.refuse()
		return
	}
	l.emit(tokenParam, pos, l.s[pos:l.i])
}

// dollar reads $1, SQLite's $name, and PostgreSQL's $tag$…$tag$.
func (l *lexer) dollar(pos int) {
	switch {
	case isDigit(l.at(1)) && l.d != MySQL:
		l.i++
		l.skip(isDigit)
		l.endParam(pos)
	case l.d == SQLite && isLetter(l.at(1)):
		l.i++
		l.skip(isNamePart)
		l.endParam(pos)
	case l.d == Postgres:
		l.i++
		if l.at(0) != '$' && !isLetter(l.at(0)) && l.at(0) < 0x80 {
			l.refuse()
			return
		}
		l.skip(func(c byte) bool { return c != '$' && isNamePart(c) })
		if l.at(0) != '$' {
			l.refuse()
			return
		}
		l.i++
		tag := l.s[pos:l.i]
		n := strings.Index(l.s[l.i:], tag)
		if n < 0 {
			l.refuse()
			return
		}
		body := l.s[l.i : l.i+n]
		l.i += n + len(tag)
		l.emit(tokenText, pos, body)
		l.toks[len(l.toks)-1].clock = ClockWord(body)
	default:
		l.refuse()
	}
}

// symbol reads an operator or punctuation.
func (l *lexer) symbol() {
	pos := l.i
	c := l.s[l.i]
	if strings.IndexByte("(),;.[]{}", c) >= 0 {
		if c == '{' || c == '}' || (c == '[' || c == ']') && l.d != Postgres {
			l.refuse()
			return
		}
		switch c {
		case '(':
			l.depth++
		case ')':
			l.depth--
		}
		if l.depth > maxDepth {
			l.refuse()
			return
		}
		l.i++
		l.emit(tokenSymbol, pos, l.s[pos:l.i])
		return
	}
	if l.d == Postgres && strings.IndexByte(postgresOperator, c) >= 0 {
		l.postgresOperator()
		return
	}
	for _, s := range symbols {
		if strings.HasPrefix(l.s[l.i:], s) {
			l.i += len(s)
			l.emit(tokenSymbol, pos, s)
			return
		}
	}
	if strings.IndexByte("+-*/<>=~!%^&|:", c) < 0 {
		l.refuse()
		return
	}
	l.i++
	l.emit(tokenSymbol, pos, l.s[pos:l.i])
}

// postgresOperator reads the longest operator: up to a comment, and without trailing signs unless one of the bytes that
// cannot stand in standard SQL's operators is in it.
func (l *lexer) postgresOperator() {
	pos, end := l.i, l.i
	for end < len(l.s) && strings.IndexByte(postgresOperator, l.s[end]) >= 0 {
		if strings.HasPrefix(l.s[end:], "--") || strings.HasPrefix(l.s[end:], "/*") {
			break
		}
		end++
	}
	if !strings.ContainsAny(l.s[pos:end], "~!@#%^&|`?") {
		for end > pos+1 && (l.s[end-1] == '+' || l.s[end-1] == '-') {
			end--
		}
	}
	l.i = end
	l.emit(tokenSymbol, pos, l.s[pos:end])
}
