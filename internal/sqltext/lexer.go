package sqltext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd      tokenKind = iota
	tokenWord               // an unquoted name or a keyword; val is in lower case
	tokenQuoted             // a quoted name; val is without its quotes
	tokenEither             // "x" where it is a name or a string, as the server's mode says; val is without its quotes
	tokenText               // a string literal
	tokenNumber             // a numeric literal
	tokenParam              // a placeholder for an argument
	tokenVariable           // a variable of the session, @x
	tokenSymbol             // an operator or punctuation; val is the symbol
)

type token struct {
	kind     tokenKind
	pos, end int // byte offsets in the text
	val      string
	clock    bool // a string that a server may read as the time of day
}

// lexer cuts a text into tokens. It refuses, by ok, whatever a server might cut in another place.
type lexer struct {
	d     Dialect
	s     string
	i     int
	toks  []token
	depth int // of parentheses
	ok    bool
}

// lex returns the tokens of a text, with one of kind tokenEnd at the end. Comments are left out. It is false if the text
// has a part that is not surely understood: unterminated, not UTF-8, with a NUL, nested too deep, or cut differently by
// different modes of one server.
func lex(d Dialect, s string) ([]token, bool) {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return nil, false
	}
	l := &lexer{d: d, s: s, ok: true, toks: make([]token, 0, len(s)/4+2)}
	for l.ok && l.i < len(l.s) {
		l.next()
	}
	l.toks = append(l.toks, token{kind: tokenEnd, pos: len(s), end: len(s)})
	return l.toks, l.ok
}

func (l *lexer) next() {
	c := l.s[l.i]
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
		l.i++
	case c == '\v' && (l.d == Postgres || l.d == MySQL):
		l.i++
	case c == '-' && l.at(1) == '-' && l.dashComment():
	case c == '/' && l.at(1) == '*':
		l.blockComment()
	case c == '#' && l.d == MySQL:
		l.lineComment()
	case c == '\'':
		l.str(l.i, l.i, false)
	case c == '"':
		l.doubleQuoted()
	case c == '`' && l.d != Postgres:
		l.quoted(tokenQuoted, '`')
	case c == '[' && (l.d == SQLite || l.d == Other):
		l.bracketed()
	case isDigit(c) || c == '.' && isDigit(l.at(1)):
		l.number()
	case isLetter(c) || c >= utf8.RuneSelf:
		l.word()
	case c == '$' || c == '?' || c == ':' || c == '@':
		l.marker()
	default:
		l.symbol()
	}
}

// at returns the byte n places on, 0 past the end; the text itself holds no 0.
func (l *lexer) at(n int) byte {
	if l.i+n < len(l.s) {
		return l.s[l.i+n]
	}
	return 0
}

func (l *lexer) emit(kind tokenKind, pos int, val string) {
	l.toks = append(l.toks, token{kind: kind, pos: pos, end: l.i, val: val})
}

func (l *lexer) refuse() { l.ok = false }

// dashComment reads a comment that starts with two dashes. In MySQL they start one only before a space; elsewhere and
// not known (Other) that is in doubt.
func (l *lexer) dashComment() bool {
	if c := l.at(2); l.d == MySQL || l.d == Other {
		if c > ' ' && c != 0x7f {
			if l.d == Other {
				l.refuse()
			}
			return !l.ok
		}
	}
	l.lineComment()
	return true
}

// lineComment skips to the end of the line. PostgreSQL ends it at a carriage return, too; for Other that is in doubt.
func (l *lexer) lineComment() {
	for l.i < len(l.s) && l.s[l.i] != '\n' {
		if l.s[l.i] == '\r' {
			if l.d == Postgres {
				return
			}
			if l.d == Other && l.at(1) != '\n' {
				l.refuse()
				return
			}
		}
		l.i++
	}
}

// blockComment skips a comment: nested in PostgreSQL only, and in MySQL possibly code.
func (l *lexer) blockComment() {
	if l.d == MySQL || l.d == Other {
		if l.at(2) == '!' || (l.at(2) == 'M' || l.at(2) == 'm') && l.at(3) == '!' {
			l.refuse()
			return
		}
	}
	l.i += 2
	for depth := 1; l.i < len(l.s); {
		switch {
		case l.s[l.i] == '*' && l.at(1) == '/':
			l.i += 2
			if depth--; depth == 0 {
				return
			}
		case l.s[l.i] == '/' && l.at(1) == '*' && l.d == Postgres:
			l.i += 2
			depth++
		case l.s[l.i] == '/' && l.at(1) == '*' && l.d == Other:
			l.refuse()
			return
		default:
			l.i++
		}
	}
	l.refuse()
}

func (l *lexer) number() {
	pos := l.i
	if l.s[l.i] == '0' && (l.at(1)|0x20) == 'x' {
		l.i += 2
		l.skip(isHex)
	} else {
		l.skip(isDigit)
		if l.at(0) == '.' {
			l.i++
			l.skip(isDigit)
		}
		if l.at(0)|0x20 == 'e' {
			sign := 1
			if l.at(1) == '+' || l.at(1) == '-' {
				sign = 2
			}
			if isDigit(l.at(sign)) {
				l.i += sign
				l.skip(isDigit)
			}
		}
	}
	// A name or a second point glued to a number is read in different ways, or not at all.
	if c := l.at(0); isNamePart(c) || c == '.' {
		l.refuse()
		return
	}
	l.emit(tokenNumber, pos, l.s[pos:l.i])
}

func (l *lexer) word() {
	pos := l.i
	if l.prefixed() {
		return
	}
	for l.i < len(l.s) {
		c := l.s[l.i]
		if c < utf8.RuneSelf {
			if !isNamePart(c) {
				break
			}
			l.i++
			continue
		}
		r, size := utf8.DecodeRuneInString(l.s[l.i:])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			l.refuse()
			return
		}
		l.i += size
	}
	l.emit(tokenWord, pos, foldASCII(l.s[pos:l.i]))
}

func (l *lexer) skip(class func(byte) bool) {
	for l.i < len(l.s) && class(l.s[l.i]) {
		l.i++
	}
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }

// isNamePart is true of every byte that may continue a name in some dialect.
func isNamePart(c byte) bool { return isLetter(c) || isDigit(c) || c == '$' || c >= utf8.RuneSelf }
