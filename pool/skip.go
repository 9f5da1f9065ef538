package pool

// A change mostly leaves the pool in one of two states in which all that
// balanceLocked looks at is known without looking. Each is dealt with in one go.

// skipSaturatedLocked ends a change after which the pool is saturated, and reports
// whether it is. It is what a busy pool mostly is.
func (p *Pool[R]) skipSaturatedLocked() bool {
	if !p.saturatedLocked() {
		return false
	}
	p.mu.handed, p.mu.wasQuiet = nil, false
	if p.member == nil {
		p.countUncoveredLocked(0)
	} else {
		p.countUncoveredLocked(int(p.member.coming))
	}
	if len(p.mu.deadlines) > 0 || p.mu.times != nil {
		p.armLocked()
	}
	return true
}

// saturatedLocked reports whether all slots are out on leases, at the limit, and
// callers wait: then there is nothing to hand out, to dial or to close, and the pool
// is not bare.
func (p *Pool[R]) saturatedLocked() bool {
	limit := p.mu.limits.MaxOpen
	return limit > 0 && !p.mu.closed && p.mu.slots[inUse] == limit && p.usedLocked() == limit &&
		p.waiters.Len() > 0 && p.mu.fresh == 0 && len(p.mu.roomy) == 0 && p.mu.warmers == nil &&
		(p.member == nil || p.member.unmoved(p.standingLocked()))
}

// skipCalmLocked ends a change after which the pool is calm, and reports whether it
// is. It is what a pool mostly is whose lane is closed because it is used now and
// then: one key of many.
func (p *Pool[R]) skipCalmLocked() bool {
	if !p.calmLocked() {
		return false
	}
	p.mu.handed, p.mu.wasQuiet = nil, false
	if len(p.mu.deadlines) > 0 || p.mu.times != nil || p.cfg.MaxIdleTime > 0 {
		p.armLocked()
	}
	p.openLaneLocked()
	if p.mu.armed == 0 {
		p.mu.bell = nil // as in finish
	}
	return true
}

// calmLocked reports whether nobody waits or dials, no limit is exceeded and nothing
// is lacking: then there is nobody to serve, nothing to dial or to close, and the pool
// is not bare.
func (p *Pool[R]) calmLocked() bool {
	if p.mu.closed || p.waiters.Len() > 0 || p.mu.dials.Len() > 0 || p.usedLocked() == 0 {
		return false
	}
	if p.mu.starved || p.mu.uncovered != 0 || p.mu.outage != nil || p.mu.warmers != nil || p.spareLocked() > 0 {
		return false
	}
	l := p.mu.limits
	if l.MaxOpen > 0 && p.stayingLocked() > l.MaxOpen {
		return false
	}
	if l.MaxIdle != 0 && p.mu.slots[idle] > max(l.MaxIdle, 0) {
		return false
	}
	return p.member == nil || p.member.unmoved(p.standingLocked())
}
