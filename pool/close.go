package pool

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/berth-go/berth/waitq"
)

// Close closes the pool for good, at once: waiters and later calls get
// [ErrClosed], dials are canceled, idle resources are closed, and leased ones are
// closed when their leases end. It does not wait for any of that; [Pool.Shutdown]
// does, and may be called after Close. It returns nil, also the second time.
func (p *Pool[R]) Close() error {
	p.lock()
	defer p.unlock()
	if p.mu.closed {
		return nil
	}
	p.mu.closed = true // I10: from here on nothing is queued, dialled or kept
	p.forgetFailuresLocked()
	p.reclaimAllLocked()
	if p.member != nil {
		p.member.stopLending()
	}
	p.failAllLocked(ErrClosed)
	p.endWarmersLocked(ErrClosed)
	p.retireAllLocked(ReasonClosed, ErrClosed)
	if p.mu.probes != nil {
		p.mu.probes.end(ErrClosed)
	}
	return nil
}

// Shutdown closes the pool like [Pool.Close] and then waits until all leases have
// ended, except those on dead resources, and until every Dial, every Close func but
// those that CloseTimeout has given up, and every goroutine of the pool with the hooks in
// it has returned. If ctx ends first, the error says what is left and wraps ctx's (nil if
// nothing is); the pool stays closed, and Shutdown may be called again.
func (p *Pool[R]) Shutdown(ctx context.Context) error {
	_ = p.Close() // always nil
	done := p.doneOrNil()
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return p.left(cmp.Or(waitq.ContextError(ctx), context.Canceled))
	}
}

// left returns an error that says what is left of the closed pool, or nil if nothing is: the
// last of it may have gone at the moment at which the wait for that ended.
func (p *Pool[R]) left(cause error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.finished {
		return nil
	}
	return p.statsLocked().left(cause)
}

// left returns an error that says what is left of a pool that was closed.
func (s Stats) left(cause error) error {
	if s.InUse+s.Dialing+s.Closing+s.Waiting == 0 {
		return fmt.Errorf("pool: shutdown: a hook, Check or Capacity has not returned: %w", cause)
	}
	return fmt.Errorf("pool: shutdown: %d resources in use, %d dialing and %d closing are left: %w", s.InUse, s.Dialing, s.Closing, cause)
}

// doneOrNil returns what is closed when nothing is left of the pool, or nil if that
// is so already.
func (p *Pool[R]) doneOrNil() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.finished {
		return nil
	}
	if p.mu.done == nil {
		p.ownLocked()
		p.mu.done = make(chan struct{})
	}
	return p.mu.done
}

// CloseIdle closes the resources that are idle now. One whose Check runs in the
// background counts as Dialing, and stays if it passes: [Pool.Retire] lets go of
// that too.
func (p *Pool[R]) CloseIdle() {
	p.lock()
	defer p.unlock()
	p.closeIdleLocked(ReasonCloseIdle)
}

// Reset replaces everything: idle resources are closed, leased ones when their
// leases end, dials in flight are canceled and what they bring is closed. The
// pool stays open, and waiters keep their places.
func (p *Pool[R]) Reset() {
	p.lock()
	defer p.unlock()
	p.mu.generation++ // I11
	p.reclaimAllLocked()
	p.retireAllLocked(ReasonReset, errUnwanted)
}

// retireAllLocked lets go of everything that is not in exclusive use; those slots
// go at their release, by the pool's state or generation.
func (p *Pool[R]) retireAllLocked(why Reason, cause error) {
	p.closeIdleLocked(why)
	for s := range p.mu.shares.All() {
		p.retireLocked(s, why)
	}
	if running := p.mu.probes; running != nil {
		p.retireLocked(running.of, why) // nobody is to count on it
	}
	for d := range p.mu.dials.All() {
		p.cancelLocked(d, cause)
	}
}

func (p *Pool[R]) closeIdleLocked(why Reason) {
	for s := p.oldestIdleLocked(); s != nil; s = p.oldestIdleLocked() {
		p.closeLocked(s, why)
	}
}

// closeLocked begins to close a slot. Each slot comes here at most once.
func (p *Pool[R]) closeLocked(s *slot[R], why Reason) {
	p.forgetLocked(s)
	s.reason = why
	p.mu.count.rare().Closes[why]++
	if h := p.cfg.Hooks.Evicted; h != nil {
		e := EvictedEvent{Key: p.key(), Reason: why, Age: p.age(s), Uses: s.uses}
		p.laterLocked(func() { h(e) })
	}
	if p.cfg.Close == nil {
		p.move(s, empty)
		return
	}
	p.move(s, closing)
	p.crew.Go(func() { p.runClose(s) })
}

// forgetLocked takes a slot out of everything from which slots are handed out.
func (p *Pool[R]) forgetLocked(s *slot[R]) {
	p.reclaimSlotLocked(s) // leases that are out must not come to rest
	s.gone = true
	s.probed = false // it leaves the idle lists
	p.setOpeningLocked(s, false)
	if s.draining {
		p.mu.draining--
	}
	p.delistLocked(s)
	p.clearLocked(&s.life)
	p.refitLocked(s)
}

// delistLocked takes a slot that is to go out of the lists of those that are not.
func (p *Pool[R]) delistLocked(s *slot[R]) {
	if s.share != nil {
		p.mu.shares.Remove(&s.shareLink)
		p.clearLocked(&s.share.look)
	}
	if s.dates != nil {
		p.mu.heirs.Remove(&s.heirLink)
	}
}

// runClose closes a resource and then frees its slot: until Close has returned
// the peer counts it too.
func (p *Pool[R]) runClose(s *slot[R]) {
	defer func() { // also after a panic or runtime.Goexit
		defer p.closed(s) // last, so that Shutdown waits for the hook as well
		if r := recover(); r != nil {
			p.raise(&panicError{value: r})
		}
	}()
	defer func() { _ = p.cfg.Close(s.value) }() // nobody is left to act on the error
	if p.cfg.CloseTimeout > 0 {
		p.lock()
		p.setLocked(&s.life, s, toAbandon, time.Now().Add(p.cfg.CloseTimeout))
		p.unlockQuietly() // a hook may end the goroutine: Close runs all the same
	}
}

// closed frees the slot of a resource whose Close func has returned.
func (p *Pool[R]) closed(s *slot[R]) {
	p.lock()
	defer p.unlockQuietly()
	if s.abandoned {
		p.crew.Shrink() // the slot is free already
		return
	}
	p.clearLocked(&s.life)
	p.move(s, empty)
}
