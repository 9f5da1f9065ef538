package pool

import (
	"context"
	"runtime"
)

// AcquireInstead is like [Pool.AcquireWith], for a caller who holds a lease of a
// resource that has failed: it gives up the lease, as Discard(err) does, and
// returns another. The caller stands in the queue at the place of that lease,
// unless r has another, before the lease ends. To discard first and queue then
// would let others, for whom the freed slot is dialled for in between, go first.
//
// The lease has ended when AcquireInstead returns, whatever it returns. If it had
// ended before, or is of another pool, AcquireInstead is Discard and AcquireWith.
func (p *Pool[R]) AcquireInstead(ctx context.Context, failed Lease[R], err error, r Request) (Lease[R], error) {
	if failed.cell == nil || failed.cell.pool != p {
		failed.Discard(err)
		return p.AcquireWith(ctx, r)
	}
	a := attempt[R]{p: p, ctx: ctx, user: ctx, place: p.placeOf(r), fresh: r.Fresh, low: r.Low}
	if a.place == 0 {
		a.place = failed.ticket
	}
	ended := a.fail(failed, failedInUse, err)
	runtime.KeepAlive(failed.guard) // until here it is not lost
	if !ended {
		return p.AcquireWith(ctx, r)
	}
	return a.run()
}
