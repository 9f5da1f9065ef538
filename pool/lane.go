package pool

import (
	"sync/atomic"
	"time"
	"unsafe"

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
	size  int

	clashes uber.Uint32 // swaps lost to other cores
	_       [64]byte    // top is written by releasers: not on the line that all read
	top     uber.Uint32 // index and stamp of the cell that came to rest last
	_       [64]byte

	cells [maxLane]uber.Pointer[cell[R]] // that are lent; set under the pool's lock
}

const (
	// maxLane is how many resources can be lent at once. Finding one costs a look
	// at each in the worst case.
	maxLane = 16
	topBits = 4 // of lane.top: the index

	// laneTick is how exact the times of the lane are.
	laneTick = 10 * time.Millisecond

	// manyClashes is how many swaps are lost in one opening before the cells are
	// chosen by goroutine.
	manyClashes = 16
)

// take begins a lease of a cell that rests. The second result is false if there
// is none.
func (ln *lane[R]) take() (c *cell[R], number uint64) {
	if ln.spans {
		at := spot(ln.size)
		for range ln.size {
			if c, number = ln.tryTake(at); c != nil {
				return c, number
			}
			if at++; at == ln.size {
				at = 0
			}
		}
		return nil, 0
	}
	if c, number = ln.tryTake(int(ln.top.Load() & (1<<topBits - 1))); c != nil {
		return c, number
	}
	for {
		at := ln.lastRested()
		if at < 0 {
			return nil, 0
		}
		if c, number = ln.tryTake(at); c != nil {
			return c, number
		}
	}
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
	for i := range ln.size {
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

// stamp returns the stamp for a cell that is about to rest, and the top to set
// then. A cell that rested last before does so again without a write.
func (ln *lane[R]) stamp(c *cell[R]) (stamp, top uint32, moves bool) {
	if ln.spans {
		return 0, 0, false
	}
	t := ln.top.Load()
	stamp = t >> topBits
	if at := c.at.Load(); at != t&(1<<topBits-1) {
		stamp++
		return stamp, stamp<<topBits | at, true
	}
	return stamp, t, false
}

// spot returns a number below n that is mostly another for another goroutine: it
// goes by the place of its stack.
func spot(n int) int {
	var here byte
	h := uint64(uintptr(unsafe.Pointer(&here)) >> 11) //nolint:gosec // only a number: nothing is read through it
	return int((h * 0x9E3779B97F4A7C15 >> 32) * uint64(n) >> 32)
}

// takeFast is Acquire without the lock, where that is open.
func (p *Pool[R]) takeFast() (Lease[R], bool) {
	ln := p.open.Load()
	if ln == nil {
		return Lease[R]{}, false
	}
	c, number := ln.take()
	if c == nil {
		return Lease[R]{}, false
	}
	return Lease[R]{cell: c, number: number, ticket: p.lastTicket()}, true
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
	if p.cfg.MaxUses > 0 && number >= c.lastFast.Load() {
		return false
	}
	if p.cfg.Recycle != nil {
		return p.settleFast(ln, c, t)
	}
	stamp, top, moves := ln.stamp(c)
	if !c.turn.Rest(t, stamp) {
		return false
	}
	if moves {
		ln.top.Store(top)
	}
	p.lookAgain()
	return true
}

// lookAgain is the releaser's look after the resource rests (I4): if the lane was
// closed meanwhile, whoever closed it may not have seen this one.
func (p *Pool[R]) lookAgain() {
	if p.open.Load() == nil {
		p.lock()
		p.unlock()
	}
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
	stamp, top, moves := ln.stamp(c)
	if !c.turn.Settled(t, stamp) {
		p.endLease(c) // it was reclaimed: the pool wants it back
		return true
	}
	if moves {
		ln.top.Store(top)
	}
	p.lookAgain()
	return true
}

func (p *Pool[R]) discardSettling(c *cell[R]) {
	c.turn.Reclaim()
	p.discard(c, ReasonRecycle, EndRelease, nil)
}
