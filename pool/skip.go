package pool

// skipLocked ends a change that leaves the pool saturated or calm, and reports whether
// it is that: then all that balanceLocked looks at is known without looking.
func (p *Pool[R]) skipLocked() bool {
	p.mu.form = restless
	var left form
	switch {
	case p.mu.chores != nil:
		return false
	case p.saturatedLocked():
		left = steady
		p.countUncoveredLocked(p.comingLocked())
	case p.calmLocked():
		left = calm
	default:
		return false
	}
	p.mu.handed, p.mu.wasQuiet = nil, false
	if len(p.mu.deadlines) > 0 || (p.mu.times != nil && !p.mu.tick.IsZero()) || p.cfg.MaxIdleTime > 0 {
		p.armLocked()
	}
	p.openLaneLocked()
	p.dropBellLocked()
	switch {
	case left != calm || p.mayStayCalmLocked():
		p.mu.form = left
	case p.mayBeJointLocked():
		p.mu.form = joint
	}
	return true
}

// comingLocked returns how many slots of the Budget were on their way to the pool, at
// the last report.
func (p *Pool[R]) comingLocked() int {
	if p.member == nil {
		return 0
	}
	return int(p.member.coming)
}

// saturatedLocked reports whether all slots are out on leases, at the limit, and
// callers wait: then there is nothing to hand out, to dial or to close, and the pool
// is not bare. It is what a busy pool mostly is.
func (p *Pool[R]) saturatedLocked() bool {
	limit := p.mu.limits.MaxOpen
	return limit > 0 && !p.mu.closed && p.mu.slots.in(inUse) == limit && p.usedLocked() == limit &&
		p.waiters.Len() > 0 && !p.anyChoosyLocked() && len(p.mu.roomy) == 0 && !p.warmsLocked() &&
		(p.member == nil || p.member.unmoved(p.standingLocked()))
}

// calmLocked reports whether nobody waits or dials, no dial has failed of late, no
// limit is exceeded and nothing is lacking: then there is nobody to serve, nothing to
// dial or to close, and the pool is not bare. It is what a pool mostly is that is used
// now and then, such as one key of many.
func (p *Pool[R]) calmLocked() bool {
	if p.waiters.Len() > 0 || p.dialingLocked() > 0 || p.usedLocked() == 0 {
		return false
	}
	if p.mu.uncovered != 0 || p.mu.opening > 0 || p.mu.outage != nil || p.warmsLocked() || p.spareLocked() > 0 {
		return false
	}
	l := p.mu.limits
	if l.MaxOpen > 0 && p.stayingLocked() > l.MaxOpen {
		return false
	}
	if l.MaxIdle != 0 && p.mu.slots.in(idle) > max(l.MaxIdle, 0) {
		return false
	}
	return p.member == nil || p.member.unmoved(p.standingLocked())
}
