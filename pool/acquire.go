package pool

import (
	"context"

	"github.com/berth-go/berth/internal/lane"
	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/internal/turn"
)

// Acquire returns a lease of a resource: an idle one, else the first to be
// released or dialled when all earlier callers have been served. It waits if
// there is none. A ctx that has ended already fails the call, whatever is idle.
//
// When ctx ends, or WaitTimeout passes, the wait ends with a [*WaitError] and
// nothing is taken; a dial begun for this caller goes on for others, within MaxIdle. If a
// resource was delivered before, Acquire returns it, even if ctx is done by then.
// A call that has not queued, but is in Check, gets the context's own error.
// Other errors are [ErrClosed], one that matches [ErrWaitLimit], a [*DialError] if
// the dial failed that this caller waited for, a [*ShedError], and one that wraps
// Take's if that failed on three resources in a row that were dialled for this caller.
func (p *Pool[R]) Acquire(ctx context.Context) (Lease[R], error) {
	if ctx.Err() != nil {
		return p.acquire(ctx, Request{}, 0)
	}
	// The common case is in one piece: calls would be a good part of its cost.
	if ln := p.open.Load(); ln != nil {
		if p.takes {
			return p.acquireAndTake(ctx)
		}
		s, place := ln.Top(), p.lastTicket()
		if ln.Spread() {
			s = ln.Spot()
		}
		if s != nil {
			if t := s.Turn.Load(); t.State() == turn.Resting {
				if s.Turn.Take(t) {
					return Lease[R]{cell: cellOf[R](s), turn: t.Taken(), ticket: place}, nil
				}
				ln.Clash(lane.LostSwap)
			}
		}
		if s, t := ln.Take(); s != nil {
			return Lease[R]{cell: cellOf[R](s), turn: t, ticket: place}, nil
		}
	}
	return p.acquire(ctx, Request{}, 0)
}

// acquireAndTake is Acquire with Take. A lease of the lane that Take has refused is
// counted as a hit by now, and the call goes on at its place.
func (p *Pool[R]) acquireAndTake(ctx context.Context) (Lease[R], error) {
	l, ok := p.takeFast()
	if !ok {
		return p.acquire(ctx, Request{}, 0)
	}
	start := p.startOfTake()
	err := p.take(l)
	if err == nil {
		return l, nil
	}
	a := attempt[R]{p: p, ctx: ctx, user: ctx, place: l.ticket, counted: true, depth: 1, start: start}
	a.fail(l, failedTake, err)
	return a.run()
}

// AcquireWith is like [Pool.Acquire], with a [Request].
func (p *Pool[R]) AcquireWith(ctx context.Context, r Request) (Lease[R], error) {
	if r == (Request{}) {
		return p.Acquire(ctx)
	}
	return p.acquire(ctx, r, 0)
}

// acquire is Acquire under the lock. drawn is as in AcquireSlow.
func (p *Pool[R]) acquire(ctx context.Context, r Request, drawn Ticket) (Lease[R], error) {
	p.mustBeMade()
	var a attempt[R] // filled in where it is: a literal would be made beside it and copied
	a.p, a.ctx, a.user, a.place, a.fresh, a.low = p, ctx, ctx, p.placeOf(r), r.Fresh, r.Low
	a.newcomer, a.depth = a.place == 0, 1
	if drawn != 0 && a.newcomer {
		a.drew(drawn)
	}
	return a.run()
}

// run is one call of Acquire, from the first look to the lease.
func (a *attempt[R]) run() (Lease[R], error) {
	defer a.end()
	for {
		if err := a.next(); err != nil {
			return Lease[R]{}, err
		}
		ok, err := a.accept()
		if err != nil {
			return Lease[R]{}, err
		}
		if ok {
			return a.deliver(), nil
		}
		a.place = a.lease.ticket // the resource failed, not the caller: the place stays (I3)
	}
}

// TryAcquire returns a lease if a resource is idle, or shareable with room, and
// nobody waits for it. It never waits, never dials and never overtakes a waiter.
// It passes over resources whose Check is due. Take runs in it, and if that fails
// Capacity and Expect. The second result is false if it has no lease, also when the
// pool is closed.
func (p *Pool[R]) TryAcquire() (Lease[R], bool) {
	p.mustBeMade()
	if !p.takes {
		if l, ok := p.takeFast(); ok {
			return l, true
		}
	}
	return p.tryAcquire()
}

// tryAcquire is TryAcquire under the lock.
func (p *Pool[R]) tryAcquire() (Lease[R], bool) {
	a := attempt[R]{p: p, ctx: context.Background()}
	defer a.end()
	for a.tryOnce() {
		if ok, _ := a.accept(); ok {
			p.mu.Lock()
			p.mu.count.Hits++
			p.mu.Unlock()
			return a.deliver(), true
		}
	}
	return Lease[R]{}, false
}

func (a *attempt[R]) tryOnce() bool {
	p := a.p
	p.lock()
	defer p.unlock()
	a.settleLocked()
	if p.mu.closed || p.allDueLocked() {
		return false
	}
	l, ok := p.leaseNowLocked(func(s *slot[R]) bool {
		if !s.room() || p.checkDueLocked(s) {
			return false
		}
		_, wanted := p.oldestForLocked(s)
		return !wanted
	}, false)
	if ok {
		a.lease, a.tried = l, false
		p.noteHitLocked()
	}
	return ok
}

// Do calls f with a lease that it acquires as [Pool.Acquire] does, and returns
// f's error. The lease is released when f returns, unless f has discarded or
// hijacked it, and discarded if f panics or calls runtime.Goexit.
func (p *Pool[R]) Do(ctx context.Context, f func(Lease[R]) error) error {
	l, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	return l.Use(f, part.Access{})
}
