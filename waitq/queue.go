package waitq

import (
	"context"
	"sync"

	"go.uber.org/atomic"
)

// maxFree bounds the nodes that a queue keeps for reuse. It covers the waiters
// of a busy queue; what a storm of waiters leaves beyond it goes to the garbage
// collector.
const maxFree = 256

// A Queue is a FIFO queue of waiters for values of type T. The zero Queue is
// ready. A Queue must not be copied after first use; all its methods may be
// called concurrently, also under a lock of the caller's.
//
// The oldest waiter is the one with the smallest place. [Queue.Enqueue] gives
// places in order of arrival, so without [Queue.EnqueueAt] the queue is a plain
// FIFO.
type Queue[T any] struct {
	live atomic.Int32 // waiters that have not ended

	mu struct {
		sync.Mutex
		head, tail *node[T] // in order of place; may hold ended nodes that are not unlinked yet
		free       *node[T] // ended and received, linked by next
		nfree      int
		last       uint64 // the largest place given so far
	}
}

// An Entry describes one waiter of a queue to those who deliver.
type Entry struct {
	Ctx   context.Context // as given to Enqueue
	Place uint64          // smaller is older
	Tag   uint64          // as given to EnqueueAt: whatever the deliverer needs to know
}

// Len returns the number of waiters that have not ended. It is one atomic load.
func (q *Queue[T]) Len() int { return int(q.live.Load()) }

// Enqueue adds a waiter behind all others. The caller must then call
// [Waiter.Wait], which blocks; Enqueue itself never does, so a caller can
// register first and then look again for what it wants.
func (q *Queue[T]) Enqueue(ctx context.Context) Waiter[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.enqueueLocked(Entry{Ctx: ctx, Place: q.mu.last + 1})
}

// EnqueueAt is like [Queue.Enqueue], but the waiter stands behind those with a
// place up to and including place, and before the others. It lets a caller come
// back to the place it once had. It takes O(1) at the back and O(waiters in
// front) elsewhere.
func (q *Queue[T]) EnqueueAt(ctx context.Context, place, tag uint64) Waiter[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.enqueueLocked(Entry{Ctx: ctx, Place: place, Tag: tag})
}

// Deliver gives v to the oldest live waiter and reports whether one took it. If
// it reports false, v is still the caller's. Deliver never blocks: the waiter
// need not be in Wait yet, nor ever come to it before the caller goes on.
//
// A waiter whose context is done is passed over, even if it has not noticed.
func (q *Queue[T]) Deliver(v T) bool { return q.DeliverTo(v, nil) }

// DeliverTo is like [Queue.Deliver], to the oldest live waiter for which accept
// returns true; a nil accept takes any. accept runs under the queue's lock and
// must not call the queue.
func (q *Queue[T]) DeliverTo(v T, accept func(Entry) bool) bool {
	return q.endOldest(delivered, v, nil, accept)
}

// Fail ends the wait of the oldest live waiter with err and reports whether
// there was one.
func (q *Queue[T]) Fail(err error) bool { return q.FailTo(err, nil) }

// FailTo is like [Queue.Fail], for the oldest live waiter for which accept
// returns true. accept runs under the queue's lock and must not call the queue.
func (q *Queue[T]) FailTo(err error, accept func(Entry) bool) bool {
	var zero T
	return q.endOldest(failed, zero, err, accept)
}

// FailAll ends the wait of every live waiter with err, oldest first, and returns
// how many there were.
func (q *Queue[T]) FailAll(err error) int {
	n := 0
	for q.Fail(err) {
		n++
	}
	return n
}

// Front returns the oldest live waiter, or false if there is none. By the time
// the caller acts on it that waiter may have ended.
func (q *Queue[T]) Front() (Entry, bool) {
	var front Entry
	found := false
	q.Each(func(e Entry) bool {
		front, found = e, true
		return false
	})
	return front, found
}

// Each calls f for every live waiter, oldest first, until f returns false. f
// runs under the queue's lock and must not call the queue.
func (q *Queue[T]) Each(f func(Entry) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := q.mu.head; n != nil; {
		next := n.next
		if !q.pruneLocked(n) && !f(n.Entry) {
			return
		}
		n = next
	}
}

// endOldest is the one way in which the giving side ends a wait.
func (q *Queue[T]) endOldest(to state, v T, err error, accept func(Entry) bool) bool {
	if q.live.Load() == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := q.mu.head; n != nil; {
		next := n.next
		if !q.pruneLocked(n) && (accept == nil || accept(n.Entry)) && q.end(n, to) {
			q.unlinkLocked(n)
			n.value, n.err = v, err
			n.ready <- struct{}{} // never blocks: one end, one send, room for one
			return true
		}
		n = next
	}
	return false
}

// pruneLocked takes n out of the queue if its wait has ended or its context is
// done, and reports whether it did. Each dead waiter is pruned once, so any
// number of them costs later deliveries nothing.
func (q *Queue[T]) pruneLocked(n *node[T]) bool {
	// A waiter that is Waiting with a done context is ended here rather than
	// skipped: it would have to be skipped again by every later delivery.
	if n.state() == waiting && (n.Ctx.Err() == nil || !q.end(n, canceled)) && n.state() == waiting {
		return false
	}
	q.unlinkLocked(n)
	return true
}

// end decides how the wait of n ends and reports whether it was the caller who
// decided. Everything that ends a wait comes through here.
func (q *Queue[T]) end(n *node[T], to state) bool {
	if !n.transition(waiting, to) {
		return false
	}
	q.live.Dec()
	return true
}

func (q *Queue[T]) enqueueLocked(e Entry) Waiter[T] {
	n := q.takeNodeLocked()
	n.Entry = e
	n.set(waiting)
	q.live.Inc()
	q.mu.last = max(q.mu.last, e.Place)

	// From the back, where almost all belong, unless the place is older than the
	// front half of the queue is likely to be.
	after := q.mu.tail
	if after != nil && after.Place > e.Place {
		after = nil
		for m := q.mu.head; m != nil && m.Place <= e.Place; m = m.next {
			after = m
		}
	}
	q.linkLocked(n, after)
	return Waiter[T]{q: q, n: n, turn: n.turn}
}

// linkLocked puts n behind after, or at the front if after is nil.
func (q *Queue[T]) linkLocked(n, after *node[T]) {
	n.linked = true
	n.prev = after
	if after == nil {
		n.next, q.mu.head = q.mu.head, n
	} else {
		n.next, after.next = after.next, n
	}
	if n.next == nil {
		q.mu.tail = n
	} else {
		n.next.prev = n
	}
}

func (q *Queue[T]) unlinkLocked(n *node[T]) {
	if !n.linked {
		return
	}
	if n.prev == nil {
		q.mu.head = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		q.mu.tail = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.linked, n.prev, n.next = false, nil, nil
}

func (q *Queue[T]) takeNodeLocked() *node[T] {
	n := q.mu.free
	if n == nil {
		return &node[T]{ready: make(chan struct{}, 1)}
	}
	q.mu.free, n.next = n.next, nil
	q.mu.nfree--
	return n
}

// recycle takes n, whose wait is over, for a later waiter.
func (q *Queue[T]) recycle(n *node[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.unlinkLocked(n) // a canceled waiter is still in its place
	n.clear()
	if q.mu.nfree < maxFree {
		n.next, q.mu.free = q.mu.free, n
		q.mu.nfree++
	}
}
