package pool

import (
	"time"

	"github.com/berth-go/berth/internal/lane"
)

// A joint pool is a calm one whose next lease may be of a shareable resource. It stays that
// when a caller takes one more lease of a resource that others have leases of, and when such a
// lease ends and is not the last one. Then nothing changes that anything depends on but the
// room of that resource, so what follows does just that, and leaves the lane open, which at
// first has a few leases of it, and a connection carries hundreds of streams.

// mayBeJointLocked reports whether what follows knows all that can come to pass in the
// pool, which is calm.
func (p *Pool[R]) mayBeJointLocked() bool {
	return p.lends.shareable && p.mu.limits.MinIdle == 0
}

// takeJointLocked leases what others have leases of to a caller in a joint pool, and reports
// whether it could. It does what now does where nothing is to be weighed, and leaves the
// lane open.
func (a *attempt[R]) takeJointLocked() bool {
	p := a.p
	if p.mu.form != joint || a.fresh || a.bad.cell != nil || len(p.mu.roomy) == 0 {
		return false
	}
	s := p.mu.roomy[0]
	if s.state != inUse || p.lendsOtherLocked(s) {
		return false
	}
	if p.cfg.MaxLifetime > 0 {
		if _, over := p.expired(s, p.nowLocked()); over {
			return false
		}
	}
	if p.othersWantLocked() {
		return false
	}
	if p.open.Load() != nil {
		p.mu.misses++
	}
	a.takeLocked(p.leaseOutLocked(s, p.lastTicket(), false))
	if s.lent() > 0 {
		p.mu.lane.SetAlone(false)
	}
	return true
}

// lendsOtherLocked reports whether the lane is one for leases of something else, which may
// be older than s or younger: the older one is to be filled first.
func (p *Pool[R]) lendsOtherLocked(s *slot[R]) bool { return p.mu.lent > 0 && p.mu.share != s }

// restJointLocked ends a lease of a resource that others have leases of, in a joint pool,
// and reports whether it could. It does what passOnLocked does where nobody has to hear of
// it. Where the lane is one for leases of the resource, it goes on in there: so the lane
// grows until it holds as many as are out at once.
func (p *Pool[R]) restJointLocked(c *cell[R]) bool {
	s := c.slot
	if p.mu.form != joint || c.lent || s.gone || s.refused || p.lendsOtherLocked(s) {
		return false
	}
	grows := p.laneGrowsLocked()
	if !grows && s.leases < s.lent()+2 {
		return false // it may be the last one: what all rest in the lane of is idle
	}
	p.mu.out.Remove(&c.link)
	p.noteLeaseLocked(max(0, time.Duration(p.momentLocked())-c.Began()))
	s.refusals = 0
	if grows {
		p.growLaneLocked(c)
		return true
	}
	p.mu.leases--
	s.putCell(c)
	s.leases--
	p.refitLocked(s)
	return true
}

// laneGrowsLocked reports whether a lease of what the lane is for, if there is one, goes on
// in there when it ends.
func (p *Pool[R]) laneGrowsLocked() bool {
	if p.open.Load() == nil || p.mu.lent >= lane.Many {
		return false
	}
	limit := p.mu.limits.MaxIdle
	return limit == 0 || p.mu.slots.in(idle) < limit // from now on all of s may rest in the lane
}

// growLaneLocked gives the lane the lease that was c's.
func (p *Pool[R]) growLaneLocked(c *cell[R]) {
	s := c.slot
	s.seats++
	p.mu.lent++
	c.lent = true
	c.lentAt = c.Turn.Load().Number()
	alone := s.leases == s.lent()
	if alone {
		p.idledLocked(s, p.nowLocked()) // it may be idle from now on, and no lease of the lane may ever tell
	}
	p.mu.lane.SetAlone(alone)
	p.mu.lane.Put(&c.Seat, p.usesLeft(s))
}
