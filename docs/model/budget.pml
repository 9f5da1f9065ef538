/* Two pools with lanes under a Budget of one slot, for the spin model checker. Names
   are those of lane.pml and of pool/member.go, pool/budget.go, pool/idlering.go and
   pool/demand.go. README.md says what is claimed, what is left out and which switches
   break it.

   Each pool has at most one slot, hence one seat; what belongs to a pool is indexed by
   it. One hold of the Budget's lock is one step: all that is read without it, hungry
   and ordered, is written once in it, or in a way that its readers cannot tell apart. */

#ifndef N
#define N 3         /* callers: of pool 0, of pool 1, of pool 0, and so on */
#endif
#ifndef ROUNDS
#define ROUNDS 1    /* leases that each of them takes */
#endif
#ifndef ROUNDS0
#define ROUNDS0 ROUNDS   /* those of pool 0 */
#endif
#define P 2         /* pools */
#define MAX 1       /* BudgetLimits.MaxOpen */

mtype = { Held, Resting, Out }              /* State of internal/turn; for settling see lane.pml */
mtype = { empty_, idle, inUse }             /* slotState; dialing and closing take no time here */
mtype = { none, wait, now, enqueue, endLease, lookAgain, waited, rebalance, tick }   /* what a process is at, or takes a lock for */

/* Read and written without a lock. */
mtype state[P]; byte number[P];             /* the turn of the pool's seat */
bool open[P];
bool ordered[P];                            /* member.ordered */
bool hungry;                                /* Budget.hungry */

bool mu[P];                                 /* the pool's lock, and under it: */
mtype slots[P] = empty_;
bool lent[P];
bool warm[P] = true;                        /* streak >= need */
chan waiters[P] = [N] of { byte };
bool sentUsed[P]; byte sentWant[P];         /* member.sent */
bool changed[P];                            /* member.changed */
bool lends[P];                              /* member.lends */

/* Under the Budget's lock. */
bool lastUsed[P]; byte lastWant[P];         /* member.last */
byte grants[P]; byte evict[P];              /* member.orders */
byte handedGrants[P]; byte handedEvict[P];  /* member.handed */
bool lender[P];                             /* in the list of lenders */
bool asked[P];                              /* member.recalled */
bool marked[P];                             /* in the ring of what is idle */
byte bopen;                                 /* Budget.mu.open */
byte evictions;

bool got[N];                                /* the resource was delivered to that waiter */

/* Of the claims, and no part of the code. */
byte holders[P]; byte queued; byte running;

#define used(x) (slots[x] != empty_)
#define want    (lastWant[0] + lastWant[1])

inline begins(x) { holders[x]++; assert(holders[x] == 1) }      /* never two holders */
inline ends(x)   { assert(holders[x] == 1); holders[x]-- }

/* ---- idlering.go ---- */

inline markIdle() {                                             /* member.idle */
	marked[x] = true;
#ifndef NO_CHANGED
	if :: hungry -> changed[x] = true :: else fi
#else
	skip
#endif
}

inline unidle() { marked[x] = false }

/* ---- budget.go: under the Budget's lock. wake is a bit for each pool. ---- */

inline order(m) {
	if
	:: ordered[m] || m == x
#ifdef NO_WAKE
	:: else
#else
	:: else -> wake = wake | (1 << m)
#endif
	fi;
	ordered[m] = true
}

inline recallLocked() {
	hungry = (want > 0 || bopen > MAX);
#ifndef NO_RECALL
	if :: hungry && lender[0] -> lender[0] = false; asked[0] = true; order(0) :: else fi;
	if :: hungry && lender[1] -> lender[1] = false; asked[1] = true; order(1) :: else fi
#endif
}

/* Which of two starving pools has the older waiter is left open. */
inline settleLocked() {
	do
	:: bopen < MAX && lastWant[0] > 0 -> bopen++; lastWant[0]--; grants[0]++; order(0)
	:: bopen < MAX && lastWant[1] > 0 -> bopen++; lastWant[1]--; grants[1]++; order(1)
	:: !(bopen < MAX && want > 0) -> break
	od;
	recallLocked();
	do
	:: want > MAX - bopen + evictions && marked[0] -> marked[0] = false; evict[0]++; evictions++; order(0)
	:: want > MAX - bopen + evictions && marked[1] -> marked[1] = false; evict[1]++; evictions++; order(1)
	:: !(want > MAX - bopen + evictions && (marked[0] || marked[1])) -> break
	od
}

/* ---- member.go ---- */

inline putLender() { lender[x] = true; lends[x] = true }

inline stopLending() {
#ifdef NO_STOP
	skip
#else
	if :: lends[x] -> lender[x] = false; lends[x] = false :: else fi
#endif
}

/* mayLend is three looks, in this order; may is its answer. */
inline mayLend() {
#ifdef NO_HUNGRY
	may = true;
#else
	may = !hungry;
#endif
#ifndef NO_ORDERED
	may = may && !ordered[x];
#endif
	if
	:: atomic {
		may && !lends[x] ->
#ifdef NO_HUNGRY_LOCKED
		putLender()
#elif defined(NO_LENDER)
		may = !hungry
#else
		if :: hungry -> may = false :: else -> putLender() fi
#endif
	   }
	:: else
	fi
}

/* What others have in front of x, less what is about to be free: see olderLocked. */
#define others (lastWant[1 - x])
#define supply (MAX + lastUsed[x] + handedGrants[x] + evictions - bopen - used(x) - handedEvict[x])

inline report() {
	if
	:: sentUsed[x] == used(x) && sentWant[x] == len(waiters[x]) && !changed[x] && !ordered[x] -> og = 0; oe = 0
	:: else ->
		sentUsed[x] = used(x); sentWant[x] = len(waiters[x]);
		bopen = bopen + used(x) - lastUsed[x] - handedGrants[x];
		evictions = evictions - handedEvict[x];
		lastUsed[x] = used(x);
		lastWant[x] = (len(waiters[x]) > grants[x] -> len(waiters[x]) - grants[x] : 0);
		if :: asked[x] && !lent[x] -> asked[x] = false :: else fi;
		settleLocked();
		og = grants[x]; oe = evict[x];
		handedGrants[x] = og; handedEvict[x] = oe;
		grants[x] = 0; evict[x] = 0;
		ordered[x] = false;
		recalled = lends[x] && !lender[x];
#ifndef STALE_LENDS
		lends[x] = lender[x];
#endif
		changed[x] = (og + oe > 0 || asked[x])
	fi;
	assert(bopen <= MAX)
}

/* ---- pool.go, lend.go and recall.go: under the lock of pool x ---- */

inline lock() {
#ifdef RECALL_FIRST
	atomic { !mu[x] -> mu[x] = true };
	if
	:: atomic { lent[x] && state[x] == Resting -> state[x] = Held; lent[x] = false };
		atomic { slots[x] = idle; markIdle() }
	:: else
	fi;
	open[x] = false
#else
	atomic { !mu[x] -> mu[x] = true; if :: lent[x] -> open[x] = false :: else fi };
	if
	:: atomic { lent[x] && state[x] == Resting -> state[x] = Held; lent[x] = false };   /* recallLocked */
		atomic { slots[x] = idle; markIdle() }                  /* returnLocked */
	:: else
	fi
#endif
}

inline reclaimAllLocked() {
	if
	:: atomic { lent[x] && state[x] == Resting -> state[x] = Held; lent[x] = false };
		atomic { slots[x] = idle; markIdle() }
	:: atomic { lent[x] && state[x] != Resting -> state[x] = Held; lent[x] = false }
	:: !lent[x]
	fi
}

inline giveUpLaneLocked() {
	if
	:: warm[x] ->
		warm[x] = false;
#ifndef NO_RECLAIM
		reclaimAllLocked();
#endif
		atomic { stopLending() }
	:: else
	fi
}

/* What the lock was taken for. */
inline apply() {
	if
	:: what == now ->
		may = !hungry;                                          /* nobody is short of slots */
		atomic { ok = (slots[x] == idle && len(waiters[x]) == 0 && (may || others <= supply)); may = false };   /* older */
		if
		:: atomic { ok -> slots[x] = inUse; unidle(); begins(x); n = number[x]; has = true; warm[x] = true; ok = false }
		:: else
		fi
	:: what == enqueue ->
		giveUpLaneLocked();
		atomic { waiters[x]!me; queued = queued | (1 << me) }
	:: what == tick -> giveUpLaneLocked()
	:: atomic { what == endLease -> lent[x] = false; slots[x] = idle; markIdle() }
	:: what == lookAgain || what == waited || what == rebalance
	fi
}

/* One round of balanceLocked; again says that there is to be another. */
inline balanceLocked() {
	again = false;
	if                                                          /* serveLocked; mustYield may say yes if it can be that others are older */
	:: atomic { len(waiters[x]) > 0 && slots[x] == idle ->
		if :: others > supply -> again = true :: true fi
	   }
		atomic {
			unidle();
			if
			:: again -> slots[x] = empty_
			:: !again && len(waiters[x]) > 0 -> slots[x] = inUse; waiters[x]?w; got[w] = true; begins(x); queued = queued & ~(1 << w); w = 0
			:: else -> markIdle()                               /* takeBackLocked: the waiter has given up */
			fi
		}
	:: else
	fi;
	atomic { report() };                                        /* demandLocked, reportLocked */
#ifndef NO_ADOPT
	if
	:: recalled -> recalled = false; again = true; reclaimAllLocked()
	:: else
	fi;
#else
	recalled = false;
#endif
	if
	:: atomic { og + oe > 0 ->
		again = true;
		if
		:: og > 0 && sentWant[x] > 0 ->                         /* else the next report gives it back */
			assert(!used(0) && !used(1));                       /* I1 */
			slots[x] = idle; markIdle()
		:: else
		fi;
		if :: oe > 0 && slots[x] == idle -> slots[x] = empty_; unidle() :: else fi;
		og = 0; oe = 0
	   }
	:: else
	fi
}

/* finish after the balance: openLaneLocked, and the lock is free. */
inline finish() {
	if
	:: !used(x) && len(waiters[x]) == 0 -> atomic { stopLending() }   /* bareLocked */
	:: else
	fi;
	may = false;
	if
	:: warm[x] && len(waiters[x]) == 0 && (slots[x] == idle || lent[x]) -> mayLend()
	:: else
	fi;
	if
	:: may && slots[x] == idle ->
		atomic { lent[x] = true; slots[x] = inUse; unidle() };  /* lendCellLocked */
		state[x] = Resting
	:: else
	fi;
	atomic { if :: may -> open[x] = true :: else fi; mu[x] = false; may = false }
}

/* change is all that is done under the lock of pool x, for whatever reason. A caller
   who finds orders balances first: see leaseNowLocked. */
inline change() {
	lock();
	first = (what == now && ordered[x]);
	do
	:: true ->
		if :: !first && !applied -> apply(); applied = true :: else fi;
		balanceLocked();
		if
		:: again
		:: !again && first -> first = false
		:: !again && !first -> break
		fi
	od;
	applied = false;
	finish()
}

/* ---- internal/lane, lane.go and lease.go: without the lock ---- */

inline TakeOrLock() {
	ok = open[p];
	if
	:: atomic { ok && state[p] == Resting -> n = number[p] };
		if
		:: atomic { state[p] == Resting && number[p] == n -> state[p] = Out; begins(p); has = true }   /* Take */
		:: else -> op = now
		fi
	:: else -> op = now
	fi;
	ok = false
}

/* Nobody but who has the lock closes the lane, or takes a seat out of it. */
#ifdef NO_OPEN_IN_LANE
#define inLane(x) (lent[x])
#else
#define inLane(x) (open[x] && lent[x])
#endif

inline Release() {
	op = none;
	ok = open[p];
	if
	:: atomic { ok && state[p] == Out && number[p] == n -> ok = false };
		if
		:: atomic { state[p] == Out && number[p] == n -> ends(p); state[p] = Resting; number[p]++; has = false };   /* Rest */
#ifndef NO_LOOK
			op = (open[p] -> none : lookAgain)                  /* look */
#endif
		:: else
		:: true                                                 /* it was out at a tick */
		fi
	:: else -> ok = false
	fi;
	if
	:: atomic { has && number[p] == n && state[p] != Resting -> ends(p); state[p] = Held; number[p]++; op = endLease }   /* End */
	:: else
	fi;
	if
	:: atomic { op == endLease && !mu[p] && inLane(p) -> state[p] = Resting; op = none }   /* endInLaneLocked: one hold of the lock */
	:: true
	fi;
	has = false
}

/* ---- who takes part ---- */

/* Whom a change has to wake is woken when its lock is free, before anything else. */
proctype caller(byte me; byte p; mtype op) {
	byte x, n, w, round, wake, og, oe;
	bool ok, has, first, applied, again, may, recalled;
	mtype what;
	if :: op == none -> round = (p == 0 -> ROUNDS0 : ROUNDS) :: else fi;
	do
	:: atomic { op == none && wake == 0 && !has && round > 0 -> round--; n = 0 };
		TakeOrLock()
	:: op == none && wake == 0 && has ->
		Release()
	:: atomic { op == wait && wake == 0 && got[me] -> got[me] = false; n = number[p]; has = true; op = none }
#ifdef CANCEL                                                   /* its context ends, but not in the last round: somebody is to be served */
	:: atomic { op == wait && wake == 0 && round > 0 && waiters[p]??[eval(me)] -> waiters[p]??eval(me); queued = queued & ~(1 << me); op = waited }
#endif
	:: atomic {
		wake != 0 || (op != none && op != wait) ->
		if
		:: wake != 0 -> x = ((wake & 1) -> 0 : 1); wake = wake & ~(1 << x); what = rebalance
		:: else -> x = p; what = op; op = none
		fi
	   }
		change();
		atomic {
			if
			:: what == now && !has -> op = enqueue
			:: what == enqueue -> op = wait
			:: else
			fi;
			what = none
		}
	:: atomic { op == none && wake == 0 && !has && round == 0 -> break }
	od;
	running--
}

init {
	byte i;
	atomic {
		slots[0] = inUse; lent[0] = true; state[0] = Resting; open[0] = true;
		lends[0] = true; lender[0] = true;
		sentUsed[0] = true; lastUsed[0] = true; bopen = 1;
		do :: i < N -> run caller(i, i % P, none); running++; i++ :: else -> i = 0; break od;
#ifdef TICK
		run caller(N, 0, tick); running++;
#endif
#ifdef ANYBODY
		run caller(N, 0, lookAgain); running++                  /* somebody takes the lock of pool 0 */
#endif
	}
	timeout ->                                                  /* all is quiet */
	assert(queued == 0);                                        /* nobody sleeps */
	assert(running == 0);                                       /* and nobody is stuck */
	assert(!(state[0] == Resting && !open[0]) && !(state[1] == Resting && !open[1]));
	assert(!asked[0] && !asked[1]);                             /* all have said that their lanes are empty */
	assert(!hungry && want == 0 && evictions == 0 && !ordered[0] && !ordered[1]);
	assert(bopen == used(0) + used(1))
}
