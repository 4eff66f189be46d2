package sqltext

import (
	"strings"
	"unicode/utf8"
)

// maxNameBytes is where PostgreSQL cuts a name. Cutting everywhere only makes two long names share a tag.
const maxNameBytes = 63

// Name is a relation as a text names it, without its quotes. PostgreSQL's unquoted names are in lower case, as the
// server stores them; all other names are as written.
type Name struct {
	Schema string // empty if the text gives none
	Table  string
}

// Folded returns the name used for tags: the bare table in lower case, without its schema.
func (n Name) Folded() string { return fold(n.Table) }

// String returns the name with its schema, for messages; it is not quoted.
func (n Name) String() string {
	if n.Schema == "" {
		return n.Table
	}
	return n.Schema + "." + n.Table
}

// Folded returns the tag name of a table given as an application or GORM writes it: bare or after a schema, quoted in any
// dialect's way or not. It is what [Name.Folded] returns for the same table found in a text.
func Folded(name string) string {
	last, rest := "", strings.TrimSpace(name)
	for rest != "" {
		var part string
		part, rest = component(rest)
		if part != "" {
			last = part
		}
	}
	return fold(last)
}

// ParseName returns the name of a table given as an application or GORM writes it, as [Folded] takes it.
func ParseName(name string) Name {
	var n Name
	for rest := strings.TrimSpace(name); rest != ""; {
		var part string
		if part, rest = component(rest); part != "" {
			n.Schema, n.Table = n.Table, part
		}
	}
	return n
}

// component cuts the first part of a dotted name, without its quotes.
func component(s string) (part, rest string) {
	closing := byte(0)
	switch s[0] {
	case '"', '`':
		closing = s[0]
	case '[':
		closing = ']'
	}
	if closing == 0 {
		part, rest, _ = strings.Cut(s, ".")
		return strings.TrimSpace(part), strings.TrimSpace(rest)
	}
	var b strings.Builder
	i := 1
	for i < len(s) {
		if s[i] == closing {
			if i+1 == len(s) || s[i+1] != closing {
				break
			}
			i++
		}
		b.WriteByte(s[i])
		i++
	}
	if i >= len(s) {
		return s, "" // unterminated: not a quoted name after all
	}
	return b.String(), strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s[i+1:]), "."))
}

func fold(name string) string {
	if len(name) > maxNameBytes {
		cut := maxNameBytes
		for cut > 0 && !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = name[:cut]
	}
	return strings.ToLower(name)
}

// foldASCII lowers A to Z only, as PostgreSQL does with unquoted names.
func foldASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// addName appends a name that is not there yet.
func addName(names []Name, n Name) []Name {
	for _, known := range names {
		if known == n {
			return names
		}
	}
	return append(names, n)
}
