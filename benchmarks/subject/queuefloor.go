package subject

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A queueFloor is the least that handing a resource from caller to caller can
// cost if it keeps what Berth promises of waiting: first come, first served, a
// context ends a wait at once and in O(1), what was delivered is never lost, a
// close ends every wait, and a second release does no harm. It is one mutex, a
// list of waiters that are used again, and a channel of one place for each.
//
// A buffered channel of resources can be cheaper, with no mutex beside its own. But
// nobody can tell who waits on it and for how long, or tell one of them an error.
type queueFloor struct {
	mu             sync.Mutex
	size, made     int32
	closed         bool
	newest, oldest *floorSlot   // idle ones: the newest is taken first
	first, last    *floorWaiter // while there is one, nothing is idle
	spare          *floorWaiter // to be used again
}

// floorSlot is room for one resource.
type floorSlot struct {
	r            *Resource // nil: not dialled yet. Owned by the holder of the lease
	number       uint64    // of the lease
	since        int64     // idle since then: what an idle time needs
	older, newer *floorSlot
}

type floorWaiter struct {
	ctx        context.Context
	ready      chan *floorSlot
	prev, next *floorWaiter
	state      waitState // under the pool's mutex
}

type waitState int8

const (
	queued    waitState = iota
	delivered           // the slot, or nil, is in ready or about to be
	passed              // its context was found ended
)

// floorLease is a lease. With it goes the waiter that it was waited for with, so
// that both are given back under one lock.
type floorLease struct {
	slot   *floorSlot
	number uint64
	waiter *floorWaiter
}

type dialFunc = func(context.Context) (*Resource, error)

func (q *queueFloor) acquire(ctx context.Context, dial dialFunc) (floorLease, error) {
	if err := ctx.Err(); err != nil {
		return floorLease{}, err
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return floorLease{}, errFloorClosed
	}
	if s := q.take(); s != nil {
		q.mu.Unlock()
		return q.dialled(ctx, dial, floorLease{s, s.number, nil})
	}
	w := q.enqueue(ctx)
	q.mu.Unlock()
	select {
	case s := <-w.ready:
		return q.served(ctx, dial, s, w)
	case <-ctx.Done():
		return q.leave(ctx, dial, w)
	}
}

// leave ends a wait whose context has ended, unless a delivery came first.
func (q *queueFloor) leave(ctx context.Context, dial dialFunc, w *floorWaiter) (floorLease, error) {
	q.mu.Lock()
	if w.state == delivered {
		q.mu.Unlock()
		return q.served(ctx, dial, <-w.ready, w)
	}
	if w.state == queued {
		q.unlink(w)
	}
	q.reuse(w)
	q.mu.Unlock()
	return floorLease{}, ctx.Err()
}

// served is the end of a wait: a slot, or nil if the pool was closed.
func (q *queueFloor) served(ctx context.Context, dial dialFunc, s *floorSlot, w *floorWaiter) (floorLease, error) {
	if s == nil {
		return floorLease{}, errFloorClosed
	}
	return q.dialled(ctx, dial, floorLease{s, s.number, w})
}

// dialled makes sure that a leased slot has a resource.
func (q *queueFloor) dialled(ctx context.Context, dial dialFunc, l floorLease) (floorLease, error) {
	if l.slot.r == nil {
		r, err := dial(ctx)
		if err != nil {
			q.release(l, 0)
			return floorLease{}, err
		}
		l.slot.r = r
	}
	return l, nil
}

// release hands the slot to the first waiter whose context has not ended. It does
// nothing if the lease has ended already.
func (q *queueFloor) release(l floorLease, now int64) {
	s := l.slot
	q.mu.Lock()
	if s.number != l.number {
		q.mu.Unlock()
		return
	}
	s.number++
	if l.waiter != nil {
		q.reuse(l.waiter)
	}
	w := q.first
	for w != nil {
		live := w.ctx.Err() == nil
		q.unlink(w)
		if live {
			break
		}
		w.state = passed
		w = q.first
	}
	switch {
	case w != nil:
		w.state = delivered
	case s.r == nil:
		q.made-- // its dial failed: there is nothing to keep
	default:
		s.since = now
		q.put(s)
	}
	q.mu.Unlock()
	if w != nil {
		w.ready <- s
	}
}

// take returns an idle slot, or a new one if there may be, or nil.
func (q *queueFloor) take() *floorSlot {
	s := q.newest
	if s == nil {
		if q.made == q.size {
			return nil
		}
		q.made++
		return &floorSlot{}
	}
	if q.newest = s.older; q.newest != nil {
		q.newest.newer = nil
	} else {
		q.oldest = nil
	}
	s.older = nil
	return s
}

func (q *queueFloor) put(s *floorSlot) {
	if s.older = q.newest; s.older != nil {
		s.older.newer = s
	} else {
		q.oldest = s
	}
	q.newest = s
}

func (q *queueFloor) enqueue(ctx context.Context) *floorWaiter {
	w := q.spare
	if w == nil {
		w = &floorWaiter{ready: make(chan *floorSlot, 1)}
	} else {
		q.spare = w.next
	}
	w.ctx, w.state, w.prev, w.next = ctx, queued, q.last, nil
	if w.prev != nil {
		w.prev.next = w
	} else {
		q.first = w
	}
	q.last = w
	return w
}

func (q *queueFloor) unlink(w *floorWaiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.last = w.prev
	}
	w.ctx, w.prev, w.next = nil, nil, nil
}

// reuse keeps a waiter that is in no queue and has nothing in its channel.
func (q *queueFloor) reuse(w *floorWaiter) { w.next, q.spare = q.spare, w }

func (q *queueFloor) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for w := q.first; w != nil; w = q.first {
		q.unlink(w)
		w.state = delivered
		w.ready <- nil // there is room: nothing else was sent
	}
}

// A coarse is a clock that is read in one load, and right to its tick.
type coarse struct {
	now  atomic.Int64
	done chan struct{} // ends the goroutine that advances it
}

func (c *coarse) start() {
	const tick = 10 * time.Millisecond
	c.done = make(chan struct{})
	go func() {
		ticks := time.NewTicker(tick)
		defer ticks.Stop()
		for {
			select {
			case t := <-ticks.C:
				c.now.Store(t.UnixNano())
			case <-c.done:
				return
			}
		}
	}()
}

func (c *coarse) stop() { close(c.done) }

// queuePool is a queueFloor as a subject.
type queuePool struct {
	queueFloor
	dial  dialFunc
	clock coarse
}

func (p *queuePool) Use(ctx context.Context, hold func(*Resource)) error {
	l, err := p.acquire(ctx, p.dial)
	if err != nil {
		return err
	}
	if hold != nil {
		hold(l.slot.r)
	}
	p.release(l, p.clock.now.Load())
	return nil
}

func (p *queuePool) Close() {
	p.close()
	p.clock.stop()
}

func openQueueFloor(c Config) (Pool, error) {
	p := &queuePool{dial: c.dial()}
	p.size = int32(c.Size)
	p.clock.start()
	return p, nil
}
