package sqltext

import "strings"

// prefixed reads a string with a prefix: E'…', B'…', X'…', N'…'. U&'…' and U&"…" are refused: their escapes are not
// decoded here.
func (l *lexer) prefixed() bool {
	prefix := l.s[l.i] | 0x20
	if prefix == 'u' && l.at(1) == '&' && (l.d == Postgres || l.d == Other) && (l.at(2) == '\'' || l.at(2) == '"') {
		l.refuse()
		return true
	}
	if l.at(1) != '\'' {
		return false
	}
	switch {
	case prefix == 'e' && l.d == Postgres:
		l.str(l.i, l.i+1, true)
	case prefix == 'x', (prefix == 'b' || prefix == 'n') && l.d != SQLite:
		l.str(l.i, l.i+1, false)
	default:
		return false
	}
	return true
}

// str reads a string literal whose first quote is at quote and whose prefix starts at pos. Where backslash may or may
// not escape (PostgreSQL's standard_conforming_strings, MySQL's NO_BACKSLASH_ESCAPES), a quote that would be escaped
// makes the end doubtful. PostgreSQL's E strings always escape, SQLite's strings never.
func (l *lexer) str(pos, quote int, escapes bool) {
	mark := l.s[quote]
	escaped := false
	for l.i = quote + 1; l.i < len(l.s); l.i++ {
		c := l.s[l.i]
		switch {
		case escaped:
			escaped = false
			if c == mark && !escapes {
				l.refuse()
				return
			}
		case c == '\\' && l.d != SQLite:
			escaped = true
		case c == mark && l.at(1) == mark:
			l.i++
		case c == mark:
			l.i++
			kind := tokenText
			if mark == '"' {
				kind = tokenEither
			}
			body := l.s[quote+1 : l.i-1]
			l.emit(kind, pos, strings.ReplaceAll(body, string(mark)+string(mark), string(mark)))
			// MySQL and SQLite give such words no meaning in a plain string. An escape could spell one.
			l.toks[len(l.toks)-1].clock = l.d == Postgres && (ClockWord(body) || escapes && spells(body))
			return
		}
	}
	l.refuse()
}

// spells is true if a backslash in the body of an E string stands for something other than a quote or itself.
func spells(body string) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		if i++; i < len(body) && body[i] != '\'' && body[i] != '\\' {
			return true
		}
	}
	return false
}

func (l *lexer) doubleQuoted() {
	if l.d == Postgres || l.d == SQLite {
		l.quoted(tokenQuoted, '"')
		return
	}
	l.str(l.i, l.i, false)
}

// quoted reads a quoted name in which only the doubled quote is special.
func (l *lexer) quoted(kind tokenKind, mark byte) {
	pos := l.i
	for l.i++; l.i < len(l.s); l.i++ {
		if l.s[l.i] != mark {
			continue
		}
		if l.at(1) == mark {
			l.i++
			continue
		}
		l.i++
		l.emit(kind, pos, strings.ReplaceAll(l.s[pos+1:l.i-1], string(mark)+string(mark), string(mark)))
		return
	}
	l.refuse()
}

// bracketed reads [name]. SQLite ends it at the first bracket; others may double the closing one.
func (l *lexer) bracketed() {
	pos := l.i
	n := strings.IndexByte(l.s[l.i:], ']')
	if n < 0 {
		l.refuse()
		return
	}
	l.i += n + 1
	if l.d == Other && l.at(0) == ']' {
		l.refuse()
		return
	}
	l.emit(tokenQuoted, pos, l.s[pos+1:l.i-1])
}
