package sqltext

// Reason is why a read is not accepted, in a form for counters and log lines.
type Reason = string

// The reasons of [Read].Refusal.
const (
	ReasonUnknownDialect    Reason = "unknown-dialect"    // the database is none whose SQL is known here
	ReasonUnknownSyntax     Reason = "unknown-syntax"     // some part was not understood
	ReasonNotSelect         Reason = "not-select"         // another kind of statement, or a WITH that holds one
	ReasonSeveralStatements Reason = "several-statements" // more than one statement in the text
	ReasonLocking           Reason = "locking"            // FOR UPDATE and the like
	ReasonInto              Reason = "into"               // SELECT … INTO
	ReasonNoTable           Reason = "no-table"           // no relation is read, so nothing could invalidate it
	ReasonVolatileFunction  Reason = "volatile-function"  // clock, randomness, sequences, the session's identity
	ReasonStableFunction    Reason = "stable-function"    // depends on settings of the session, such as its time zone
	ReasonSessionCast       Reason = "session-cast"       // a cast that depends on settings of the session or on the clock
	ReasonClockLiteral      Reason = "clock-literal"      // a string such as 'now', see ClockWord
	ReasonUnknownFunction   Reason = "unknown-function"   // may read or write anything
	ReasonUnknownOperator   Reason = "unknown-operator"   // an operator that is not built in, or not known to be immutable
	ReasonUnknownType       Reason = "unknown-type"       // a cast to a type that may be the user's own
	ReasonTableFunction     Reason = "table-function"     // a function in FROM
	ReasonLateral           Reason = "lateral"            // LATERAL
	ReasonRecursive         Reason = "recursive-cte"      // WITH RECURSIVE
	ReasonSample            Reason = "sample"             // TABLESAMPLE
	ReasonSystemCatalog     Reason = "system-catalog"     // a table of the server's own
	ReasonSystemColumn      Reason = "system-column"      // ctid, rowid and the like
	ReasonVariable          Reason = "session-variable"   // a variable of the session
)

// Reasons lists every reason, for documentation and counters.
func Reasons() []Reason {
	return []Reason{
		ReasonUnknownDialect, ReasonUnknownSyntax, ReasonNotSelect, ReasonSeveralStatements, ReasonLocking, ReasonInto,
		ReasonNoTable, ReasonVolatileFunction, ReasonStableFunction, ReasonSessionCast, ReasonClockLiteral,
		ReasonUnknownFunction, ReasonUnknownOperator, ReasonUnknownType, ReasonTableFunction, ReasonLateral,
		ReasonRecursive, ReasonSample, ReasonSystemCatalog, ReasonSystemColumn, ReasonVariable,
	}
}

// Read is the verdict on a text as a read. It may be shared and is not to be changed.
type Read struct {
	// Tables are the relations named, each once, in the order of the text; common table expressions are none.
	Tables []Name
	// Refusal is empty if the text is one SELECT of which everything was understood, so that its answer depends on
	// Tables and its arguments only. Otherwise it is one of the Reason constants: the first one met.
	Refusal Reason
	// Fixed are the columns that the condition holds to one value each, if the text is accepted and is one plain SELECT of one
	// table in one of the forms known here (PostgreSQL and SQLite); a column may be there more than once.
	Fixed []Fixed
	// TablesKnown is true if Tables is complete, which it may be in spite of a refusal (a lock, a call of now).
	TablesKnown bool
}

// JudgeRead reads a text that is expected to be one SELECT. It never panics and takes any text.
func JudgeRead(d Dialect, sql string) Read {
	if d == Other {
		return Read{Refusal: ReasonUnknownDialect}
	}
	toks, ok := lex(d, sql)
	if !ok {
		return Read{Refusal: ReasonUnknownSyntax}
	}
	r := &reader{cursor: cursor{d: d, sql: sql, toks: toks}}
	complete := r.statement()
	if !complete {
		r.refuse(ReasonUnknownSyntax)
	} else if len(r.tables) == 0 {
		r.refuse(ReasonNoTable)
	}
	v := Read{Tables: r.tables, Refusal: r.refusal, TablesKnown: complete && !r.hidden}
	if v.Refusal == "" && len(v.Tables) == 1 {
		v.Fixed = fixed(d, sql, toks)
	}
	return v
}

// maxDepth bounds the nesting of parentheses, cases and queries.
const maxDepth = 100

// reader parses one SELECT. Its methods return false to give up; what they can read on from is noted by refuse.
type reader struct {
	cursor
	depth   int
	ctes    []string // names of the common table expressions in scope, as the dialect stores them
	tables  []Name
	refusal Reason
	hidden  bool // relations may be read that are not named
}

func (r *reader) statement() bool {
	for r.symbol(";") {
	}
	switch t := r.peek(); {
	case t.kind == tokenWord && (t.val == "select" || t.val == "with"), t.kind == tokenSymbol && t.val == "(":
	default:
		return r.fail(ReasonNotSelect)
	}
	if !r.query() {
		return false
	}
	if r.symbol(";") {
		for r.symbol(";") {
		}
		if r.peek().kind != tokenEnd {
			return r.fail(ReasonSeveralStatements)
		}
	}
	return r.peek().kind == tokenEnd
}

// refuse notes a reason and lets the reading go on, for the tables.
func (r *reader) refuse(why Reason) {
	if r.refusal == "" {
		r.refusal = why
	}
}

// fail notes a reason and gives up.
func (r *reader) fail(why Reason) bool {
	r.refuse(why)
	return false
}

func (r *reader) enter() bool {
	r.depth++
	return r.depth <= maxDepth
}

func (r *reader) leave() { r.depth-- }

// commaList reads one or more items.
func (r *reader) commaList(item func() bool) bool {
	for {
		if !item() {
			return false
		}
		if !r.symbol(",") {
			return true
		}
	}
}
