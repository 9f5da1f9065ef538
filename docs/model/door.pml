/* The door of a key, for the spin model checker: calls that come in and leave without
   the keyed pool's lock, beside what empties the key's pool in the background, and
   ShutdownKey. Names are those of internal/door, keyed/entry.go and pool.go. README.md
   says what is claimed and which switches break it.

   A step of the door's word is one compare-and-swap. The key's pool is a number of
   things: leases, resources, dials, whatever keeps a key. */

#ifndef N
#define N 3         /* calls */
#endif

bool shut, look, looking; byte calls;   /* the word of the door */

bool mu;                            /* the keyed pool's lock, and under it: */
bool inKeys = true;                 /* in the map, else parting or forgotten */

#ifdef MIN_IDLE
byte things = 1;                    /* what MinIdle asks for, until SetLimits takes it back */
#else
byte things;
#endif
                                    /* in the key's pool, under its lock, which no step here holds */
bool wasQuiet = true;

byte running;                       /* processes; no part of the code */
byte dropped;

inline dropLocked() {
	inKeys = false;
	dropped++;
	assert(dropped == 1 && calls == 0 && things == 0)   /* inside */
}

inline begin_() {
	atomic {
		if
		:: shut -> quiet = false
#ifndef LOOK_INSIDE
		:: !shut && calls > 0 ->
			quiet = false;
#ifndef NO_LOOK_IN_LOOK
			look = true
#endif
		:: !shut && calls == 0 ->
#else
		:: !shut ->
#endif
			quiet = true; look = false; looking = true
		fi
	}
}

/* look in keyed/entry.go. */
inline lookAgain() {
	atomic { !mu -> mu = true };
#ifndef LOOK_LATE
	begin_();
#endif
	if
#ifndef LOOK_LATE
	:: !quiet
	:: quiet ->
#else
	:: true ->
#endif
		atomic {                                    /* Bare */
			bare = (things == 0);
#ifndef NO_MARK
			wasQuiet = bare
#endif
		};
#ifdef LOOK_LATE
		begin_();
#endif
		atomic {
			if
			:: !bare -> looking = false             /* keep */
#ifndef SHUT_STORES
			:: bare && !looking                     /* shut */
			:: bare && looking ->
#else
			:: bare ->
#endif
				shut = true; looking = false;
				dropLocked()
			fi
		}
	fi;
	mu = false
}

inline Await() {
	atomic {
		quiet = (calls == 0);
#ifndef NO_LOOK_IN_AWAIT
		if :: !quiet -> look = true :: else fi
#endif
	};
	if :: quiet -> lookAgain() :: else fi
}

/* finish of the key's pool: Quiet when it has become empty. */
inline change(n) {
	atomic {
		things = things + n;
		quiet = (things == 0 && !wasQuiet);
		wasQuiet = (things == 0)
	};
	if
	:: quiet -> Await()
	:: else
	fi
}

inline leave() {
	atomic { calls--; quiet = (calls == 0 && look) };
	if :: quiet -> lookAgain() :: else fi
}

/* Takes out what a call has left. */
proctype background() {
	bool bare, quiet;
	change(-1);
	running--
}

inline Enter() {
	atomic {
		if
		:: shut -> running--; goto elsewhere        /* the key's next entry */
		:: else ->
			assert(!dropped); calls++;
#ifndef ENTER_ADDS
			if
			:: looking ->
				looking = false;
#ifndef NO_LOOK_IN_ENTER
				look = true
#endif
			:: else
			fi
#endif
		fi
	}
}

proctype call(bool first) {
	bool bare, quiet;
	if
	:: first                                        /* addEntry has counted it */
	:: !first -> Enter()
	fi;
	if
	:: skip                                         /* an error */
	:: change(1); change(-1)
	:: atomic { change(1); running++; run background() }
	fi;
	leave();
	running--;
elsewhere: skip
}

#ifdef SHUTDOWN
/* What the map has for the key may be its next entry, once this one is forgotten. */
inline part() {
	atomic {
		!mu;
#ifdef PART_ANY
		assert(!dropped);                           /* taken */
#endif
		inKeys = false
	}
}

/* finish of the key's pool, when all of it is gone but leases on dead resources: Quiet,
   which no call need be inside for. */
proctype finished() {
	bool bare, quiet;
	part();
	Await();
	running--
}

/* ShutdownKey enters as all calls do, without the lock. */
proctype shutdownKey() {
	bool bare, quiet;
	if
	:: !inKeys -> running--; goto elsewhere         /* known */
	:: inKeys
	fi;
	Enter();
	atomic { running++; run finished() };
	if
	:: part()
	:: skip                                         /* its context has ended */
	fi;
	leave();
	running--;
elsewhere: skip
}
#endif

init {
	byte i;
	atomic {
		calls = 1;                                  /* addEntry: Enter, and Await */
#ifndef NO_FIRST_AWAIT
		look = true;
#endif
		running = N;
		do
		:: i < N -> run call(i == 0); i++
		:: else -> break
		od;
#ifdef SHUTDOWN
		running++;
		run shutdownKey();
#endif
#ifdef MIN_IDLE
		running++;
		run background()
#endif
	};
	running == 0 -> assert(dropped == 1)            /* forgotten */
}
