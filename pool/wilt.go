package pool

import "time"

// A peer may accept a connection and leave it at once: a load balancer with nothing behind
// it, a server that drains. Such a dial has succeeded, and if nobody has had a lease on the
// resource, only the pool itself has seen it go. To replace it at once for MinIdle would be
// to dial without end, so from the second setback of this kind on what is dialled in the
// background waits, as after a dial that failed. Dials for callers do not wait: somebody
// wants them.

// wilt is what a pool knows of resources that have gone unused.
type wilt struct {
	setbacks int       // each soon after the one before; the first is followed by no pause
	dial     uint64    // the number of the last dial that had begun at the last setback
	last     time.Time // of them
	pause              // of dials in the background
}

// noteEndLocked notes that Capacity has said that a slot is at its end. Those that were
// dialled before the last setback are part of it.
func (p *Pool[R]) noteEndLocked(s *slot[R]) {
	base, limit := p.backoffBounds()
	if s.uses > 0 || p.age(s) >= limit {
		return // it was of use, or there is no need for more than that
	}
	if p.mu.wilt == nil {
		p.ownLocked()
		p.mu.wilt = &wilt{}
	}
	w, now := p.mu.wilt, p.nowLocked()
	if s.number <= w.dial {
		return
	}
	if now.Sub(w.last) > memorySpan*limit {
		w.setbacks = 0
	}
	w.dial, w.last = p.mu.dialNumber, now
	if w.setbacks > 0 {
		w.notBefore = now.Add(backoff(base, limit, w.setbacks))
	}
	w.setbacks++
}

// pausesLocked reports whether a dial in the background must wait because of that.
func (p *Pool[R]) pausesLocked() bool { return p.mu.wilt != nil && p.mu.wilt.holds() }
