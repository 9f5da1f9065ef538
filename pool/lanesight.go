package pool

import (
	"time"

	"github.com/berth-go/berth/internal/turn"
)

// laneInfoLocked is the LeaseInfo of a lease in the lane.
func (p *Pool[R]) laneInfoLocked(c *cell[R], number uint64) LeaseInfo {
	s, began := c.slot, p.begunLocked(c)
	i := LeaseInfo{Uses: s.uses + number - c.lentAt + 1, Age: max(0, began.Sub(p.timeOf(s.born)))}
	i.Reused = i.Uses > 1
	if number == c.lentAt { // else it rested within the same tick
		i.IdleFor = min(max(0, began.Sub(s.idleSince)), i.Age)
	}
	return i
}

// laneStatsLocked corrects what the accounts say, in which all that is lent is in
// use.
func (p *Pool[R]) laneStatsLocked(s *Stats) {
	if p.mu.lent == 0 {
		return
	}
	for at := range maxLane {
		c := p.mu.lane.cells[at].Load()
		if c == nil {
			continue
		}
		t := c.turn.Load()
		n := t.Number() - c.lentAt
		s.LeaseTimes.Counts[0] += n
		s.Hits += n
		if t.State() == turn.Settling || t.State() == turn.Held {
			s.LeaseTimes.Counts[0]-- // it has ended, and is not settled yet
		}
		switch t.State() {
		case turn.Resting:
			s.Idle++
			s.InUse--
			s.Leases--
		case turn.Out:
			s.Hits++
		}
	}
}

// outOfLane returns how many resources of the lane are in use, of which the Budget
// believes that they are idle. It takes no lock.
func (p *Pool[R]) outOfLane() int {
	ln, n := p.open.Load(), 0
	if ln == nil {
		return 0
	}
	for at := range maxLane {
		if c := ln.cells[at].Load(); c != nil && c.turn.Load().State() != turn.Resting {
			n++
		}
	}
	return n
}

// oldestBeginLocked returns when the oldest lease that is out began, or zero.
func (p *Pool[R]) oldestBeginLocked() (begun time.Time) {
	if c := p.mu.out.Oldest(); c != nil {
		begun = p.begunLocked(c)
	}
	if p.mu.lent == 0 {
		return begun
	}
	for at := range maxLane {
		c := p.mu.lane.cells[at].Load()
		if c == nil || c.turn.Load().State() != turn.Out {
			continue
		}
		if b := p.begunLocked(c); begun.IsZero() || b.Before(begun) {
			begun = b
		}
	}
	return begun
}
