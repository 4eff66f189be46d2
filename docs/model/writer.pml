/*
 * Writers of rows that are known: transactions, from their locks to their ends.
 */
/* A writer's state for one row. */
typedef Held {
	bool touched; /* a statement of the transaction met the row, and holds its lock */
	bool staged;
	bool alone;
	bool quiet;
	byte version; /* at Begin; from Publish on, the one it moved to */
	byte all;     /* the other words a staged value stands on */
	byte rows;
}

inline acquire(r) {
	atomic { lock[r] == 0 -> lock[r] = me; TELL("@ w%d lock r%d\n", me, r) }
}

inline unlock(r) { if :: lock[r] == me -> lock[r] = 0 :: else fi }

/* enter adds this writer to the row's word. */
inline enter(r) {
	d_step {
		held[r].version = version[ROW(r)];
		held[r].alone = (writers[ROW(r)] == 0);
		writers[ROW(r)]++;
	}
}

/* stage puts a value into the store that never validates, and notes the other words: first all versions, then whether they are quiet. */
inline stage(r, v) {
	TABLES {
		held[r].all = version[ALL];
		held[r].rows = version[ROWS];
		held[r].quiet = (writers[ALL] == 0);
		held[r].quiet = held[r].quiet && writers[ROWS] == 0;
		d_step {
#ifdef NO_STAGE_NEVER_VALID
			STORE(r, v, version[ALL], version[ROWS], version[ROW(r)]);
#else
			STORE(r, v, NEVER, NEVER, NEVER);
#endif
			held[r].staged = true;
			TELL("@ w%d stage r%d\n", me, r)
		}
	}
}

/* leave moves the row's word on; the same step decides whether this writer was alone. */
inline leave(r) {
	d_step {
		held[r].alone = held[r].alone && version[ROW(r)] == held[r].version && writers[ROW(r)] == 1;
		version[ROW(r)] = version[ROW(r)] + BUMP;
		writers[ROW(r)]--;
		held[r].version = version[ROW(r)];
	}
}

#ifdef NO_INSTALL_ALONE
#define ALONE(r) (true)
#else
#define ALONE(r) (held[r].alone)
#endif

/* install stores a staged value under the version that was reached. */
inline install(r, v) {
	TABLES {
#ifdef NO_INSTALL_QUIET_TABLE
		held[r].staged = held[r].staged && ALONE(r);
		held[r].all = version[ALL];
		held[r].rows = version[ROWS];
#else
		held[r].staged = held[r].staged && ALONE(r) && held[r].quiet && ALL_HOLDS(held[r].all);
		held[r].staged = held[r].staged && HOLDS(ROWS, held[r].rows);
#endif
		d_step {
			if :: held[r].staged -> STORE(r, v, held[r].all, held[r].rows, held[r].version) :: else fi
		}
	}
}

inline land() {
	if
	:: d_step {
		if :: held[0].touched && !absent -> reveal(0, me); unlock(0) :: else fi;
		if :: held[1].touched && !absent -> reveal(1, me); unlock(1) :: else fi;
		TELL("@ w%d lands\n", me)
	   }
	:: d_step { unlock(0); unlock(1); TELL("@ w%d lapses\n", me) }
	fi
}

inline settle() {
	CALL {
		if :: held[0].touched -> leave(0) :: else fi;
		if :: held[1].touched -> leave(1) :: else fi;
		TELL("@ w%d settle\n", me)
	}
}

inline forget(r) {
	d_step {
		held[r].touched = false; held[r].staged = false; held[r].alone = false; held[r].quiet = false;
		held[r].version = 0; held[r].all = 0; held[r].rows = 0
	}
}

/* RowWriter is a transaction that writes the rows of a set (1, 2 or 3 for both), as the plugin leads it; its values are its number. */
proctype RowWriter(byte me; byte set) {
	Held held[ROW_COUNT];
	bool absent; /* its statement met no row */
	bool bare;   /* it is a statement without a transaction */

	held[0].touched = (set & 1);
	held[1].touched = (set >> 1);

#ifdef UNKNOWN
	/* An update of a row that is not there (value 0) changes nothing and locks nothing. */
	if
	:: atomic { held[0].touched && db[0] == 0 -> absent = true; TELL("@ w%d misses r0\n", me) }
	:: true
	fi;
#endif

#ifdef COALESCING
	/* A statement that commits by itself is announced before it is sent, and locks its row afterwards. */
	if :: bare = true :: bare = false fi;
#endif
	/* In the order of keys: what a database does about deadlocks is its own business. */
	if :: held[0].touched && !absent && !bare -> acquire(0) :: else fi;
	if :: held[1].touched && !absent && !bare -> acquire(1) :: else fi;

#ifdef NO_BEGIN_FIRST
	d_step {
		if :: held[0].touched && !absent -> reveal(0, me); unlock(0) :: else fi;
		if :: held[1].touched && !absent -> reveal(1, me); unlock(1) :: else fi;
		TELL("@ w%d commit\n", me)
	}
#endif

	CALL {
		if :: held[0].touched -> enter(0) :: else fi;
		if :: held[1].touched -> enter(1) :: else fi;
		TELL("@ w%d begin", me)
		if :: held[0].touched -> TELL(" r0") skip :: else fi;
		if :: held[1].touched -> TELL(" r1") skip :: else fi;
		TELL("\n")
		skip
	}

#ifdef NO_BEGIN_FIRST
	goto publish;
#endif
	if :: bare && held[0].touched -> acquire(0) :: else fi;
	if :: bare && held[1].touched -> acquire(1) :: else fi;

#ifndef COALESCING
	/* What is staged was changed and got back; under another policy nothing is. */
	if
	:: held[0].touched && !absent -> stage(0, me)
#ifdef NO_INSTALL_RETURNED
	:: held[0].touched && absent -> stage(0, 0)
#endif
	:: true
	fi;
	if
	:: held[1].touched && !absent -> stage(1, me)
	:: true
	fi;
#endif

	if
	:: d_step { /* COMMIT */
		if :: held[0].touched && !absent -> reveal(0, me); unlock(0); meanwhile[0] = 0 :: else fi;
		if :: held[1].touched && !absent -> reveal(1, me); unlock(1); meanwhile[1] = 0 :: else fi;
		TELL("@ w%d commit\n", me)
	   }
	:: d_step { /* ROLLBACK */
		unlock(0);
		unlock(1);
		TELL("@ w%d rollback\n", me)
	   }
	   goto release
#ifdef UNKNOWN
	:: goto unknown
#endif
	fi;

publish:
	CALL {
		if :: held[0].touched -> leave(0) :: else fi;
		if :: held[1].touched -> leave(1) :: else fi;
		if :: held[0].touched -> install(0, (absent -> 0 : me)) :: else fi;
		if :: held[1].touched -> install(1, me) :: else fi;
		TELL("@ w%d publish\n", me)
	}
	goto over;

release:
	CALL {
		if :: held[0].touched -> writers[ROW(0)]-- :: else fi;
		if :: held[1].touched -> writers[ROW(1)]-- :: else fi;
		TELL("@ w%d release\n", me)
	}
	goto over;

#ifdef UNKNOWN
unknown: /* the caller has been told so; it may land at any time, or never */
#ifdef NO_UNKNOWN_STAYS
	settle();
	land();
#else
	land();
	settle();
#endif
#endif

over:
	forget(0);
	forget(1);
	absent = false;
	bare = false
}
