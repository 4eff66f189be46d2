// Package coherence is the engine of the cache: it knows what every cached thing was made from, and serves it only while none
// of that has changed. docs/coherence.md has the long form of what follows, with the proof.
//
// # Words, tags and stamps
//
// A fixed table holds 2^20 words of 64 bits, each a version and the number of writers under way:
//
//	63                                20 19              0
//	┌──────────────────────────────────┬─────────────────┐
//	│ version: how often published     │ writers now     │   one atomic word
//	└──────────────────────────────────┴─────────────────┘
//
// A [Tag] names a table, a row, a URL or something of the application's own. It hashes to words: those that a read of it stands
// on, and those that a write of it moves. Two tags on one word cause needless misses, never a wrong hit. So memory is
// bounded, nothing is enumerated, and one atomic step invalidates any number of entries.
//
// A [Stamp] is a word and the version it had before the data it vouches for was read. [Stamps] are valid while each word has
// that version still and no writer. Every set of stamps holds the word of "everything", so that one step empties the cache.
//
// # A write, and who reads what meanwhile
//
//	           Begin              COMMIT             Publish
//	writer  ─────┼───── Stage ──────┼──────────────────┼─────── Install ──▶
//	word    v,0  │ v,1              │ v,1              │ v+1,0
//	             │                  │                  │
//	readers  old │ old, from the    │ new, from the    │ new, from the database,
//	  from cache │ database         │ database         │ then from the cache
//
// [Engine.Begin] adds a writer to each word before the database may show the write; [Write.Publish] moves the version and takes
// the writer away in one step after it did. Between the two, nobody is served from the cache. That closes the gap of textbook
// cache-aside: after COMMIT nobody is served the old value, and before it nobody sees the new one.
//
//   - Late fills. A reader stamps, reads the database, and may be held up for any time before it stores what it read. If a
//     write was published meanwhile, its stamps have moved and never validate. There is no lease that could expire.
//   - Rollback. [Write.Release] takes the writer away and moves nothing: entries are as good as before.
//   - Unknown outcome. A COMMIT without an answer may become visible later. The writer stays, readers go to the database, and
//     [Write.Settle] ends it when the outcome can no longer change. To publish early would be stale for ever: a reader would
//     store the old value under the new version, and nothing would move it again.
//   - Install. A row that a transaction changed and got back is stored under a stamp that never validates ([Write.Stage],
//     which proves that the store can take it) and gets its real stamps at Publish, if this writer was alone on the row's word
//     from Begin to Publish and neither a bulk write of the table nor an invalidation met it. Otherwise the next read fills.
//   - Coalescing. [Cache.Load] lets a reader wait for another's read of the same key only if its own stamps, taken now, are
//     those the other took before it read, and they are valid. Whoever starts after a write joins no read that began before it.
//   - Epoch. Each engine has a random one and each entry carries it: two engines that share a store never serve each other's.
//
// # Pages
//
// A context carries a dependency set ([Deps], made by [Engine.Collect]): the stamps of all that was read with it, and the
// reasons why stamps alone cannot vouch for the page. Sets nest and share what they collect. Of two stamps of one word the
// older stands. Reads that do not carry the context are noticed on the page's own goroutine ([Engine.Stray]); for what nobody
// can notice there is [Untracked]. [Engine.Expire] ends the freshness of pages and leaves their stamps alone.
//
// # What is promised
//
// For one process: every read through this package behaves as if it had gone to the database at some moment during the call,
// row by row, and nothing rolled back or uncommitted is ever seen. It rests on three promises of the caller: stamps are taken
// before the data is read; Begin returns before the database may show the write, and Publish starts after it does; what is
// staged is locked by its transaction until COMMIT.
//
// Not covered: writes that neither announce themselves nor are followed by [Engine.Invalidate]; other processes; several rows of
// several hits, which the caller checks again together ([Hit.Valid]); a store that alters bytes.
//
// # Reading the source
//
// words.go, stamps.go, write.go, install.go, load.go and cache.go are the protocol, in this order; deps.go and stray.go are
// the dependency sets. front.go keeps copies of hot rows before the built-in store; the protocol does not know of it.
package coherence
