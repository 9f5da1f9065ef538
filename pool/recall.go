package pool

import (
	"time"

	"github.com/berth-go/berth/internal/lane"
	"github.com/berth-go/berth/internal/turn"
)

// recallLocked closes the lane and takes back what rests in it.
func (p *Pool[R]) recallLocked() {
	open := p.open.Load() != nil
	if open {
		p.open.Store(nil)
	}
	rested := 0
	if p.mu.share != nil {
		rested = p.recallSharedLocked(p.mu.share)
	} else {
		rested = p.recallExclusiveLocked()
	}
	if open && rested == 0 {
		p.mu.misses++
	}
}

func (p *Pool[R]) recallSharedLocked(s *slot[R]) (n int) {
	lent := p.mu.lane.Lent()
	for i := len(lent) - 1; i >= 0; i-- {
		if t, ok := lent[i].Turn.ReclaimResting(); ok {
			p.returnLocked(cellOf[R](lent[i]), t)
			n++
		}
	}
	if n > 0 {
		p.refitLocked(s)
	}
	return n
}

// recallExclusiveLocked takes back what rests, in the order in which it came to rest.
func (p *Pool[R]) recallExclusiveLocked() (n int) {
	var rested [lane.Max]*cell[R]
	var turns [lane.Max]turn.Turn
	for _, seat := range p.mu.lane.Lent() {
		t, ok := seat.Turn.ReclaimResting()
		if !ok {
			continue
		}
		c, i := cellOf[R](seat), n
		for ; i > 0 && p.restedLaterLocked(rested[i-1], turns[i-1], c, t); i-- {
			rested[i], turns[i] = rested[i-1], turns[i-1]
		}
		rested[i], turns[i] = c, t
		n++
	}
	for i := range n {
		if s := rested[i].slot; i > 0 {
			s.idleSince = later(s.idleSince, rested[i-1].slot.idleSince) // the order is exact, the times are not
		}
		p.returnLocked(rested[i], turns[i])
	}
	return n
}

// restedLaterLocked reports whether a came to rest after b.
func (p *Pool[R]) restedLaterLocked(a *cell[R], ta turn.Turn, b *cell[R], tb turn.Turn) bool {
	if p.mu.lane.Spread() { // without stamps
		return p.restedAtLocked(a, ta).After(p.restedAtLocked(b, tb))
	}
	return lane.NewerStamp(ta.Stamp(), tb.Stamp())
}

// restedAtLocked returns since when a seat rests, as far as it is known: what was used
// since the last tick may rest since then.
func (p *Pool[R]) restedAtLocked(c *cell[R], t turn.Turn) time.Time {
	if t.Number() == c.lentAt {
		return c.slot.idleSince // that of a shareable resource is as late as any of its seats
	}
	return p.mu.openedAt
}

// returnLocked takes back a lease of the lane that rests. A shareable slot must then
// be refitted.
func (p *Pool[R]) returnLocked(c *cell[R], t turn.Turn) {
	s := c.slot
	if p.creditLocked(c, t.Number()) > 0 {
		s.idleSince = p.mu.openedAt
		if n := p.mu.idle.Newest(); n != nil {
			s.idleSince = later(s.idleSince, n.idleSince) // which was idle when this one was lent
		}
	}
	p.endLoanLocked(c)
	s.putCell(c)
	s.leases--
	p.mu.leases--
	if s.leases == 0 {
		p.move(s, idle)
	}
}

// creditLocked puts the leases that began and ended in the lane into the accounts,
// up to the given number, and returns how many there were.
func (p *Pool[R]) creditLocked(c *cell[R], number uint64) uint64 {
	n := number - c.lentAt
	if n > 0 {
		c.lentAt = number
		c.slot.uses += n
		c.slot.refusals = 0
		p.mu.count.Hits += n
		p.mu.lending.hits += n
		p.noteShortLeasesLocked(n)
	}
	return n
}

func (p *Pool[R]) endLoanLocked(c *cell[R]) {
	c.lent = false
	if c.slot.share != nil {
		c.slot.seats--
	}
	p.mu.lane.Drop(&c.Seat)
	if p.mu.lent--; p.mu.lent == 0 {
		p.mu.share = nil
	}
}

// reclaimLocked ends a slot's time in the lane. A lease that is out goes on as if
// it had begun under the lock.
func (p *Pool[R]) reclaimLocked(c *cell[R]) {
	if !c.lent {
		return
	}
	switch t := c.Turn.Reclaim(); t.State() {
	case turn.Resting:
		p.returnLocked(c, t)
		p.refitLocked(c.slot)
	case turn.Out:
		p.adoptLeaseLocked(c, t.Number())
	default:
		p.adoptLeaseLocked(c, t.Number()-1) // it has ended, and whoever ended it is on the way to the lock
	}
}

func (p *Pool[R]) reclaimAllLocked() {
	if p.mu.lent == 0 {
		return
	}
	lent := p.mu.lane.Lent()
	for i := len(lent) - 1; i >= 0; i-- {
		p.reclaimLocked(cellOf[R](lent[i]))
	}
}

// reclaimSlotLocked ends the time of all leases of a slot in the lane: from here on
// they end under the lock.
func (p *Pool[R]) reclaimSlotLocked(s *slot[R]) {
	if s.lent() == 0 {
		return
	}
	lent := p.mu.lane.Lent()
	for i := len(lent) - 1; i >= 0; i-- {
		if c := cellOf[R](lent[i]); c.slot == s {
			p.reclaimLocked(c)
		}
	}
}

// adoptLeaseLocked makes a lease that began in the lane one like all others.
func (p *Pool[R]) adoptLeaseLocked(c *cell[R], number uint64) {
	i := p.laneInfoLocked(c, number)
	c.idleFor, c.uses = i.IdleFor, i.Uses
	p.creditLocked(c, number)
	p.endLoanLocked(c)
	p.unlistLentLocked(c.slot)
	c.slot.uses++
	p.mu.count.Hits++
	p.mu.lending.hits++
	older := p.mu.out.Newest()
	for older != nil && c.Began() < older.Began() {
		older = older.link.Older()
	}
	if older == nil {
		p.mu.out.Insert(&c.link, c, nil)
	} else {
		p.mu.out.Insert(&c.link, c, &older.link)
	}
}

// unlistLentLocked is for a slot that was idle when it was lent, and has a lease that
// is not the lane's: others can not have it for the asking any more.
func (p *Pool[R]) unlistLentLocked(s *slot[R]) {
	if !p.mu.lane.Listed() {
		return
	}
	if s.share != nil {
		p.mu.lane.SetListed(false)
	}
	if p.member != nil {
		p.member.unidle(&s.mark)
	}
}

func (p *Pool[R]) begunLocked(c *cell[R]) time.Time {
	return p.start.Add(c.Began())
}
