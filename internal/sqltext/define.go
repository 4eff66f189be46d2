package sqltext

// ddl is a definition of which only that is known.
func (w *writer) ddl() {
	w.out.Kind = DDL
	w.out.All = true
}

func (w *writer) truncate() {
	w.i++
	w.out.Kind = Truncate
	w.word("table")
	for {
		w.word("only")
		if !w.target() {
			w.unknown(Truncate)
			return
		}
		w.symbol("*")
		if !w.symbol(",") {
			break
		}
	}
	if !w.word("restart", "identity") {
		w.word("continue", "identity")
	}
	w.word("restrict")
	if w.peek().kind != tokenEnd { // CASCADE, or not understood
		w.out.All = true
	}
}

func (w *writer) create() {
	w.i++
	w.out.Kind = DDL
	w.anyWord("global", "local")
	w.anyWord("temp", "temporary", "unlogged")
	if !w.word("table") {
		w.out.All = true
		return
	}
	w.word("if", "not", "exists")
	if !w.target() || w.has("partition", "inherits", "of", "execute") {
		w.out.All = true
		return
	}
	if !w.has("select", "values", "table", "with") {
		return // nothing runs but the definition
	}
	if w.isSymbol(0, "(") && !w.isWord(1, "select", "with", "values", "table") && !w.group() {
		w.out.All = true
	}
	w.rest()
}

func (w *writer) drop() {
	w.i++
	w.out.Kind = DDL
	w.word("temporary")
	if !w.word("table") {
		w.out.All = true
		return
	}
	w.word("if", "exists")
	for {
		if !w.target() {
			w.out.All = true
			return
		}
		if !w.symbol(",") {
			break
		}
	}
	w.word("restrict")
	if w.peek().kind != tokenEnd { // CASCADE, or not understood
		w.out.All = true
	}
}

func (w *writer) alter() {
	w.i++
	w.out.Kind = DDL
	if !w.word("table") {
		w.out.All = true
		return
	}
	w.word("if", "exists")
	w.word("only")
	if !w.target() {
		w.out.All = true
		return
	}
	w.symbol("*")
	if !w.isWord(0, "add", "alter", "drop", "modify", "change") ||
		w.has("cascade", "partition", "attach", "detach", "inherit", "rename", "references") {
		w.out.All = true
		return
	}
	w.rest()
}

func (w *writer) refresh() {
	w.i++
	w.out.Kind = Refresh
	if !w.word("materialized", "view") {
		w.unknown(Unknown)
		return
	}
	w.word("concurrently")
	if !w.target() {
		w.out.All = true
	}
}

func (w *writer) call() { w.unknown(Call) }

// queryPragmas holds the pragmas that change neither rows nor how statements work, with an argument or without.
var queryPragmas = wordSet(`table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list
	foreign_key_check database_list collation_list function_list module_list pragma_list compile_options integrity_check
	quick_check data_version freelist_count page_count busy_timeout journal_mode synchronous cache_size temp_store
	mmap_size wal_checkpoint wal_autocheckpoint journal_size_limit optimize analysis_limit`)

// settingPragmas holds those that do so only without an argument.
var settingPragmas = wordSet(`foreign_keys defer_foreign_keys recursive_triggers user_version application_id encoding
	schema_version page_size auto_vacuum query_only read_uncommitted locking_mode secure_delete trusted_schema`)

func (w *writer) pragma() {
	w.i++
	w.out.Kind = Pragma
	w.out.ReturnsRows = true
	name := w.skip()
	if w.symbol(".") {
		name = w.skip()
	}
	if name.kind != tokenWord || !queryPragmas[name.val] && (!settingPragmas[name.val] || w.peek().kind != tokenEnd) {
		w.out.All = true
	}
}
