package pool

import (
	"time"

	"github.com/berth-go/berth/internal/turn"
)

// laneInfoLocked is the LeaseInfo of a lease in the lane. Leases of a shareable
// resource have no order there: each counts those that have begun by now.
func (p *Pool[R]) laneInfoLocked(c *cell[R], number uint64) LeaseInfo {
	s, began := c.slot, p.begunLocked(c)
	before := number - c.lentAt // leases that the lane has had of the resource
	if s.share != nil {
		before += p.otherUsesLocked(c)
	}
	i := LeaseInfo{Uses: s.uses + before + 1, Age: max(0, began.Sub(p.timeOf(s.born)))}
	i.Reused = i.Uses > 1
	if before == 0 && s.leases == s.lent() && p.mu.lane.Listed() { // else it was in use within the same tick
		i.IdleFor = min(max(0, began.Sub(s.idleSince)), i.Age)
	}
	if s.share == nil { // it did come to rest, however short that was
		i.IdleFor, i.Age = max(1, i.IdleFor), max(1, i.Age)
	}
	return i
}

// otherUsesLocked returns how many leases of the slot of c have begun in other seats
// of the lane and are not in the accounts.
func (p *Pool[R]) otherUsesLocked(c *cell[R]) (n uint64) {
	for _, seat := range p.mu.lane.Lent() {
		if o, t := cellOf[R](seat), seat.Turn.Load(); o != c && o.slot == c.slot {
			n += t.Number() - o.lentAt + uint64(btoi(t.State() == turn.Out)) //nolint:gosec // 0 or 1
		}
	}
	return n
}

// restingLocked returns how many leases rest in the lane.
func (p *Pool[R]) restingLocked() (n int) {
	if p.mu.lent == 0 {
		return 0
	}
	for _, seat := range p.mu.lane.Lent() {
		n += btoi(seat.Turn.Load().State() == turn.Resting)
	}
	return n
}

// laneStatsLocked adds what the lane has counted and the accounts have not.
func (p *Pool[R]) laneStatsLocked(s *Stats) {
	if p.mu.lent == 0 {
		return
	}
	for _, seat := range p.mu.lane.Lent() {
		t := seat.Turn.Load()
		n := t.Number() - cellOf[R](seat).lentAt
		s.LeaseTimes.Counts[0] += n
		s.Hits += n
		switch t.State() {
		case turn.Settling, turn.Held:
			s.LeaseTimes.Counts[0]-- // it has ended, and is not settled yet
		case turn.Out:
			s.Hits++
		}
	}
}

// lessIdle returns how many fewer resources of the lane are idle than the Budget
// believes. It takes no lock.
func (p *Pool[R]) lessIdle() int {
	if ln := p.open.Load(); ln != nil {
		return ln.LessIdle()
	}
	return 0
}

// oldestBeginLocked returns when the oldest lease that is out began, or zero.
func (p *Pool[R]) oldestBeginLocked() (begun time.Time) {
	if c := p.mu.out.Oldest(); c != nil {
		begun = p.begunLocked(c)
	}
	if p.mu.lent == 0 {
		return begun
	}
	for _, seat := range p.mu.lane.Lent() {
		if seat.Turn.Load().State() != turn.Out {
			continue
		}
		if b := p.begunLocked(cellOf[R](seat)); begun.IsZero() || b.Before(begun) {
			begun = b
		}
	}
	return begun
}
