package pool

import "context"

// AcquireInstead is like [Pool.AcquireWith], for a caller who holds a lease of a
// resource that has failed: it gives up the lease, as Discard(err) does, and
// returns another. The caller stands in the queue at the place of that lease,
// unless r has another, before the lease ends. To discard first and queue then
// would let others, for whom the freed slot is dialled for in between, go first.
//
// The lease has ended when AcquireInstead returns, whatever it returns. If it had
// ended before, or is of another pool, AcquireInstead is Discard and AcquireWith.
func (p *Pool[R]) AcquireInstead(ctx context.Context, failed Lease[R], err error, r Request) (Lease[R], error) {
	if failed.cell == nil || failed.cell.slot.pool != p || failed.cell.ended(failed.number) {
		failed.Discard(err)
		return p.AcquireWith(ctx, r)
	}
	if r.Place == 0 {
		r.Place = failed.ticket
	}
	a := attempt[R]{
		p: p, ctx: ctx, user: ctx, place: r.Place, fresh: r.Fresh, low: r.Low, newcomer: r.Place == 0,
		failed: failed, failure: err,
	}
	return a.run()
}

// discardFailedLocked ends the lease that this call is instead of. In the same hold
// of the lock the call has got another, or its place in the queue.
func (a *attempt[R]) discardFailedLocked() {
	if c := a.failed.cell; c != nil && c.end(a.failed.number) {
		a.p.retireLocked(c.slot, ReasonDiscard)
		a.p.endLeaseLocked(c, EndDiscard, a.failure)
	}
	a.failed = Lease[R]{}
}
