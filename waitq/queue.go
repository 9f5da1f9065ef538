package waitq

import (
	"context"
	"math"
	"sync"

	"go.uber.org/atomic"
)

// A Queue is a FIFO queue of waiters for values of type T. The zero Queue is
// ready. A Queue must not be copied after first use.
//
// All its methods may be called concurrently, also under a lock of the
// caller's: none of them blocks, apart from the short lock of the queue itself.
//
// The oldest waiter is the one with the smallest place. [Queue.Enqueue] gives
// places in order of arrival, so without [Queue.EnqueueAt] the queue is a plain
// FIFO.
type Queue[T any] struct {
	// live counts the waiters that have not ended. It rises before a waiter is
	// known to anybody and falls after its wait has ended, so it may be high for
	// a moment but never low: who reads 0 has missed no waiter whose Enqueue
	// returned before.
	live atomic.Int32

	spares *Spares[T] // nil: there has been no waiter. Under mu until then

	mu struct {
		sync.Mutex
		list[T]
		last uint64 // the largest place given so far
	}
}

// Spares are what queues need for their waiters and do not need now, until the
// garbage is collected. Each queue has its own, unless it shares them, which makes a
// difference where there are very many. The zero Spares is ready. It must not be
// copied after first use.
type Spares[T any] struct{ nodes sync.Pool }

// Share makes the queue take what it needs from s, and give it back. It must be
// called before the first waiter comes.
func (q *Queue[T]) Share(s *Spares[T]) { q.spares = s }

// An Entry describes one waiter of a queue to those who deliver.
type Entry struct {
	Ctx   context.Context // as given to Enqueue
	Place uint64          // smaller is older
	Tag   uint64          // as given to EnqueueAt: whatever the giver needs to know
}

// Len returns the number of waiters that have not ended. It is one atomic load,
// and the only method that may be called from inside a func passed to the queue.
func (q *Queue[T]) Len() int { return int(q.live.Load()) }

// Enqueue adds a waiter behind all others. The caller must then call
// [Waiter.Wait], which blocks, or [Waiter.Cancel]. Enqueue itself never blocks,
// so a caller can register first and then look again for what it wants.
//
// ctx ends the wait. If it is done already, Enqueue works all the same, nothing
// will be delivered and Wait returns at once. A nil ctx panics.
func (q *Queue[T]) Enqueue(ctx context.Context) Waiter[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	place := q.mu.last
	if place < math.MaxUint64 { // at the end of the numbers, those with equal places still stand in order of arrival
		place++
	}
	return q.enqueueLocked(Entry{Ctx: ctx, Place: place})
}

// EnqueueAt is like [Queue.Enqueue], but the waiter stands behind those with a
// place up to and including place, and before the others. It lets a caller come
// back to the place it once had, or use places of its own. tag is for those who
// deliver; the queue makes nothing of it.
//
// It takes time in proportion to the number of waiters in front of it, behind it, or
// between it and one of the last few who came to a place in the middle, whichever is
// least.
func (q *Queue[T]) EnqueueAt(ctx context.Context, place, tag uint64) Waiter[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.enqueueLocked(Entry{Ctx: ctx, Place: place, Tag: tag})
}

func (q *Queue[T]) enqueueLocked(e Entry) Waiter[T] {
	if e.Ctx == nil {
		// It would only be noticed by whoever delivers, who is not to blame.
		panic("waitq: Enqueue with a nil context")
	}
	n := q.takeLocked()
	n.Entry = e
	turn := n.load().turn()
	q.live.Inc()
	q.mu.last = max(q.mu.last, e.Place)
	q.mu.insert(n)
	return Waiter[T]{q: q, n: n, turn: turn}
}

// Deliver gives v to the oldest live waiter and reports whether one took it. If
// it reports false, v is still the caller's. Deliver never blocks: the waiter
// need not be in Wait yet, nor ever come to it before the caller goes on.
//
// A waiter whose context is done is passed over, even if it has not noticed.
func (q *Queue[T]) Deliver(v T) bool { return q.DeliverTo(v, nil) }

// DeliverTo is like [Queue.Deliver], to the oldest live waiter for which accept
// returns true; a nil accept takes any.
//
// accept runs under the queue's lock and must not call the queue. That it
// returned true does not mean that the waiter got v: the wait may end meanwhile,
// and then accept is asked about the next.
func (q *Queue[T]) DeliverTo(v T, accept func(Entry) bool) bool {
	n := q.claimOldest(delivered, accept)
	if n == nil {
		return false
	}
	n.give(v, nil)
	return true
}

// Claim is the first half of [Queue.DeliverTo]: it ends the wait of the oldest live
// waiter for which accept returns true, and [Claim.Give] is the second. It reports
// false if there is none. It is for a giver who holds a lock, wants to know whose the
// value is before it lets go of it, and does not want the waiter to wake up, and to
// come for the lock, before that.
func (q *Queue[T]) Claim(accept func(Entry) bool) (Claim[T], bool) {
	n := q.claimOldest(delivered, accept)
	if n == nil {
		return Claim[T]{}, false
	}
	n.owed = true
	return Claim[T]{n: n, turn: n.load().turn()}, true
}

// Front returns the oldest live waiter, or false if there is none. By the time
// the caller acts on it that waiter may have ended.
func (q *Queue[T]) Front() (Entry, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.liveFromLocked(q.mu.head)
	if n == nil {
		return Entry{}, false
	}
	return n.Entry, true
}

// Behind returns how many waiters stand behind place: those with a larger one. It takes
// time in proportion to their number.
func (q *Queue[T]) Behind(place uint64) (count int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := q.mu.tail; n != nil && n.Place > place; n = n.prev {
		if n.load().state() == waiting {
			count++
		}
	}
	return count
}

// Each calls f for every live waiter, oldest first, until f returns false. f
// runs under the queue's lock and must not call the queue.
func (q *Queue[T]) Each(f func(Entry) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := q.liveFromLocked(q.mu.head); n != nil; n = q.liveFromLocked(n.next) {
		if !f(n.Entry) {
			return
		}
	}
}

// EachBehind is like [Queue.Each] without the skip oldest waiters. It takes time in
// proportion to the number of those or of the others, whichever is less. Waiters whose
// context has ended, and who have not noticed, may be among the skipped.
func (q *Queue[T]) EachBehind(skip int, f func(Entry) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.mu.head
	if left := int(q.live.Load()) - skip; left < skip {
		n, skip = q.lastLocked(left), 0
	}
	for n = q.liveFromLocked(n); n != nil; n = q.liveFromLocked(n.next) {
		if skip > 0 {
			skip--
		} else if !f(n.Entry) {
			return
		}
	}
}

// lastLocked returns the node at which the last few of those who wait begin, nil if they are
// none.
func (q *Queue[T]) lastLocked(few int) *node[T] {
	if few <= 0 {
		return nil
	}
	n := q.mu.tail
	for n != nil {
		if n.load().state() == waiting {
			few--
		}
		if few == 0 {
			return n
		}
		n = n.prev
	}
	return q.mu.head
}

// claimOldest ends the wait of the oldest live waiter that accept takes. The
// caller must give the node it returns, if any, what its waiter is to have.
//
// It is tempting to give under the lock as well. But the waiter wakes up, wants
// the lock to recycle its node, and may have to sleep again.
func (q *Queue[T]) claimOldest(to state, accept func(Entry) bool) *node[T] {
	if q.live.Load() == 0 {
		return nil // the common case for a giver, without the lock
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := q.liveFromLocked(q.mu.head); n != nil; n = q.liveFromLocked(n.next) {
		if (accept == nil || accept(n.Entry)) && q.claimLocked(n, to) {
			return n
		}
	}
	return nil
}

// liveFromLocked returns n or the first node behind it that is live, and takes
// the dead ones it meets out of the queue. Each is taken out once, so any number
// of dead waiters costs later deliveries nothing.
func (q *Queue[T]) liveFromLocked(n *node[T]) *node[T] {
	for n != nil {
		w := n.load()
		if w.state() == waiting && !isDone(n.Ctx) {
			return n
		}
		// A done context is not left for its waiter to notice: the node would be
		// in the way of every delivery until then. If the waiter has canceled
		// itself meanwhile, end does nothing.
		q.end(n, w.turn(), canceled)
		next := n.next
		q.mu.unlink(n)
		n = next
	}
	return nil
}

// isDone reports whether ctx has ended and its waiter knows, or will. A context of somebody's
// own may have an Err and never be done: then nothing but a giver ends the wait. One that
// panics is its waiter's affair, and none of the giver, who may hold a lock of its own.
func isDone(ctx context.Context) (done bool) {
	defer func() { _ = recover() }()
	if ctx.Err() == nil {
		return false // mostly, and cheaper than a look at Done
	}
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

// claimLocked ends the wait of n and takes it out of the queue, unless it ended by
// itself a moment ago. If it reports true, n is the caller's until it gives.
func (q *Queue[T]) claimLocked(n *node[T], to state) bool {
	if !q.end(n, n.load().turn(), to) {
		return false
	}
	q.mu.unlink(n)
	return true
}

// end decides how a wait ends and reports whether it was the caller who decided.
// It needs no lock, so a waiter that leaves waits for nobody to be out of the
// count.
func (q *Queue[T]) end(n *node[T], turn uint64, to state) bool {
	if !n.end(turn, to) {
		return false
	}
	q.live.Dec()
	return true
}

// recycle keeps n, whose wait is over, for a later waiter, without the queue's lock:
// else all who wake up would meet there, just after the giver did. It reports whether
// the caller's turn was still the present one; otherwise somebody else has
// recycled n, and it may have another waiter already.
func (q *Queue[T]) recycle(n *node[T], turn uint64) bool {
	w := n.load()
	if w.turn() != turn {
		return false
	}
	if w.state() == canceled {
		q.unlink(n, turn) // from its place; a giver has done that with those it claimed
	}
	if !n.finish(w) {
		return false
	}
	n.keep()
	return true
}

// unlink takes n out of its place, unless it has gone on to its next wait.
func (q *Queue[T]) unlink(n *node[T], turn uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n.load().turn() == turn {
		q.mu.unlink(n)
	}
}

// takeLocked returns a node that nobody uses.
func (q *Queue[T]) takeLocked() *node[T] {
	if q.spares == nil {
		q.spares = &Spares[T]{}
	}
	if n, ok := q.spares.nodes.Get().(*node[T]); ok {
		return n
	}
	return &node[T]{ready: make(chan struct{}, 1), home: q.spares}
}
