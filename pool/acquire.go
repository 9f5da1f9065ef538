package pool

import (
	"context"
	"fmt"
	"time"

	"github.com/berth-go/berth/waitq"
)

// maxFreshTakes bounds how many resources in a row one Acquire dials only to see
// Take fail on them: a peer that accepts connections and serves nobody.
const maxFreshTakes = 3

// Acquire returns a lease of a resource: an idle one, else the first to be
// released or dialled when all earlier callers have been served. It waits if
// there is none. A ctx that has ended already fails the call, whatever is idle.
//
// When ctx ends, or WaitTimeout passes, the wait ends with a [*WaitError] and
// nothing is taken; a dial begun for this caller goes on for others. If a
// resource was delivered before, Acquire returns it, even if ctx is done by then.
// Other errors are [ErrClosed], one that matches [ErrWaitLimit], and a
// [*DialError] if the dial failed that this caller waited for.
func (p *Pool[R]) Acquire(ctx context.Context) (Lease[R], error) {
	return p.AcquireWith(ctx, Request{})
}

// AcquireWith is like [Pool.Acquire], with a [Request].
func (p *Pool[R]) AcquireWith(ctx context.Context, r Request) (Lease[R], error) {
	a := attempt[R]{p: p, ctx: ctx, place: r.Place, fresh: r.Fresh, newcomer: r.Place == 0}
	defer a.release()
	for {
		l, err := a.next()
		if err != nil {
			return Lease[R]{}, err
		}
		ok, err := a.accept(l)
		if err != nil {
			return Lease[R]{}, err
		}
		if ok {
			return l, nil
		}
		a.place = l.ticket // the resource failed, not the caller: the place stays (I3)
	}
}

// TryAcquire returns a lease if a resource is idle, or shareable with room, and
// nobody waits for it. It never waits, never dials and never overtakes a waiter.
// It passes over resources whose Check is due. The second result is false if it
// has no lease, also when the pool is closed.
func (p *Pool[R]) TryAcquire() (Lease[R], bool) {
	a := attempt[R]{p: p, ctx: context.Background()}
	for {
		l, ok := p.tryOnce()
		if !ok {
			return Lease[R]{}, false
		}
		if ok, _ := a.accept(l); ok {
			return l, true
		}
	}
}

func (p *Pool[R]) tryOnce() (Lease[R], bool) {
	p.lock()
	defer p.unlock()
	if p.mu.closed {
		return Lease[R]{}, false
	}
	l, ok := p.leaseNowLocked(func(s *slot[R]) bool {
		if !s.room() || p.checkDueLocked(s) {
			return false
		}
		_, wanted := p.oldestForLocked(s)
		return !wanted
	}, false)
	if ok {
		p.mu.count.Hits++
	}
	return l, ok
}

// Do calls f with a lease that it acquires as [Pool.Acquire] does, and returns
// f's error. The lease is released when f returns, unless f has discarded or
// hijacked it, and discarded if f panics or calls runtime.Goexit.
func (p *Pool[R]) Do(ctx context.Context, f func(Lease[R]) error) error {
	l, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	return l.use(f)
}

// use calls f with the lease and ends it.
func (l Lease[R]) use(f func(Lease[R]) error) error {
	returned := false
	defer func() {
		if returned {
			l.Release()
		} else {
			l.Discard(nil)
		}
	}()
	err := f(l)
	returned = true
	return err
}

// attempt is one call of Acquire. It may queue several times, always at the place
// that it had first.
type attempt[R any] struct {
	p      *Pool[R]
	ctx    context.Context
	cancel context.CancelFunc // of the deadline that WaitTimeout sets; nil: not set
	place  Ticket             // 0: none yet
	fresh  bool

	newcomer bool   // has not been let in yet: MaxWaiters is for those at the door
	number   uint64 // with fresh: the first dial that will do

	start      time.Time // of the first wait; zero: has not waited
	counted    bool      // as a hit or a wait
	ahead      int       // waiters in front when it queued
	deliveries uint64    // of the pool when it queued
	freshTakes int
}

// next returns a lease on the next resource, waiting if it must.
func (a *attempt[R]) next() (Lease[R], error) {
	if err := waitq.ContextError(a.ctx); err != nil {
		return Lease[R]{}, a.giveUp(err)
	}
	p := a.p
	if a.place == 0 && p.waiters.Len() > 0 {
		a.place = p.ticket() // it will have to queue: its place is that of now, not that of getting the lock
	}
	p.lock()
	if p.mu.closed {
		p.unlock()
		return Lease[R]{}, ErrClosed
	}
	if a.fresh && a.number == 0 {
		a.number = p.mu.dialNumber + 1
	}
	if p.waiters.Len() == 0 {
		if l, ok := p.leaseNowLocked(a.suits, true); ok {
			if a.place != 0 {
				l.ticket = a.place
			}
			a.count(&p.mu.count.Hits)
			a.newcomer = false
			p.unlock()
			return l, nil
		}
	}
	if a.place == 0 {
		a.place = p.ticket()
	}
	p.unlock()
	return a.wait()
}

// suits reports whether the slot can serve the caller.
func (a *attempt[R]) suits(s *slot[R]) bool { return s.room() && s.number >= a.number }

func (a *attempt[R]) count(n *uint64) {
	if !a.counted {
		a.counted = true
		*n++
	}
}

// wait queues and waits. Between the look that found nothing and this, resources
// may have come: registering and looking again are one change of state (I4).
func (a *attempt[R]) wait() (Lease[R], error) {
	p := a.p
	a.bound()
	shared := p.askShared()
	p.lock()
	if p.mu.closed {
		p.unlock()
		return Lease[R]{}, ErrClosed
	}
	p.learnLocked(shared)
	if a.newcomer {
		p.recountLocked()
	}
	a.ahead, a.deliveries = p.waiters.Len(), p.mu.deliveries
	if a.number != 0 {
		p.mu.fresh++
	}
	p.mu.overTotal = false
	w := p.waiters.EnqueueAt(a.ctx, uint64(a.place), a.number)
	p.balanceLocked()
	if a.newcomer {
		if err := p.overLimitLocked(); err != nil && w.Cancel() {
			p.mu.count.Rejected++
			a.leaveLocked()
			p.unlock()
			return Lease[R]{}, err
		}
		a.newcomer = false
	}
	a.count(&p.mu.count.Waits)
	p.unlock()

	l, err := w.Wait()
	gaveUp := err != nil && !failedByPool(err)
	a.waited(gaveUp)
	if gaveUp {
		return Lease[R]{}, a.giveUp(err)
	}
	return l, err
}

// failedByPool reports whether err ended a wait from the pool's side, and not by
// the waiter's context.
func failedByPool(err error) bool {
	_, dial := err.(*DialError)     //nolint:errorlint // a cause of the context may wrap anything; the pool's own error is not wrapped
	return dial || err == ErrClosed //nolint:errorlint // as above
}

// waited settles the accounts of a wait that has ended, and lets the pool see
// that one waiter is gone: dials for it may be surplus now (I8).
func (a *attempt[R]) waited(gaveUp bool) {
	p := a.p
	p.lock()
	defer p.unlock()
	a.leaveLocked()
	p.mu.count.WaitTime += time.Since(a.start)
	if gaveUp {
		p.mu.count.Canceled++
	}
}

func (a *attempt[R]) leaveLocked() {
	if a.number != 0 {
		a.p.mu.fresh--
	}
}

// bound sets the start of the wait and the deadline of WaitTimeout, once.
func (a *attempt[R]) bound() {
	if !a.start.IsZero() {
		return
	}
	a.start = time.Now()
	if d := a.p.cfg.WaitTimeout; d > 0 {
		a.ctx, a.cancel = context.WithDeadlineCause(a.ctx, a.start.Add(d), ErrWaitTimeout)
	}
}

func (a *attempt[R]) release() {
	if a.cancel != nil {
		a.cancel()
	}
}

// giveUp makes the error of a wait that the context ended. A caller that has not
// waited gets the context's error as it is.
func (a *attempt[R]) giveUp(err error) error {
	if a.start.IsZero() {
		return err
	}
	p := a.p
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.statsLocked()
	place := a.ahead + 1 - int(min(p.mu.deliveries-a.deliveries, uint64(a.ahead)))
	return &WaitError{
		Err: err, Waited: time.Since(a.start), Place: min(place, s.Waiting+1),
		Limits: s.Limits, Open: s.Open, InUse: s.InUse, Dialing: s.Dialing, Closing: s.Closing,
		Waiting: s.Waiting, LastDial: p.mu.lastDial,
	}
}

// accept makes a lease fit to be returned: Check if it is due, and Take. It
// reports false if the resource failed and the caller should go on to the next.
func (a *attempt[R]) accept(l Lease[R]) (bool, error) {
	p := a.p
	if l.cell.check {
		a.bound()
		if ok := p.check(a.ctx, l); !ok {
			if err := waitq.ContextError(a.ctx); err != nil {
				return false, a.giveUp(err)
			}
			return false, nil
		}
	}
	first := l.cell.info.Uses == 1
	err := p.take(l)
	if err == nil {
		return true, nil
	}
	if !first {
		return false, nil
	}
	if a.freshTakes++; a.freshTakes < maxFreshTakes {
		return false, nil
	}
	return false, fmt.Errorf("pool: Take failed on %d resources in a row, each just dialled: %w", a.freshTakes, err)
}

// overLimitLocked returns the error for a caller who is one waiter too many, or
// nil. What counts is waiters beyond those whom the dials in flight will serve.
func (p *Pool[R]) overLimitLocked() error {
	if n := p.mu.limits.MaxWaiters; n != 0 && p.mu.uncovered > max(n, 0) {
		scope := ""
		if p.part != nil {
			scope = "key"
		}
		return &waitLimitError{scope: scope, limit: max(n, 0)}
	}
	if p.mu.overTotal {
		return &waitLimitError{scope: "total", limit: int(max(p.part.Total.MaxWaiters.Load(), 0))}
	}
	return nil
}

// recountLocked brings the pool's share of the total of waiters up to date, so that
// what is added next is the newcomer's alone.
func (p *Pool[R]) recountLocked() {
	if p.member != nil && p.part != nil && p.part.Total.MaxWaiters.Load() != 0 {
		p.member.changed = true // what is coming to the pool may have changed since its last report
		p.balanceLocked()
	}
}

// askShared asks what a dial is expected to bring. It must not hold the lock.
func (p *Pool[R]) askShared() int {
	if p.part == nil || p.part.Shared == nil {
		return 0
	}
	return max(1, p.part.Shared())
}

// learnLocked notes the answer of askShared.
func (p *Pool[R]) learnLocked(shared int) {
	if shared > 0 {
		p.mu.shared = min(shared, maxShared)
	}
}
