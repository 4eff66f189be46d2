/*
 * A read that others may share, from its stamps to its answer; part of Reader.
 */
load:
	CALL {
		TABLES {
			a = version[ALL];
			o = version[ROW(r)];
			t = version[ROWS]
		}
#ifndef NO_COALESCE_QUIET
		/* The stamps are checked again, version and writers of each word together. */
		TABLES {
			if :: ALL_HOLDS(a) :: else -> goto alone fi;
			if :: HOLDS(ROW(r), o) :: else -> goto alone fi;
			if :: HOLDS(ROWS, t) :: else -> goto alone fi
		}
#endif
		d_step { /* the mutex of the flights */
			if
			:: flight[r] != 0 && SAME_STAMPS(flight[r] - 1) ->
				waits[me] = flight[r];
				TELL("@ r%d load r%d joins r%d\n", me + 1, r, flight[r])
			:: else ->
				flight[r] = me + 1;
				led[me].all = a;
				led[me].rows = t;
				led[me].row = o;
				TELL("@ r%d load r%d leads\n", me + 1, r)
			fi
		}
	}
	if
	:: waits[me] != 0 -> goto follow
	:: else
	fi;

	d_step { ask() }
	CALL {
		atomic {
			if
			:: true -> STORE(r, v, a, t, o); TELL("@ r%d return r%d kept\n", me + 1, r)
			:: true -> TELL("@ r%d return r%d\n", me + 1, r) skip
			:: true -> v = RETRY; TELL("@ r%d fail r%d\n", me + 1, r)
			fi
		}
		/* It leaves the map before it is done, so nobody joins a finished read. */
		d_step { if :: flight[r] == me + 1 -> flight[r] = 0 :: else fi }
		d_step {
			led[me].all = 0; led[me].rows = 0; led[me].row = 0;
			if :: waits[1 - me] == me + 1 -> waits[1 - me] = 0; answer[1 - me] = v :: else fi;
			v = EMPTY; a = 0; t = 0; o = 0
		}
	}
	goto done;

alone:
	atomic {
		TELL("@ r%d load r%d alone\n", me + 1, r)
		ask()
	}
	atomic {
		if
		:: true -> STORE(r, v, a, t, o); TELL("@ r%d return r%d kept\n", me + 1, r)
		:: true -> TELL("@ r%d return r%d\n", me + 1, r) skip
		fi;
		v = EMPTY; a = 0; t = 0; o = 0
	}
	goto done;

follow:
	atomic {
		waits[me] == 0 -> v = answer[me]; answer[me] = 0;
		if
		:: v == RETRY -> v = EMPTY; goto load
		:: else
		fi;
		TELL("@ r%d answers r%d = %d\n", me + 1, r, v)
		assert(RIGHT(me, v));
		finish()
	}
