package pool

import (
	"iter"
	"time"
)

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

// redialsLocked returns how many dials are to be made beside late ones, of which so
// many are more than the waiters need already: the first is the waiters' own, like
// any dial for them; a further one takes only a slot that nobody else wants.
func (p *Pool[R]) redialsLocked(late int) (first, further int) {
	switch {
	case !p.overdueLocked():
		return 0, 0
	case late == 0:
		return 1, 0
	default:
		return 0, 1
	}
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

// dispensableLocked yields the dials that are not canceled, in the order in which the
// pool can do without them: first those that are late, the oldest first, then the
// others, the newest first.
func (p *Pool[R]) dispensableLocked() iter.Seq[*dial[R]] {
	return func(yield func(*dial[R]) bool) {
		late := 0
		if p.cfg.RedialAfter > 0 {
			for d := range p.mu.dials.All() {
				if !p.lateLocked(d) {
					break // those after it began later
				}
				late++
				if !d.canceled && !yield(d) {
					return
				}
			}
		}
		left := p.mu.dials.Len() - late
		for d := range p.mu.dials.Backward() {
			if left--; left < 0 || !d.canceled && !yield(d) {
				return
			}
		}
	}
}

// keptLateLocked returns how many of the surplus dials, the first ones, are not to be
// canceled for want of a waiter, but only if another pool needs a slot: the late ones,
// while callers wait. Where each dial takes longer than RedialAfter, they would else
// cost one another their lives, and none would come to its end.
func (p *Pool[R]) keptLateLocked(surplus []*dial[R]) int {
	if p.cfg.RedialAfter == 0 || !p.waitedForLocked() {
		return 0
	}
	for i, d := range surplus {
		if !p.lateLocked(d) {
			return i
		}
	}
	return len(surplus)
}
