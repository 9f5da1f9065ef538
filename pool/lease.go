package pool

import (
	"runtime"
	"time"

	"github.com/berth-go/berth/internal/chain"
	"github.com/berth-go/berth/internal/lane"
	"github.com/berth-go/berth/internal/turn"
)

// A Lease is the right to use a resource. It has no time limit: it ends when its
// holder calls Release, Discard or Hijack, and only then. It is a small value;
// copies are the same lease.
//
// Release and Discard do nothing after the end of the lease, from whatever copy or
// goroutine, so `defer lease.Release()` is right also when the lease may be
// discarded or hijacked first. Hijack panics then.
type Lease[R any] struct {
	cell   *cell[R]
	turn   turn.Turn // the cell's when it began, which tells it from other leases of the cell
	ticket Ticket
	guard  *guard // nil: not watched for leaks
}

// LeaseInfo tells about a lease at the moment it began. On the fast path
// (docs/fastpath.md) its times are exact to 10 ms, and Uses of a shareable resource
// counts also what has begun since.
type LeaseInfo struct {
	Reused  bool          // the resource has had a lease before
	IdleFor time.Duration // how long the resource was idle; 0 if it came from another lease or from its dial
	Age     time.Duration // since the resource was dialled
	Uses    uint64        // leases of the resource so far, with this one and those that Take or Check refused
}

// cell is what the copies of a lease share. A cell belongs to one slot for life
// and serves one lease after another; the number in its turn tells them apart.
type cell[R any] struct {
	lane.Seat // first: see cellOf. It began is the moment when its lease did; in the lane, as of the last tick
	slot      *slot[R]
	pool      *Pool[R]
	check     bool // the lease must run Check first; written before the lease is handed out

	// Under the pool's lock.
	lent    bool                // is the lane's
	lentAt  uint64              // leases up to this number are in the accounts
	idleFor time.Duration       // as in LeaseInfo; not of a lease that is the lane's
	uses    uint64              // likewise
	link    chain.Link[cell[R]] // in Pool.out
	watched *watched[R]         // nil: none of its leases has been watched for leaks
}

// end ends a lease and reports whether it was still going. Release, Discard and
// Hijack race here, and one of them wins.
func (c *cell[R]) end(t turn.Turn) bool { return c.Turn.End(t.Number()) }

// ended reports whether a lease has ended.
func (c *cell[R]) ended(t turn.Turn) bool { return c.Turn.Load().Number() != t.Number() }

// Value returns the resource. It panics if the lease has ended: what the holder
// would touch may be somebody else's by now.
func (l Lease[R]) Value() R {
	if l.cell == nil || l.cell.ended(l.turn) {
		panic("pool: Value of a lease that has ended: most likely the resource is used after Release, Discard or Hijack, or Acquire's error was not looked at")
	}
	return l.cell.slot.value
}

// Info returns how the lease began. It returns the zero LeaseInfo if the lease
// has ended.
func (l Lease[R]) Info() LeaseInfo {
	if l.cell == nil {
		return LeaseInfo{}
	}
	p := l.cell.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.cell.ended(l.turn) {
		return LeaseInfo{}
	}
	if l.cell.lent {
		return p.laneInfoLocked(l.cell, l.turn.Number())
	}
	return l.cell.infoLocked()
}

// infoLocked is the LeaseInfo of a lease that is not in the lane.
func (c *cell[R]) infoLocked() LeaseInfo {
	age := max(0, c.Began()-time.Duration(c.slot.born))
	return LeaseInfo{Reused: c.uses > 1, IdleFor: c.idleFor, Age: age, Uses: c.uses}
}

// Ticket returns the place in the queue that this lease had. A caller that finds
// the resource broken can keep its place with it: see [Request].
func (l Lease[R]) Ticket() Ticket { return l.ticket }

// Release gives the resource back: to the oldest waiter, else it becomes idle.
// Recycle, Capacity, Expect and hooks may run in here; otherwise Release does not
// block. It does nothing if the lease has ended.
func (l Lease[R]) Release() {
	if l.cell != nil {
		l.cell.pool.release(l.cell, l.turn, l.guard)
	}
}

// Discard ends the lease of a broken resource. The resource is closed in the
// background, and its slot then goes to the next waiter; a shareable one gets no
// new leases and is closed when its last lease ends. err says what broke it, for
// Hooks.Released; it may be nil. Discard does nothing if the lease has ended.
func (l Lease[R]) Discard(err error) {
	if l.cell == nil {
		return
	}
	ended := l.cell.end(l.turn)
	runtime.KeepAlive(l.guard) // until here it is not lost: see Pool.release
	if ended {
		l.cell.pool.discard(l.cell, ReasonDiscard, EndDiscard, err)
	}
}

// Hijack takes the resource out of the pool for good and returns it. Its slot is
// free at once; closing the resource is up to the caller, unless Capacity has said
// Dead or DrainTimeout has passed, for then the pool closes it all the same. Hijack
// panics if the lease has ended, or if other leases are out on the resource, which then keeps
// its lease.
func (l Lease[R]) Hijack() R {
	if l.cell == nil {
		panic("pool: Hijack of the zero Lease: most likely Acquire's error was not looked at")
	}
	return l.cell.pool.hijack(l)
}
