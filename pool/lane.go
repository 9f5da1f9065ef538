package pool

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/internal/turn"
	uber "go.uber.org/atomic"
)

// lane is the way to a resource without the pool's lock. The pool lends it idle
// exclusive resources: in the accounts under the lock each of them has one lease
// out, the lane's. Whoever takes one has that lease until it rests again; the
// state is in the resource's own word (package turn), so acquiring is one compare
// and swap, and so is releasing.
//
// The lane is open only while nothing is to be decided: nobody waits, no limit is
// exceeded, no other pool of the Budget needs a slot. Everybody who takes the lock
// closes it first and takes back what rests; the end of that change may open it
// again. I4 is this: a releaser lets the resource rest and then looks whether the
// lane is open; who closes it first marks it closed and then looks at what rests.
// One of the two sees the other.
//
// There is no clock in the lane. Its time is that of its opening, and the pool
// closes and opens it each laneTick while it is used; a lease that outlasts a tick
// ends under the lock, with the real time.
type lane[R any] struct {
	now   atomic.Int64 // of the opening, since the pool's start
	spans bool         // cells are chosen by goroutine, to spread cores; else by stamp, the last one used first

	clashes uber.Uint32 // swaps lost to other cores
	_       [64]byte    // top is written by releasers: not on the line that all read
	top     uber.Uint32 // index and stamp of the cell that came to rest last
	_       [64]byte

	cells [maxLane]uber.Pointer[cell[R]] // that are lent; set under the pool's lock
}

const (
	// maxLane is how many resources can be lent at once. Finding one costs a look
	// at each in the worst case.
	maxLane = 1 << topBits
	topBits = 4 // of lane.top: the index

	// laneTick is how exact the times of the lane are.
	laneTick = 10 * time.Millisecond

	// manyClashes is how many swaps are lost in one opening before the cells are
	// chosen by goroutine.
	manyClashes = 16
)

// takeFast is Acquire without the lock, where that is open. The common case is in
// one piece, because calls would be a third of its cost.
func (p *Pool[R]) takeFast() (Lease[R], bool) {
	ln := p.open.Load()
	if ln == nil {
		return Lease[R]{}, false
	}
	at := int(ln.top.Load() & (maxLane - 1))
	if ln.spans {
		at = spot()
	}
	c := ln.cells[at].Load()
	if c != nil {
		t := c.turn.Load()
		if t.State() == turn.Resting {
			if c.turn.Take(t) {
				if now := ln.now.Load(); c.began.Load() != now {
					c.began.Store(now)
				}
				return Lease[R]{cell: c, number: t.Number(), ticket: p.lastTicket()}, true
			}
			ln.clashes.Inc()
		}
	}
	c, number := ln.takeOther(at)
	return Lease[R]{cell: c, number: number, ticket: p.lastTicket()}, c != nil
}

// TakeFast is takeFast for package keyed: nobody else can call it, as its parameter
// cannot be made outside this module.
func (p *Pool[R]) TakeFast(part.Access) (Lease[R], bool) { return p.takeFast() }

// takeOther begins a lease of another cell than the one at hand, or of that if it
// rests by now. It returns nil if none rests.
func (ln *lane[R]) takeOther(at int) (*cell[R], uint64) {
	if ln.spans {
		for range maxLane {
			at = (at + 1) & (maxLane - 1)
			if c, number := ln.tryTake(at); c != nil {
				return c, number
			}
		}
		return nil, 0
	}
	for at = ln.lastRested(); at >= 0; at = ln.lastRested() {
		if c, number := ln.tryTake(at); c != nil {
			return c, number
		}
	}
	return nil, 0
}

func (ln *lane[R]) tryTake(at int) (*cell[R], uint64) {
	c := ln.cells[at].Load()
	if c == nil {
		return nil, 0
	}
	t := c.turn.Load()
	if t.State() != turn.Resting {
		return nil, 0
	}
	if !c.turn.Take(t) {
		ln.clashes.Inc()
		return nil, 0
	}
	if now := ln.now.Load(); c.began.Load() != now {
		c.began.Store(now)
	}
	return c, t.Number()
}

// lastRested returns the index of the cell that rests and came to rest last, or
// -1.
func (ln *lane[R]) lastRested() int {
	best, found := turn.Turn(0), -1
	for i := range maxLane {
		c := ln.cells[i].Load()
		if c == nil {
			continue
		}
		t := c.turn.Load()
		if t.State() == turn.Resting && (found < 0 || newerStamp(t.Stamp(), best.Stamp())) {
			best, found = t, i
		}
	}
	return found
}

// newerStamp compares stamps, which wrap around.
func newerStamp(a, b uint32) bool { return (a-b)&turn.StampMask < turn.StampMask/2 && a != b }

// overtop makes c, which is about to rest, the top, and returns its stamp. Should
// it not come to rest, the top is only where the next caller looks first.
func (ln *lane[R]) overtop(c *cell[R], top uint32) uint32 {
	stamp := top>>topBits + 1
	ln.top.Store(stamp<<topBits | c.at.Load())
	return stamp
}

// spot returns an index that is mostly another for another goroutine: it goes by
// the place of its stack.
func spot() int {
	var here byte
	h := uint32(uintptr(unsafe.Pointer(&here)) >> 11) //nolint:gosec // only a number: nothing is read through it
	return int(h * 0x9E3779B1 >> (32 - topBits))
}

// releaseFast is Release without the lock. If it reports false, it has done
// nothing, and the lease may have ended or not.
func (p *Pool[R]) releaseFast(c *cell[R], number uint64) bool {
	ln := p.open.Load()
	if ln == nil {
		return false
	}
	t := c.turn.Load()
	if t.State() != turn.Out || t.Number() != number || ln.now.Load() != c.began.Load() {
		return false
	}
	if p.special {
		if p.cfg.MaxUses > 0 && number >= c.lastFast.Load() {
			return false
		}
		if p.cfg.Recycle != nil {
			return p.settleFast(ln, c, t)
		}
	}
	if !ln.rest(c, t) {
		return false
	}
	p.look()
	return true
}

// rest ends a lease, and its cell rests. One that rested last before does so again
// without a write to what all share.
func (ln *lane[R]) rest(c *cell[R], t turn.Turn) bool {
	if ln.spans {
		return c.turn.Rest(t, 0)
	}
	top := ln.top.Load()
	if c.at.Load() == top&(maxLane-1) {
		return c.turn.Rest(t, top>>topBits)
	}
	return c.turn.Rest(t, ln.overtop(c, top))
}

// look is the second half of I4, after a resource came to rest: whoever has closed
// the lane meanwhile may not have seen it.
func (p *Pool[R]) look() {
	if p.open.Load() == nil {
		p.lookAgain()
	}
}

func (p *Pool[R]) lookAgain() {
	p.lock()
	p.unlock()
}

// settleFast ends a lease, runs Recycle, and lets the resource rest.
func (p *Pool[R]) settleFast(ln *lane[R], c *cell[R], t turn.Turn) bool {
	if !c.turn.Settle(t) {
		return false
	}
	done := false
	defer func() {
		if !done { // a panic goes on to the caller, with the counts right
			p.discardSettling(c)
		}
	}()
	err := p.cfg.Recycle(c.slot.value)
	done = true
	if err != nil {
		c.turn.Reclaim()
		p.discard(c, ReasonRecycle, EndRelease, err)
		return true
	}
	stamp := uint32(0)
	if !ln.spans {
		stamp = ln.overtop(c, ln.top.Load())
	}
	if !c.turn.Settled(t, stamp) {
		p.endLease(c) // it was reclaimed: the pool wants it back
		return true
	}
	p.look()
	return true
}

func (p *Pool[R]) discardSettling(c *cell[R]) {
	c.turn.Reclaim()
	p.discard(c, ReasonRecycle, EndRelease, nil)
}
