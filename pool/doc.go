// Package pool is a pool of resources of one kind: connections to one server,
// sessions, worker processes, anything that is costly to make and can be used
// again.
//
// # What it is
//
// A [Pool] makes resources with Config.Dial when callers need them, keeps them
// while they are idle, and unmakes them with Config.Close. [Pool.Acquire] returns
// a [Lease], the right to use one resource; the lease ends with [Lease.Release],
// or with [Lease.Discard] if the resource broke, or with [Lease.Hijack] if it is
// to leave the pool. Release and Discard do nothing after the end of the lease, so
// a deferred Release is always right.
//
// Resources are of two kinds, which may live in one pool. An exclusive one has one
// lease at a time. A shareable one, such as a multiplexed connection, has as many
// as Config.Capacity says at the moment; it stays in the pool while it is used.
// Which kind a resource is may be known only after its dial.
//
// A pool has slots, at most MaxOpen. Every resource takes one from the start of
// its dial until Close has returned, so there are never more of them than that. (A
// server may notice the end of a connection later than its Close returns, as with
// TCP, and count the next one beside it: leave some room below its own limit.) Several
// pools, of different types too, can share a cap: see [Budget].
//
// A pool starts nothing until it is used: goroutines run only for dials, Close
// funcs, changes of capacity and checks in the background, and one timer only
// while something is to be done at a time.
//
// Lifetimes, resources kept ready, and what the pool does about a peer that is slow
// or down are set in [Config], and are off by default. What is done in the
// background takes a slot only while no caller waits for one. docs/tuning.md in the
// module goes from symptoms to settings.
//
// # When not to use it
//
// For buffers and other things that only need memory, use [sync.Pool]: it keeps no
// count and is faster. To limit how many run at once, use
// golang.org/x/sync/semaphore. For one pool per host, tenant or shard with a cap
// over all, use package keyed. For database/sql, nothing is needed: it has a pool.
//
// Do not acquire a second lease of a capped pool while holding a first: enough
// callers who do so wait for each other until their contexts end.
//
// # States
//
// A slot is in one state at a time, and Stats counts them:
//
//	empty -> Dialing -> Idle <-> InUse -> Closing -> empty
//
// A resource handed to a waiter at its release goes from InUse to InUse without
// being seen idle by anybody. A hijacked one leaves its slot empty at once. A
// shareable resource is InUse as long as it has a lease; when Capacity returns
// [Draining] it gets no new leases and is closed after its last one, and when it
// returns [Dead] it is closed at once. A resource whose Check runs in the
// background counts as Dialing. CloseTimeout frees the slot of one whose Close func
// does not return: beside Hijack the one way in which more than MaxOpen may exist.
//
// A pool is open, then draining, then closed. [Pool.Close] and [Pool.Shutdown]
// both refuse new callers at once; Shutdown also waits for what is left.
// [Pool.Reset] replaces every resource and leaves the pool open.
//
// # Cancellation
//
// The context of Acquire ends the caller's wait, and the Check that runs for it.
// It does not end a dial: dials belong to the pool. One that nobody needs any more
// goes on while its result may become idle within MaxIdle, and is canceled
// otherwise. If a resource was delivered before the wait could end, Acquire
// returns it with a nil error, even if the context is done by then. If the context
// was first, nothing is taken. A context that has ended before the call fails it,
// whatever is idle. While a caller waits, others ask its context for Err and Done,
// under the pool's lock: in a context of your own these must not wait for a call of
// the pool.
//
// Config.WaitTimeout bounds the whole of Acquire in the same way. Config.DialTimeout
// bounds each dial, whoever waits for it, and after Config.RedialAfter one more is
// made beside it.
//
// # Fairness
//
// Waiters stand in one queue, in order of arrival, and what is released or dialled
// goes to the oldest of them. A caller who arrives later does not overtake, and
// TryAcquire takes nothing that a waiter could use. Only a waiter who asked for a
// fresh resource is passed over, by resources that are older than its call.
//
// A caller whose resource fails Check or Take goes on at the place it had;
// [Pool.AcquireInstead] lets a caller do the same later on, and [Request] stand
// back for others. Under a [Budget] a slot goes to the oldest waiter of all its
// pools whose pool may open one more.
//
// Idle exclusive resources are used last in, first out, so that those beyond the
// need stay idle and expire; shareable ones are filled oldest first, to the same
// end. Config.Reuse changes that.
//
// # Errors
//
//   - [*WaitError]: the context or WaitTimeout ended the wait, in the second case it
//     matches [ErrWaitTimeout]. It says for how long the wait was, at which place, and
//     what the pool looked like.
//   - [*DialError]: the dial that this caller waited for failed. Later waiters
//     cause the next dial. With FailFast set, the breaker is open, and none was
//     made for this caller.
//   - [*ShedError]: the deadline was nearer than the wait to be expected, and
//     ShedLate is on.
//   - [ErrWaitLimit]: as many callers as MaxWaiters allows wait already, not
//     counting those whom the dials in flight will serve.
//   - [ErrClosed]: the pool is closed, or was closed during the wait.
//   - the context's own error, and its cause, if the call had not queued: the context
//     had ended by then, or it ended, or WaitTimeout passed, during Check.
//   - an error that wraps Take's: Take failed on three resources in a row that were
//     dialled for this caller.
//
// Use [errors.Is] and [errors.As]. A wrong Config or Limits gives an error that
// names the field. The misuse of a lease does nothing, except where it would do
// harm: Value and Hijack panic after the end of the lease.
//
// # Tests with testing/synctest
//
// A pool belongs to the bubble in which it is used first, since it keeps the channels
// of its waiters for later ones. Make one for each test: of a pool that was used outside
// of the bubble, a wait inside may never end, not even by its context, since the bubble's
// clock stands still while one of its goroutines waits for a channel from outside.
//
// # Example
//
//	p, err := pool.New(pool.Config[net.Conn]{
//		Dial:    dial,
//		Close:   net.Conn.Close,
//		MaxOpen: 16,
//	})
//	// ...
//	lease, err := p.Acquire(ctx)
//	if err != nil {
//		return err
//	}
//	defer lease.Release()
//	if _, err := lease.Value().Write(request); err != nil {
//		lease.Discard(err) // the deferred Release does nothing now
//		return err
//	}
package pool
