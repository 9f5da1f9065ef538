package subject

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// A fullFloor is the least that a lease of an idle resource can cost if, beyond
// what a [laneFloor] does, the resource is recycled after each lease, checked when it
// has been idle for long, and replaced at the end of its time and after so many
// uses. That is a third compare-and-swap or store: the first of two releases ends the
// lease before it calls Recycle, and only after that may others lease the resource.
// Times are those of a coarse clock, which is read and never asked of the system.
type fullFloor struct {
	dial    func(context.Context) (*Resource, error)
	check   func(context.Context, *Resource) error
	recycle func(*Resource) error
	unmake  func(*Resource) error

	cells      []fullCell
	checkAfter int64 // in ticks, as life
	life       int64
	mostUses   uint64

	// Read by every lease and hardly ever written.
	closed atomic.Bool
	clock  atomic.Int64 // ticks since the start
	spots  spots
	ticker *time.Timer
}

// fullCell holds one resource, and what its holder keeps of it.
type fullCell struct {
	turn atomic.Uint64 // as laneCell.turn, and settling from the end of the lease to that of Recycle
	r    *Resource

	since, expiry int64
	uses          uint64
	_             [88]byte
}

// settling is part of a turn: the lease has ended, and the resource is not idle yet.
const settling = 1 << 63

// fullTick is how exact the coarse clock is.
const fullTick = 10 * time.Millisecond

func newFullFloor(c Config) *fullFloor {
	p := &fullFloor{
		dial:       c.dial(),
		check:      func(context.Context, *Resource) error { return nil },
		recycle:    func(*Resource) error { return nil },
		unmake:     func(*Resource) error { return nil },
		cells:      make([]fullCell, c.Size),
		checkAfter: int64(longIdle / fullTick),
		life:       int64(longLife / fullTick),
		mostUses:   manyUses,
	}
	p.spots.spread.Store(golden)
	p.ticker = time.AfterFunc(time.Hour, p.tick)
	p.ticker.Reset(fullTick) // which finds ticker in place
	return p
}

func (p *fullFloor) tick() {
	p.clock.Add(1)
	if !p.closed.Load() {
		p.ticker.Reset(fullTick)
	}
}

func (p *fullFloor) Use(ctx context.Context, hold func(*Resource)) error {
	c, turn, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	if hold != nil {
		hold(c.r)
	}
	p.release(c, turn)
	return nil
}

// acquire returns a cell and the number of the lease.
func (p *fullFloor) acquire(ctx context.Context) (*fullCell, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if p.closed.Load() {
		return nil, 0, errFloorClosed
	}
	c := &p.cells[p.spots.spot(uint32(len(p.cells)))]
	if t := c.turn.Load(); t&1 == 0 && c.turn.CompareAndSwap(t, t+1) {
		now := p.clock.Load()
		if c.r != nil && now-c.since < p.checkAfter && now < c.expiry && c.uses < p.mostUses {
			c.uses++
			return c, t + 1, nil
		}
		return p.renewed(ctx, c, t+1)
	}
	p.spots.clash()
	return p.search(ctx)
}

// release does nothing if the lease has ended already.
func (p *fullFloor) release(c *fullCell, turn uint64) {
	if !c.turn.CompareAndSwap(turn, turn|settling) {
		return
	}
	sound := false
	defer func() {
		if !sound { // also where Recycle panics
			p.unmakeIn(c)
		}
		c.turn.Store(turn + 1)
	}()
	sound = p.recycle(c.r) == nil
	c.since = p.clock.Load()
}

// search looks at every cell until one is idle.
func (p *fullFloor) search(ctx context.Context) (*fullCell, uint64, error) {
	for ; ; runtime.Gosched() {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		for i := range p.cells {
			c := &p.cells[i]
			if t := c.turn.Load(); t&1 == 0 && c.turn.CompareAndSwap(t, t+1) {
				return p.renewed(ctx, c, t+1)
			}
		}
	}
}

// renewed makes sure that a leased cell has a resource that is sound and not worn out.
func (p *fullFloor) renewed(ctx context.Context, c *fullCell, turn uint64) (*fullCell, uint64, error) {
	now := p.clock.Load()
	switch {
	case c.r == nil:
	case now >= c.expiry, c.uses >= p.mostUses, now-c.since >= p.checkAfter && p.check(ctx, c.r) != nil:
		p.unmakeIn(c)
	}
	if c.r == nil {
		r, err := p.dial(ctx)
		if err != nil {
			c.turn.Store(turn + 1) // whoever takes it next dials
			return nil, 0, err
		}
		c.r, c.since, c.expiry, c.uses = r, now, now+p.life, 0
	}
	c.uses++
	return c, turn, nil
}

func (p *fullFloor) unmakeIn(c *fullCell) {
	r := c.r
	c.r = nil
	_ = p.unmake(r)
}

func (p *fullFloor) Close() {
	p.closed.Store(true)
	p.ticker.Stop()
}

func openFullFloor(c Config) (Pool, error) { return newFullFloor(c), nil }
