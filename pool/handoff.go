package pool

import "github.com/berth-go/berth/waitq"

// handOffLocked gives a slot, whose lease has just ended, straight to the oldest
// waiter, and reports whether it did. That is what serveLocked would come to by way
// of the idle list, for the common case in which there is nothing to weigh: any
// waiter will do, no limit was lowered, and no older waiter of another pool is due.
func (p *Pool[R]) handOffLocked(s *slot[R]) bool {
	if p.waiters.Len() == 0 || p.mu.fresh > 0 || s.shareable || !s.room() {
		return false
	}
	if limit := p.mu.limits.MaxOpen; limit > 0 && p.stayingLocked() > limit {
		return false
	}
	if p.cfg.MaxLifetime > 0 {
		if _, over := p.overdue(s, p.nowLocked()); over {
			return false
		}
	}
	if p.member != nil && !p.mayKeepLocked(s) {
		return false
	}
	l := p.leaseOutLocked(s, 0, false) // whoever receives it knows its place
	if p.deliverLocked(l) {
		return true
	}
	p.unleaseLocked(l)
	return false
}

// mayKeepLocked reports whether the oldest waiter of the pool may have the slot, as
// far as the Budget is concerned.
func (p *Pool[R]) mayKeepLocked(s *slot[R]) bool {
	if b := p.member.budget; !b.hungry.Load() && !b.affine.Load() {
		return true // no pool wants what this one has, and the Budget has not shrunk
	}
	e, ok := p.waiters.Front()
	return ok && !p.member.ordered.Load() && p.member.mayKeep(Ticket(e.Place), s.leases > 0, p.standingLocked())
}

// deliverLocked gives a lease to the oldest waiter that can use its resource.
func (p *Pool[R]) deliverLocked(l Lease[R]) bool {
	var accept func(waitq.Entry) bool
	if p.mu.fresh > 0 {
		number := l.cell.slot.number
		accept = func(e waitq.Entry) bool { return number >= freshOf(e) }
	}
	if !p.waiters.DeliverTo(l, accept) {
		return false
	}
	p.mu.deliveries++
	return true
}
