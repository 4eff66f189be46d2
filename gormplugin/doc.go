// Package cacheplugin caches the rows and query results of a GORM database, and keeps them right.
//
//	cache := cacheplugin.New()
//	if err := db.Use(cache); err != nil { … }
//	defer cache.Close(ctx)
//
// A model says in a struct tag how its writes meet the cache; package policy has the grammar. Models without a tag are not
// cached, but their writes count: a page may have been made from them. Queries, hooks, transactions and associations stay
// plain GORM.
//
// # Reads
//
// A read by primary key is looked up in the row cache before GORM builds its SQL. Every other read is judged by its final
// SQL: if each relation is an ordinary table and each function known to be immutable, its answer is cached under all of
// its text and arguments, and stands on all of its tables. What is stored is the database's answer, column by column, and
// a hit replays it by the rules of database/sql. Reads in transactions, locking reads and raw SQL go to the database;
// [Stats] counts them by reason.
//
// # Writes
//
// The plugin wraps the connection pool and so sees BEGIN, COMMIT and ROLLBACK. A transaction's effects are collected while
// it runs, announced just before COMMIT, published after it, and dropped on ROLLBACK; package coherence says why that
// leaves no gap. GORM's statements are made to return what the cache needs to know, the keys or the rows they changed, and
// GORM gets exactly the answer it would have had. Raw SQL is read by a lexer, and the catalogue of the database says what
// triggers and foreign keys do besides.
//
// # Write-back
//
// Changes of write-back models wait in a dirty table in memory, merged per row and column, until they are flushed: by age,
// by count, before a query over their table, or by [Plugin.Flush]. What cannot be merged for certain is flushed and then
// done at once. [Plugin.Close] flushes what is left.
package cacheplugin
