package pool

import (
	"runtime"
	"time"

	"github.com/berth-go/berth/internal/turn"
)

// guard is what the copies of a watched lease, and nothing else, keep alive. When
// it is collected, nobody can end the lease any more.
type guard struct{ _ *byte } // a pointer keeps it out of the tiny allocator, where it would share its end with others

// maxStack bounds the frames kept of the Acquire of a watched lease.
const maxStack = 32

// watched is what is kept of a lease that is watched for leaks. All under the pool's
// lock.
type watched[R any] struct {
	cell   *cell[R]
	report *deadline[R] // LeakAfter
	stack  []uintptr    // of its Acquire; nil: the present lease is not watched

	// collected is what runs when the guard is collected. Until it is stopped the runtime
	// keeps what it was given, the cell, and by that the resource: where that leads to
	// the guard, it would keep all of them for ever.
	collected runtime.Cleanup
}

// toWatch reports whether it is the turn of a lease to be watched.
func (p *Pool[R]) toWatch() bool {
	n := uint64(max(1, p.cfg.LeakSample)) //nolint:gosec // not negative
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ownLocked()
	p.mu.sampled++
	return p.mu.sampled%n == 0
}

// unwatchLocked ends the watch over a lease that has ended.
func (p *Pool[R]) unwatchLocked(c *cell[R]) {
	if w := c.watched; w != nil {
		p.clearLocked(&w.report)
		w.collected.Stop()
		w.stack, w.collected = nil, runtime.Cleanup{}
	}
}

// lostLease is what is known of a lease whose guard has been collected.
type lostLease[R any] struct {
	cell *cell[R]
	turn turn.Turn
}

// watch makes a lease one that is watched for leaks, if it is the turn of one.
// depth is how many calls there are between the method that the user called and
// attempt.deliver, less the one that there is always.
func (p *Pool[R]) watch(l *Lease[R], depth int) {
	if !p.toWatch() {
		return
	}
	pc := make([]uintptr, maxStack)
	pc = pc[:runtime.Callers(4+depth, pc)] // from the method that the user called
	c := l.cell
	l.guard = &guard{}
	collected := runtime.AddCleanup(l.guard, func(x lostLease[R]) {
		if x.cell.ended(x.turn) {
			return // as it should be
		}
		// The runtime's cleanup goroutine must not be held up; and the crew may be busy with
		// Close funcs that hang, while callers wait for what this gives back.
		go p.lost(x)
	}, lostLease[R]{cell: c, turn: l.turn})

	p.lock()
	defer p.unlock()
	if c.watched == nil {
		c.watched = &watched[R]{cell: c}
	}
	c.watched.stack, c.watched.collected = pc, collected
	p.setLocked(&c.watched.report, c.slot, toReport, p.begunLocked(c).Add(p.cfg.LeakAfter))
	c.watched.report.watch = c.watched
}

// lost ends a lease that was dropped. The holder may have kept the resource, so it
// is closed and not handed on; a shareable one just has a lease less.
func (p *Pool[R]) lost(x lostLease[R]) {
	c := x.cell
	if !c.end(x.turn) {
		return
	}
	p.lock()
	defer p.unlockQuietly()
	p.mu.count.rare().Lost++
	p.leakEventLocked(c, time.Now(), true)
	if _, stale := p.staleLocked(c.slot); !stale && c.slot.share == nil {
		p.retireLocked(c.slot, ReasonLost)
	}
	p.endLeaseLocked(c, EndLost, nil)
	if p.mustSampleLocked(c.slot) {
		p.queueLookLocked(c.slot) // as after a release
	}
}

// reportLeakLocked reports a lease that has been out for LeakAfter.
func (p *Pool[R]) reportLeakLocked(c *cell[R], now time.Time) {
	p.mu.count.rare().Leaks++
	p.leakEventLocked(c, now, false)
}

func (p *Pool[R]) leakEventLocked(c *cell[R], now time.Time, lost bool) {
	if h := p.cfg.Hooks.Leak; h != nil {
		e := LeakEvent{Key: p.key(), Held: now.Sub(p.begunLocked(c)), Stack: c.watched.stack, Lost: lost}
		p.laterLocked(func() { h(e) })
	}
}
