package pool

import (
	"math"

	"github.com/berth-go/berth/waitq"
)

// plan is what a pool wants of its dials.
type plan struct {
	want    int // dials to start for waiters, within the pool's own limits
	orphans int // dials in flight beyond what the waiters need
}

// demandLocked starts the dials that waiters need and ends those that nobody
// needs. It reports whether it changed something that has to be looked at again.
func (p *Pool[R]) demandLocked() bool {
	pl := p.planLocked()
	if surplus := pl.orphans - p.allowedOrphansLocked(); surplus > 0 {
		p.cancelNewestLocked(surplus)
		pl = p.planLocked()
	}
	if p.member == nil {
		for range pl.want {
			p.startDialLocked()
		}
		p.countUncoveredLocked(0)
		return false
	}
	return p.reportLocked(pl)
}

// planLocked compares the waiters with what is on its way to them: dials in
// flight, each with the capacity it is expected to bring (I7), and the leases
// that ready shareable resources are about to have room for.
func (p *Pool[R]) planLocked() plan {
	waiters := p.waiters.Len()
	each := p.mu.shared
	flying := len(p.mu.dials) - p.mu.canceled
	// Those who want a fresh resource are not helped by one that is there.
	need := max(waiters-p.promisedLocked(), min(p.mu.fresh, waiters), 0)
	if unmet := need - flying*each; unmet > 0 {
		want := min((unmet-1)/each+1,
			room(p.mu.limits.MaxOpen, p.usedLocked()),
			room(p.mu.limits.MaxDials, len(p.mu.dials)))
		return plan{want: want}
	}
	return plan{orphans: flying - (need+each-1)/each}
}

// promisedLocked returns how many leases the shareable resources will have room
// for, beyond what they can take now.
func (p *Pool[R]) promisedLocked() int {
	n := 0
	for _, s := range p.mu.shares {
		n += s.promises()
	}
	return n
}

// allowedOrphansLocked returns how many dials may go on without a waiter: those
// whose results may become idle.
func (p *Pool[R]) allowedOrphansLocked() int {
	switch limit := p.mu.limits.MaxIdle; {
	case limit == 0:
		return math.MaxInt
	case limit < 0:
		return 0
	default:
		return max(0, limit-p.mu.slots[idle])
	}
}

// reportLocked tells the Budget where the pool stands, and carries out what the
// Budget decides. It reports whether that was anything. The Budget never acts on
// a pool; it leaves orders, which the pool fetches here.
func (p *Pool[R]) reportLocked(pl plan) bool {
	if p.member == nil {
		p.countUncoveredLocked(0)
		return false
	}
	r := report{
		used: p.usedLocked(), dialing: len(p.mu.dials), leaving: p.leavingLocked(),
		want: pl.want, orphans: pl.orphans,
	}
	if pl.want > 0 {
		p.ticketsLocked(&r)
	}
	o, wake := p.member.report(r, p.mu.wake)
	p.mu.wake = wake
	starved := p.mu.starved
	p.mu.starved = pl.want > o.grants
	for range o.grants {
		if p.mu.closed || pl.want == 0 {
			break // the next report gives it back
		}
		pl.want--
		p.startDialLocked()
	}
	for n := o.evict; n > 0 && p.mu.idle.oldest != nil; n-- {
		p.closeLocked(p.mu.idle.oldest, ReasonEvict)
	}
	for n := o.idleOut; n > 0 && p.mu.idle.oldest != nil; n-- {
		p.closeLocked(p.mu.idle.oldest, ReasonIdleLimit)
	}
	p.cancelNewestLocked(min(o.cancel, pl.orphans)) // the others have found a waiter
	if o.any() {
		if p.mu.closed {
			return p.reportLocked(plan{}) // there is no loop around this one
		}
		return true
	}
	p.countUncoveredLocked(o.coming)
	return p.mu.starved && !starved && p.mu.fresh > 0 // makeWayLocked has more to go by now
}

// ticketsLocked fills in the places of the oldest waiters that no dial is for.
func (p *Pool[R]) ticketsLocked(r *report) {
	skip := (len(p.mu.dials)-p.mu.canceled)*p.mu.shared + p.promisedLocked()
	i := 0
	p.waiters.Each(func(e waitq.Entry) bool {
		if i >= skip && (i-skip)%p.mu.shared == 0 {
			r.tickets[r.known] = Ticket(e.Place)
			r.known++
		}
		i++
		return r.known < min(len(r.tickets), r.want)
	})
	if e, ok := p.waiters.Front(); ok && r.known == 0 {
		r.tickets[0], r.known = Ticket(e.Place), 1 // a fresh dial for one who is promised another resource
	}
}

// countUncoveredLocked notes how many waiters nothing is on its way to: those
// whom MaxWaiters counts. slots is how many the Budget will have for this pool.
func (p *Pool[R]) countUncoveredLocked(slots int) {
	n := p.waiters.Len() - (len(p.mu.dials)-p.mu.canceled+slots)*p.mu.shared - p.promisedLocked()
	n = max(0, n)
	if p.part != nil {
		p.part.Total.Waiting.Add(int64(n - p.mu.uncovered))
	}
	p.mu.uncovered = n
}
