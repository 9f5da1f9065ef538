package pool

import (
	"time"

	"github.com/berth-go/berth/waitq"
)

// balanceLocked restores what holds whenever the pool's lock is free: no waiter
// sleeps while a resource that it could use is idle, or a slot is free for its
// dial (I2); no limit is exceeded longer than it must be; no dial goes on that
// nobody wants (I7, I8). It looks at the state alone, not at what changed it, so
// there is one rule for all events.
func (p *Pool[R]) balanceLocked() { p.restoreLocked(nil) }

// restoreLocked is balanceLocked, also while it is undecided whether the caller at the door,
// who is in the queue already, may wait.
func (p *Pool[R]) restoreLocked(atDoor *attempt[R]) {
	if p.mu.closed {
		p.reportLocked(plan[R]{})
		p.armLocked()
		return
	}
	if p.warmsLocked() {
		_ = p.endHopelessLocked()
	}
	for again := true; again; {
		p.shrinkLocked()
		yielded := p.serveLocked(atDoor)
		p.trimIdleLocked()
		again = p.demandLocked() || yielded
		if !again && p.warmsLocked() {
			again = p.endHopelessLocked() // the Budget's limits may have changed before it knew of them (I4)
		}
	}
	if p.warmsLocked() {
		p.endWarmersLocked(nil)
	}
	p.armLocked()
}

// shrinkLocked brings the pool down to MaxOpen as far as it can be done now. The
// slots that are on their way out do not count: only what would stay does.
func (p *Pool[R]) shrinkLocked() {
	limit := p.mu.limits.MaxOpen
	for limit > 0 && p.stayingLocked() > limit {
		if s := p.oldestIdleLocked(); s != nil {
			p.closeLocked(s, ReasonLimits)
		} else if d := p.newestDialLocked(); d != nil {
			p.cancelLocked(d, errUnwanted)
		} else if s := p.mu.shares.Newest(); s != nil {
			p.retireLocked(s, ReasonLimits)
		} else {
			return // exclusive resources in use: closed at their release
		}
	}
}

// stayingLocked returns how many slots are not on their way out.
func (p *Pool[R]) stayingLocked() int {
	return p.usedLocked() - p.leavingLocked()
}

// leavingLocked returns how many slots will become free by themselves, soon or
// when their leases end.
func (p *Pool[R]) leavingLocked() int { return p.endingLocked() + int(p.mu.draining) }

// endingLocked returns how many slots will become free soon: whoever needs one
// can wait for them. A slot that drains may take as long as its leases.
func (p *Pool[R]) endingLocked() int { return p.mu.slots.in(closing) + int(p.mu.canceled) }

// makeWayLocked lets a resource go, or a dial that nobody else needs, if the oldest
// waiter wants a fresh one, cannot have a dial for it, and nothing is on the way that
// will give it one. It is that waiter's turn, and what others could use is in its way.
// While it is undecided whether who is at the door may wait, only what is idle goes; with
// that it is decided, if it went for that one.
func (p *Pool[R]) makeWayLocked(atDoor *attempt[R]) {
	if !p.anyChoosyLocked() {
		return
	}
	e, ok := p.waiters.Front()
	if !ok || freshOf(e) == 0 || p.mu.slots.in(closing) > 0 || p.isOnItsWayLocked(freshOf(e)) {
		return
	}
	if p.broughtSinceLocked(freshOf(e)) && p.findLocked(func(s *slot[R]) bool { return s.room() && s.number >= freshOf(e) }) != nil {
		return
	}
	// One canceled dial is enough; but it may not heed that, and what is idle goes all the same.
	idleOnly := atDoor != nil || p.mu.canceled > 0
	l := p.mu.limits
	if room(l.MaxDials, p.dialingLocked()) == 0 {
		if !idleOnly {
			p.dropOrphanLocked() // to close something would be of no use
		}
		return
	}
	full := room(l.MaxOpen, p.usedLocked()) == 0
	if !full && !p.mu.starved {
		return
	}
	for s := p.oldestIdleLocked(); s != nil; s = p.newerIdle(s.idleLink.Newer()) {
		if s.number < freshOf(e) {
			p.closeLocked(s, ReasonEvict)
			if atDoor != nil && uint64(atDoor.place) == e.Place {
				atDoor.madeWay = true
			}
			return
		}
	}
	// Of the dials of a Budget's pools the Budget knows which to cancel.
	if idleOnly || (full && p.dropOrphanLocked()) || p.mu.draining > 0 {
		return
	}
	for s := range p.mu.shares.All() {
		if s.number < freshOf(e) {
			p.retireLocked(s, ReasonEvict)
			return
		}
	}
}

// isOnItsWayLocked reports whether something is on its way that a waiter can use for whom
// first is the first dial that will do, or none may be dialled yet.
func (p *Pool[R]) isOnItsWayLocked(first uint64) bool {
	if p.freshDialLocked(first) || (p.cautiousLocked() && p.holdOffLocked()) {
		return true
	}
	// Where more waiters lack a dial, one helps, and which of them it is for nobody knows.
	return p.unmetLocked() <= 0 && p.promisedSinceLocked(first) > 0
}

// dropOrphanLocked cancels the newest dial that no waiter needs, and reports whether there
// was one.
func (p *Pool[R]) dropOrphanLocked() bool {
	if p.flyingLocked() == 0 {
		return false
	}
	orphans := p.orphansLocked(p.unmetLocked())
	if orphans.n == 0 {
		return false
	}
	p.cancelOrphansLocked(&orphans, 1)
	return true
}

// serveLocked hands out what there is, to the oldest waiter who can use it (I3).
// It reports whether it gave up a resource for an older waiter of another pool.
func (p *Pool[R]) serveLocked(atDoor *attempt[R]) bool {
	for p.waiters.Len() > 0 {
		p.makeWayLocked(atDoor)
		if !p.anyUseLocked() {
			return false
		}
		var to waitq.Entry
		s := p.pickLocked(func(s *slot[R]) bool {
			if !s.room() {
				return false
			}
			e, ok := p.oldestForLocked(s)
			if ok {
				to = e
			}
			return ok
		})
		if s == nil {
			return false
		}
		if p.member != nil {
			if why, must := p.member.mustYield(Ticket(to.Place), s.leases > 0, p.standingLocked()); must {
				p.retireLocked(s, why)
				return true
			}
		}
		l := p.leaseOutLocked(s, Ticket(to.Place), true)
		// The waiter may have given up meanwhile; then the next one gets it (I5, I6).
		if p.deliverLocked(l) {
			p.drainSpentLocked(s)
		} else {
			p.takeBackLocked(l)
		}
	}
	return false
}

// trimIdleLocked closes what MaxIdle does not allow, least recently used first.
func (p *Pool[R]) trimIdleLocked() {
	limit := p.mu.limits.MaxIdle
	for limit != 0 && p.mu.slots.in(idle)-p.awaitedLocked() > max(limit, 0) {
		p.closeLocked(p.oldestButLocked(p.awaitedLocked() > 0), ReasonIdleLimit)
	}
}

// oldestUnawaitedLocked is oldestIdleLocked without the slots that are waited for to have
// capacity.
func (p *Pool[R]) oldestUnawaitedLocked() *slot[R] { return p.oldestButLocked(p.awaitsLocked()) }

// oldestButLocked is oldestIdleLocked, without what opens if that is to stay.
func (p *Pool[R]) oldestButLocked(stays bool) *slot[R] {
	s := p.oldestIdleLocked()
	for s != nil && s.opening && stays {
		s = p.newerIdle(s.idleLink.Newer())
	}
	return s
}

// awaitsLocked reports whether callers, calls of Warm or resources whose time ends wait for
// what has no capacity yet.
func (p *Pool[R]) awaitsLocked() bool {
	return p.waiters.Len() > 0 || p.warmsLocked() || p.mu.heirs.Len() > 0
}

// awaitedLocked returns how many idle slots only look so: they are waited for to have
// capacity soon, or whether they have says whether the peer is back.
func (p *Pool[R]) awaitedLocked() int {
	if !p.awaitsLocked() && !p.brokenLocked() {
		return 0
	}
	return int(p.mu.opening)
}

// retireLocked lets a slot go: at once if no lease is out on it, else when the
// last one ends; after its Check, if that runs in the background.
func (p *Pool[R]) retireLocked(s *slot[R], why Reason) {
	if s.gone || s.draining {
		return
	}
	p.reclaimSlotLocked(s)
	if s.leases == 0 && !s.probed { // else Check has it in hand
		p.closeLocked(s, why)
		return
	}
	s.draining, s.reason = true, why
	p.mu.draining++
	p.delistLocked(s)
	p.refitLocked(s)
	p.clearLocked(&s.life)
	if s.share != nil && p.cfg.DrainTimeout > 0 {
		p.setLocked(&s.life, s, toKill, time.Now().Add(p.cfg.DrainTimeout))
	}
}
