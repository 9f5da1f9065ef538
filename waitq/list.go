package waitq

// A node is one place in the queue, and what a giver and its waiter share. It is
// the waiter's from Enqueue until it recycles the node; the givers see it only
// while it is linked.
type node[T any] struct {
	Entry // written before the node is linked, then only read
	progress

	// value and err belong to whoever ended the wait, until the send on ready
	// makes them the waiter's.
	value T
	err   error
	owed  bool // value is to come by Claim.Give

	// ready carries one signal per wait that is delivered or failed. It has room
	// for it, so the giver never blocks and the waiter may come late. It belongs
	// to this queue, or those that share its Spares: channels shared by all would
	// tie users' tests to each other's synctest bubbles.
	ready chan struct{}

	prev, next *node[T] // under the queue's lock; next also chains claimed nodes
	linked     bool     // under the queue's lock
	late       late[T]  // of the head: those of the list; under the queue's lock

	home *Spares[T] // where it is while nobody uses it
}

// give makes v and err the waiter's. The caller has claimed n and must not touch
// it afterwards: the waiter may have recycled it by then.
func (n *node[T]) give(v T, err error) {
	n.value, n.err = v, err
	n.ready <- struct{}{} // never blocks: one claim, one send, room for one
}

// keep keeps n for a later waiter. It forgets what the wait was about, so that a node
// which nobody uses keeps nothing alive.
func (n *node[T]) keep() {
	var zero T
	n.Entry, n.value, n.err = Entry{}, zero, nil
	n.home.nodes.Put(n)
}

// A list holds the linked nodes of a queue in order of place, under the queue's
// lock. They are waiting or canceled; whoever claims one unlinks it.
type list[T any] struct {
	head, tail *node[T]
}

// insert links n behind all nodes with a place up to and including its own. Nearly all
// waiters belong at the back.
func (l *list[T]) insert(n *node[T]) {
	if l.tail == nil || l.tail.Place <= n.Place {
		l.link(n, l.tail)
		return
	}
	l.insertLate(n)
}

// link puts n behind after, or at the front if after is nil.
func (l *list[T]) link(n, after *node[T]) {
	n.linked = true
	n.prev = after
	if after == nil {
		n.next, l.head = l.head, n
		n.takeLate(n.next)
	} else {
		n.next, after.next = after.next, n
	}
	if n.next == nil {
		l.tail = n
	} else {
		n.next.prev = n
	}
}

// unlink takes n out of the order. It does nothing if n is out already: a
// waiter that leaves cannot know whether a giver came by first.
func (l *list[T]) unlink(n *node[T]) {
	if !n.linked {
		return
	}
	l.head.late.forget(n)
	if n.prev == nil {
		l.head = n.next
		l.head.takeLate(n)
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.tail = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.linked, n.prev, n.next, n.late = false, nil, nil, late[T]{}
}
