package sqltext

import "slices"

// Kind is what a statement is, as far as a cache cares.
type Kind uint8

// The kinds. Unknown is a statement that was not understood, or several of different kinds in one text.
const (
	Unknown            Kind = iota
	Select                  // reads, VALUES and TABLE included; All if it may call what writes
	Insert                  // INSERT and REPLACE
	Update                  // UPDATE
	Delete                  // DELETE
	Truncate                // TRUNCATE
	Merge                   // MERGE
	Copy                    // COPY, LOAD DATA
	DDL                     // CREATE, ALTER, DROP and their like, SELECT … INTO
	Refresh                 // REFRESH MATERIALIZED VIEW
	Call                    // CALL, DO, EXECUTE
	Savepoint               // SAVEPOINT
	RollbackTo              // ROLLBACK TO SAVEPOINT
	Release                 // RELEASE SAVEPOINT
	Begin                   // BEGIN, START TRANSACTION
	Commit                  // COMMIT, END
	Rollback                // ROLLBACK, ABORT
	PrepareTransaction      // PREPARE TRANSACTION
	CommitPrepared          // COMMIT PREPARED
	RollbackPrepared        // ROLLBACK PREPARED
	SetTransaction          // SET TRANSACTION, SET SESSION CHARACTERISTICS
	Set                     // SET and RESET of anything else
	Explain                 // EXPLAIN, DESCRIBE; with ANALYZE it writes what its statement writes
	Pragma                  // SQLite's PRAGMA
	Maintenance             // VACUUM, ANALYZE, REINDEX, CLUSTER, OPTIMIZE
	Lock                    // LOCK, UNLOCK
	Session                 // SHOW, USE, LISTEN, NOTIFY, DEALLOCATE, DISCARD, CLOSE, CHECKPOINT
)

// Write is the verdict on a text as a write. It may be shared and is not to be changed.
type Write struct {
	Kind      Kind
	Savepoint string // the name, of Savepoint, RollbackTo and Release; folded as the dialect compares names
	// Tables are the relations written, each once, as far as the text names them. Meaningless with All.
	Tables []Name
	// All is true if it cannot be told what is written: count it as a write of everything.
	All bool
	// ReturnsRows is true of a read and of a write that returns rows, and where that cannot be told.
	ReturnsRows bool
	// EndsTransaction is true if the transaction around the statement may be committed, rolled back or prepared by it.
	EndsTransaction bool
	// Statements counts the statements of the text; 0 if there are none but comments, or it could not be told.
	Statements int
}

// Writes is true if the statement may change what a table holds.
func (w *Write) Writes() bool { return w.All || len(w.Tables) > 0 }

// JudgeWrite reads any text. It never panics. Several statements in one text are taken together.
func JudgeWrite(d Dialect, sql string) Write {
	unknown := Write{All: true, ReturnsRows: true, EndsTransaction: true}
	toks, ok := lex(d, sql)
	if !ok {
		return unknown
	}
	var all Write
	for start := 0; start < len(toks); {
		end := start
		for toks[end].kind != tokenEnd && (toks[end].kind != tokenSymbol || toks[end].val != ";") {
			end++
		}
		if end > start {
			w := judge(d, sql, toks[start:end], toks[end].pos, 0)
			if all.Statements == 0 {
				all = w
				all.Statements = 1
			} else {
				all.join(w)
			}
		}
		start = end + 1
	}
	return all
}

// join adds the verdict on a further statement. Transaction control among other statements is more than a caller can
// follow, so it counts as a write of everything.
func (w *Write) join(next Write) {
	if w.Kind.controls() || next.Kind.controls() {
		w.All = true
	}
	if w.Kind != next.Kind {
		w.Kind = Unknown
	}
	w.Statements++
	w.Savepoint = ""
	w.add(next)
	w.ReturnsRows = w.ReturnsRows || next.ReturnsRows
}

// add takes over what another statement writes.
func (w *Write) add(inner Write) {
	for _, n := range inner.Tables {
		w.Tables = addName(w.Tables, n)
	}
	w.All = w.All || inner.All
	w.EndsTransaction = w.EndsTransaction || inner.EndsTransaction
}

func (k Kind) controls() bool { return k >= Savepoint && k <= RollbackPrepared }

// writer judges one statement.
type writer struct {
	cursor
	depth int
	out   Write
}

// judge reads one statement of a text; end is the offset after it.
func judge(d Dialect, sql string, toks []token, end, depth int) Write {
	if depth > maxDepth {
		return Write{All: true, ReturnsRows: true, EndsTransaction: true}
	}
	toks = append(slices.Clone(toks), token{kind: tokenEnd, pos: end, end: end})
	w := &writer{cursor: cursor{d: d, sql: sql, toks: toks}, depth: depth}
	w.statement()
	if (d == MySQL || d == Other) && !keepsTransaction[w.out.Kind] {
		w.out.EndsTransaction = true
	}
	return w.out
}

// keepsTransaction holds the kinds that never commit implicitly in a database that lets others do so.
var keepsTransaction = map[Kind]bool{
	Select: true, Insert: true, Update: true, Delete: true, Merge: true, Copy: true, Savepoint: true, RollbackTo: true,
	Release: true, SetTransaction: true, Set: true, Explain: true, Pragma: true, Session: true,
}

func (w *writer) statement() {
	t := w.peek()
	if t.kind == tokenSymbol && t.val == "(" {
		w.selects()
		return
	}
	if t.kind != tokenWord {
		w.unknown(Unknown)
		return
	}
	if read, ok := statements[t.val]; ok {
		read(w)
		return
	}
	w.unknown(Unknown)
}

// statements holds how to read a statement, by its first word. A reader starts at that word.
var statements map[string]func(*writer)

func init() {
	statements = map[string]func(*writer){
		"select": (*writer).selects, "values": (*writer).selects, "table": (*writer).selects, "with": (*writer).with,
		"insert": (*writer).insert, "replace": (*writer).replace, "update": (*writer).update, "delete": (*writer).delete,
		"merge": (*writer).merge, "copy": (*writer).copy, "load": (*writer).load,
		"truncate": (*writer).truncate, "create": (*writer).create, "drop": (*writer).drop, "alter": (*writer).alter,
		"rename": (*writer).ddl, "comment": (*writer).ddl, "grant": (*writer).ddl, "revoke": (*writer).ddl,
		"refresh": (*writer).refresh,
		"call":    (*writer).call, "do": (*writer).call, "execute": (*writer).call, "exec": (*writer).call,
		"savepoint": (*writer).savepoint, "release": (*writer).release, "begin": (*writer).begin, "start": (*writer).begin,
		"commit": (*writer).commit, "end": (*writer).commit, "rollback": (*writer).rollback, "abort": (*writer).rollback,
		"prepare": (*writer).prepare,
		"set":     (*writer).set, "reset": (*writer).set,
		"explain": (*writer).explain, "describe": (*writer).explain, "desc": (*writer).explain,
		"pragma": (*writer).pragma, "analyze": (*writer).analyze, "analyse": (*writer).analyze,
		"vacuum": (*writer).maintenance, "reindex": (*writer).maintenance, "cluster": (*writer).maintenance,
		"optimize": (*writer).maintenance, "lock": (*writer).lock, "unlock": (*writer).lock,
		"show": (*writer).session, "use": (*writer).session, "listen": (*writer).session, "unlisten": (*writer).session,
		"notify": (*writer).session, "deallocate": (*writer).session, "discard": (*writer).session,
		"close": (*writer).session, "checkpoint": (*writer).session,
	}
}

// unknown gives up on a statement.
func (w *writer) unknown(kind Kind) {
	w.out.Kind = kind
	w.out.All = true
	w.out.ReturnsRows = true
	w.out.EndsTransaction = w.out.EndsTransaction || kind == Unknown
}
