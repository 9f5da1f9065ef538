package pool

import (
	"time"

	"github.com/berth-go/berth/internal/turn"
)

// The tick of a lane that is in use goes on beside its callers: the lane stays open.
// Were it closed, those who come meanwhile would go to the lock and sleep there, and
// to wake up takes an idle processor up to a tick of the kernel: milliseconds, in
// which it does nothing.

// renewed is the tick of a lane that goes on as it is: it gets a new time, and its leases
// so far go into the accounts. It reports false, and has done nothing, if there is
// more to do.
func (p *Pool[R]) renewed() bool {
	p.lockBeside()
	defer p.mu.Unlock()
	if p.mu.times == nil || !p.goesOnLocked() {
		return false
	}
	p.renewLocked()
	p.mu.armed = 0
	p.armLocked()
	return true
}

// goesOnLocked reports whether the lane is open, its tick is due and nothing else is, and
// it may go on for another one.
func (p *Pool[R]) goesOnLocked() bool {
	n, now := &p.mu.lending, p.nowLocked()
	if p.open.Load() == nil || n.tick.After(now) {
		return false
	}
	if next, ok := p.nextButLaneLocked(); ok && !next.After(now) {
		return false
	}
	if elapsed(n.openedAt, now)-now.Sub(n.openedAt) > laneTick {
		return false // the machine slept: what is in the lane may be over
	}
	hits := p.laneHitsLocked()
	if hits == n.seen || n.misses > hits-n.seen || n.lane.Crowded() || n.lane.Worn() {
		return false
	}
	for _, seat := range n.lane.Lent() {
		c, t := cellOf[R](seat), seat.Turn.Load()
		since := p.restedAtLocked(c, t)
		if t.State() != turn.Resting {
			if p.begunLocked(c).Before(n.openedAt) {
				return false // it is out for long, and its seat is of use to others
			}
			since = now
		}
		if c.slot.share == nil && c.slot.dirty || !p.lastsSinceLocked(c.slot, since, now.Add(laneTick)) {
			return false
		}
	}
	return true
}

// renewLocked begins another tick of the lane. Meanwhile its callers go on: each seat is
// looked at once, and what happens to it after that is of the next tick.
func (p *Pool[R]) renewLocked() {
	n, now := &p.mu.lending, p.nowLocked()
	used := n.openedAt
	n.tick, n.openedAt = now.Add(laneTick), now
	n.lane.Forget()
	n.lane.SetNow(now.Sub(p.start))
	for _, seat := range n.lane.Lent() {
		c, t := cellOf[R](seat), seat.Turn.Load()
		number := t.Number()
		if t.State() == turn.Settling || t.State() == turn.Held {
			number-- // it has ended, and is not settled yet
		}
		if p.creditLocked(c, number) > 0 {
			p.idledLocked(c.slot, used)
		}
		if t.State() == turn.Resting {
			n.lane.Renew(seat, t, p.usesLeft(c.slot))
		} else {
			seat.Mark() // then it ends in endInLaneLocked, with the real time
		}
	}
	n.seen, n.misses = p.laneHitsLocked(), 0
}

// idledLocked notes since when a slot that stays in the lane is idle.
func (p *Pool[R]) idledLocked(s *slot[R], since time.Time) {
	if !since.After(s.idleSince) {
		return
	}
	s.idleSince = since
	if p.member != nil {
		p.member.reidle(&s.mark, since)
	}
}

// endInLaneLocked ends a lease that had to come to the lock only for the time, and lets
// its seat rest in the lane. It reports false, and has done nothing, if there is no lane
// for it.
func (p *Pool[R]) endInLaneLocked(c *cell[R]) bool {
	if p.open.Load() == nil || !c.lent {
		return false // nobody but who has the lock closes the lane
	}
	s, number := c.slot, c.Turn.Load().Number()
	if p.mustSampleLocked(s) {
		return false
	}
	if n := number - c.lentAt; p.usesLeft(s) <= n {
		return false // that was the last one
	}
	now := p.nowLocked() // first, so that the clock is read once
	p.creditLocked(c, number-1)
	p.noteLeaseLocked(max(0, time.Duration(p.momentLocked())-c.Began()))
	c.lentAt = number
	s.refusals = 0
	s.uses++
	p.mu.count.Hits++
	p.mu.lending.hits++
	p.idledLocked(s, now)
	p.mu.lane.Return(&c.Seat, p.usesLeft(s))
	return true
}
