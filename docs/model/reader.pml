/*
 * Readers: a get, its check word by word, and after a miss stamps, the database and a fill.
 */
#ifdef COALESCING
/* A flight is its leader's: flight[r] is the leader and one, 0 if there is none to join; its stamps never change while it is there. */
byte flight[ROW_COUNT];
Entry led[READERS];      /* value: unused */
byte waits[READERS];     /* the leader and one that a follower waits for */
byte answer[READERS];    /* what it was handed */

#ifdef NO_COALESCE_STAMPS
#define SAME_STAMPS(l) (true)
#else
#define SAME_STAMPS(l) (led[l].all == a && led[l].rows == t && led[l].row == o)
#endif
#endif

/* finish forgets what is not needed any more, so that runs that differ in nothing else meet. */
inline finish() { d_step { v = EMPTY; a = 0; t = 0; o = 0; seen[me] = 0; reading[me] = 0 } }

/* ask is the database's answer; it is right, so nothing is left to check of this call. */
inline ask() {
	v = db[r];
	seen[me] = 0;
	reading[me] = 0;
	TELL("@ r%d readdb r%d = %d\n", me + 1, r, v)
}

proctype Reader(byte me; byte r) {
	byte v = EMPTY, a, t, o; /* value; versions of all, rows(T) and the row */

	CALL {
		atomic {
			/* The call begins with its first step on anything shared: that leaves the fewest values to be right. */
			seen[me] = (1 << db[r]) | meanwhile[r];
			reading[me] = r + 1;
			if
			:: entry[r].value == EMPTY -> goto missed
#ifndef COARSE
			:: entry[r].value != EMPTY -> goto missed /* evicted, or the store failed */
#endif
			:: entry[r].value != EMPTY ->
				v = entry[r].value;
				a = entry[r].all;
				t = entry[r].rows;
				o = entry[r].row
			fi
		}
		TABLES {
			atomic { if :: ALL_HOLDS(a) :: else -> goto stale fi }
			atomic { if :: HOLDS(ROW(r), o) :: else -> goto stale fi }
			atomic {
				if :: HOLDS(ROWS, t) :: else -> goto stale fi;
				TELL("@ r%d get r%d = %d\n", me + 1, r, v)
				assert(RIGHT(me, v));
				finish();
				goto done
			}
		}
	}

stale:
	atomic { v = EMPTY; a = 0; t = 0; o = 0 }
missed:
#ifdef COALESCING
#include "load.pml"
#else
	CALL {
		TABLES {
			a = version[ALL];
			o = version[ROW(r)];
			t = version[ROWS];
			TELL("@ r%d stamp r%d\n", me + 1, r)
		}
	}
	d_step { ask() }
	atomic {
		if
		/* At any time later. Put looks at versions first only to spare work; and the store need not take it. */
		:: true -> STORE(r, v, a, t, o); TELL("@ r%d put r%d\n", me + 1, r)
		:: true
		fi;
		v = EMPTY; a = 0; t = 0; o = 0
	}
#endif

done:
	skip
}
