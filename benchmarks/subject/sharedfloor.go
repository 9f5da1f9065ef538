package subject

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A sharedFloor is the least that a lease of a shared resource can cost if its
// capacity is kept and a second release does no harm: one swap on the count of
// leases, one on a cell for the lease, and the same back. Who finds no room
// tries again, in no order.
type sharedFloor struct {
	dial     func(context.Context) (*Resource, error)
	capacity int64
	dialling sync.Mutex

	r      atomic.Pointer[Resource] // nil: not dialled yet
	closed atomic.Bool
	_      [128]byte // what all read is not beside what all write
	leases atomic.Int64
	_      [120]byte
	cells  [64]leaseCell // for as many leases; others make their own
}

// leaseCell tells whether one lease has ended: it is odd until then.
type leaseCell struct {
	turn atomic.Uint64
	_    [120]byte
}

func (p *sharedFloor) Use(ctx context.Context, hold func(*Resource)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.closed.Load() {
		return errFloorClosed
	}
	r := p.r.Load()
	if r == nil {
		var err error
		if r, err = p.dialOnce(ctx); err != nil {
			return err
		}
	}
	for n := p.leases.Load(); n >= p.capacity || !p.leases.CompareAndSwap(n, n+1); n = p.leases.Load() {
		if n < p.capacity {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		runtime.Gosched()
	}
	c, turn := p.cell()
	if hold != nil {
		hold(r)
	}
	p.release(c, turn)
	return nil
}

// release does nothing if the lease has ended already.
func (p *sharedFloor) release(c *leaseCell, turn uint64) {
	if c.turn.CompareAndSwap(turn, turn+1) {
		p.leases.Add(-1)
	}
}

// cell returns a cell for a lease and its number, first one that is mostly
// another for another goroutine.
func (p *sharedFloor) cell() (*leaseCell, uint64) {
	const smallestStack, few = 11, 4
	var here byte
	spot := uint32(uintptr(unsafe.Pointer(&here))>>smallestStack) * golden >> 26
	for i := range uint32(few) {
		c := &p.cells[(spot+i)%uint32(len(p.cells))]
		if t := c.turn.Load(); t&1 == 0 && c.turn.CompareAndSwap(t, t+1) {
			return c, t + 1
		}
	}
	c := &leaseCell{}
	c.turn.Store(1)
	return c, 1
}

// dialOnce lets one caller dial while the others wait for what it gets.
func (p *sharedFloor) dialOnce(ctx context.Context) (*Resource, error) {
	p.dialling.Lock()
	defer p.dialling.Unlock()
	if r := p.r.Load(); r != nil {
		return r, nil
	}
	r, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	p.r.Store(r)
	return r, nil
}

func (p *sharedFloor) Close() { p.closed.Store(true) }

func openSharedFloor(c Config) (Pool, error) {
	const capacity = 1 << 20 // as openShared
	return &sharedFloor{dial: c.dial(), capacity: capacity}, nil
}
