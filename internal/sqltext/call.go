package sqltext

import "strings"

// plainTypes holds the types a cast to which depends on the value alone, spelled as their first word.
var plainTypes = wordSet(`int integer int2 int4 int8 smallint bigint tinyint mediumint numeric decimal dec real float float4
	float8 double boolean bool text varchar char character nchar bpchar uuid bytea json jsonb bit signed unsigned binary
	varbinary blob`)

// sessionTypes holds the types whose input or output depends on the session's settings, the clock or the catalogue.
var sessionTypes = wordSet(`date time timestamp timestamptz timetz datetime year interval money regclass regtype regproc
	regprocedure regrole regnamespace regoper regoperator regconfig regdictionary oid name`)

// separated holds the functions whose arguments may stand between keywords.
var separated = wordSet(`substring substr trim overlay extract position`)

// frameWords are what may stand in the frame of a window.
var frameWords = wordSet(`rows range groups between unbounded preceding following current row and exclude no others ties
	group interval`)

// call reads a call from its opening parenthesis on. The name has been read; schema is what stood before it.
func (r *reader) call(name token, schema string) bool {
	if schema != "" && (r.d != Postgres || schema != "pg_catalog") || name.kind != tokenWord ||
		r.d == MySQL && r.peek().pos != name.end { // with a gap, MySQL looks for a stored function
		r.refuse(ReasonUnknownFunction)
		r.hidden = true
	} else {
		switch effectOf(r.d, name.val) {
		case effectUnknown:
			r.refuse(ReasonUnknownFunction)
			r.hidden = true
		case effectStable:
			r.refuse(ReasonStableFunction)
		case effectVolatile:
			r.refuse(ReasonVolatileFunction)
		}
	}
	return r.symbol("(") && r.arguments(name.val) && r.windowed()
}

// arguments reads to the closing parenthesis of a call.
func (r *reader) arguments(name string) bool {
	if r.symbol(")") {
		return true
	}
	if r.symbol("*") { // count(*)
		return r.symbol(")")
	}
	if !r.anyWord("distinct", "all") && name == "trim" {
		r.anyWord("leading", "trailing", "both")
		r.word("from")
	}
	for {
		if r.isWord(0, "select", "with") || !r.expression() {
			return false
		}
		if !r.symbol(",") && (!separated[name] || !r.anyWord("from", "for", "placing")) {
			break
		}
	}
	if r.word("order") && (!r.word("by") || !r.ordering()) {
		return false
	}
	if r.d == MySQL && r.word("separator") {
		if r.peek().kind != tokenText && r.peek().kind != tokenEither {
			return false
		}
		r.i++
	}
	return r.symbol(")")
}

// windowed reads what may follow a call: WITHIN GROUP, FILTER, OVER.
func (r *reader) windowed() bool {
	if r.word("within", "group") {
		if !r.symbol("(") || !r.word("order", "by") || !r.ordering() || !r.symbol(")") {
			return false
		}
	}
	if r.word("filter") {
		if !r.symbol("(") || !r.word("where") || !r.expression() || !r.symbol(")") {
			return false
		}
	}
	if r.word("over") {
		if r.symbol("(") {
			return r.window()
		}
		return r.alias()
	}
	return true
}

// window reads the definition of a window after its opening parenthesis.
func (r *reader) window() bool {
	if !r.isWord(0, "partition", "order", "rows", "range", "groups") {
		r.alias()
	}
	if r.word("partition") && (!r.word("by") || !r.commaList(r.expression)) {
		return false
	}
	if r.word("order") && (!r.word("by") || !r.ordering()) {
		return false
	}
	for !r.symbol(")") {
		switch t := r.skip(); t.kind {
		case tokenNumber, tokenParam:
		case tokenWord:
			if !frameWords[t.val] {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// typeName reads the type of a cast.
func (r *reader) typeName() bool {
	t := r.peek()
	if t.kind != tokenWord {
		return r.fail(ReasonUnknownType)
	}
	switch {
	case plainTypes[t.val]:
	case sessionTypes[t.val]:
		r.refuse(ReasonSessionCast)
	default:
		return r.fail(ReasonUnknownType)
	}
	r.i++
	if r.isSymbol(0, ".") {
		return r.fail(ReasonUnknownType)
	}
	switch t.val {
	case "double":
		r.word("precision")
	case "character", "char", "bit", "nchar":
		r.word("varying")
	case "signed", "unsigned":
		r.anyWord("integer", "int")
	}
	if r.symbol("(") {
		if r.commaList(func() bool { return r.skip().kind == tokenNumber }) {
			if !r.symbol(")") {
				return false
			}
		} else {
			return false
		}
	}
	if strings.HasPrefix(t.val, "time") {
		_ = r.word("with", "time", "zone") || r.word("without", "time", "zone")
	}
	if r.d == MySQL && r.word("array") {
		return false
	}
	for r.d == Postgres && r.isSymbol(0, "[") {
		r.i++
		if r.peek().kind == tokenNumber {
			r.i++
		}
		if !r.symbol("]") {
			return false
		}
	}
	return true
}
