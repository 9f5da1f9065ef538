// Package waitq is a fair queue of callers who wait for a value.
//
// # What it is
//
// A [Queue] holds waiters, oldest first. One side waits: it calls
// [Queue.Enqueue], which never blocks, and then [Waiter.Wait], which does. The
// other side gives: [Queue.Deliver] hands a value to the oldest waiter and
// reports whether there was one. The value goes from hand to hand. Nothing is
// stored on the way, so at every moment it has exactly one owner: the giver,
// until Deliver returns true, and the waiter from then on.
//
// Enqueue and Wait are two steps on purpose. A caller can first register, then
// look once more whether what it wants is there after all, and if so call
// [Waiter.Cancel]. Done the other way round, look and then register, a value
// that arrives between the two finds nobody and the caller sleeps beside it.
//
// The zero Queue is ready for use. A wait starts no goroutine, and in a queue that is
// warm it allocates nothing. What waiters have left is used again, or goes when the
// garbage is collected.
//
// # When not to use it
//
// To pass work from producers to consumers, use a channel: it stores what nobody
// has asked for yet, and this queue does not. To limit how many run at once, use
// golang.org/x/sync/semaphore. This queue is for those who build such things
// themselves and need to know whether a value was taken, by whom, and in which
// order.
//
// In tests with testing/synctest a queue belongs to the bubble in which it is
// first used, as it keeps channels for reuse, and so do all queues that share
// [Spares]. Make them anew in each test.
//
// # States
//
// A waiter is in one of four states, and only ever moves to the right:
//
//	Waiting -> Delivered   Deliver, DeliverTo, Claim
//	        -> Failed      Fail, FailTo, FailSome, FailAll
//	        -> Canceled    the context is done, or Cancel
//
// One compare-and-swap decides which it is, so a wait ends in one way only, and
// every party learns which. [Queue.Len] counts the waiters that are Waiting.
//
// # Cancellation
//
// The context given to Enqueue ends the wait, and nothing else: it does not
// touch a value. If a delivery and the end of the context race, there are two
// outcomes and no third:
//
//   - The delivery was first. Wait returns the value and a nil error, although
//     the context is done by now. The caller owns the value and must use it or
//     hand it on.
//   - The end of the context was first. Wait returns an error and no value.
//     Deliver goes on to the next waiter, and returns false if there is none.
//
// A delivery never goes to a waiter whose context was done before the delivery
// began, even if that waiter has not woken up yet. A waiter whose context is
// done may stay in the queue, and in Len, until it wakes up or a delivery comes
// by, whichever is first.
//
// Leaving the queue takes the same few steps, however long the queue is.
//
// # Fairness
//
// Waiters are served in order of their place. Enqueue gives places in order of
// arrival, so the order is first in, first out. [Queue.EnqueueAt] is for a caller
// who got something useless and comes back for another: it takes its old place
// and is not sent to the end. [Queue.DeliverTo] may pass over waiters that cannot
// use the value; they keep their place.
//
// The queue cannot stop anybody from barging outside of it. Whoever gives a free
// value to a newcomer while Len is not zero lets it overtake.
//
// # Errors
//
// Wait returns the error given to Fail as it is. For a wait that the context
// ended it returns the error of [ContextError], for which [errors.Is] reports
// both ctx.Err() and context.Cause(ctx).
//
// A second Wait on the same Waiter panics, and so does a second Give of the same
// [Claim], an Enqueue without a context and a Fail without an error. A Cancel too many does nothing.
//
// # Example
//
//	var q waitq.Queue[net.Conn]
//
//	// One goroutine wants a connection.
//	w := q.Enqueue(ctx)
//	conn, err := w.Wait()
//
//	// Another is done with one.
//	if !q.Deliver(conn) {
//		idle = append(idle, conn) // nobody waits: it is still ours
//	}
package waitq
