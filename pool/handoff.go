package pool

import (
	"time"

	"github.com/berth-go/berth/waitq"
)

// A handOff is a lease on its way to the waiter that has been chosen for it.
type handOff[R any] struct {
	to    waitq.Claim[Lease[R]]
	lease Lease[R] // the zero Lease: there is none
}

// give wakes the waiter up, if there is one.
func (h *handOff[R]) give() {
	if h != nil && h.lease.cell != nil {
		h.to.Give(h.lease)
	}
}

// handOffLocked chooses the oldest waiter for a slot, whose lease has just ended, if it
// may go straight to that, and reports whether it has: the caller must have next
// given. It is what serveLocked would come to by way of the idle list, for the common
// case in which there is nothing to weigh: any waiter will do, no limit was lowered,
// and no older waiter of another pool is due.
func (p *Pool[R]) handOffLocked(s *slot[R], next *handOff[R]) bool {
	if p.waiters.Len() == 0 || p.anyChoosyLocked() || s.share != nil || !s.room() {
		return false
	}
	if limit := p.mu.limits.MaxOpen; limit > 0 && p.stayingLocked() > limit {
		return false
	}
	if p.cfg.MaxLifetime > 0 {
		if _, over := p.expired(s, p.nowLocked()); over {
			return false
		}
	}
	if p.member != nil && !p.mayKeepLocked(s) {
		return false
	}
	to, ok := p.waiters.Claim(nil)
	if !ok {
		return false
	}
	p.deliveredLocked(to.Entry(), p.momentLocked())
	next.to, next.lease = to, p.leaseOutLocked(s, 0, false) // whoever receives it knows its place
	return true
}

// isContent reports whether no pool wants what another one has, and the Budget has not
// shrunk.
func (b *Budget) isContent() bool { return !b.hungry.Load() && !b.affine.Load() }

// mayKeepLocked reports whether the oldest waiter of the pool may have the slot, as
// far as the Budget is concerned.
func (p *Pool[R]) mayKeepLocked(s *slot[R]) bool {
	if p.member.budget.isContent() {
		return true
	}
	e, ok := p.waiters.Front()
	return ok && !p.member.ordered.Load() && p.member.mayKeep(Ticket(e.Place), s.leases > 0, p.standingLocked())
}

// deliverLocked gives a lease to the oldest waiter that can use its resource.
func (p *Pool[R]) deliverLocked(l Lease[R]) bool {
	var accept func(waitq.Entry) bool
	if p.anyChoosyLocked() {
		number := l.cell.slot.number
		accept = func(e waitq.Entry) bool { return number >= freshOf(e) }
	}
	to, ok := p.waiters.Claim(accept)
	if !ok {
		return false
	}
	p.deliveredLocked(to.Entry(), p.momentLocked())
	p.noteServedLocked(to.Entry())
	to.Give(l)
	return true
}

// deliveredLocked counts a wait that ends with a lease, at now.
func (p *Pool[R]) deliveredLocked(e waitq.Entry, now moment) {
	p.mu.deliveries++
	if freshOf(e) == 0 {
		p.mu.count.add(waitTimes, time.Duration(now-queuedOf(e)))
	}
}
