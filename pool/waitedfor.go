package pool

import "time"

// WaitedFor is what would have served a caller next: in one word, so that waits can be
// counted by it. See [WaitError].
type WaitedFor uint8

// What a call may have waited for.
const (
	ForTurn     WaitedFor = iota // nothing: the pool was about to serve it
	ForRelease                   // the end of a lease: most of MaxOpen is in use
	ForDial                      // a dial in flight
	ForDialRate                  // DialRate, which holds up the dial
	ForMaxDials                  // the end of another dial, of the pool or its Budget: MaxDials are in flight
	ForBackoff                   // the next dial, after one that failed
	ForTotal                     // a slot of the Budget, or of MaxOpen over all keys
	ForCapacity                  // room that a resource is about to have, which is open and has none yet
	ForCheck                     // the end of a Check: in the background, of another call, or its own
	ForClose                     // the end of a Close func: its slot is taken until then
)

func (f WaitedFor) String() string {
	switch f {
	case ForTurn:
		return "turn"
	case ForRelease:
		return "release"
	case ForDial:
		return "dial"
	case ForDialRate:
		return "dial rate"
	case ForMaxDials:
		return "max dials"
	case ForBackoff:
		return "backoff"
	case ForTotal:
		return "total"
	case ForCapacity:
		return "capacity"
	case ForCheck:
		return "check"
	case ForClose:
		return "close"
	default:
		return "unknown"
	}
}

// forWhatLocked returns what would have served next a call whose wait has just ended at
// place, where the pool has not yet acted on that.
func (a *attempt[R]) forWhatLocked(place int, g gauges, b *BudgetStats) WaitedFor {
	p := a.p
	queued := a.lease.cell == nil // until now: else it had been served, and that was of no use
	// Of those who give up together the first to come for the lock have had the pool act on
	// it that nobody waits any more: so it starves no more, and dials may be canceled.
	starved := p.mu.starved || queued && p.member != nil
	switch {
	case g.resting > 0 && !a.fresh || (!a.fresh || p.broughtSinceLocked(a.firstDial)) && p.findLocked(a.suits) != nil:
		return ForTurn // it came when the wait had ended
	case a.dialComesLocked(place):
		if p.limiter() != nil && !a.startedLocked(place) {
			return ForDialRate
		}
		return ForDial
	case place <= p.mu.promised && (!a.fresh || p.promisedSinceLocked(a.firstDial) > 0):
		if p.checksPromiseLocked() == p.mu.promised {
			return ForCheck
		}
		return ForCapacity
	case room(p.mu.limits.MaxOpen, p.usedLocked()) == 0:
		return a.mostTakenLocked(g)
	case p.cautiousLocked() && time.Now().Before(p.mu.outage.notBefore):
		return ForBackoff
	case p.dialRoomLocked() == 0:
		return ForMaxDials
	case starved && room(b.MaxOpen, b.Open) == 0:
		return ForTotal
	case starved && room(b.MaxDials, b.Dialing) == 0:
		return ForMaxDials
	case queued && p.mu.canceled > 0:
		return ForDial
	default:
		return ForTurn
	}
}

// dialComesLocked reports whether a dial is in flight for a call at that place.
func (a *attempt[R]) dialComesLocked(place int) bool {
	p := a.p
	return p.reachLocked(p.flyingLocked(), place) && (!a.fresh || p.freshDialLocked(a.firstDial))
}

// reachLocked reports whether n dials, after what is promised, serve whoever has that place.
func (p *Pool[R]) reachLocked(n, place int) bool {
	return n > 0 && place <= p.mu.promised+n*p.sharedLocked()
}

// startedLocked reports whether DialRate has let start a dial that is in flight for a call at
// that place: the dials before those it holds up are for the waiters in front.
func (a *attempt[R]) startedLocked(place int) bool {
	p := a.p
	n, suits := 0, !a.fresh
	for d := range p.mu.dials.All() {
		if !d.held {
			n++
			suits = suits || d.slot.number >= a.firstDial
		}
	}
	return suits && p.reachLocked(n, place)
}

// checksPromiseLocked returns how much of what is promised depends on a Check that runs.
func (p *Pool[R]) checksPromiseLocked() (n int) {
	if p.cfg.Check == nil {
		return 0
	}
	if pr := p.mu.probes; pr != nil {
		n = int(pr.of.promised)
	}
	for s := range p.mu.shares.All() {
		if s.checking && !s.probed { // by a caller, who has a lease of it
			n += int(s.promised)
		}
	}
	return n
}

// mostTakenLocked returns what most of the slots are taken by where none is free, as that
// whose end is waited for.
func (a *attempt[R]) mostTakenLocked(g gauges) WaitedFor {
	p := a.p
	checks := min(int(p.mu.checks), g.inUse)           // of what counts as in use
	checking := g.dialing - p.dialingLocked() + checks // other resources that are being checked count as dialled
	held, roomless := 0, g.idle
	if p.limiter() != nil {
		for d := range p.mu.dials.All() {
			held += btoi(d.held)
		}
	}
	if a.fresh { // what is idle may only be too old, and in the way
		roomless = 0
		for s := p.oldestIdleLocked(); s != nil; s = p.newerIdle(s.idleLink.Newer()) {
			roomless += btoi(!s.room())
		}
	}
	what, most := ForRelease, g.inUse-checks
	for _, other := range []struct {
		what WaitedFor
		n    int
	}{
		{ForDial, p.dialingLocked() - held}, {ForDialRate, held}, {ForClose, g.closing}, {ForCheck, checking}, {ForCapacity, roomless},
	} {
		if other.n > most {
			what, most = other.what, other.n
		}
	}
	return what
}
