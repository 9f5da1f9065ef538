package pool

import (
	"runtime"
	"unsafe"

	"github.com/berth-go/berth/internal/lane"
	"github.com/berth-go/berth/internal/turn"
)

// What follows is Acquire and Release without the pool's lock, by way of a lane. The
// pool lends it leases of idle exclusive resources, or those that a shareable one
// has room for: in the accounts under the lock each of them is out, and is the
// lane's. Whoever takes one has that lease until it rests again.
//
// The lane is open only while nothing is to be decided: nobody waits, no limit is
// exceeded, no other pool of the Budget needs a slot. Everybody who takes the lock
// closes it first and takes back what rests; the end of that change may open it
// again. I4 is this: a releaser lets the resource rest and then looks whether the
// lane is open; who closes it first marks it closed and then looks at what rests.
// One of the two sees the other: Go's atomics are sequentially consistent, on every
// processor, so there is one order of the two writes and the two looks.
//
// There is no clock in the lane. The pool renews its time each laneTick while it is
// used: see renew.go. A lease that outlasts a tick ends under the lock, with the real
// time.

// cellOf returns the cell that a seat is the first field of.
func cellOf[R any](s *lane.Seat) *cell[R] {
	return (*cell[R])(unsafe.Pointer(s)) //nolint:gosec // a cell begins with its seat, and no seat is anywhere else
}

// takeFast is TryAcquire without the lock, where the lane is open.
func (p *Pool[R]) takeFast() (Lease[R], bool) {
	ln := p.open.Load()
	if ln == nil {
		return Lease[R]{}, false
	}
	s, t := ln.Take()
	if s == nil {
		return Lease[R]{}, false
	}
	return Lease[R]{cell: cellOf[R](s), turn: t, ticket: p.lastTicket()}, true
}

// release is Release, again with the common case in one piece. The guard is a parameter so
// that the lease does not count as lost before: Release is put in place where it is called,
// and the compiler knows there what of a lease nobody reads any more. (What is watched has no
// lane.)
func (p *Pool[R]) release(c *cell[R], t turn.Turn, g *guard) {
	if p.recycles {
		p.releaseRecycling(c, t, g)
		return
	}
	ln := p.open.Load()
	if ln == nil || !ln.RestsAgain(&c.Seat, t) && !ln.Rest(&c.Seat, t) {
		p.releaseSlow(c, t, g)
		return
	}
	if p.open.Load() == nil { // the second half of I4
		p.lookAgain()
	}
}

// releaseSlow is release where the lane could not end the lease.
func (p *Pool[R]) releaseSlow(c *cell[R], t turn.Turn, g *guard) {
	ended := c.end(t)
	runtime.KeepAlive(g)
	if ended {
		p.endLease(c)
	}
}

// lookAgain is for whoever lets a resource rest and then finds the lane closed: who
// has closed it may not have seen that resource.
func (p *Pool[R]) lookAgain() {
	p.lock()
	p.unlock()
}

// releaseRecycling is Release with Recycle: it ends the lease, runs Recycle, and
// lets the resource rest.
func (p *Pool[R]) releaseRecycling(c *cell[R], t turn.Turn, g *guard) {
	ln, recycle := p.open.Load(), p.cfg.Recycle
	if ln != nil && !ln.Settle(&c.Seat, t) {
		ln = nil
	}
	if ln == nil {
		ended := c.end(t)
		runtime.KeepAlive(g)
		if !ended {
			return
		}
	}
	recycling := c
	defer func() {
		if recycling != nil { // a panic goes on to the caller, with the counts right
			recycling.pool.discardSettling(recycling, nil)
		}
	}()
	err := recycle(c.slot.value)
	recycling = nil
	switch {
	case err != nil:
		p.discardSettling(c, err)
	case ln == nil || !ln.SettledAgain(&c.Seat, t) && !ln.Settled(&c.Seat, t):
		c.Turn.Reclaim() // it was reclaimed, or marked
		p.endLease(c)
	case p.open.Load() == nil: // the second half of I4
		p.lookAgain()
	}
}

func (p *Pool[R]) discardSettling(c *cell[R], err error) {
	c.Turn.Reclaim()
	p.discard(c, ReasonRecycle, EndRelease, err)
}
