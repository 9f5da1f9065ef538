package pool

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/berth-go/berth/waitq"
)

// gaveUp is waited for a wait that the context has ended, and makes its error: where
// many give up at once they all come for the lock, so it is taken once.
func (a *attempt[R]) gaveUp(ctx context.Context, err error) error {
	p := a.p
	e := &struct {
		WaitError
		ending
	}{ending: ending{ctx: ctx, err: err}} // one piece of memory
	p.lockBeside()
	defer p.unlock()
	a.explainLocked(&e.WaitError, &e.ending) // first: the Budget does not see into a lane that is closed
	p.closeLaneLocked()
	a.waitedLocked(&e.WaitError, true)
	return &e.WaitError
}

// ending is the error of a context that has ended a wait. It says why, if it is asked: see
// [waitq.Waiter.Await].
type ending struct {
	ctx context.Context
	err error
}

func (e *ending) Error() string { return e.Unwrap().Error() }

// Is answers the common question without the cause.
func (e *ending) Is(target error) bool { return errors.Is(e.err, target) }

// Unwrap returns the context's error with its cause.
func (e *ending) Unwrap() error { return cmp.Or(waitq.ContextError(e.ctx), e.err) }

// giveUp makes the error of a call that the context ended. A caller that has not
// waited gets the context's error as it is.
func (a *attempt[R]) giveUp(err error) error {
	if a.queued == 0 {
		return err
	}
	checked := a.bad.cell != nil && a.bad.how == failedCheck
	a.settle() // the error tells of the pool without it
	a.p.lockBeside()
	defer a.p.mu.Unlock()
	e := &WaitError{}
	a.explainLocked(e, err)
	if checked {
		e.For = ForCheck // which has taken the time that it had
	}
	return e
}

// explainLocked makes e the error of a call whose context ended when it waited, or later.
func (a *attempt[R]) explainLocked(e *WaitError, err error) {
	p := a.p
	oldest := p.oldestLeaseLocked() // first, so that the clock is read once
	g, waiting := p.gaugesLocked(), p.waiters.Len()
	place := a.placeLocked()
	*e = WaitError{
		Err: err, Key: p.key(), Waited: time.Duration(p.momentLocked() - a.start), Place: min(place, waiting+1),
		Limits: *p.mu.limits, Open: g.idle + g.inUse, InUse: g.inUse, Dialing: g.dialing, Closing: g.closing,
		Leases: int(p.mu.leases) - g.resting, Waiting: waiting, LastDial: p.lastDialLocked(), OldestLease: oldest,
	}
	if p.member != nil {
		e.Budget = p.member.budget.Stats()
	}
	e.For = a.forWhatLocked(e.Place, g, &e.Budget)
}

// knownPlaces is how many in front of it a call that gives up looks at. Farther back it
// reckons: to look at all would take too long where thousands give up at once.
const knownPlaces = 32

// placeLocked returns the place in the queue at which a call was whose wait has ended. Those
// who came back with an old place have passed it, as others pass one of Request.Low, and others
// are served past one that wants a fresh resource; and whoever came back, or came after some of
// Request.Low, stands in front of those: what the call knows of the queue says nothing of
// that.
func (a *attempt[R]) placeLocked() int {
	p, ahead := a.p, 0
	p.waiters.Each(func(e waitq.Entry) bool {
		if Ticket(e.Place) > a.place {
			return false
		}
		ahead++
		return ahead < knownPlaces
	})
	if ahead < knownPlaces {
		return ahead + 1
	}
	reckoned := a.ahead - int(min(p.mu.deliveries-a.deliveries, uint32(a.ahead))) //nolint:gosec // nobody waits behind billions
	return max(ahead, reckoned) + 1
}

// oldestLeaseLocked returns how long the oldest lease has been out, 0 for none.
func (p *Pool[R]) oldestLeaseLocked() time.Duration {
	if begun := p.oldestBeginLocked(); !begun.IsZero() {
		return p.nowLocked().Sub(begun)
	}
	return 0
}
