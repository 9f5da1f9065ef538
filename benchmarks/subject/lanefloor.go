package subject

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
)

var errFloorClosed = errors.New("closed")

// A laneFloor is the least that a lease of an idle resource can cost if it keeps
// what Berth promises of one: an ended context fails, a closed pool fails, one
// caller at a time, a cap, and a second release does no harm. That is two loads
// and two compare-and-swaps.
//
// All else is missing: who finds nothing idle tries again, in no order.
type laneFloor struct {
	dial  func(context.Context) (*Resource, error)
	cells []laneCell

	// Read by every lease and hardly ever written.
	closed atomic.Bool
	made   atomic.Uint32 // cells that have been leased at least once, the first ones
	spots  spots
}

// laneCell holds one resource. It fills two cache lines, as processors fetch
// them in pairs: neighbours would slow each other down.
type laneCell struct {
	turn atomic.Uint64 // odd while leased; it never comes back to a value
	r    *Resource     // owned by the holder of the lease. nil: not dialled yet
	_    [112]byte
}

func newLaneFloor(c Config) *laneFloor {
	p := &laneFloor{dial: c.dial(), cells: make([]laneCell, c.Size)}
	for i := range p.cells {
		p.cells[i].turn.Store(1) // leased by whoever counts it into made
	}
	p.spots.spread.Store(golden)
	return p
}

func (p *laneFloor) Use(ctx context.Context, hold func(*Resource)) error {
	c, turn, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	if hold != nil {
		hold(c.r)
	}
	c.release(turn)
	return nil
}

// acquire returns a cell and the number of the lease.
func (p *laneFloor) acquire(ctx context.Context) (*laneCell, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if p.closed.Load() {
		return nil, 0, errFloorClosed
	}
	if n := p.made.Load(); n > 0 {
		c := &p.cells[p.spots.spot(n)]
		if t := c.turn.Load(); t&1 == 0 && c.turn.CompareAndSwap(t, t+1) {
			if c.r != nil {
				return c, t + 1, nil
			}
			return p.dialled(ctx, c, t+1)
		}
		p.spots.clash()
	}
	return p.search(ctx)
}

// release does nothing if the lease has ended already.
func (c *laneCell) release(turn uint64) { c.turn.CompareAndSwap(turn, turn+1) }

// search looks at every cell, then makes one more if there may be, and else
// begins anew.
func (p *laneFloor) search(ctx context.Context) (*laneCell, uint64, error) {
	for ; ; runtime.Gosched() {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		n := p.made.Load()
		for i := range n {
			c := &p.cells[i]
			if t := c.turn.Load(); t&1 == 0 && c.turn.CompareAndSwap(t, t+1) {
				return p.dialled(ctx, c, t+1)
			}
		}
		if int(n) < len(p.cells) && p.made.CompareAndSwap(n, n+1) {
			return p.dialled(ctx, &p.cells[n], 1)
		}
	}
}

// dialled makes sure that a leased cell has a resource.
func (p *laneFloor) dialled(ctx context.Context, c *laneCell, turn uint64) (*laneCell, uint64, error) {
	if c.r == nil {
		r, err := p.dial(ctx)
		if err != nil {
			c.release(turn) // whoever takes it next dials
			return nil, 0, err
		}
		c.r = r
	}
	return c, turn, nil
}

func (p *laneFloor) Close() { p.closed.Store(true) }

func openLaneFloor(c Config) (Pool, error) { return newLaneFloor(c), nil }
