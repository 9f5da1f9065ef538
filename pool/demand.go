package pool

import (
	"math"

	"github.com/berth-go/berth/waitq"
)

// plan is what a pool wants of its dials.
type plan[R any] struct {
	want    int        // dials to start for waiters, within the pool's own limits
	redial  int        // dials to start beside late ones, likewise; at most 1
	orphans orphans[R] // dials in flight beyond what the waiters need
	kept    orphans[R] // such dials that only make room for another pool
	wanted  int        // how many of the orphans the pool wants in the background
	spare   int        // dials to start in the background, within the pool's own limits
}

// orphans are dials that no waiter needs, the newest first. Mostly they are the newest of
// all, and not one of them is looked at before it is canceled: there may be very many.
type orphans[R any] struct {
	n     int
	those []*dial[R] // nil: the newest n that are not canceled
}

// demandLocked starts the dials that waiters need and ends those that nobody
// needs. It reports whether it changed something that has to be looked at again.
func (p *Pool[R]) demandLocked() bool {
	pl := p.planLocked()
	if surplus := pl.orphans.n - max(pl.wanted, p.allowedOrphansLocked()); surplus > 0 {
		p.cancelOrphansLocked(&pl.orphans, surplus)
	}
	if p.member == nil {
		for range pl.want + pl.redial + pl.spare {
			p.startDialLocked()
		}
		p.countUncoveredLocked(0)
		// A dial for one who wants a fresh one may make an older one surplus; and
		// what the pool wants for itself comes after its waiters, but not later.
		return pl.want+pl.redial > 0 && (p.anyChoosyLocked() || p.spareLocked() > 0)
	}
	return p.reportLocked(pl)
}

// planLocked compares the waiters with what is on its way to them (I7).
func (p *Pool[R]) planLocked() plan[R] {
	unmet := p.unmetLocked()
	pl := plan[R]{want: p.dialsForLocked(unmet)}
	if p.flyingLocked() > 0 && p.mindsOrphansLocked() {
		pl.orphans = p.orphansLocked(unmet)
		if pl.orphans.n > 0 && p.keepsAllLocked() {
			pl.orphans, pl.kept = orphans[R]{}, pl.orphans
		}
	}
	if unmet > 0 {
		return pl // what the pool wants for itself comes after its waiters
	}
	if p.overdueLocked() {
		pl.redial = p.dialsForLocked(1)
	}
	pl.wanted = p.spareLocked()
	if lacking := pl.wanted - pl.kept.n - pl.orphans.n; lacking > 0 && pl.redial == 0 && !p.probesForWaiterLocked() && !p.holdOffLocked() && !p.pausesLocked() {
		pl.spare = min(lacking, p.dialRoomLocked())
		if p.mu.outage != nil {
			pl.spare = min(pl.spare, 1)
		}
	}
	return pl
}

// probesForWaiterLocked reports whether the dial that shows whether the peer is back is on
// its way to a waiter, for whom the prober had no slot: there is to be one at a time.
func (p *Pool[R]) probesForWaiterLocked() bool { return p.brokenLocked() && p.flyingLocked() > 0 }

// dialsForLocked returns how many dials to start now for n waiters.
func (p *Pool[R]) dialsForLocked(n int) int {
	if n <= 0 {
		return 0
	}
	switch cautious := p.cautiousLocked(); {
	case cautious && p.holdOffLocked():
		return 0
	case cautious:
		return min(1, p.dialRoomLocked()) // to see whether the peer is back
	default:
		return min((n-1)/p.sharedLocked()+1, p.dialRoomLocked())
	}
}

// dialRoomLocked returns how many dials the pool's own limits allow now.
func (p *Pool[R]) dialRoomLocked() int {
	return min(room(p.mu.limits.MaxOpen, p.usedLocked()), room(p.mu.limits.MaxDials, p.dialingLocked()))
}

// unmetLocked returns how many waiters nothing is on its way to; a negative
// number is how many more could be served by what is: by dials in flight, each
// with the capacity that it is expected to bring, and by the leases that ready
// shareable resources are about to have room for.
func (p *Pool[R]) unmetLocked() int { return p.uncountedLocked(p.flyingLocked()) }

// waitedForLocked reports whether callers wait for dials.
func (p *Pool[R]) waitedForLocked() bool {
	return p.uncountedLocked(0) > 0
}

// uncountedLocked is unmetLocked with the dials in flight if so many are not canceled, and
// with none if that is 0.
func (p *Pool[R]) uncountedLocked(flying int) int {
	unmet := p.unmetByAnyLocked(flying)
	for _, g := range p.unmetGroupsLocked(flying) {
		unmet = max(unmet, g.unmet)
	}
	return unmet
}

// unmetByAnyLocked is uncountedLocked if all waiters could use everything.
func (p *Pool[R]) unmetByAnyLocked(flying int) int {
	return p.waiters.Len() - p.mu.promised - flying*p.sharedLocked()
}

// orphansLocked returns the dials without which no waiter more is left with
// nothing on its way, the newest first; unmet is that of now.
func (p *Pool[R]) orphansLocked(unmet int) (o orphans[R]) {
	lacking, all := max(unmet, 0), p.unmetByAnyLocked(p.flyingLocked())
	if all+p.sharedLocked() > lacking {
		return o
	}
	if !p.anyChoosyLocked() { // one is needed as much as another
		o.n = min((lacking-all)/p.sharedLocked(), p.flyingLocked())
		return o
	}
	choosy := p.unmetGroupsLocked(p.flyingLocked())
	for i := 1; i < len(choosy); i++ { // from here on unmet is that of the worst off of these and of those whom older dials do
		choosy[i].unmet = max(choosy[i].unmet, choosy[i-1].unmet)
	}
	without := 0 // for how many waiters the orphans so far were
	for d := range p.mu.dials.Backward() {
		if all+without+p.sharedLocked() > lacking {
			break // for all who wait, none of the others can be done without
		}
		// Without this dial, all of those have less on their way for whom it would have done,
		// as without each of the orphans, which are newer.
		for len(choosy) > 0 && choosy[len(choosy)-1].first > d.slot.number {
			choosy = choosy[:len(choosy)-1]
		}
		most := all
		if n := len(choosy); n > 0 {
			most = max(most, choosy[n-1].unmet)
		}
		if most+without+p.sharedLocked() <= lacking {
			without += p.sharedLocked()
			o.those = append(o.those, d)
		}
	}
	o.n = len(o.those)
	return o
}

// mindsOrphansLocked reports whether it makes a difference which dials are orphans: all may go
// on otherwise.
func (p *Pool[R]) mindsOrphansLocked() bool {
	return p.member != nil || p.allowedOrphansLocked() < p.flyingLocked() || p.spareLocked() > 0
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
		return max(0, limit-p.mu.slots.in(idle))
	}
}

// reportLocked tells the Budget where the pool stands, and carries out what the
// Budget decides. It reports whether that was anything. The Budget never acts on
// a pool; it leaves orders, which the pool fetches here.
func (p *Pool[R]) reportLocked(pl plan[R]) bool {
	if p.member == nil {
		p.countUncoveredLocked(0)
		return false
	}
	p.markHandedLocked()
	withholds := p.withholdOpeningLocked()
	r := report{
		standing: p.standingLocked(),
		wants:    wants{want: pl.want, redial: pl.redial, orphans: pl.orphans.n, kept: pl.kept.n, spare: pl.spare},
		lent:     p.mu.lent > 0,
	}
	if pl.want > 0 {
		p.ticketsLocked(&r)
	}
	lends := p.member.lends
	o, wake := p.member.report(r)
	recalled := lends && !p.member.lends
	if recalled {
		p.reclaimAllLocked() // what is in use must not count as idle
	}
	if len(wake) > 0 {
		c := p.choresLocked()
		c.wake = append(c.wake, wake...)
	}
	starved := p.mu.starved
	p.mu.starved = pl.want > o.grants
	p.carryOutLocked(o, pl)
	tooMany := withholds && p.member.budget.excess() > 0 // by what was just reported
	if o.any() || recalled || tooMany {
		if p.mu.closed {
			return p.reportLocked(plan[R]{}) // there is no loop around this one
		}
		return true
	}
	p.countUncoveredLocked(p.comingLocked())
	return p.mu.starved && !starved && p.anyChoosyLocked() // makeWayLocked has more to go by now
}

// carryOutLocked does what the Budget has told a pool with such a plan. What cannot be
// done any more, the next report gives back.
func (p *Pool[R]) carryOutLocked(o orders, pl plan[R]) {
	p.cancelOrphansLocked(&pl.orphans, o.cancel) // the others have found a waiter
	p.cancelOrphansLocked(&pl.kept, o.cancelKept)
	if !p.mu.closed { // then: these would be the newest
		for range min(o.grants, pl.want+pl.redial+pl.spare) {
			p.startDialLocked()
		}
	}
	p.giveUpIdleLocked(o.evict, ReasonEvict)
	p.giveUpIdleLocked(o.shrink, ReasonLimits)
	p.giveUpIdleLocked(o.idleOut, ReasonIdleLimit)
	p.cancelNewestLocked(o.surplus)
}

// giveUpIdleLocked lets n idle resources go. The one that is being probed counts
// as idle in the Budget; it goes after its Check.
//
// Those that the Budget has picked go first: they are idle and not in its list, so
// nobody could ever ask for them. If one of them is not idle any more, because it
// has been taken or closed meanwhile, another goes for whoever needs the slot; but
// for MaxIdle nothing has to go in its place.
func (p *Pool[R]) giveUpIdleLocked(n int, why Reason) {
	for ; n > 0; n-- {
		s := p.givenUpLocked()
		if s == nil && why != ReasonIdleLimit {
			s = p.oldestUnawaitedLocked()
		}
		if s != nil {
			p.closeLocked(s, why)
		} else if pr := p.mu.probes; pr != nil && (why != ReasonIdleLimit || p.member.hasPicked(&pr.of.mark)) {
			p.retireLocked(pr.of, why)
		}
	}
}

func (p *Pool[R]) standingLocked() standing {
	return standing{ //nolint:gosec // no pool has billions of slots
		used: int32(p.usedLocked()), dialing: int32(p.dialingLocked()), canceled: p.mu.canceled,
		ending: int32(p.endingLocked()), draining: p.mu.draining,
		withholds: p.withholdsLocked(), warms: p.warmsLocked(),
	}
}

// ticketsLocked fills in the places of the oldest waiters that no dial is for.
func (p *Pool[R]) ticketsLocked(r *report) {
	i := 0
	p.waiters.EachBehind(p.flyingLocked()*p.sharedLocked()+p.mu.promised, func(e waitq.Entry) bool {
		if i%p.sharedLocked() == 0 {
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
	if p.total == nil && p.mu.limits.MaxWaiters == 0 {
		p.mu.uncovered = 0 // nobody asks
		return
	}
	n := max(0, p.unmetLocked()-slots*p.sharedLocked())
	if d := n - int(p.mu.uncovered); d != 0 && p.total != nil {
		// Who adds looks at the sum: of two who come at once, the second is over.
		sum := p.total.Waiting.Add(int64(d))
		limit := p.total.MaxWaiters.Load()
		p.mu.overTotal = d > 0 && limit != 0 && sum > max(limit, 0)
	}
	p.mu.uncovered = int32(n) //nolint:gosec // as in standingLocked
}
