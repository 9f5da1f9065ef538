package waitq

import "math"

// Fail ends the wait of the oldest live waiter with err and reports whether
// there was one. A nil err panics.
func (q *Queue[T]) Fail(err error) bool { return q.FailTo(err, nil) }

// FailTo is like [Queue.Fail], for the oldest live waiter for which accept
// returns true. What [Queue.DeliverTo] says about accept holds here too.
func (q *Queue[T]) FailTo(err error, accept func(Entry) bool) bool {
	mustBeError(err)
	var zero T
	n := q.claimOldest(failed, accept)
	if n == nil {
		return false
	}
	n.give(zero, err)
	return true
}

// FailSome is [Queue.FailTo] n times, or until there is no such waiter, in one pass over the
// queue: accept is asked about each waiter once. It returns those whose wait it has ended.
func (q *Queue[T]) FailSome(n int, err error, accept func(Entry) bool) (those []Entry) {
	mustBeError(err)
	var first *node[T]
	defer func() { giveAll(first, err) }() // also if accept panics: their waits have ended
	q.failSome(&first, n, accept, func(e Entry) { those = append(those, e) })
	return those
}

// FailAll ends the wait of every live waiter with err, oldest first, and returns
// how many there were. Those who come while it runs are not among them. A nil
// err panics.
func (q *Queue[T]) FailAll(err error) (count int) {
	mustBeError(err)
	var first *node[T]
	q.failSome(&first, math.MaxInt, nil, func(Entry) { count++ })
	giveAll(first, err)
	return count
}

// giveAll gives err to the claimed nodes that are chained to n.
func giveAll[T any](n *node[T], err error) {
	var zero T
	for n != nil {
		next := n.next // to be read before n is the waiter's
		n.next = nil
		n.give(zero, err)
		n = next
	}
}

// mustBeError panics if err is nil: the waiter would take the zero value, which
// comes with it, for one that was delivered.
func mustBeError(err error) {
	if err == nil {
		panic("waitq: Fail with a nil error")
	}
}

// failSome is like claimOldest for up to most waiters, and calls tell for each. The nodes are
// chained to first by next, oldest first.
func (q *Queue[T]) failSome(first **node[T], most int, accept func(Entry) bool, tell func(Entry)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for next := q.mu.head; most > 0; {
		n := q.liveFromLocked(next)
		if n == nil {
			return
		}
		next = n.next // to be read before n is claimed
		if (accept == nil || accept(n.Entry)) && q.claimLocked(n, failed) {
			*first, first = n, &n.next
			tell(n.Entry)
			most--
		}
	}
}
