// Package writeback holds acknowledged changes of rows in memory and brings them to the database in batches.
//
// A [Buffer] owns one dirty table ([Table]) for every database table whose writes may wait. [Table.Apply] accepts a
// change of one row and merges it with what is pending for that row; [Table.Get] is the row as readers must see it. One
// goroutine of the Buffer flushes: by age, by count, on request, and at the end. It hands a [Batch] to the [Sink], which
// writes it in one transaction.
//
// # A pending row
//
// A row has one image, the whole row after everything that was accepted, and its changes in parts. The part that a batch
// under way carries is kept apart from the changes that come after it: if the batch is committed only the first leaves,
// and if it is rolled back the two merge again, in order. Relative to what the database holds a part is one of five
// kinds:
//
//	then \ pending   nothing   insert    update    delete    replace   upsert
//	create           insert    error     error     replace   error     error
//	update           update    insert    update    no row    replace   upsert
//	delete           delete    nothing   delete    no row    delete    delete, or nothing if the key was absent
//	upsert           upsert    insert    upsert    replace   replace   upsert
//
// Within an update or upsert the last value of a column wins, and integer additions add up. Sums whose difference from
// the database does not fit 64 bits are not merged: the second addition waits as a part of its own.
//
// # Order
//
// Changes are numbered in the order in which they are accepted. A batch takes the rows whose oldest change is the
// oldest, of one table, and names every key once. It holds either deletes or everything else, so that between tables
// parents are written before their children and deleted after them ([TableConfig] Rank). Only one batch of a Buffer is
// under way at any time: its outcome is known before the next is sent.
//
// # Locks
//
// Table.mu guards the rows of one table and is held for no longer than a change of memory takes: never while the sink,
// a callback or a wait runs. Buffer.mu guards the list of tables, Buffer.gateMu who waits for whom at gates. Nobody holds
// two of these at once.
package writeback
