package pool

import "time"

// A dial that takes longer than RedialAfter is late. It may never end: a lost
// packet, a peer that accepts and says nothing. It still counts as on its way to
// those who wait (I7), but they do not depend on it alone.

// lateLocked reports whether a dial has taken longer than RedialAfter.
//
// All that is asked of the time in one hold of the lock is asked of the same: if a
// plan came just before a dial was late, and the bell was set just after that, nobody
// would look again.
func (p *Pool[R]) lateLocked(d *dial[R]) bool {
	return p.cfg.RedialAfter > 0 && !d.held && p.nowLocked().Sub(d.started) >= p.cfg.RedialAfter
}

// overdueLocked reports whether callers wait and the newest of the dials that are on
// their way to them is late: then one more is to be made, whoever it will serve.
func (p *Pool[R]) overdueLocked() bool {
	at, waits := p.newestLateAtLocked()
	return waits && !p.nowLocked().Before(at)
}

// overdueAtLocked returns when overdueLocked will be true, if nothing changes until
// then. Once it is, there is nothing more to wait for.
func (p *Pool[R]) overdueAtLocked() (at time.Time, waits bool) {
	at, waits = p.newestLateAtLocked()
	return at, waits && p.nowLocked().Before(at)
}

func (p *Pool[R]) newestLateAtLocked() (at time.Time, waits bool) {
	if p.cfg.RedialAfter == 0 || !p.waitedForLocked() {
		return at, false
	}
	d := p.newestDialLocked()
	if d == nil || d.held {
		return at, false
	}
	return d.started.Add(p.cfg.RedialAfter), true
}

// keepsAllLocked reports whether no dial is to be canceled for want of a waiter:
// callers wait, and one is late. What was made beside it would else go at once, and be
// made again; or the late one would, and where each dial takes longer than RedialAfter
// none would come to its end. With DialRate the late one need not be the oldest.
func (p *Pool[R]) keepsAllLocked() bool {
	if p.cfg.RedialAfter == 0 || !p.waitedForLocked() {
		return false
	}
	for d := range p.mu.dials.All() {
		if p.lateLocked(d) {
			return true
		}
		if p.limiter() == nil {
			break // the others began later
		}
	}
	return false
}
