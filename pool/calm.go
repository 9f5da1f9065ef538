package pool

import "time"

// A calm pool stays calm when a caller takes what was used last, and when a lease ends and
// nobody waits. That is all that most keys of many ever see, each so seldom that no lane
// is opened for it. Nothing changes then that anything depends on but the slot, so what
// follows does just that.

// mayStayCalmLocked reports whether what follows knows all that can come to pass in the
// pool, which is calm.
func (p *Pool[R]) mayStayCalmLocked() bool {
	return p.lends.exclusive && p.mu.lent == 0 && p.mu.limits.MinIdle == 0 && len(p.mu.roomy) == 0
}

// takeCalmLocked leases what was used last to a caller in a calm pool, and reports whether
// it could. It does what now does where nothing is to be weighed.
func (a *attempt[R]) takeCalmLocked() bool {
	p := a.p
	if p.mu.form != calm || a.fresh || a.bad.cell != nil {
		return false
	}
	s := p.mu.idle.Newest()
	if s == nil || !s.room() {
		return false // a shareable one that has room is among the roomy, and Check may have this one in hand
	}
	if p.cfg.MaxLifetime > 0 || p.cfg.MaxIdleTime > 0 {
		if _, over := p.expired(s, p.nowLocked()); over {
			return false
		}
	}
	if p.checkDueLocked(s) || p.othersWantLocked() {
		return false
	}
	a.takeLocked(p.leaseOutLocked(s, p.lastTicket(), false))
	return true
}

// restCalmLocked lets a slot, whose lease has just ended, become idle in a calm pool, and
// reports whether it could. It does what passOnLocked does where nobody has to hear of it.
func (p *Pool[R]) restCalmLocked(c *cell[R]) bool {
	s := c.slot
	if p.mu.form != calm || s.share != nil || s.gone || p.mustSampleLocked(s) {
		return false
	}
	if _, stale := p.staleLocked(s); stale {
		return false
	}
	if l := p.mu.limits.MaxIdle; l != 0 && p.mu.slots.in(idle) >= l {
		return false
	}
	s.idleSince = p.nowLocked()
	p.mu.leases--
	p.endCheckLocked(c)
	p.mu.out.Remove(&c.link)
	p.noteLeaseLocked(max(0, time.Duration(p.momentLocked())-c.Began()))
	s.leases--
	p.move(s, idle)
	if len(p.mu.deadlines) > 0 || p.cfg.MaxIdleTime > 0 {
		p.armLocked()
	}
	return true
}

// othersWantLocked reports whether the Budget has decided something, or has to.
func (p *Pool[R]) othersWantLocked() bool {
	return p.member != nil && (p.ordered() || p.member.budget.hungry.Load())
}

// unlockCalm is unlock after one of the two, or of those in joint.go. If the Budget wants
// something, or the lane is worth opening, there is more to do.
func (p *Pool[R]) unlockCalm() {
	n := &p.mu.lending
	if n.lent == 0 && n.streak >= max(n.need, minStreak) || (p.member != nil && (p.member.changed || p.ordered())) {
		p.closeLaneLocked()
		p.unlock()
		return
	}
	p.mu.Unlock()
}
