/*
 * Writers of rows that are not known, and changes that nobody announces.
 */
#ifdef BULK
inline begin_bulk() {
	d_step {
		writers[word]++;
		if :: word == ROWS -> TELL("@ w%d begin table\n", me) skip :: else -> TELL("@ w%d begin everything\n", me) skip fi
	}
}

/* BulkWriter changes every row of the table and does not know which; or the plugin cannot tell what it wrote. It is announced before
 * its statement is sent, or before COMMIT. */
proctype BulkWriter(byte me) {
	byte word;
	bool early;
	atomic {
		if :: word = ROWS :: word = ALL fi;
		if :: early = true :: early = false fi;
	}
	if :: early -> begin_bulk() :: else fi;
	acquire(0);
	acquire(1);
	if :: !early -> begin_bulk() :: else fi;
	if
	:: d_step { reveal(0, me); reveal(1, me); lock[0] = 0; lock[1] = 0; meanwhile[0] = 0; meanwhile[1] = 0; TELL("@ w%d commit\n", me) }
	   d_step { version[word] = version[word] + BUMP; writers[word]--; TELL("@ w%d publish\n", me) }
	:: d_step { lock[0] = 0; lock[1] = 0; TELL("@ w%d rollback\n", me) }
	   d_step { writers[word]--; TELL("@ w%d release\n", me) }
	fi;
	d_step { word = 0; early = false }
}

#endif

#ifdef OUTSIDE
/* Outsider changes row 0 behind the plugin's back and invalidates everything afterwards. */
proctype Outsider(byte me) {
	d_step {
		lock[0] == 0 ->
		meanwhile[0] = meanwhile[0] | (1 << db[0]);
		reveal(0, me);
		TELL("@ x%d changes r0\n", me)
	}
	d_step {
		version[ALL] = version[ALL] + BUMP;
		meanwhile[0] = 0;
		TELL("@ x%d invalidates everything\n", me)
	}
}
#endif
