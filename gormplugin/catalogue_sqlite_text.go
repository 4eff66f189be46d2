package cacheplugin

import "strings"

// SQLite tells neither the collation of a column nor the timing and the event of a trigger but by the text they were
// created with, which it stores. What is not understood here is taken for the worst.

// triggerEvents reads the head of a CREATE TRIGGER: on which events it runs, and whether it may after the row is
// written. Without a word for it a trigger runs before.
func triggerEvents(text string) (on events, after bool) {
	words := sqliteWords{rest: text}
	if !words.accept("create") {
		return onAny, true
	}
	_ = words.accept("temp") || words.accept("temporary")
	if !words.accept("trigger") {
		return onAny, true
	}
	if words.accept("if") && (!words.accept("not") || !words.accept("exists")) {
		return onAny, true
	}
	words.next()
	if words.accept(".") {
		words.next()
	}
	switch {
	case words.accept("before"):
	case words.accept("after"):
		after = true
	case words.accept("instead"):
		if !words.accept("of") {
			return onAny, true
		}
	}
	switch strings.ToLower(words.next()) {
	case "insert":
		return onInsert, after
	case "update":
		return onUpdate, after
	case "delete":
		return onDelete, after
	default:
		return onAny, true
	}
}

// binaryColumns says of each column, in the order of the CREATE TABLE, whether it surely compares by the collation
// BINARY, which is the default: its definition has no COLLATE in it.
func binaryColumns(text string, columns []string) []bool {
	binary := make([]bool, len(columns))
	words := sqliteWords{rest: text}
	for token := words.next(); token != "("; token = words.next() {
		if token == "" {
			return binary
		}
	}
	for i, column := range columns {
		start := words.rest
		named := strings.EqualFold(unquoteSQLite(words.next()), column)
		var last string
		for depth := 0; ; {
			last = words.next()
			if last == "" || depth == 0 && (last == "," || last == ")") {
				break
			}
			switch last {
			case "(":
				depth++
			case ")":
				depth--
			}
		}
		definition := start[:len(start)-len(words.rest)]
		if !named || last == "" {
			return binary // not the text of this table after all
		}
		binary[i] = !strings.Contains(strings.ToLower(definition), "collate")
		if last == ")" {
			break
		}
	}
	return binary
}

// sqliteWords cuts a text that SQLite has accepted into words, quoted names and strings, and single characters.
type sqliteWords struct{ rest string }

// accept takes the next token if it is the word, given in lower case.
func (w *sqliteWords) accept(word string) bool {
	rest := w.rest
	if strings.EqualFold(w.next(), word) {
		return true
	}
	w.rest = rest
	return false
}

// next returns the next token as it is written, nothing at the end.
func (w *sqliteWords) next() string {
	w.skip()
	s := w.rest
	if s == "" {
		return ""
	}
	end := 1
	switch c := s[0]; c {
	case '\'', '"', '`':
		for end < len(s) {
			if s[end] != c {
				end++
			} else if end+1 < len(s) && s[end+1] == c {
				end += 2
			} else {
				break
			}
		}
		end = min(end+1, len(s))
	case '[':
		if i := strings.IndexByte(s, ']'); i > 0 {
			end = i + 1
		} else {
			end = len(s)
		}
	default:
		if wordByte(c) {
			for end < len(s) && wordByte(s[end]) {
				end++
			}
		}
	}
	w.rest = s[end:]
	return s[:end]
}

// skip passes over space and comments.
func (w *sqliteWords) skip() {
	for {
		w.rest = strings.TrimLeft(w.rest, " \t\r\n\f")
		var mark string
		switch {
		case strings.HasPrefix(w.rest, "--"):
			mark = "\n"
		case strings.HasPrefix(w.rest, "/*"):
			mark = "*/"
		default:
			return
		}
		_, w.rest, _ = strings.Cut(w.rest[2:], mark)
	}
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func unquoteSQLite(token string) string {
	if len(token) < 2 {
		return token
	}
	switch c := token[0]; c {
	case '"', '`', '\'':
		return strings.ReplaceAll(token[1:len(token)-1], string([]byte{c, c}), string(c))
	case '[':
		return token[1 : len(token)-1]
	default:
		return token
	}
}
