package pool

import "time"

// moment is a time by the monotonic clock, since the pool's start. 0 is none. To read
// it takes half the time of a time.Time, and a hand-off reads two. It cannot say that
// a machine slept: what must know that has a time.Time.
type moment time.Duration

// moment returns the present moment.
func (c *common[R]) moment() moment { return moment(time.Since(c.start)) }

func (c *common[R]) momentOf(t time.Time) moment { return moment(t.Sub(c.start)) }

// timeOf returns a moment as a time. Its wall clock is off by what that was set since
// the pool's start.
func (c *common[R]) timeOf(m moment) time.Time { return c.start.Add(time.Duration(m)) }

// since returns the time that has passed since m.
func (c *common[R]) since(m moment) time.Duration { return time.Duration(c.moment() - m) }

// nowLocked returns the time of this hold of the lock: the clock is read once in
// it, and only if somebody asks.
func (p *Pool[R]) nowLocked() time.Time {
	if p.mu.now.IsZero() {
		p.mu.now = time.Now()
	}
	return p.mu.now
}

// forgetClockLocked begins a hold of the lock: what was read before is of another.
func (p *Pool[R]) forgetClockLocked() { p.mu.now, p.mu.clock = time.Time{}, 0 }

// momentLocked returns the moment of this hold of the lock.
func (p *Pool[R]) momentLocked() moment {
	switch {
	case p.mu.clock != 0:
	case p.mu.now.IsZero():
		p.mu.clock = p.moment()
	default:
		p.mu.clock = p.momentOf(p.mu.now)
	}
	return p.mu.clock
}
