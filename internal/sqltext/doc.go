// Package sqltext reads SQL text: it tells which tables a SELECT reads and whether its answer depends on nothing but
// those tables, and which tables a statement writes.
//
// # What a verdict means
//
// Everything here is an allow list. A read is accepted only if the whole text was understood: every token, every clause,
// every relation, every function. A write names its tables only if no part of it could write elsewhere; otherwise it
// counts as a write of everything ([Write].All). "Not understood" is never "harmless".
//
// A text cannot show everything, and callers have to know the rest from the catalogue: views and partitions, triggers
// and rules, row security, functions a user defined over the name of a built-in one (SQLite) or as an overload of it for
// a type of their own, and PostgreSQL's functional notation, where t.f may call f(t). Settings of the session (time zone,
// collation, search path) are taken to be the same for every connection of a pool, but for functions and casts whose very
// point is the setting, which are refused. Arguments are not part of the text: PostgreSQL reads the string 'now' as the
// time of day, so a caller asks [ClockWord] about string arguments.
//
// # Why a lexer of our own
//
// The tokens of the lexer libraries at hand are made for obfuscating statements in logs, and are wrong in ways that
// would hide SQL here. github.com/DataDog/go-sqllexer v0.2.6 ends PostgreSQL's nested comments at the first "*/", reads
// "a<--b" as one operator and so runs on into the comment, takes a backslash for an escape in SQLite's strings, does not
// know the doubled quote inside a quoted identifier, ends a comment only at \n where PostgreSQL also ends it at \r, and
// takes any text between two dollar signs for the tag of a dollar quote. Each of these moves the boundary between data
// and code. The lexer in this package follows each server's own scanner, and where two settings of one server would
// disagree about a boundary (a quote after a backslash, MySQL's executable comments) it refuses the text.
package sqltext
