package pool

import (
	"context"
	"time"

	"github.com/berth-go/berth/waitq"
)

// attempt is one call of Acquire. It may queue several times, always at the place
// that it had first.
type attempt[R any] struct {
	p      *Pool[R]
	user   context.Context    // the caller's; nil: TryAcquire
	ctx    context.Context    // the caller's, with the deadline that WaitTimeout sets
	cancel context.CancelFunc // of that deadline; nil: not set
	place  Ticket             // 0: none yet
	fresh  bool
	low    bool

	madeWay    bool   // something idle was closed so that a dial can begin for it
	newcomer   bool   // has not been let in yet: MaxWaiters and ShedLate are for those at the door
	counted    bool   // as a hit or a wait
	start      moment // of the first wait, Check, or Take that WaitTimeout covers; 0: none yet
	queued     moment // of the last wait; 0: none yet
	came       moment // to the lock, the last time, if callers waited then; else 0
	ahead      int    // waiters in front when it queued
	deliveries uint32 // of the pool when it queued
	firstDial  uint64 // since the call first came to the lock; 0: it has not
	freshTakes int

	bad        failure[R]
	failedOnce bool // a resource failed it
	shared     int  // what askShared said; 0: it has not been called

	lease   Lease[R] // the last one, which is the caller's only when returned
	tried   bool     // something of the user's may have been called for it
	waiter  waitq.Waiter[Lease[R]]
	waiting bool // waiter has not ended
	done    bool // lease is the caller's
	depth   int  // see watch
}

// end cleans up. If a panic of the user's, or runtime.Goexit, ends the call, what
// it had must not be lost with it (I5).
func (a *attempt[R]) end() {
	if a.cancel != nil {
		a.cancel()
	}
	if a.done {
		return
	}
	defer a.settle()
	defer a.dropLease()
	if a.waiting {
		err, left := errUnwound, a.waiter.Cancel()
		if !left {
			a.lease, err = a.waiter.Wait() // it was delivered already, or failed
			a.tried = true
		}
		a.waiting = false
		a.waited(err, left)
	}
}

// dropLease ends the last lease, if it is still going. A resource for which nothing of
// the user's has been called yet is as good as it was.
func (a *attempt[R]) dropLease() {
	if a.tried {
		a.lease.Discard(nil)
	} else {
		a.lease.Release()
	}
}

// deliver makes the lease the caller's.
func (a *attempt[R]) deliver() Lease[R] {
	p := a.p
	if h := p.cfg.Hooks.Acquired; h != nil {
		e := AcquiredEvent{Ctx: a.user, Key: p.key(), Info: a.lease.Info()}
		if a.queued != 0 {
			e.Waited = p.since(a.start)
		}
		h(e)
	}
	if p.cfg.LeakAfter > 0 {
		p.watch(&a.lease, a.depth)
	}
	a.done = true
	return a.lease
}

// next puts a lease on the next resource into a.lease, waiting if it must.
func (a *attempt[R]) next() error {
	if err := waitq.ContextError(a.ctx); err != nil {
		return a.giveUp(err)
	}
	a.came = 0
	if a.p.waiters.Len() > 0 {
		a.draw()              // it will have to queue: its place is that of now, not that of getting the lock
		a.came = a.p.moment() // likewise; and to read the clock under the lock holds up others
		a.prepare()
	} else if a.bad.cell != nil {
		a.prepare() // it must be able to queue at once
		if err := waitq.ContextError(a.ctx); err != nil {
			return a.giveUp(err) // WaitTimeout has passed while Take ran
		}
	}
	done, err := a.now()
	if done || err != nil {
		return err
	}
	return a.wait()
}

// now takes what is there, if nobody waits for it.
func (a *attempt[R]) now() (bool, error) {
	p := a.p
	a.lock()
	if a.firstDial == 0 {
		a.firstDial = p.mu.dialNumber + 1
	}
	if a.takeJointLocked() {
		p.unlockCalm()
		return true, nil
	}
	p.closeLaneLocked()
	if a.queueSteadyLocked() {
		p.mu.Unlock()
		return false, nil
	}
	if a.takeCalmLocked() {
		p.unlockCalm()
		return true, nil
	}
	defer p.unlock()
	settled := a.settleLocked()
	if p.mu.closed {
		return false, ErrClosed
	}
	if p.waiters.Len() > 0 || (settled && p.ordered()) {
		return false, a.queueAtOnceLocked() // of what the Budget has decided it must hear as a waiter
	}
	if a.fresh && !p.broughtSinceLocked(a.firstDial) {
		return false, a.queueAtOnceLocked()
	}
	l, ok := p.leaseNowLocked(a.suits, true)
	if !ok {
		return false, a.queueAtOnceLocked()
	}
	a.takeLocked(l)
	return true, nil
}

// takeLocked makes a lease that the caller has not queued for its next one.
func (a *attempt[R]) takeLocked(l Lease[R]) {
	if a.place != 0 && !(a.newcomer && a.low) { // who is served at once does not lag
		l.ticket = a.place
	}
	a.lease, a.tried = l, false
	a.count(&a.p.mu.count.Hits)
	a.p.noteHitLocked()
	a.newcomer = false
}

// queueAtOnceLocked queues in the same hold of the lock in which nothing was found,
// unless something of the user's must be called before.
func (a *attempt[R]) queueAtOnceLocked() error {
	a.draw()
	if !a.prepared() {
		return nil
	}
	return a.enqueueLocked()
}

// prepared reports whether nothing has to be called before the caller can queue.
func (a *attempt[R]) prepared() bool {
	return (a.shared > 0 || a.failedOnce || !a.p.asksShared()) && (a.cancel != nil || a.p.cfg.WaitTimeout <= 0)
}

// prepare does that. It must not hold the lock.
func (a *attempt[R]) prepare() {
	if a.p.cfg.WaitTimeout > 0 {
		a.bound()
	}
	if !a.failedOnce { // else the pool knows it: it has had a resource
		a.shared = a.p.askShared()
	}
}

// suits reports whether the slot can serve the caller.
func (a *attempt[R]) suits(s *slot[R]) bool {
	return s.room() && (!a.fresh || s.number >= a.firstDial)
}

func (a *attempt[R]) count(n *uint64) {
	if !a.counted {
		a.counted = true
		*n++
	}
}

// wait queues and waits. Between the look that found nothing and this, resources
// may have come: registering and looking again are one change of state (I4).
func (a *attempt[R]) wait() error {
	if !a.waiting {
		a.prepare()
		if err := a.enqueue(); err != nil {
			return err
		}
	}
	l, ended, err := a.waiter.Await()
	a.lease, a.waiting, a.tried = l, false, true
	a.lease.ticket = a.place
	if ended != nil {
		return a.gaveUp(ended, err)
	}
	a.waited(err, false)
	return err
}

func (a *attempt[R]) enqueue() error {
	a.p.lock()
	defer a.p.unlock()
	return a.enqueueLocked()
}

func (a *attempt[R]) enqueueLocked() error {
	p := a.p
	if p.mu.closed {
		return ErrClosed
	}
	p.learnLocked(a.shared)
	p.noteCallLocked()
	fast := p.failFastLocked()
	if fast && !a.findsLocked() {
		p.mu.count.rare().FailFast++
		return p.fastFailureLocked()
	}
	if a.newcomer {
		if err := a.shedLocked(); err != nil {
			return err
		}
	}
	if a.newcomer {
		p.recountLocked()
	}
	p.giveUpLaneLocked()
	a.ahead, a.deliveries = p.waiters.Len(), p.mu.deliveries
	a.noteQueuesLocked()
	p.mu.overTotal = false
	a.queued = p.momentLocked()
	if a.start == 0 {
		a.start = a.queued
	}
	a.waiter = p.waiters.EnqueueAt(a.ctx, uint64(a.place), a.tagOf())
	a.waiting = true
	if err := a.turnAwayLocked(fast); err != nil {
		return err
	}
	a.newcomer = false
	a.count(&p.mu.count.Waits)
	a.eventLocked(p.cfg.Hooks.WaitStarted, nil)
	return nil
}

// turnAwayLocked takes a caller who may not wait out of the queue again and returns its
// error: fast says that the breaker is open. Only the balance with the caller in the queue
// tells: what was found may be due to another pool, and what the caller brings decides
// whether it is one too many.
func (a *attempt[R]) turnAwayLocked(fast bool) error {
	p := a.p
	if !fast && (!a.newcomer || !p.countsWaitersLocked()) {
		return nil
	}
	p.restoreLocked(a)
	var over error
	if !a.madeWay {
		over = p.overLimitLocked()
	}
	if (!fast && over == nil) || !a.waiter.Cancel() {
		return nil
	}
	a.waiting = false
	a.noteLeftLocked()
	if fast {
		p.mu.count.rare().FailFast++
		return p.fastFailureLocked()
	}
	p.mu.count.rare().Rejected++
	return over
}

// eventLocked has a hook called about the wait.
func (a *attempt[R]) eventLocked(hook func(WaitEvent), err error) {
	if hook == nil {
		return
	}
	e := WaitEvent{Ctx: a.user, Key: a.p.key(), Ahead: a.ahead, Err: err}
	if !a.waiting {
		e.Waited = a.p.since(a.queued)
	}
	a.p.laterLocked(func() { hook(e) })
}

// waited settles the accounts of a wait that has ended, and lets the pool see
// that one waiter is gone: dials for it may be surplus now (I8).
func (a *attempt[R]) waited(err error, gaveUp bool) {
	p := a.p
	if err == nil && !a.fresh && p.cfg.Hooks.WaitEnded == nil {
		return // deliverLocked has left the pool as it must be without this waiter
	}
	p.lock()
	defer p.unlock()
	a.waitedLocked(err, gaveUp)
}

func (a *attempt[R]) waitedLocked(err error, gaveUp bool) {
	p := a.p
	if gaveUp {
		a.noteLeftLocked()
	}
	if err != nil || a.fresh {
		p.mu.count.add(waitTimes, time.Duration(p.momentLocked()-a.queued))
	}
	switch {
	case gaveUp:
		p.mu.count.rare().Canceled++
	case err != nil:
		p.mu.count.rare().Failed++
	}
	a.eventLocked(p.cfg.Hooks.WaitEnded, err)
}

// bound sets the start of the wait and the deadline of WaitTimeout, once.
func (a *attempt[R]) bound() {
	if a.start == 0 {
		a.start = a.p.moment()
	}
	if d := a.p.cfg.WaitTimeout; d > 0 && a.cancel == nil {
		d -= a.p.since(a.start) // Take may have run before
		a.ctx, a.cancel = context.WithDeadlineCause(a.ctx, time.Now().Add(d), ErrWaitTimeout)
	}
}

// countsWaitersLocked reports whether there is a limit of waiters, the pool's or
// that over all keys.
func (p *Pool[R]) countsWaitersLocked() bool {
	return p.mu.limits.MaxWaiters != 0 || (p.total != nil && p.total.MaxWaiters.Load() != 0)
}

// overLimitLocked returns the error for a caller who is one waiter too many, or
// nil. What counts is waiters beyond those whom the dials in flight will serve.
func (p *Pool[R]) overLimitLocked() error {
	if n := p.mu.limits.MaxWaiters; n != 0 && int(p.mu.uncovered) > max(n, 0) {
		return &waitLimitError{key: p.key(), limit: max(n, 0)}
	}
	if p.mu.overTotal {
		return &waitLimitError{total: true, limit: int(max(p.total.MaxWaiters.Load(), 0))}
	}
	return nil
}

// recountLocked brings the number of waiters that count up to date, and with it the pool's
// share of the total of waiters, so that what is added next is the newcomer's alone.
func (p *Pool[R]) recountLocked() {
	if p.member != nil && p.countsWaitersLocked() {
		p.member.changed = true // what is coming to the pool may have changed since its last report
		p.balanceLocked()
	}
}

// asksShared reports whether what a dial is expected to bring may change.
func (p *Pool[R]) asksShared() bool { return p.total != nil && p.total.Asks }

// askShared asks what a dial is expected to bring. It must not hold the lock.
func (p *Pool[R]) askShared() int {
	if !p.asksShared() {
		return 0
	}
	return max(1, p.part.Shared())
}

// learnLocked notes the answer of askShared, within the leases of a whole life.
func (p *Pool[R]) learnLocked(shared int) {
	if m := p.cfg.MaxUses; m > 0 {
		shared = int(min(uint64(shared), m)) //nolint:gosec // it is not negative
	}
	if shared > 0 {
		p.mu.shared = int32(min(shared, maxShared)) //nolint:gosec // it fits
	}
}
