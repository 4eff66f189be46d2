/*
 * The protocol of docs/coherence.md as a model that spin checks exhaustively: every order of the steps below, for two rows of a
 * table, their writers and two readers. .ci/spin.sh runs it.
 *
 * What is one step here is one atomic step in the code: a load or a change of one word, a get or a set of the store, a lookup
 * under the mutex of the flights, a statement's lock, a commit. With COARSE each call of the engine is one step: the runs of
 * that model are some of the runs of the fine one, and a test can repeat them call by call. Each NO_<RULE> leaves one rule out.
 *
 * A value is the number of the write it comes from, 0 the one before all; no write is done twice. The property: a read returns
 * a value that the database held at some moment during the call. So it is never older than a write that was over when the
 * call began, whether another reader or the writer itself was told of it; it is never rolled back or uncommitted; and nothing is
 * stale for ever.
 *
 * Configurations, one a run:
 *   INSTALLS    two writers of rows, one of them perhaps of both in one transaction; staged, rolled back, installed
 *   BULK        a writer of a row, and a writer of rows nobody knows or of everything
 *   OUTSIDE     a writer of a row, and a change from outside with "invalidate everything" after it
 *   UNKNOWN     two writers of rows; COMMITs without an answer that land later or never, and an update that meets no row
 *   COALESCING  two writers of rows, in transactions or by statements alone; readers that share reads, leaders that fail
 */

#define ROW_COUNT 2
#define READERS   2

/* Words. Row words follow; any(T), which only queries of the whole table stand on, is a word like theirs. */
#define ALL    0
#define ROWS   1
#define ROW(r) (2 + (r))
#define WORDS  4

#define NEVER 31 /* a version that no word can show */
#define EMPTY 31 /* no entry */
#define RETRY 30 /* what a failed leader hands on */

/* CALL is a call of the engine. TABLES are loads of row, rows(T) and all: where no step moves the last two, loads of them commute with
 * every step, and one step does for the three. */
#ifdef COARSE
#define CALL      atomic
#define TELL(...) printf(__VA_ARGS__);
#else
#define CALL
#define TELL(...)
#endif
#if defined(COARSE) || !(defined(BULK) || defined(OUTSIDE))
#define TABLES atomic
#else
#define TABLES
#endif

#ifdef NO_WRITER_CHECK
#define NOBODY(w) (true)
#else
#define NOBODY(w) (writers[w] == 0)
#endif

#ifdef NO_STAMP_CHECK
#define UNMOVED(w, v) (true)
#else
#define UNMOVED(w, v) (version[w] == v)
#endif

/* HOLDS is one load of a word: version and writers of one moment. */
#define HOLDS(w, v) (NOBODY(w) && UNMOVED(w, v))

#ifdef NO_ALL_WORD
#define ALL_HOLDS(v) (true)
#else
#define ALL_HOLDS(v) HOLDS(ALL, v)
#endif

#ifdef NO_PUBLISH_BUMP
#define BUMP 0
#else
#define BUMP 1
#endif

/* The table of words. */
byte version[WORDS];
byte writers[WORDS];

/* The database: what is committed, and who holds a row's lock (0: nobody). */
byte db[ROW_COUNT];
byte lock[ROW_COUNT];

/* The store: one entry a row. */
typedef Entry {
	byte value = EMPTY;
	byte all;
	byte rows;
	byte row;
}
Entry entry[ROW_COUNT];

/* The property: seen[i] has a bit for each value that the row has held since reader i began to read it (reading[i] is the row and
 * one, 0 if no answer of it can be wrong any more). meanwhile[r] are values from before a change outside that is not
 * invalidated yet, which readers that begin now may still get. */
byte seen[READERS];
byte reading[READERS];
byte meanwhile[ROW_COUNT];

#define RIGHT(me, v) ((seen[me] >> (v)) & 1)

inline reveal(r, v) {
	db[r] = v;
	if :: reading[0] == r + 1 -> seen[0] = seen[0] | (1 << v) :: else fi;
	if :: reading[1] == r + 1 -> seen[1] = seen[1] | (1 << v) :: else fi;
}

#define STORE(r, v, a, t, o) \
	entry[r].value = v; \
	entry[r].all = a; \
	entry[r].rows = t; \
	entry[r].row = o

#include "reader.pml"
#include "writer.pml"
#include "others.pml"

/* Rows are alike, and so are readers and writers of one kind: one choice stands for those that only swap names. For a
 * counterexample one row is enough. */
init {
	atomic {
		if
		:: run Reader(0, 0); run Reader(1, 0)
#ifndef COARSE
		:: run Reader(0, 0); run Reader(1, 1)
#endif
		fi;
#if defined(BULK)
		run RowWriter(1, 1);
		run BulkWriter(2)
#elif defined(OUTSIDE)
		run RowWriter(1, 1);
		run Outsider(2)
#else
		if
		:: run RowWriter(1, 1); run RowWriter(2, 1)
#ifndef COARSE
#ifdef INSTALLS
		:: run RowWriter(1, 3); run RowWriter(2, 1)
#else
		:: run RowWriter(1, 1); run RowWriter(2, 2)
#endif
#endif
		fi
#endif
	}
}
