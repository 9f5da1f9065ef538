package waitq

import "go.uber.org/atomic"

// free are the nodes that nobody uses, the one used last on top. A waiter that has
// its value puts its node back without the queue's lock: else all who wake up would
// meet there, just after the giver did.
//
// Any number of goroutines may put at a time, but one at most takes: under the
// queue's lock. That is what makes a plain compare and swap right. What a taker has
// seen on top can leave it by this taker alone, so it is not gone and back
// meanwhile, with another one below it. The swap that puts a node is also what
// shows the taker all that was written to it: Go's atomics are sequentially
// consistent on every processor.
type free[T any] struct{ top atomic.Pointer[node[T]] }

// put gives a node back that is neither linked nor used. It forgets what the wait
// was about, so that a free node keeps nothing alive.
func (f *free[T]) put(n *node[T]) {
	var zero T
	n.Entry, n.value, n.err = Entry{}, zero, nil
	for {
		top, depth := f.top.Load(), uint32(0)
		if top != nil {
			depth = top.depth.Load() + 1
		}
		if depth >= maxFree {
			return
		}
		n.below = top
		if n.depth.Load() != depth { // mostly it is: a store costs more than a look
			n.depth.Store(depth)
		}
		if f.top.CompareAndSwap(top, n) {
			return
		}
	}
}

// take returns a node, or nil if there is none.
func (f *free[T]) take() *node[T] {
	for {
		n := f.top.Load()
		if n == nil {
			return nil
		}
		if f.top.CompareAndSwap(n, n.below) {
			n.below = nil
			return n
		}
	}
}
