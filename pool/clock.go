package pool

import "time"

// moment is a time by the monotonic clock, since the pool's start. To read it takes
// half the time of a time.Time, and a hand-off reads two. It cannot say that a machine
// slept: what must know that has a time.Time.
type moment time.Duration

func (m moment) sub(o moment) time.Duration { return time.Duration(m - o) }

// moment returns the present moment.
func (p *Pool[R]) moment() moment { return moment(time.Since(p.start)) }

// at returns a moment as a time. Its wall clock is off by what that was set since the
// pool's start.
func (p *Pool[R]) at(m moment) time.Time { return p.start.Add(time.Duration(m)) }

// nowLocked returns the time of this hold of the lock: the clock is read once in
// it, and only if somebody asks.
func (p *Pool[R]) nowLocked() time.Time {
	if p.mu.now.IsZero() {
		p.mu.now = time.Now()
	}
	return p.mu.now
}

// momentLocked returns the moment of this hold of the lock.
func (p *Pool[R]) momentLocked() moment {
	switch {
	case p.mu.clock != 0:
	case p.mu.now.IsZero():
		p.mu.clock = p.moment()
	default:
		p.mu.clock = moment(p.mu.now.Sub(p.start))
	}
	return p.mu.clock
}
