package pool

import (
	"cmp"
	"context"
	"fmt"

	"github.com/berth-go/berth/internal/chain"
	"github.com/berth-go/berth/waitq"
)

// warmer is a call of Warm that waits.
type warmer struct {
	n     int
	ended chan error         // capacity 1
	link  chain.Link[warmer] // in Pool.warmers
}

// addWarmerLocked puts a call of Warm where its n belongs.
func (p *Pool[R]) addWarmerLocked(w *warmer) {
	p.ownLocked()
	less := p.mu.warmers.Newest()
	for less != nil && less.n > w.n {
		less = less.link.Older()
	}
	if less == nil {
		p.mu.warmers.Insert(&w.link, w, nil)
	} else {
		p.mu.warmers.Insert(&w.link, w, &less.link)
	}
}

// endWarmerLocked ends a call of Warm, once: it leaves the list.
func (p *Pool[R]) endWarmerLocked(w *warmer, err error) {
	w.ended <- err
	p.mu.warmers.Remove(&w.link)
}

// warmsLocked reports whether a call of Warm waits.
func (p *Pool[R]) warmsLocked() bool { return p.mu.warmers.Len() > 0 }

// Warm dials until n resources are open, and returns nil when they are and have had
// capacity. It takes slots only while nobody waits for one, and closes nothing to get
// one. ctx ends the wait, with an error that matches ctx.Err() and says how many are; the
// dials go on, within MaxIdle. A dial that fails meanwhile ends it with that
// [*DialError]. An n that MaxOpen or MaxIdle does not allow, the pool's or its Budget's,
// now or after SetLimits, is an error, and so is a closed pool ([ErrClosed]). WaitTimeout
// does not bound it; it waits out the pause after a failed dial (Config.BackoffBase). An n of 0 is
// nothing to do, unless the pool is closed.
func (p *Pool[R]) Warm(ctx context.Context, n int) error {
	if err := waitq.ContextError(ctx); err != nil {
		return err
	}
	w := &warmer{n: n, ended: make(chan error, 1)}
	defer p.removeWarmer(w) // also if a hook panics in addWarmer
	if err := p.addWarmer(w); err != nil {
		return err
	}
	select {
	case err := <-w.ended:
		return err
	case <-ctx.Done():
		select {
		case err := <-w.ended:
			return err
		default:
			err := cmp.Or(waitq.ContextError(ctx), context.Canceled) // as in waitq
			return fmt.Errorf("pool: Warm: %d of %d are open: %w", p.warm(), n, err)
		}
	}
}

func (p *Pool[R]) addWarmer(w *warmer) error {
	p.lock()
	defer p.unlock()
	if p.mu.closed {
		return ErrClosed
	}
	if err := p.hopelessLocked(w); err != nil {
		return err
	}
	p.noteCallLocked()
	p.addWarmerLocked(w)
	return nil
}

// hopelessLocked returns why the limits do not allow what a call of Warm asks for, or
// nil.
func (p *Pool[R]) hopelessLocked(w *warmer) error {
	if w.n < 0 {
		return fieldError("n", fmt.Sprintf("is %d", w.n), "ask Warm for 0 or more")
	}
	l := p.mu.limits
	own, of := "", " of the Budget"
	if p.part != nil {
		own, of = " of the key", " over all keys"
	}
	if err := w.above(l.MaxOpen, l.MaxIdle, own); err != nil || p.member == nil {
		return err
	}
	total := p.member.budget.limits()
	return w.above(total.MaxOpen, total.MaxIdle, of)
}

// above returns an error if the call asks for more than limits allow, of which 0 is none.
func (w *warmer) above(maxOpen, maxIdle int, of string) error {
	switch {
	case maxOpen > 0 && w.n > maxOpen:
		return fieldError("n", fmt.Sprintf("is %d, above MaxOpen %d%s", w.n, maxOpen, of), "ask Warm for less, or raise MaxOpen"+of)
	case maxIdle != 0 && w.n > max(maxIdle, 0):
		return fieldError("n", fmt.Sprintf("is %d, above MaxIdle %d%s", w.n, maxIdle, of), "ask Warm for less, or raise MaxIdle"+of)
	}
	return nil
}

// endHopelessLocked ends the calls of Warm that new limits do not allow: else what
// they dial would be closed and dialled again without end. It reports whether there was one.
func (p *Pool[R]) endHopelessLocked() (ended bool) {
	for w := range p.mu.warmers.Backward() {
		err := p.hopelessLocked(w)
		if err == nil {
			break // nor is one that asks for less
		}
		p.endWarmerLocked(w, err)
		ended = true
	}
	return ended
}

func (p *Pool[R]) removeWarmer(w *warmer) {
	p.lock()
	defer p.unlock()
	p.mu.warmers.Remove(&w.link)
}

// endWarmersLocked ends the calls of Warm that have what they asked for, or all of
// them with an error.
func (p *Pool[R]) endWarmersLocked(err error) {
	for w := range p.mu.warmers.All() {
		if err == nil && p.warmLocked() < w.n {
			break // as are those that ask for more
		}
		p.endWarmerLocked(w, err)
	}
}

func (p *Pool[R]) warm() int {
	p.lockBeside()
	defer p.mu.Unlock()
	return p.warmLocked()
}

// warmLocked returns how many are open and have had capacity.
func (p *Pool[R]) warmLocked() int { return p.openLocked() - int(p.mu.opening) }

func (p *Pool[R]) openLocked() int { return p.mu.slots.in(idle) + p.mu.slots.in(inUse) }

// spareLocked returns how many resources the pool wants in the background, beyond
// what waiters need and what is open: for MinIdle, for Warm and as successors, or
// one of the prober while the breaker is open.
func (p *Pool[R]) spareLocked() int {
	if p.brokenLocked() {
		// A key that nobody asks for is not worth it.
		return btoi((p.part == nil || !p.forsakenLocked()) && !p.probeOpensLocked())
	}
	checking := btoi(p.isCheckingLocked()) // it is about to be idle again
	n := max(0, p.mu.limits.MinIdle-p.mu.slots.in(idle)-checking)
	open := p.openLocked() + checking
	if w := p.mu.warmers.Newest(); w != nil {
		n = max(n, w.n-open)
	}
	return n + max(0, p.mu.heirs.Len()-int(p.mu.opening))
}
