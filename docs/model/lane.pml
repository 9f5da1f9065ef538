/* The lane of one pool, for the spin model checker: callers who take and release
   without the lock, beside callers who queue and others who close the lane. Names are
   those of internal/turn, internal/lane and the files of pool: pool.go, lend.go,
   recall.go, lane.go and lease.go. README.md says
   what is claimed, what is left out and which switches break it.

   What is read without the lock is open and the turns. Each access to one of them is a
   step of its own, and so is a compare-and-swap. The accounts are only touched under
   the lock, so what happens to them between two such accesses is one step with the
   next. Go's atomics are sequentially consistent, as steps are. */

#ifndef N
#define N 3         /* callers */
#endif
#ifndef ROUNDS
#define ROUNDS 1    /* leases that each of them takes */
#endif
#ifndef C
#define C 2         /* seats, one per slot: 1 or 2 */
#endif

mtype = { Held, Resting, Out, Settling }    /* State of internal/turn */
mtype = { empty_, idle, inUse }             /* slotState; dialing and closing take no time here */
mtype = { none, now, enqueue, endLease, discard, lookAgain, Reset, SetLimits, anybody }   /* what the lock is taken for */

/* A turn is its State and its Number. The stamp is only an order of reuse: without it
   more swaps succeed. */
mtype state[C] = Resting; byte number[C];
bool open = true;

bool mu;                            /* the pool's lock, and under it: */
mtype slots[C] = inUse;
bool lent[C] = true; byte nlent = C;
bool old[C];                        /* its generation is not the pool's */
bool warm = true;                   /* streak >= need */
byte maxOpen = C;
chan waiters = [N] of { byte };

byte got[N];                        /* what was delivered to a waiter: a seat, counted from 1 */

/* Of the claims, and no part of the code. */
byte holders[C];                    /* leases that are out */
byte queued;                        /* who waits, a bit each */
byte before[N];                     /* who waited when the call began, and still does */
byte running;
bool resetDone;

#define isOld(x)  (old[x] && (slots[x] == idle || state[x] == Resting))
#if C == 2
#define used      ((slots[0] != empty_) + (slots[1] != empty_))
#define rests     (state[0] == Resting || state[1] == Resting)
#define oldIsThere (isOld(0) || isOld(1))
#else
#define used      (slots[0] != empty_)
#define rests     (state[0] == Resting)
#define oldIsThere isOld(0)
#endif

inline begins(x) { holders[x]++; assert(holders[x] == 1) }      /* never two holders */
inline ends(x)   { assert(holders[x] == 1); holders[x]-- }
inline kept(x)   { assert(!(resetDone && old[x])) }             /* nothing old after Reset */

/* ---- internal/turn: one swap each, or one load that says no ---- */
inline Take() {
#ifdef TAKE_STORES
	ok = true;
#else
	ok = (state[c] == Resting && number[c] == n);
#endif
	if :: ok -> state[c] = Out; begins(c) :: else fi
}
inline Rest() {
	ok = (state[c] == Out && number[c] == n);
	if :: ok -> ends(c); state[c] = Resting; number[c]++; kept(c) :: else fi
}
inline Settle() {
	ok = (state[c] == Out && number[c] == n);
	if :: ok -> ends(c); state[c] = Settling; number[c]++ :: else fi
}
inline Settled() {
#ifdef SETTLED_STORES
	ok = true;
#else
	ok = (state[c] == Settling && number[c] == n + 1);
#endif
	if :: ok -> state[c] = Resting; kept(c) :: else fi
}
inline End() {
#ifdef NO_NUMBER
	ok = (state[c] != Resting);
#else
	ok = (state[c] != Resting && number[c] == n);
#endif
	if :: ok -> ends(c); state[c] = Held; number[c]++ :: else fi
}

/* ---- lend.go, recall.go and pool.go: under the lock ---- */
inline endLoanLocked(x) { lent[x] = false; nlent-- }
inline returnLocked(x)  { endLoanLocked(x); slots[x] = idle }

/* recallLocked after the lane is closed: ReclaimResting of each seat that is lent. */
inline sweep() {
	do
	:: atomic {
		i < C ->
		if :: lent[i] && state[i] == Resting -> state[i] = Held; returnLocked(i) :: else fi;
		i++
	   }
	:: atomic { i == C -> i = 0; break }
	od
}

inline lock() {
#ifdef RECALL_FIRST
	atomic { !mu -> mu = true; i = (nlent > 0 -> 0 : C) };
	sweep();
	open = false
#else
	atomic {
		!mu -> mu = true;
		i = C;
#ifndef NO_RECALL
		if :: nlent > 0 -> i = 0; open = false :: else fi
#endif
	}
	sweep()
#endif
}

/* Reclaim of each seat that is lent. A lease that is out goes on, and will end under
   the lock; where one has ended, whoever ended it is on the way there. */
inline reclaimAllLocked() {
	do
	:: atomic {
		i < C ->
		if
		:: lent[i] && state[i] == Resting -> state[i] = Held; returnLocked(i)
		:: lent[i] && state[i] != Resting -> state[i] = Held; endLoanLocked(i)
		:: else
		fi;
		i++
	   }
	:: atomic { i == C -> i = 0; break }
	od
}

inline endLeaseLocked() {
	if :: lent[c] -> endLoanLocked(c) :: else fi;               /* adoptLeaseLocked */
	if
	:: op == discard || old[c] -> slots[c] = empty_             /* staleLocked */
	:: else -> slots[c] = idle; kept(c)
	fi
}

inline closeIdleLocked(many) {
	j = 0;
	do
	:: j < C -> if :: slots[j] == idle && (many) -> slots[j] = empty_ :: else fi; j++
	:: else -> break
	od
}

inline balanceLocked() {
	closeIdleLocked(used > maxOpen);                            /* shrinkLocked */
	j = 0;
	do
	:: j < C && len(waiters) > 0 ->
		if :: slots[j] == empty_ && used < maxOpen -> slots[j] = idle; old[j] = false :: else fi;   /* demandLocked */
		if
		:: slots[j] == idle ->                                  /* serveLocked */
			waiters?w; got[w] = j + 1; slots[j] = inUse; begins(j);
			queued = queued & ~(1 << w);
			k = 0; do :: k < N -> before[k] = before[k] & ~(1 << w); k++ :: else -> break od
		:: else
		fi;
		j++
	:: else -> break
	od;
	j = 0; k = 0; w = 0
}

/* What openLaneLocked asks. */
#ifdef NO_WAITERS
#define nobodyWaits true
#else
#define nobodyWaits (len(waiters) == 0)
#endif
#ifdef NO_LIMIT
#define withinLimit true
#else
#define withinLimit (used <= maxOpen)
#endif
#define mayOpen (warm && nobodyWaits && withinLimit)

/* finish after the balance: openLaneLocked, and the lock is free. */
inline finish() {
	if
	:: atomic { !mayOpen -> mu = false }
	:: mayOpen ->
		do
		:: atomic {
			i < C ->
			do :: i < C && slots[i] != idle -> i++ :: else -> break od;
			if
			:: i < C -> lent[i] = true; nlent++; slots[i] = inUse; state[i] = Resting; kept(i); i++   /* lendCellLocked */
			:: else
			fi
		   }
		:: atomic { i == C -> i = 0; open = (nlent > 0); mu = false; break }
		od
#ifdef SHUT
	:: atomic { mayOpen -> mu = false }                         /* what is left out may keep it closed: MaxIdle, a Budget */
#endif
	fi
}

/* change is all that is done under the lock, for any reason. */
inline change() {
	lock();
	if
	:: atomic { op == Reset ->                                  /* the generation */
		j = 0; do :: j < C -> old[j] = (slots[j] != empty_); j++ :: else -> j = 0; break od
	   }
#ifndef NO_RECLAIM_IN_RESET
	   reclaimAllLocked()
#endif
#ifndef NO_RECLAIM
	:: op == enqueue && warm -> reclaimAllLocked()              /* giveUpLaneLocked */
#endif
	:: else
	fi;
	atomic {
		if
		:: op == now ->
			j = 0;
			do :: j < C && !(slots[j] == idle && len(waiters) == 0) -> j++ :: else -> break od;
			if
			:: j < C -> slots[j] = inUse; begins(j); c = j; n = number[j]; has = true; warm = true
			:: else
			fi
		:: op == enqueue -> warm = false; waiters!me; queued = queued | (1 << me)
		:: op == endLease || op == discard -> endLeaseLocked()
		:: op == Reset -> closeIdleLocked(true)                 /* retireAllLocked */
		:: op == SetLimits -> maxOpen--
		:: else
		fi;
		balanceLocked()
	}
	finish()
}

/* ---- internal/lane, lane.go and lease.go: without the lock ---- */
/* Lane.Take and, if it finds nothing, the lock. The first seat that is tried is any: it
   is the top, or by the goroutine. */
inline TakeOrLock() {
	atomic {
		before[me] = queued;
#ifdef NO_OPEN
		tried = 0;
#else
		tried = (open -> 0 : C);
#endif
		if :: tried < C -> c = C - 1 :: true fi
	}
	do
	:: atomic { has || tried == C -> tried = 0; op = (has -> none : now); break }
	:: atomic {
		!has && tried < C ->
		if
		:: state[c] == Resting -> n = number[c]; seen = true
		:: else -> c = C - 1 - c; tried++
		fi
	   }
	   if
	   :: atomic {
		seen -> seen = false;
		Take();
		if
		:: ok -> ok = false; has = true; assert((before[me] & queued) == 0)   /* nobody is overtaken */
		:: else -> n = 0; c = C - 1 - c; tried++
		fi
	      }
	   :: else
	   fi
	od
}

inline look() {
#ifdef NO_LOOK
	op = none
#else
	op = (open -> none : lookAgain)
#endif
}

/* Recycle returns nil, or an error. */
inline releaseRecycling() {
	atomic { Settle() };
	if
	:: ok ->
		if
		:: atomic { Settled() };
			if
			:: ok -> look()
#ifdef NO_SETTLED_END
			:: else -> op = none
#else
			:: else -> op = endLease
#endif
			fi
		:: atomic { state[c] = Held; op = discard }             /* Reclaim */
		fi
	:: else
	fi
}

/* Nobody but who has the lock closes the lane, or takes a seat out of it. */
#ifdef NO_OPEN_IN_LANE
#define inLane(x) (lent[x])
#else
#define inLane(x) (open && lent[x])
#endif

/* Release as far as it goes without the lock; op is what it goes on with. */
inline Release() {
	op = anybody;
	seen = open;
	if
	:: atomic { seen && state[c] == Out && number[c] == n -> seen = false };
		if
#ifdef RECYCLE
		:: releaseRecycling()
#else
		:: atomic { Rest() };
			if :: ok -> look() :: else fi
#endif
		:: true                                                 /* it was out at a tick, or MaxUses */
		fi
	:: else -> seen = false
	fi;
	if
	:: atomic { op == anybody -> End(); op = (ok -> endLease : none) }
	:: else
	fi;
	if
	:: atomic { op == endLease && !mu && inLane(c) -> state[c] = Resting; kept(c); op = none }   /* endInLaneLocked: one hold of the lock */
	:: true
	fi;
	ok = false
}

/* ---- who takes part ---- */
proctype other(mtype op; byte c; byte n) {
	byte i, j, k, w, me; bool ok, seen, has;
	if :: op == none -> Release() :: else fi;                   /* a copy of the lease */
	if :: op != none -> change() :: else fi;
	if
	:: atomic { op == Reset -> resetDone = true; assert(!oldIsThere) }
	:: else
	fi;
	running--
}

proctype caller(byte me) {
	byte c, n, tried, round, i, j, k, w; bool ok, seen, has;
	mtype op = none;
	do
	:: atomic { op == none && !has && round < ROUNDS -> round++; c = 0; n = 0 };
		TakeOrLock()
	:: op == none && has ->
#ifdef COPIES
		if :: me == 0 -> run other(none, c, n) :: else fi;
#endif
		Release(); has = false
	:: op != none ->
		change();
		if
		:: op == now && !has -> op = enqueue
		:: atomic { op == enqueue && got[me] != 0 -> c = got[me] - 1; n = number[c]; got[me] = 0; has = true; op = none }
		:: op != enqueue && (op != now || has) -> op = none
		fi
	:: atomic { op == none && !has && round == ROUNDS -> break }
	od;
	running--
}

init {
	byte p;
	atomic {
		do :: p < N -> run caller(p); running++; p++ :: else -> p = 0; break od;
#ifdef COPIES
		running = running + ROUNDS;
#endif
#ifdef RESET
		run other(Reset, 0, 0); running++;
#endif
#ifdef SET_LIMITS
		run other(SetLimits, 0, 0); running++;
#endif
#ifdef SHUT
		run other(anybody, 0, 0); running++
#endif
	}
	timeout ->                                                  /* all is quiet */
	assert(queued == 0);                                        /* nobody sleeps */
	assert(running == 0);                                       /* and nobody is stuck */
	assert(open || !rests);                                     /* nothing rests beside a closed lane */
	assert(used <= maxOpen);
	assert(!oldIsThere)
}
