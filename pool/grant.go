package pool

import (
	"runtime"
	"time"
)

// leaseNowLocked leases the first slot that suits to a caller who is not queued;
// see leaseOutLocked for mayCheck.
func (p *Pool[R]) leaseNowLocked(suits func(*slot[R]) bool, mayCheck bool) (Lease[R], bool) {
	if p.ordered() {
		p.balanceLocked() // what the Budget has decided comes before a new caller
	}
	s := p.pickLocked(suits)
	if s == nil {
		return Lease[R]{}, false
	}
	if p.member != nil && p.member.older(p.lastTicket()+1, s.leases > 0, p.standingLocked()) {
		return Lease[R]{}, false // it is another pool's turn: see serveLocked
	}
	l := p.leaseOutLocked(s, p.lastTicket(), mayCheck)
	p.drainSpentLocked(s)
	return l, true
}

// drainSpentLocked lets go of a shareable slot that has had the last lease of its life:
// that may be without an end, or others may, and then DrainTimeout counts. While that lease
// is being checked it does not: what else lets the slot go meanwhile must be seen (I10, I11).
func (p *Pool[R]) drainSpentLocked(s *slot[R]) {
	if s.share != nil && p.cfg.DrainTimeout > 0 && !s.checking && s.spent() {
		p.retireLocked(s, ReasonUses)
	}
}

// ordered reports whether the Budget has decided something that the pool has to hear.
func (p *Pool[R]) ordered() bool { return p.member != nil && p.member.ordered.Load() }

// pickLocked returns the slot to hand out next among those that suit, or nil. It
// lets go of those whose time is over.
func (p *Pool[R]) pickLocked(suits func(*slot[R]) bool) *slot[R] {
	timed := p.cfg.MaxLifetime > 0 || p.cfg.MaxIdleTime > 0
	for {
		s := p.findLocked(suits)
		if s == nil || !timed {
			return s
		}
		why, over := p.expired(s, time.Now())
		if !over {
			return s
		}
		p.retireLocked(s, why)
	}
}

// findLocked returns the first slot that suits, in the order of Config.Reuse.
func (p *Pool[R]) findLocked(suits func(*slot[R]) bool) *slot[R] {
	if s := p.mu.roomy.best(suits); s != nil {
		return s
	}
	if p.cfg.Reuse == ReuseOldest {
		for s := p.mu.idle.Oldest(); s != nil; s = s.idleLink.Newer() {
			if s.share == nil && suits(s) {
				return s
			}
		}
		return nil
	}
	for s := p.mu.idle.Newest(); s != nil; s = s.idleLink.Older() {
		if s.share == nil && suits(s) {
			return s
		}
	}
	return nil
}

// leaseOutLocked starts a lease on s, which has room. mayCheck says whether the
// caller can run Check; if not, it has seen to it that none is due.
func (p *Pool[R]) leaseOutLocked(s *slot[R], t Ticket, mayCheck bool) Lease[R] {
	c := s.takeCell()
	s.leases++
	s.uses++
	p.mu.leases++
	began := p.momentLocked()
	c.SetBegan(time.Duration(began))
	p.mu.out.Push(&c.link, c)
	c.idleFor, c.uses = 0, s.uses
	c.check = false
	if s.state == idle {
		if s != p.mu.handed {
			c.idleFor = min(p.timeOf(began).Sub(s.idleSince), time.Duration(began-s.born)) // a successor is idle since before its birth
			c.check = mayCheck && p.checkDueLocked(s)
			p.mu.checks += int32(btoi(c.check && s.share == nil)) //nolint:gosec // 0 or 1
		}
		s.checking = c.check && s.share != nil
		if s.checking {
			p.move(s, dialing)
		} else {
			p.move(s, inUse)
		}
	}
	if s.lent() > 0 {
		c.uses += p.otherUsesLocked(c)
		p.unlistLentLocked(s)
	}
	p.refitLocked(s)
	return Lease[R]{cell: c, turn: c.Turn.Load(), ticket: t}
}

// checkDueLocked reports whether s must be checked before it is handed out.
func (p *Pool[R]) checkDueLocked(s *slot[R]) bool {
	return p.cfg.Check != nil && s.state == idle && s != p.mu.handed &&
		(p.cfg.CheckAfter < 0 || elapsed(later(s.idleSince, s.tested), p.nowLocked()) > p.cfg.CheckAfter)
}

// allDueLocked reports whether that is known of all that is there: behind a resource whose
// Check is due stand those that are idle for longer.
func (p *Pool[R]) allDueLocked() bool {
	c, s := &p.cfg, p.mu.idle.Newest()
	if c.Check == nil || s == nil || p.mu.handed != nil || len(p.mu.roomy) > 0 {
		return false
	}
	if c.CheckEvery > 0 || c.Overlap > 0 {
		return false // one that is idle for longer may have been checked, or dialled, later
	}
	return c.CheckAfter < 0 || p.nowLocked().Sub(s.idleSince) > c.CheckAfter
}

// takeBackLocked undoes leaseOutLocked for a lease that nobody received.
func (p *Pool[R]) takeBackLocked(l Lease[R]) {
	s := l.cell.slot
	p.unleaseLocked(l)
	s.checking = false
	if s.leases == 0 {
		p.move(s, idle) // idleSince is still that of its last use
	}
	p.refitLocked(s)
}

func (p *Pool[R]) unleaseLocked(l Lease[R]) {
	s := l.cell.slot
	p.endCheckLocked(l.cell)
	l.cell.end(l.turn)
	p.mu.out.Remove(&l.cell.link)
	s.putCell(l.cell)
	s.leases--
	s.uses--
	p.mu.leases--
}

// endCheckLocked notes that the caller who has the lease runs no Check any more.
func (p *Pool[R]) endCheckLocked(c *cell[R]) {
	if c.check && c.slot.share == nil {
		p.mu.checks--
	}
	c.check = false
}

// endLeaseLocked is passOnLocked for a caller to whom it does not matter that a
// waiter wakes up before the lock is free.
func (p *Pool[R]) endLeaseLocked(c *cell[R], how End, err error) {
	var next handOff[R]
	p.passOnLocked(c, how, err, &next)
	next.give()
}

// passOnLocked is the end of every lease, whose cell has been ended by the caller:
// the slot goes to a waiter, which is next then, or becomes idle, or is closed if it
// was to go.
func (p *Pool[R]) passOnLocked(c *cell[R], how End, err error, next *handOff[R]) {
	s := c.slot
	p.settleLeaseLocked(c, how, err)
	s.putCell(c)
	s.leases--
	if s.gone || s.leases > 0 {
		p.refitLocked(s)
		return
	}
	if why, stale := p.staleLocked(s); stale {
		p.closeLocked(s, why)
		return
	}
	s.checking = false
	if p.handOffLocked(s, next) {
		return
	}
	s.idleSince = p.nowLocked()
	p.markHandedLocked()
	p.mu.handed = s
	p.move(s, idle)
}

// settleLeaseLocked takes a lease that has ended out of the accounts.
func (p *Pool[R]) settleLeaseLocked(c *cell[R], how End, err error) {
	if c.lent {
		p.adoptLeaseLocked(c, c.Turn.Load().Number()-1)
	}
	held := max(0, time.Duration(p.momentLocked())-c.Began())
	p.mu.leases--
	p.endCheckLocked(c)
	p.mu.out.Remove(&c.link)
	p.unwatchLocked(c)
	p.noteLeaseLocked(held)
	if h := p.cfg.Hooks.Released; h != nil {
		e := ReleasedEvent{Key: p.key(), How: how, Held: held, Err: err}
		p.laterLocked(func() { h(e) })
	}
}

// staleLocked returns why a slot that no lease is out on must be closed rather
// than become idle.
func (p *Pool[R]) staleLocked(s *slot[R]) (Reason, bool) {
	switch {
	case s.draining:
		return s.reason, true
	case p.mu.closed:
		return ReasonClosed, true // I10
	case s.generation != p.mu.generation:
		return ReasonReset, true // I11
	case s.spent():
		return ReasonUses, true
	}
	return 0, false
}

// endLease ends a lease whose resource is well, after a look at its capacity if that
// must be.
func (p *Pool[R]) endLease(c *cell[R]) {
	var next handOff[R]
	var now moment
	if p.waiters.Len() > 0 {
		now = p.moment() // to read the clock under the lock would hold up others
	}
	p.lockBeside()
	if p.passSteadyLocked(c, now, &next) {
		if p.waiters.Len() > 0 {
			p.mu.Unlock()
			next.give()
		} else if err := p.finish(false, &next); err != nil {
			panic(err.value)
		}
		return
	}
	if p.restCalmLocked(c) || p.restJointLocked(c) {
		p.unlockCalm()
		return
	}
	if p.endInLaneLocked(c) {
		p.mu.Unlock()
		return
	}
	p.closeLaneLocked()
	if c.slot.share != nil {
		c.slot.doubts = doubts{} // first: Capacity is to be believed again
	}
	var failed *panicError
	defer func() { // also after runtime.Goexit in Capacity
		c.slot.refusals = 0
		if c.slot.refused { // meanwhile: its end may be what makes room
			p.queueLookLocked(c.slot)
		}
		p.passOnLocked(c, EndRelease, nil, &next)
		if err := p.finish(false, &next); failed == nil {
			failed = err
		}
		if failed != nil {
			panic(failed.value)
		}
	}()
	if p.mustSampleLocked(c.slot) {
		failed = p.sampleLocked(c.slot)
	}
}

// discard ends a lease and its resource with it.
func (p *Pool[R]) discard(c *cell[R], why Reason, how End, err error) {
	p.lock()
	defer p.unlock()
	p.retireLocked(c.slot, why)
	p.endLeaseLocked(c, how, err)
}

// hijack ends a lease and its resource's time in the pool. Should a hook panic,
// nobody gets the value, so the pool closes it after all. A Shutdown that comes after that
// waits for it; one that comes while the hook runs waits for neither.
func (p *Pool[R]) hijack(l Lease[R]) R {
	v, returned, free := l.cell.slot.value, false, false
	defer func() {
		if free && !returned && p.cfg.Close != nil {
			p.lockBeside() // it has no slot any more
			p.mu.telling++
			p.mu.Unlock()
			p.crew.Go(func() {
				defer p.told()
				if err := catch(func() { _ = p.cfg.Close(v) }); err != nil {
					p.raise(err)
				}
			})
		}
	}()
	p.takeOut(l, &free)
	returned = true
	return v
}

// takeOut sets free when the resource is no longer the pool's.
func (p *Pool[R]) takeOut(l Lease[R], free *bool) {
	p.lock()
	defer p.unlock()
	s := l.cell.slot
	if l.cell.ended(l.turn) {
		panic("pool: Hijack of a lease that has ended: most likely it was released or discarded before")
	}
	if s.leases > 1 {
		panic("pool: Hijack of a shareable resource on which other leases are out: end them first")
	}
	if !l.cell.end(l.turn) {
		panic("pool: Hijack of a lease that another goroutine ends at the same time")
	}
	runtime.KeepAlive(l.guard) // while this waited for the lock it was not lost
	s.leases--
	p.settleLeaseLocked(l.cell, EndHijack, nil)
	if !s.gone { // else it is dead, and the pool closes it
		*free = true
		p.forgetLocked(s)
		p.mu.count.rare().Hijacks++
		p.move(s, empty)
	}
}
