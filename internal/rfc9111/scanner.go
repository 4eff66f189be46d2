package rfc9111

import "strings"

// directive is one member of a Cache-Control field line. Its strings are parts
// of that line.
type directive struct {
	name string
	// arg is what follows "=", for a quoted string its content with the
	// backslashes still in it.
	arg    string
	hasArg bool
	quoted bool
	// malformed says that the member does not follow the grammar of RFC 9111
	// section 5.2. A malformed member may restrict, never permit.
	malformed bool
}

// scanner walks over the members of one field line without allocating.
type scanner struct {
	rest string
	// broken is set by a quoted string without an end. Nobody can tell what
	// was meant to be inside, so all that follows counts as malformed.
	broken bool
}

// next returns the next member; ok is false at the end of the line.
func (s *scanner) next() (d directive, ok bool) {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\t' || s.rest[0] == ',') {
		s.rest = s.rest[1:]
	}
	if s.rest == "" {
		return directive{}, false
	}
	end := strings.IndexAny(s.rest, "=,")
	if end < 0 || s.rest[end] == ',' {
		d.name = trimOWS(s.member(0))
	} else {
		raw := s.rest[:end]
		d.name = trimOWS(raw)
		d.hasArg = true
		d.malformed = len(raw) != len(d.name)
		s.rest = s.rest[end+1:]
		s.argument(&d)
	}
	if s.broken {
		d.malformed = true
	}
	return d, true
}

// argument consumes what follows "=".
func (s *scanner) argument(d *directive) {
	if s.rest == "" || s.rest[0] != '"' {
		raw := s.member(0)
		d.arg = trimOWS(raw)
		if raw != "" && (raw[0] == ' ' || raw[0] == '\t') {
			d.malformed = true
		}
		return
	}
	end := closingQuote(s.rest)
	if end < 0 {
		s.broken = true
		d.arg = trimOWS(s.member(0))
		return
	}
	d.arg, d.quoted = s.rest[1:end], true
	if trimOWS(s.member(end+1)) != "" {
		d.malformed = true
	}
}

// member consumes up to and including the first comma at or after from and
// returns the part from there to the comma.
func (s *scanner) member(from int) string {
	part := s.rest[from:]
	if before, after, ok := strings.Cut(part, ","); ok {
		s.rest = after
		return before
	}
	s.rest = ""
	return part
}

// closingQuote returns the index of the quote that ends the quoted string at
// the start of s, or -1.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
