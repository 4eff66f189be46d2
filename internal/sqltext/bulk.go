package sqltext

func (w *writer) merge() {
	w.i++
	w.out.Kind = Merge
	w.returning()
	w.word("into")
	w.word("only")
	if !w.target() {
		w.unknown(Merge)
		return
	}
	w.rest()
}

func (w *writer) copy() {
	w.i++
	w.out.Kind = Copy
	if w.isSymbol(0, "(") {
		if w.nested() {
			return
		}
		w.rest()
		return
	}
	if !w.target() || w.isSymbol(0, "(") && !w.group() {
		w.unknown(Copy)
		return
	}
	switch {
	case w.isWord(0, "from"):
	case w.isWord(0, "to"):
		w.out.Tables = nil
	default:
		w.unknown(Copy)
		return
	}
	w.out.ReturnsRows = false
	w.rest()
}

// load reads MySQL's LOAD DATA and LOAD XML.
func (w *writer) load() {
	w.i++
	w.out.Kind = Copy
	if w.d == Postgres || !w.anyWord("data", "xml") {
		w.unknown(Unknown)
		return
	}
	w.i = w.find("into")
	if !w.word("into", "table") || !w.target() {
		w.unknown(Copy)
		return
	}
	if w.isSymbol(0, "(") {
		w.group() // columns
	}
	if w.has("set") {
		w.out.All = true // SET column = an expression; not followed
	}
}
