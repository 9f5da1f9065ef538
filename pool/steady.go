package pool

import "time"

// A pool that is saturated stays so when a lease goes to the oldest waiter and when one
// more caller queues, and this is what a busy pool does nearly all the time. Nothing
// changes then that anything depends on but the waiters and the lease, so what follows
// does just that. It is in one piece: what a caller runs here has mostly left the
// processor's caches since the last one, and costs by its length.

// queueSteadyLocked queues a caller in a steady pool, and reports whether it could. It does what
// enqueueLocked does where nobody has to hear of it.
func (a *attempt[R]) queueSteadyLocked() bool {
	p := a.p
	if p.mu.form != steady || a.fresh || a.bad.cell != nil || !a.prepared() || p.mu.outage != nil ||
		p.cfg.ShedLate != ShedOff || p.cfg.Hooks.WaitStarted != nil || p.ordered() {
		return false
	}
	a.draw()
	p.learnLocked(a.shared)
	a.ahead, a.deliveries = p.waiters.Len(), p.mu.deliveries
	if a.queued = a.came; a.queued == 0 {
		a.queued = p.moment()
	}
	if a.start == 0 {
		a.start = a.queued
	}
	limited := a.newcomer && p.countsWaitersLocked()
	if limited {
		p.countUncoveredLocked(p.comingLocked()) // as recountLocked does
		p.mu.overTotal = false
	}
	a.waiter = p.waiters.EnqueueAt(a.ctx, uint64(a.place), a.tagOf())
	p.countUncoveredLocked(p.comingLocked())
	if limited && p.overLimitLocked() != nil && a.waiter.Cancel() {
		return false // enqueueLocked turns it away
	}
	a.waiting, a.newcomer = true, false
	a.count(&p.mu.count.Waits)
	return true
}

// passSteadyLocked gives what a lease that ends in a steady pool has had to the oldest
// waiter, and reports whether it could. It does what passOnLocked does where nothing is
// to be weighed. (While callers wait, nothing is in the lane: see enqueueLocked.) The
// lease has ended at now, if that is not 0.
func (p *Pool[R]) passSteadyLocked(c *cell[R], now moment, next *handOff[R]) bool {
	s := c.slot
	if p.mu.form != steady || c.watched != nil || c.check || s.share != nil || s.sampling || s.capacity <= 0 ||
		p.cfg.Hooks.Released != nil || p.mustSampleLocked(s) {
		return false
	}
	if _, stale := p.staleLocked(s); s.gone || stale {
		return false
	}
	if p.cfg.MaxLifetime > 0 {
		if _, over := p.expired(s, p.nowLocked()); over {
			return false
		}
	}
	if p.ordered() || (p.member != nil && !p.member.budget.isContent()) {
		return false
	}
	to, ok := p.waiters.Claim(nil)
	if !ok {
		return false
	}
	if now == 0 {
		now = p.momentLocked()
	}
	p.noteLeaseLocked(max(0, time.Duration(now)-c.Began()))
	p.deliveredLocked(to.Entry(), now)
	p.mu.out.Remove(&c.link)
	p.mu.out.Push(&c.link, c)
	s.refusals = 0
	s.uses++
	c.SetBegan(time.Duration(now))
	c.idleFor, c.uses, c.check = 0, s.uses, false
	p.countUncoveredLocked(p.comingLocked())
	next.to, next.lease = to, Lease[R]{cell: c, turn: c.Turn.Load()} // whoever receives it knows its place
	return true
}
