package pool

import (
	"time"

	"github.com/berth-go/berth/internal/turn"
)

// lending is what the pool knows of its lane, under its lock.
type lending[R any] struct {
	lane   *lane[R] // nil: not open, and was not for long
	lent   int      // cells in it
	warmth int32    // hits under the lock, each soon after the one before
	need   int32    // how many of them open the lane; at least warm
	hit    moment
	*times
}

// times are when the lane was opened and how it has done since. nil: it was not
// open for long.
type times struct {
	tick     time.Time
	openedAt time.Time // by both clocks

	hits   uint64 // of the lane, so far
	seen   uint64 // of them, at the last tick
	opened uint64 // of them, when it was opened after it had been given up; for worth
}

const (
	// warm is how many hits, each within a tick of the one before, open the lane.
	warm = 2

	// worthHits is how many hits an opening must bring; after one that brings less
	// the pool is slower to open it again, up to coldest.
	worthHits = 64
	coldest   = 1024
)

// lendable reports whether a pool with this Config can do without its lock: it has
// nothing to call and no clock to read for each lease, and strict order is that of
// LIFO.
func (c *Config[R]) lendable() bool {
	return c.Capacity == nil && c.Shareable == nil && c.Take == nil && c.LeakAfter == 0 &&
		c.Hooks.Acquired == nil && c.Hooks.Released == nil && c.Reuse != ReuseOldest &&
		(c.Check == nil || c.CheckAfter > 0)
}

// warmLocked notes a hit under the lock. A pool that is used now and then does not
// open its lane.
func (p *Pool[R]) warmLocked() {
	n := &p.mu.lending
	if !p.lends || n.lent > 0 {
		return
	}
	now := p.momentOf(p.nowLocked())
	if now-n.hit > moment(laneTick) {
		n.warmth = 0
	}
	n.hit = now
	n.warmth++
}

// openLaneLocked lends what is idle, if nothing has to be decided. It is the last
// thing in a change of the pool's state.
func (p *Pool[R]) openLaneLocked() {
	n := &p.mu.lending
	if !p.lends || n.warmth < max(n.need, warm) || p.mu.closed || p.waiters.Len() > 0 {
		return
	}
	l := p.mu.limits
	if l.MaxIdle < 0 || (l.MaxOpen > 0 && p.stayingLocked() > l.MaxOpen) {
		return
	}
	if l.MaxIdle > 0 && n.lent+p.mu.slots[idle] > l.MaxIdle {
		p.reclaimAllLocked() // all that is lent may come to rest
		if p.mu.slots[idle] > l.MaxIdle {
			return // one has come to rest just now: whoever released it looks again
		}
	}
	surplus := min(p.mu.slots[idle]-l.MinIdle, maxLane-n.lent)
	if (surplus <= 0 && n.lent == 0) || (p.member != nil && !p.member.mayLend()) {
		return
	}
	if n.times == nil {
		n.times = &times{}
	}
	if n.tick.IsZero() {
		p.startTickLocked()
	}
	p.lendLocked(surplus)
	if n.lent > 0 {
		p.open.Store(n.lane)
		p.armLocked()
	} else {
		n.tick = time.Time{} // it was started for nothing, and no bell is set for it
	}
}

// startTickLocked sets the time of the lane.
func (p *Pool[R]) startTickLocked() {
	n := &p.mu.lending
	now := time.Now()
	n.tick = now.Add(laneTick)
	if n.lane == nil {
		n.lane = &lane[R]{spans: p.mu.spread}
	} else if !n.lane.spans && n.lane.clashes.Load() >= manyClashes {
		p.reclaimAllLocked()
		n.lane = &lane[R]{spans: true}
	} else {
		n.lane.clashes.Store(0)
	}
	n.lane.now.Store(int64(now.Sub(p.start)))
	n.openedAt = now
}

// lendLocked lends up to max idle resources, those used last.
func (p *Pool[R]) lendLocked(limit int) {
	var those [maxLane]*slot[R]
	found := 0
	until := p.mu.tick
	for s := p.mu.idle.Newest(); s != nil && found < limit; s = s.idleLink.Older() {
		if p.lastsLocked(s, until) {
			those[found] = s
			found++
		}
	}
	ln := p.mu.lane
	stamp, at := ln.top.Load()>>topBits, 0
	for i := found - 1; i >= 0; i-- { // the one used last comes to rest last
		for ln.cells[at].Load() != nil {
			at++
		}
		stamp++
		p.lendCellLocked(those[i], at, stamp)
	}
	if found > 0 {
		ln.top.Store(stamp<<topBits | uint32(at)) //nolint:gosec // below maxLane
	}
}

// lastsLocked reports whether nothing will have to be done about an idle slot
// before t.
func (p *Pool[R]) lastsLocked(s *slot[R], t time.Time) bool {
	c := &p.cfg
	switch {
	case s.state != idle || s.opening || s.shareable || s.draining:
		return false
	case c.MaxLifetime > 0 && !s.expires.After(t):
		return false
	case c.MaxIdleTime > 0 && t.Sub(s.idleSince) >= c.MaxIdleTime:
		return false
	case c.Check != nil && t.Sub(later(s.idleSince, s.tested)) >= c.CheckAfter:
		return false
	}
	return true
}

// lendCellLocked gives the lane a lease of an idle slot.
func (p *Pool[R]) lendCellLocked(s *slot[R], at int, stamp uint32) {
	c := s.takeCell()
	s.leases++
	p.mu.leases++
	c.lent = true
	p.move(s, inUse)
	c.lentAt = c.turn.Load().Number()
	c.began.Store(p.mu.lane.now.Load()) // who takes it may be late in doing so
	c.at.Store(uint32(at))              //nolint:gosec // below maxLane
	if m := p.cfg.MaxUses; m > 0 {
		c.lastFast.Store(c.lentAt + m - s.uses - 1) // that one's end is the slot's
	}
	p.mu.lent++
	p.mu.lane.cells[at].Store(c)
	c.turn.Lend(stamp)
}

// recallLocked closes the lane and takes back what rests in it, in the order in
// which it came to rest.
func (p *Pool[R]) recallLocked() {
	if p.open.Load() != nil {
		p.open.Store(nil)
	}
	var rested [maxLane]*cell[R]
	var turns [maxLane]turn.Turn
	n := 0
	for at := range maxLane {
		c := p.mu.lane.cells[at].Load()
		if c == nil {
			continue
		}
		t, ok := c.turn.ReclaimResting()
		if !ok {
			continue
		}
		i := n
		for ; i > 0 && restedLater(rested[i-1], turns[i-1], c, t); i-- {
			rested[i], turns[i] = rested[i-1], turns[i-1]
		}
		rested[i], turns[i] = c, t
		n++
	}
	for i := range n {
		p.returnLocked(rested[i], turns[i])
	}
}

// restedLater reports whether a came to rest after b: what has not been used since
// it was lent did so first.
func restedLater[R any](a *cell[R], ta turn.Turn, b *cell[R], tb turn.Turn) bool {
	usedA, usedB := ta.Number() != a.lentAt, tb.Number() != b.lentAt
	if usedA != usedB {
		return usedA
	}
	return newerStamp(ta.Stamp(), tb.Stamp())
}

// returnLocked makes a slot idle that the lane has given back.
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
	p.move(s, idle)
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
	p.mu.lane.cells[c.at.Load()].Store(nil)
	p.mu.lent--
}

// reclaimLocked ends a slot's time in the lane. A lease that is out goes on as if
// it had begun under the lock.
func (p *Pool[R]) reclaimLocked(c *cell[R]) {
	if !c.lent {
		return
	}
	switch t := c.turn.Reclaim(); t.State() {
	case turn.Resting:
		p.returnLocked(c, t)
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
	for at := range maxLane {
		if c := p.mu.lane.cells[at].Load(); c != nil {
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
	if p.member != nil {
		p.member.unidle(&c.slot.mark)
	}
	c.slot.uses++
	p.mu.count.Hits++
	p.mu.lending.hits++
	older := p.mu.out.Newest()
	for older != nil && c.began.Load() < older.began.Load() {
		older = older.link.Older()
	}
	if older == nil {
		p.mu.out.Insert(&c.link, c, nil)
	} else {
		p.mu.out.Insert(&c.link, c, &older.link)
	}
}

func (p *Pool[R]) begunLocked(c *cell[R]) time.Time {
	return p.start.Add(time.Duration(c.began.Load()))
}

// tickLaneLocked gives the lane up if nobody has used it since the last tick: a
// quiet pool has no timer.
func (p *Pool[R]) tickLaneLocked(now time.Time) {
	n := &p.mu.lending
	if n.tick.IsZero() || n.tick.After(now) {
		return
	}
	n.tick = time.Time{}
	hits := p.laneHitsLocked()
	if hits == n.seen {
		p.giveUpLaneLocked()
		if n.lent == 0 {
			p.mu.spread = n.lane.spans
			n.lane, n.times = nil, nil // a quiet pool needs no memory for them
			return
		}
	}
	n.seen = hits
	p.adoptOldLocked()
}

// adoptOldLocked takes out of the lane what has been out for a tick: such a lease
// ends under the lock anyhow, and its cell is of use to others.
func (p *Pool[R]) adoptOldLocked() {
	if p.mu.lent == 0 {
		return
	}
	for at := range maxLane {
		if c := p.mu.lane.cells[at].Load(); c != nil && c.turn.Load().State() != turn.Resting {
			p.reclaimLocked(c)
		}
	}
}

// laneHitsLocked returns the hits of the lane, also those that are not in the
// accounts yet because their cell is out again.
func (p *Pool[R]) laneHitsLocked() uint64 {
	hits := p.mu.lending.hits
	if p.mu.lent == 0 {
		return hits
	}
	for at := range maxLane {
		if c := p.mu.lane.cells[at].Load(); c != nil {
			hits += c.turn.Load().Number() - c.lentAt
		}
	}
	return hits
}

// giveUpLaneLocked keeps the lane closed until enough hits show that it is worth
// opening.
func (p *Pool[R]) giveUpLaneLocked() {
	n := &p.mu.lending
	if n.warmth < max(n.need, warm) {
		n.warmth = 0
		return // it was not open
	}
	n.warmth = 0
	if n.times == nil || n.hits-n.opened < worthHits {
		n.need = min(2*max(n.need, warm), coldest)
	} else {
		n.need = warm
	}
	if n.times != nil {
		n.opened = n.hits
	}
	p.reclaimAllLocked()
	if p.member != nil {
		p.member.stopLending()
	}
}
