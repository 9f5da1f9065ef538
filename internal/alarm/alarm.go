// Package alarm rings many bells with one timer.
package alarm

import (
	"container/heap"
	"sync"
	"time"
)

// A Clock rings bells when their time has come. It uses one timer for all of
// them, which runs only while a bell is set, or until the time of the last one that was
// stopped. Make one with [New].
type Clock struct {
	mu struct {
		sync.Mutex
		bells bells
		timer *time.Timer
		at    time.Time // when the timer fires; zero: it is not running
	}
}

// A Bell calls a func at a time. It belongs to one Clock.
type Bell struct {
	clock *Clock
	ring  func()
	at    time.Time
	index int // in the heap; -1: not set
}

// New returns a Clock without bells.
func New() *Clock { return &Clock{} }

// Bell returns a bell that calls ring, in a goroutine of the clock's timer and
// without a lock held.
func (c *Clock) Bell(ring func()) *Bell { return &Bell{clock: c, ring: ring, index: -1} }

// Set makes the bell ring at the given time, unless it is to ring earlier. It
// may be called under a lock.
func (b *Bell) Set(at time.Time) {
	c := b.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case b.index < 0:
		b.at = at
		heap.Push(&c.mu.bells, b)
	case at.Before(b.at):
		b.at = at
		heap.Fix(&c.mu.bells, b.index)
	default:
		return
	}
	c.armLocked()
}

// Stop keeps the bell from ringing until it is set again. It does not wait for a
// ring that is going on.
func (b *Bell) Stop() {
	c := b.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.index >= 0 {
		heap.Remove(&c.mu.bells, b.index)
	}
}

// armLocked makes the timer fire for the first bell, if it would fire later. An
// early fire costs a look, so it is not moved back.
func (c *Clock) armLocked() {
	if len(c.mu.bells) == 0 {
		return
	}
	first := c.mu.bells[0].at
	if !c.mu.at.IsZero() && !first.Before(c.mu.at) {
		return
	}
	c.mu.at = first
	d := time.Until(first)
	if c.mu.timer == nil {
		c.mu.timer = time.AfterFunc(d, c.fire)
	} else {
		c.mu.timer.Reset(d)
	}
}

// fire rings what is due: it costs O(due), whatever else is set.
func (c *Clock) fire() { ringAll(c.due()) }

// ringAll rings every bell, also if one of them calls runtime.Goexit.
func ringAll(rings []func()) {
	rung := 0
	defer func() {
		if rung < len(rings) {
			ringAll(rings[rung+1:])
		}
	}()
	for _, ring := range rings {
		ring()
		rung++
	}
}

func (c *Clock) due() []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.at = time.Time{}
	now := time.Now()
	var rings []func()
	for len(c.mu.bells) > 0 && !c.mu.bells[0].at.After(now) {
		b := heap.Pop(&c.mu.bells).(*Bell) //nolint:forcetypeassert // only Set pushes
		rings = append(rings, b.ring)
	}
	c.armLocked()
	return rings
}

// bells is a heap by time.
type bells []*Bell

func (h bells) Len() int           { return len(h) }
func (h bells) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h bells) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for package heap.
func (h *bells) Push(x any) {
	b := x.(*Bell) //nolint:forcetypeassert // only Set pushes
	b.index = len(*h)
	*h = append(*h, b)
}

// Pop is for package heap.
func (h *bells) Pop() any {
	last := len(*h) - 1
	b := (*h)[last]
	(*h)[last] = nil // so the GC can free it
	*h = (*h)[:last]
	b.index = -1
	return b
}
