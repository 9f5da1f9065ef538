package pool

import (
	"math"
	"time"

	"github.com/berth-go/berth/internal/lane"
)

// lending is what the pool knows of its lane, under its lock.
type lending[R any] struct {
	lane   *lane.Lane // nil: not open, and was not for long
	lent   int        // cells in it
	streak int32      // hits under the lock, each soon after the one before
	need   int32      // how many of them open the lane; at least minStreak
	hit    moment
	*times[R]
}

// times are when the lane was opened and how it has done since. nil: it was not
// open for long.
type times[R any] struct {
	share    *slot[R] // whose cells are in the lane, if it is shareable
	tick     time.Time
	openedAt time.Time // or renewed; by both clocks

	hits   uint64 // of the lane, so far
	seen   uint64 // of them, at the last tick
	opened uint64 // of them, when it was opened after it had been given up; for worth
	misses uint64 // since the last tick: callers who found the lane open and nothing in it
}

const (
	// laneTick is how exact the times of the lane are.
	laneTick = 10 * time.Millisecond

	// minStreak is how many hits, each within a tick of the one before, open the lane.
	minStreak = 2

	// worthHits is how many hits an opening must bring; after one that brings less
	// the pool is slower to open it again, up to maxStreak.
	worthHits = 64
	maxStreak = 1024

	// maxUnfit bounds the search for what can be lent: behind an idle resource whose Check is
	// due stand those that are idle for longer, and theirs is as well.
	maxUnfit = 16
)

// lends says of what a lane may be. Whatever has to be called or to be read from a
// clock for each lease needs the lock.
type lends struct {
	exclusive, shareable bool
}

func (c *Config[R]) lends() lends {
	if c.LeakAfter > 0 || c.Hooks.Acquired != nil || c.Hooks.Released != nil || (c.Check != nil && c.CheckAfter < 0) {
		return lends{}
	}
	return lends{
		exclusive: (c.Capacity == nil || c.Watch != nil) && c.Reuse != ReuseOldest,
		shareable: (c.Capacity == nil || c.Watch != nil) && c.MaxUses == 0 && c.Reuse != ReuseLeastLoaded,
	}
}

// noteHitLocked notes a hit under the lock. A pool that is used now and then does not
// open its lane.
func (p *Pool[R]) noteHitLocked() {
	n := &p.mu.lending
	if p.lends == (lends{}) || n.lent > 0 {
		return
	}
	now := p.momentLocked()
	if now-n.hit > moment(laneTick) {
		n.streak = 0
	}
	n.hit = now
	if n.streak < maxStreak { // more say no more, and would wrap where the lane may not open for long
		n.streak++
	}
}

// openLaneLocked lends what can be handed out, if nothing has to be decided. It is
// the last thing in a change of the pool's state.
func (p *Pool[R]) openLaneLocked() {
	n := &p.mu.lending
	if n.streak < max(n.need, minStreak) || p.mu.closed || p.waiters.Len() > 0 {
		return
	}
	l := p.mu.limits
	if l.MaxIdle < 0 || (l.MaxOpen > 0 && p.stayingLocked() > l.MaxOpen) {
		p.reclaimAllLocked() // what is out must not count as idle in the Budget
		return
	}
	if l.MaxIdle > 0 && p.lentSlotsLocked()+p.mu.slots.in(idle) > l.MaxIdle {
		p.reclaimAllLocked() // all that is lent may come to rest
		if p.mu.slots.in(idle) > l.MaxIdle {
			return // one has come to rest just now: whoever released it looks again
		}
	}
	if n.lane != nil && n.lane.Jammed() {
		p.reclaimAllLocked()
		n.tick = time.Time{} // it opens anew
	}
	share, surplus := p.lendableLocked()
	if (surplus <= 0 && n.lent == 0) || (p.member != nil && !p.member.mayLend()) {
		return
	}
	if n.times == nil {
		n.times = &times[R]{}
	}
	if surplus > 0 {
		p.chooseLaneLocked(share)
	}
	if n.tick.IsZero() {
		p.startTickLocked()
	}
	if share != nil {
		p.lendShareLocked(share, surplus)
	} else {
		p.lendLocked(surplus)
	}
	if n.lent > 0 {
		if s := p.mu.share; s != nil {
			n.lane.SetAlone(s.leases == s.lent())
		}
		p.open.Store(n.lane)
		p.armLocked()
	} else {
		n.tick = time.Time{} // it was started for nothing, and no bell is set for it
	}
}

// lentSlotsLocked returns how many slots have a lease in the lane.
func (p *Pool[R]) lentSlotsLocked() int {
	if p.mu.lent > 0 && p.mu.share != nil {
		return 1
	}
	return p.mu.lent
}

// lendableLocked returns what a new caller would get, as findLocked would find it:
// leases of a shareable slot, else exclusive slots; and how many there are, beyond
// MinIdle. At the limit of the lane the number is 0.
func (p *Pool[R]) lendableLocked() (share *slot[R], n int) {
	spare := p.mu.slots.in(idle) - p.mu.limits.MinIdle
	if roomy := p.mu.roomy; len(roomy) > 0 {
		s := roomy[0]
		if !p.lends.shareable || (s.state == idle && spare <= 0) || !p.lastsLocked(s, p.nowLocked().Add(laneTick)) {
			return nil, 0
		}
		return s, min(int(s.capacity)-s.leases, lane.Max-s.lent())
	}
	if !p.lends.exclusive {
		return nil, 0
	}
	taken := 0
	if p.mu.lent > 0 && p.mu.share == nil {
		taken = p.mu.lent
	}
	return nil, min(spare, lane.Max-taken)
}

// chooseLaneLocked sees to it that the lane is one for leases of share, or of
// exclusive slots if that is nil, and that nothing else is in it.
func (p *Pool[R]) chooseLaneLocked(share *slot[R]) {
	n := &p.mu.lending
	if n.share != share {
		p.reclaimAllLocked()
		n.share = share
	}
	if n.lane != nil && n.lane.Shared() == (share != nil) {
		return
	}
	n.tick = time.Time{}
	switch {
	case share != nil:
		n.lane = lane.NewShared()
	case p.mu.spread:
		n.lane = lane.NewSpread()
	default:
		n.lane = lane.New()
	}
}

// startTickLocked sets the time of the lane.
func (p *Pool[R]) startTickLocked() {
	n := &p.mu.lending
	now := p.nowLocked()
	n.tick = now.Add(laneTick)
	if n.lane.Crowded() {
		if n.lane.Spread() {
			n.lane.SpreadAnew()
		} else {
			n.lane = lane.NewSpread()
		}
	}
	n.lane.Forget()
	n.lane.Open(now.Sub(p.start))
	n.openedAt = now
}

// lendLocked lends up to limit idle resources, those used last.
func (p *Pool[R]) lendLocked(limit int) {
	var those [lane.Max]*slot[R]
	found, unfit := 0, 0
	until := p.mu.tick
	for s := p.mu.idle.Newest(); s != nil && found < limit && unfit < maxUnfit; s = s.idleLink.Older() {
		if s.share == nil && s.state == idle && s.room() && p.lastsLocked(s, until) {
			those[found] = s
			found++
		} else {
			unfit++
		}
	}
	for i := found - 1; i >= 0; i-- { // the one used last comes to rest last
		p.lendCellLocked(those[i])
	}
}

// lendShareLocked lends up to limit leases of a shareable slot.
func (p *Pool[R]) lendShareLocked(s *slot[R], limit int) {
	if s.lent() == 0 {
		p.mu.lane.SetListed(s.state == idle)
	}
	for range limit {
		p.lendCellLocked(s)
	}
	p.refitLocked(s)
}

// lastsLocked reports whether nothing will have to be done about a slot before t. What
// is in use may be idle from now on.
func (p *Pool[R]) lastsLocked(s *slot[R], t time.Time) bool {
	since := s.idleSince
	if s.state != idle {
		since = p.nowLocked()
	}
	return p.lastsSinceLocked(s, since, t)
}

// lastsSinceLocked is lastsLocked for a slot that is idle since some time.
func (p *Pool[R]) lastsSinceLocked(s *slot[R], since, t time.Time) bool {
	c := &p.cfg
	switch {
	case s.opening || s.draining || s.checking:
		return false
	case c.MaxLifetime > 0 && !s.expires.After(t):
		return false
	case c.MaxIdleTime > 0 && t.Sub(since) >= c.MaxIdleTime:
		return false
	case c.Check != nil && t.Sub(later(since, s.tested)) >= c.CheckAfter:
		return false
	case c.CheckEvery > 0 && t.Sub(later(since, s.tested)) >= c.CheckEvery:
		return false
	}
	return true
}

// lendCellLocked gives the lane a lease of a slot.
func (p *Pool[R]) lendCellLocked(s *slot[R]) {
	c := s.takeCell()
	s.leases++
	if s.share != nil {
		s.seats++
	}
	p.mu.leases++
	p.mu.lent++
	c.lent = true
	if s.state == idle {
		p.move(s, inUse)
	}
	c.lentAt = c.Turn.Load().Number()
	p.mu.lane.Put(&c.Seat, p.usesLeft(s))
}

// usesLeft returns how many leases a slot may still have.
func (p *Pool[R]) usesLeft(s *slot[R]) uint64 {
	if m := p.cfg.MaxUses; m > 0 {
		return m - s.uses
	}
	return math.MaxUint64
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
	if hits == n.seen || n.misses > hits-n.seen {
		p.giveUpLaneLocked() // of no use, or mostly empty
		if n.lent == 0 {
			p.mu.spread = n.lane.Spread() && !n.lane.Shared()
			n.lane, n.times = nil, nil // a quiet pool needs no memory for them
			return
		}
	}
	n.seen, n.misses = hits, 0
	p.reclaimAllLocked() // what is out ends under the lock, and its cell is of use to others
}

// laneHitsLocked returns the hits of the lane, also those that are not in the
// accounts yet because their cell is out again.
func (p *Pool[R]) laneHitsLocked() uint64 {
	hits := p.mu.lending.hits
	if p.mu.lent == 0 {
		return hits
	}
	for _, seat := range p.mu.lane.Lent() {
		hits += seat.Turn.Load().Number() - cellOf[R](seat).lentAt
	}
	return hits
}

// giveUpLaneLocked keeps the lane closed until enough hits show that it is worth
// opening.
func (p *Pool[R]) giveUpLaneLocked() {
	n := &p.mu.lending
	if n.streak < max(n.need, minStreak) {
		n.streak = 0
		return // it was not open
	}
	n.streak = 0
	if n.times == nil || n.hits-n.opened < worthHits {
		n.need = min(2*max(n.need, minStreak), maxStreak)
	} else {
		n.need = minStreak
	}
	if n.times != nil {
		n.opened = n.hits
	}
	p.reclaimAllLocked()
	if p.member != nil {
		p.member.stopLending()
	}
}
