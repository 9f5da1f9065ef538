package pool

import (
	"context"
	"time"
)

// leaseNowLocked leases the first slot that suits to a caller who is not queued;
// see leaseOutLocked for mayCheck.
func (p *Pool[R]) leaseNowLocked(suits func(*slot[R]) bool, mayCheck bool) (Lease[R], bool) {
	if p.member != nil && p.member.ordered.Load() {
		p.balanceLocked() // what the Budget has decided comes before a new caller
	}
	s := p.findLocked(suits)
	if s == nil {
		return Lease[R]{}, false
	}
	if p.member != nil && p.member.older(p.lastTicket()+1, s.leases > 0, p.standingLocked()) {
		return Lease[R]{}, false // it is another pool's turn: see serveLocked
	}
	return p.leaseOutLocked(s, p.lastTicket(), mayCheck), true
}

// findLocked returns the slot to hand out next among those that suit: the oldest
// shareable one, so that surplus ones idle out, else the exclusive one that was
// used last.
func (p *Pool[R]) findLocked(suits func(*slot[R]) bool) *slot[R] {
	for _, s := range p.mu.shares {
		if suits(s) {
			return s
		}
	}
	for s := p.mu.idle.newest; s != nil; s = s.older {
		if !s.shareable && suits(s) {
			return s
		}
	}
	return nil
}

// leaseOutLocked starts a lease on s, which has room. mayCheck says whether the
// caller can run Check; if not, it has seen to it that none is due.
func (p *Pool[R]) leaseOutLocked(s *slot[R], t Ticket, mayCheck bool) Lease[R] {
	c := s.takeCell()
	s.leases++
	s.uses++
	p.mu.leases++
	now := time.Now()
	c.info = LeaseInfo{Reused: s.uses > 1, Age: now.Sub(s.born), Uses: s.uses}
	c.check = false
	if s.state == idle {
		if s != p.mu.handed {
			c.info.IdleFor = now.Sub(s.idleSince)
			c.check = mayCheck && p.checkDueLocked(s)
		}
		s.checking = c.check && s.shareable
		if s.checking {
			p.move(s, dialing)
		} else {
			p.move(s, inUse)
		}
	}
	return Lease[R]{cell: c, seq: c.begin(), ticket: t}
}

// checkDueLocked reports whether s must be checked before it is handed out.
func (p *Pool[R]) checkDueLocked(s *slot[R]) bool {
	return p.cfg.Check != nil && s.state == idle && s != p.mu.handed &&
		(p.cfg.CheckAfter < 0 || time.Since(s.idleSince) > p.cfg.CheckAfter)
}

// takeBackLocked undoes leaseOutLocked for a lease that nobody received.
func (p *Pool[R]) takeBackLocked(l Lease[R]) {
	s := l.cell.slot
	l.cell.end(l.seq)
	s.putCell(l.cell)
	s.leases--
	s.uses--
	p.mu.leases--
	s.checking = false
	if s.leases == 0 {
		p.move(s, idle) // idleSince is still that of its last use
	}
}

// endLeaseLocked is the end of every lease, whose cell has been ended by the
// caller: the slot becomes idle, or is closed if it was to go.
func (p *Pool[R]) endLeaseLocked(c *cell[R]) {
	s := c.slot
	s.putCell(c)
	s.leases--
	p.mu.leases--
	if s.gone || s.leases > 0 {
		return
	}
	s.checking = false
	switch {
	case s.draining:
		p.closeLocked(s, s.reason)
	case p.mu.closed:
		p.closeLocked(s, ReasonClosed)
	case s.generation != p.mu.generation:
		p.closeLocked(s, ReasonReset) // I11
	default:
		s.idleSince = time.Now()
		p.mu.handed = s
		p.move(s, idle)
	}
}

// release ends a lease whose resource is well, as far as its holder knows.
func (p *Pool[R]) release(c *cell[R]) {
	s := c.slot
	if p.cfg.Recycle != nil {
		done := false
		defer func() {
			if !done { // a panic goes on to the caller, with the counts right
				p.discard(c, ReasonRecycle)
			}
		}()
		err := p.cfg.Recycle(s.value)
		done = true
		if err != nil {
			p.discard(c, ReasonRecycle)
			return
		}
	}
	var failed *panicError
	defer func() { // also after runtime.Goexit in Capacity
		p.endLease(c)
		if failed != nil {
			panic(failed.value)
		}
	}()
	if p.mustSample(s) {
		failed = p.sample(s)
	}
}

func (p *Pool[R]) endLease(c *cell[R]) {
	p.lock()
	defer p.unlock()
	c.slot.refusals = 0
	p.endLeaseLocked(c)
}

// discard ends a lease and its resource with it.
func (p *Pool[R]) discard(c *cell[R], why Reason) {
	p.lock()
	defer p.unlock()
	p.retireLocked(c.slot, why)
	p.endLeaseLocked(c)
}

func (p *Pool[R]) hijack(l Lease[R]) R {
	p.lock()
	defer p.unlock()
	s := l.cell.slot
	if l.cell.ended(l.seq) {
		panic("pool: Hijack of a lease that has ended: most likely it was released or discarded before")
	}
	if s.leases > 1 {
		panic("pool: Hijack of a shareable resource on which other leases are out: end them first")
	}
	if !l.cell.end(l.seq) {
		panic("pool: Hijack of a lease that another goroutine ends at the same time")
	}
	s.leases--
	p.mu.leases--
	if !s.gone { // else it is dead, and the pool closes it
		p.forgetLocked(s)
		p.mu.count.Hijacks++
		p.move(s, empty)
	}
	return s.value
}

// check runs Check for a lease and reports whether the resource passed. If not,
// the lease has ended and the resource is closed.
func (p *Pool[R]) check(ctx context.Context, l Lease[R]) bool {
	c, s := l.cell, l.cell.slot
	err := errNoReturn
	defer func() {
		if err != nil && c.end(l.seq) {
			p.discard(c, ReasonCheck)
		}
	}()
	if err = p.cfg.Check(ctx, s.value); err != nil {
		return false
	}
	p.lock()
	defer p.unlock()
	if s.gone || s.draining || p.mu.closed || s.generation != p.mu.generation { // it came during the check (I10, I11)
		if c.end(l.seq) {
			p.endLeaseLocked(c)
		}
		return false
	}
	if s.checking {
		s.checking = false
		p.move(s, inUse)
	}
	return true
}

// take runs Take for a lease. On an error the lease has ended.
func (p *Pool[R]) take(l Lease[R]) error {
	if p.cfg.Take == nil {
		return nil
	}
	c := l.cell
	done := false
	defer func() {
		if !done && c.end(l.seq) {
			p.discard(c, ReasonTake)
		}
	}()
	err := p.cfg.Take(c.slot.value)
	done = true
	if err != nil && c.end(l.seq) {
		p.refused(c)
	}
	return err
}

// maxRefusals is how many times in a row Take may fail on a shareable resource
// without other leases, though Capacity then says that there is room.
const maxRefusals = 2

// refused ends a lease whose Take failed. Capacity then says what to think of the
// resource. If it says there is room, the two disagree: with other leases out
// that may pass, and the resource is full until one of them ends; without any, a
// shareable one is tried again a few times, and then closed like an exclusive one.
func (p *Pool[R]) refused(c *cell[R]) {
	var failed *panicError
	defer func() { // also after runtime.Goexit in Capacity
		p.endRefused(c)
		if failed != nil {
			panic(failed.value)
		}
	}()
	if p.cfg.Capacity != nil {
		failed = p.sample(c.slot)
	}
}

func (p *Pool[R]) endRefused(c *cell[R]) {
	s := c.slot
	p.lock()
	defer p.unlock()
	switch {
	case s.capacity < s.leases || (!s.shareable && s.capacity == 0):
	case s.leases > 1:
		s.refused = true
		s.capacity, s.expect = s.leases-1, s.leases-1
	case s.shareable && s.refusals < maxRefusals:
		s.refusals++ // Capacity was asked later than Take: what was in the way may be gone
	default:
		p.retireLocked(s, ReasonTake)
	}
	p.endLeaseLocked(c)
	if p.mu.handed == s {
		p.mu.handed = nil // it did not come from a user's hands
	}
}
