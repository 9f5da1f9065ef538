package pool

import (
	"context"
	"fmt"
	"slices"

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
	p.waiters.FailAll(ErrClosed)
	p.retireAllLocked(ReasonClosed, ErrClosed)
	if p.mu.expiry != nil {
		p.mu.expiry.Stop()
	}
	return nil
}

// Shutdown closes the pool like [Pool.Close] and then waits until all leases have
// ended, except those on dead resources, and until every Dial, every Close func
// and every goroutine of the pool has returned. If ctx ends first, the error says
// what is left and wraps ctx's; the pool stays closed, and Shutdown may be called
// again.
func (p *Pool[R]) Shutdown(ctx context.Context) error {
	_ = p.Close() // always nil
	select {
	case <-p.done:
		return nil
	default:
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		s := p.Stats()
		return fmt.Errorf("pool: shutdown: %d resources in use, %d dialing and %d closing are left: %w",
			s.InUse, s.Dialing, s.Closing, waitq.ContextError(ctx))
	}
}

// CloseIdle closes the resources that are idle now.
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
	p.retireAllLocked(ReasonReset, errUnwanted)
}

// retireAllLocked lets go of everything that is not in exclusive use; those slots
// go at their release, by the pool's state or generation.
func (p *Pool[R]) retireAllLocked(why Reason, cause error) {
	p.closeIdleLocked(why)
	for _, s := range slices.Clone(p.mu.shares) {
		p.retireLocked(s, why)
	}
	for _, d := range p.mu.dials {
		p.cancelLocked(d, cause)
	}
}

func (p *Pool[R]) closeIdleLocked(why Reason) {
	for p.mu.idle.oldest != nil {
		p.closeLocked(p.mu.idle.oldest, why)
	}
}

// closeLocked begins to close a slot. Each slot comes here at most once.
func (p *Pool[R]) closeLocked(s *slot[R], why Reason) {
	p.forgetLocked(s)
	p.mu.count.Closes[why]++
	if p.cfg.Close == nil {
		p.move(s, empty)
		return
	}
	p.move(s, closing)
	p.crew.Go(func() { p.runClose(s) })
}

// forgetLocked takes a slot out of everything from which slots are handed out.
func (p *Pool[R]) forgetLocked(s *slot[R]) {
	s.gone = true
	if s.draining {
		p.mu.draining--
	}
	if s.shareable {
		p.mu.shares = slices.DeleteFunc(p.mu.shares, func(o *slot[R]) bool { return o == s })
	}
}

// runClose closes a resource and then frees its slot: until Close has returned
// the peer counts it too.
func (p *Pool[R]) runClose(s *slot[R]) {
	defer func() { // also after a panic or runtime.Goexit
		r := recover()
		p.lock()
		p.move(s, empty)
		p.unlock()
		if r != nil {
			p.raise(&panicError{where: "Close", value: r})
		}
	}()
	_ = p.cfg.Close(s.value) // nobody is left to act on the error
}
