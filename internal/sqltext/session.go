package sqltext

import "strings"

// transactionWords are what may follow BEGIN, COMMIT and ROLLBACK.
var transactionWords = wordSet(`work transaction tran isolation level read write only committed uncommitted repeatable
	serializable deferred immediate exclusive concurrent not deferrable with consistent snapshot and no chain release`)

// only sets the kind of a statement that writes nothing if just words of transactions and commas follow.
func (w *writer) only(kind Kind) {
	w.out.Kind = kind
	for w.peek().kind != tokenEnd {
		if t := w.skip(); (t.kind != tokenWord || !transactionWords[t.val]) && (t.kind != tokenSymbol || t.val != ",") {
			w.out.All = true
		}
	}
}

// named sets the kind and the savepoint of a statement that ends with one.
func (w *writer) named(kind Kind) {
	t := w.peek()
	if !w.label() || w.peek().kind != tokenEnd {
		w.unknown(kind)
		w.out.EndsTransaction = true
		return
	}
	w.out.Kind = kind
	w.out.Savepoint = t.val
	if w.d != Postgres {
		w.out.Savepoint = strings.ToLower(t.val)
	}
}

func (w *writer) savepoint() {
	w.i++
	w.named(Savepoint)
}

func (w *writer) release() {
	w.i++
	if w.isWord(0, "savepoint") && w.ahead(1).kind != tokenEnd {
		w.i++
	}
	w.named(Release)
}

func (w *writer) begin() {
	start := w.skip()
	if start.val == "start" && !w.word("transaction") {
		w.unknown(Unknown)
		return
	}
	w.only(Begin)
}

func (w *writer) commit() {
	w.i++
	w.out.EndsTransaction = true
	if w.word("prepared") {
		w.out.Kind = CommitPrepared
		w.out.All = true
		return
	}
	w.only(Commit)
}

func (w *writer) rollback() {
	w.i++
	if w.word("prepared") {
		w.out.Kind = RollbackPrepared
		return
	}
	w.anyWord("work", "transaction")
	if w.word("to") {
		if w.isWord(0, "savepoint") && w.ahead(1).kind != tokenEnd {
			w.i++
		}
		w.named(RollbackTo)
		return
	}
	w.out.EndsTransaction = true
	w.only(Rollback)
}

func (w *writer) prepare() {
	w.i++
	if !w.word("transaction") {
		w.unknown(Unknown) // a prepared statement, which may be run by EXECUTE
		return
	}
	w.out.Kind = PrepareTransaction
	w.out.EndsTransaction = true
}

// set reads SET and RESET. MySQL's autocommit and password commit; MariaDB's SET STATEMENT … FOR runs a statement.
func (w *writer) set() {
	w.i++
	w.out.Kind = Set
	if w.isWord(0, "statement") {
		w.unknown(Unknown)
		return
	}
	if w.isWord(0, "transaction") || w.isWord(0, "session", "global", "local") && w.isWord(1, "transaction", "characteristics") {
		w.out.Kind = SetTransaction
	}
	for _, t := range w.toks {
		if v := strings.ToLower(t.val); strings.Contains(v, "autocommit") || v == "password" {
			w.out.EndsTransaction = true
		}
	}
	w.rest()
}

// explain reads EXPLAIN and its like. Without ANALYZE nothing is written but by functions that a planner may run.
func (w *writer) explain() {
	w.i++
	w.explained(false)
}

func (w *writer) explained(runs bool) {
	for w.peek().kind != tokenEnd {
		switch {
		case w.isWord(0, "select", "insert", "update", "delete", "merge", "replace", "with", "values", "execute", "create",
			"declare", "refresh", "call"):
			inner := judge(w.d, w.sql, w.toks[w.i:len(w.toks)-1], w.peekEnd(), w.depth+1)
			if runs {
				w.out.add(inner)
			} else if w.d == MySQL || w.d == Other {
				w.out.All = inner.All
			}
			w.out.Kind, w.out.ReturnsRows = Explain, true
			return
		case w.isWord(0, "analyze", "analyse"):
			runs = true
		}
		w.i++
	}
	w.out.Kind, w.out.ReturnsRows = Explain, true
	w.out.All = runs
}

// analyze reads ANALYZE of tables, and MariaDB's ANALYZE of a statement, which runs it.
func (w *writer) analyze() {
	w.i++
	if w.has("select", "insert", "update", "delete", "replace", "with") {
		w.explained(true)
		return
	}
	w.maintenance()
}

func (w *writer) maintenance() {
	w.out.Kind = Maintenance
	w.out.ReturnsRows = w.d != Postgres
}

func (w *writer) lock() { w.out.Kind = Lock }

func (w *writer) session() {
	w.i++
	w.out.Kind = Session
	w.out.ReturnsRows = true
	w.rest() // SHOW … WHERE
}
