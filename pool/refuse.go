package pool

import "time"

// take runs Take for a lease. On an error Capacity has been read again, and the caller
// ends the lease as [attempt.fail] does. Should one of them not return, it has ended.
func (p *Pool[R]) take(l Lease[R]) error {
	if p.cfg.Take == nil {
		return nil
	}
	done := false
	defer func() {
		if !done && l.cell.end(l.turn) {
			p.discard(l.cell, ReasonTake, EndDiscard, nil)
		}
	}()
	err := p.cfg.Take(l.cell.slot.value)
	done = true
	if err != nil && p.cfg.Capacity != nil {
		p.lookAtRefused(l)
	}
	return err
}

// lookAtRefused reads the Capacity of a resource whose Take failed.
func (p *Pool[R]) lookAtRefused(l Lease[R]) {
	done := false
	defer func() {
		if !done && l.cell.end(l.turn) {
			p.lock()
			defer p.unlock()
			p.endRefusedLocked(l.cell)
		}
	}()
	if err := p.sample(l.cell.slot, true); err != nil {
		panic(err.value)
	}
	done = true
}

// holdBackLocked has nobody get a lease of a resource whose Take has failed: what room the look
// at it finds is not for those who came after the caller, which does not stand in the queue
// before [Pool.endRefusedLocked] (I3).
func (p *Pool[R]) holdBackLocked(s *slot[R]) {
	if s.share == nil {
		return // the caller has its only lease
	}
	s.failing++
	p.reclaimSlotLocked(s) // nor are those who come to get in the lane what is released meanwhile
	p.refitLocked(s)
}

// doubtCapacityLocked sees to it that Capacity of a resource is read again which has refused
// a lease though it said that there is room.
func (p *Pool[R]) doubtCapacityLocked(s *slot[R]) {
	now := time.Now()
	if d := s.look; d != nil && !d.set() && now.Sub(d.at) > refusedTime<<s.looks {
		s.doubts = doubts{} // it has not refused for a while
	}
	s.refusedNow = min(s.refusedNow+1, maxRefusals)
	p.setLocked(&s.look, s, toLook, now.Add(refusedTime<<s.looks))
}

// fillRefusedLocked has a shareable resource count as full but for the lease whose Take has
// failed.
func (p *Pool[R]) fillRefusedLocked(s *slot[R]) {
	s.refused = true
	capacity, expect := refusedWith(s.leases - 1)
	s.capacity, s.expect = clamped(capacity), clamped(expect)
}

// refusedWith returns what counts as the capacity of a resource that refuses more than so many
// leases, and as what it is about to have: without any, callers wait for the next look at it,
// and nothing is dialled in its place.
func refusedWith(leases int) (capacity, expect int) { return leases, max(1, leases) }

// maxRefusals is how many times in a row Take may fail on a shareable resource, though
// Capacity then says that there is room, before it is taken at its word and not tried
// again at once.
const maxRefusals = 2

// refusedTime is for how long a resource then counts as full at most. It is doubled each
// time, up to maxDoublings, until a lease ends. One without other leases, which may have
// nothing that could end and make room, is closed after maxLonely times.
const (
	refusedTime  = 10 * time.Millisecond
	maxDoublings = 7
	maxLonely    = 3
)

// endRefusedLocked ends a lease whose Take failed. Capacity has said what to think of
// the resource. If it says there is room, the two disagree: with other leases out
// that may pass, and the resource is full until one of them ends, or for refusedTime:
// Capacity was asked later than Take, so what was in the way may be gone already, and
// nobody tells of that again. Without any, a shareable one is tried again a few times at
// once, looked at again a few times, and then closed like an exclusive one.
func (p *Pool[R]) endRefusedLocked(c *cell[R]) {
	s := c.slot
	if s.share != nil {
		s.failing-- // endLeaseLocked refits it
	}
	if s.refused { // meanwhile: its end may be what makes room
		p.queueLookLocked(s)
	}
	p.reclaimSlotLocked(s) // those of its leases that are out must end under the lock, where Capacity is read again
	switch {
	case s.gone || s.draining: // nobody gets another lease of it
	case int(s.capacity) < s.leases:
	case s.leases == 1 && s.refusals < maxRefusals && (s.share != nil || s.sampling):
		s.refusals++ // Capacity was asked later than Take, or is being asked: what was in the way may be gone
	case s.share != nil && (s.leases > 1 || s.refusals < maxRefusals+maxLonely):
		if s.leases == 1 {
			s.refusals++ // and not looks, which are forgotten in time: no lease of it has ended well since
		}
		p.fillRefusedLocked(s)
		p.doubtCapacityLocked(s)
	default:
		p.retireLocked(s, ReasonTake)
	}
	p.endLeaseLocked(c, EndRelease, nil)
	if p.mu.handed == s {
		p.markHandedLocked()
		p.mu.handed = nil // it did not come from a user's hands
	}
}
