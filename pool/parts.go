package pool

import (
	"context"

	"github.com/berth-go/berth/internal/part"
)

// What package keyed needs of a pool that is one key of many, and nobody else: each of these
// has a parameter of a type of an internal package, which others cannot name.

// NewParts returns the func that makes the pools of the keys of one keyed pool,
// each in the zero Pool that it is given, with limits that nobody changes any more.
// They share cfg, in which Dial, DialRate and the limits are those of the Part. It is
// for package keyed: nobody else can name the type of its second parameter.
func NewParts[R any](cfg Config[R], total *part.Total) (func(*Pool[R], part.Part[R], *Limits) error, error) {
	c, err := newCommon(cfg)
	if err != nil {
		return nil, err
	}
	c.crew, c.clock, c.total = total.Crew, total.Clock, total
	return func(p *Pool[R], pt part.Part[R], l *Limits) error {
		if err := l.validate(); err != nil {
			return err
		}
		p.waiters.Share(&c.spares)
		p.init(c, pt, l)
		return nil
	}, nil
}

// Bare reports whether nothing of the pool is left. If something is, the key will be
// called by Quiet when it has gone, even if it came without a change of state, as what
// MinIdle asks for. It is for package keyed.
func (p *Pool[R]) Bare(part.Access) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.wasQuiet = p.bareLocked()
	return p.mu.wasQuiet
}

// Finished reports whether nothing of the pool is left for Shutdown to wait for. It is for
// package keyed.
func (p *Pool[R]) Finished(part.Access) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.finished
}

// AcquireSlow is AcquireWith for package keyed, which has called TakeFast. drawn is
// the caller's place if it has one from Budget.Draw, else 0.
func (p *Pool[R]) AcquireSlow(ctx context.Context, r Request, drawn Ticket, _ part.Access) (Lease[R], error) {
	if p.takes && r == (Request{}) && drawn == 0 {
		return p.Acquire(ctx)
	}
	return p.acquire(ctx, r, drawn)
}

// TakeFast is takeFast for package keyed. It never takes anything where Take has to run.
func (p *Pool[R]) TakeFast(part.Access) (Lease[R], bool) {
	if p.takes {
		return Lease[R]{}, false
	}
	return p.takeFast()
}

// Use is Do with the lease. It is for package keyed.
func (l Lease[R]) Use(f func(Lease[R]) error, _ part.Access) error {
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

// Number returns how many leases the lease's place in the lane has had before it. It
// is for package keyed, as TakeFast is.
func (l Lease[R]) Number(part.Access) uint64 { return l.turn.Number() }

// Draw is for package keyed, of whose keys nobody knows yet: the place of a caller for
// whom a pool has to be made first.
func (b *Budget) Draw(part.Access) Ticket { return Ticket(b.tickets.Add(1)) }
