package pool

import (
	"runtime"
	"time"
)

// guard is what the copies of a watched lease, and nothing else, keep alive. When
// it is collected, nobody can end the lease any more.
type guard struct{ _ *byte } // a pointer keeps it out of the tiny allocator, where it would share its end with others

// maxStack bounds the frames kept of the Acquire of a watched lease.
const maxStack = 32

// lostLease is what is known of a lease whose guard has been collected.
type lostLease[R any] struct {
	cell   *cell[R]
	number uint64
}

// watch makes a lease one that is watched for leaks, if it is the turn of one.
func (p *Pool[R]) watch(l *Lease[R]) {
	if p.cfg.LeakAfter == 0 || p.sampled.Add(1)%uint64(max(1, p.cfg.LeakSample)) != 0 { //nolint:gosec // not negative
		return
	}
	pc := make([]uintptr, maxStack)
	pc = pc[:runtime.Callers(4, pc)] // from the method that the user called
	p.lock()
	c := l.cell
	c.stack = pc
	c.leak.cell = c
	p.setLocked(&c.leak, c.slot, toReport, p.at(c.start).Add(p.cfg.LeakAfter))
	p.unlock()

	l.guard = &guard{}
	runtime.AddCleanup(l.guard, func(x lostLease[R]) {
		if x.cell.ended(x.number) {
			return // as it should be
		}
		// The runtime's cleanup goroutine must not be held up.
		p.crew.Go(func() { p.lost(x) })
	}, lostLease[R]{cell: c, number: l.number})
}

// lost ends a lease that was dropped. The holder may have kept the resource, so it
// is closed and not handed on; a shareable one just has a lease less.
func (p *Pool[R]) lost(x lostLease[R]) {
	c := x.cell
	if !c.end(x.number) {
		return
	}
	p.lock()
	defer p.unlockQuietly()
	p.mu.count.Lost++
	p.leakEventLocked(c, time.Now(), true)
	if !c.slot.shareable {
		p.retireLocked(c.slot, ReasonLost)
	}
	p.endLeaseLocked(c, EndLost, nil)
}

// reportLeakLocked reports a lease that has been out for LeakAfter.
func (p *Pool[R]) reportLeakLocked(c *cell[R], now time.Time) {
	p.mu.count.Leaks++
	p.leakEventLocked(c, now, false)
}

func (p *Pool[R]) leakEventLocked(c *cell[R], now time.Time, lost bool) {
	if h := p.cfg.Hooks.Leak; h != nil {
		e := LeakEvent{Key: p.key(), Held: now.Sub(p.at(c.start)), Stack: c.stack, Lost: lost}
		p.laterLocked(func() { h(e) })
	}
}
