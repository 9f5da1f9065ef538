package pool

import (
	"context"
	"time"
)

// Hooks tell of what happens in a pool. Each func may be nil, and then costs
// nothing. They are called without a lock held, some of them several at once, in
// the goroutine in which the thing happened, and must return soon; they may call
// Stats and any other method of the pool that does not wait for them. With a Budget
// that may be the goroutine of another pool's caller, or of Budget.SetLimits, who
// waits for them as well. A panic in
// one that runs in a caller's goroutine reaches that caller, with the counts
// right; in a goroutine of the pool it goes to Panic.
type Hooks struct {
	// Acquired is called before Acquire or TryAcquire returns a lease.
	Acquired func(AcquiredEvent)
	// WaitStarted is called when a caller has queued, before it waits.
	WaitStarted func(WaitEvent)
	// WaitEnded is called when the wait is over, however it ended.
	WaitEnded func(WaitEvent)
	// Released is called when a lease has ended, however it ended. Where a resource
	// failed in Check or Take, the caller that had it stands in the queue by then, and
	// goes on when the hook returns: an Acquire in the hook is behind it. No Acquired
	// went before that, nor where it passed Check and was let go meanwhile (Reset, Retire;
	// How is EndRelease then), so the two do not make a gauge; Stats has Leases.
	Released func(ReleasedEvent)
	// Dialed is called when a dial has made a resource.
	Dialed func(DialEvent)
	// DialFailed is called when a dial has failed, or was canceled; and, after Dialed,
	// when what was made is of no use, or a resource has ended before it ever had
	// capacity: Took is its age then.
	DialFailed func(DialEvent)
	// Evicted is called when the pool begins to close a resource. What Released says
	// about a resource that failed holds here too.
	Evicted func(EvictedEvent)
	// Abandoned is called when a Close func has run for CloseTimeout, and its
	// slot was freed though it has not returned.
	Abandoned func(EvictedEvent)
	// Shed is called when ShedLate turned a caller away, or would have.
	Shed func(ShedEvent)
	// Breaker is called when the breaker opens and when it closes: when a dial has
	// succeeded, when the pool is closed, and in package keyed when the failures of a
	// key are forgotten. It is called for one change after the other, in their order, so
	// it may be in the goroutine of another change.
	Breaker func(BreakerEvent)
	// Leak is called once for a lease that has been out for LeakAfter, and for one
	// that was lost to the garbage collector.
	Leak func(LeakEvent)

	// Panic gets the value of a panic of a Config func or of a hook that ran in a
	// goroutine of the pool. nil: the panic is raised again there, which ends the
	// program.
	Panic func(value any)
}

// AcquiredEvent tells of a lease that begins.
type AcquiredEvent struct {
	Ctx    context.Context // the caller's; nil for TryAcquire
	Key    any             // the key of the pool in package keyed; nil for a pool alone
	Waited time.Duration   // 0 if it was served at once
	Info   LeaseInfo
}

// WaitEvent tells of a wait that starts or has ended.
type WaitEvent struct {
	Ctx    context.Context
	Key    any
	Ahead  int           // waiters in front when it queued; an upper bound if it came before some of them
	Waited time.Duration // 0 when it starts. The clock is read for the hook: some microseconds more than in Stats.WaitTimes
	Err    error         // how it ended; nil: with a resource, or it starts
}

// ReleasedEvent tells of a lease that has ended.
type ReleasedEvent struct {
	Key  any
	How  End
	Held time.Duration
	Err  error // given to Discard, or Check's; with EndRelease Recycle's
}

// DialEvent tells of a dial that has ended.
type DialEvent struct {
	Key      any
	Took     time.Duration
	Err      error // nil if it made a resource
	Attempt  int   // how many have failed in a row by then, this one included if it did; one that was canceled did not
	Canceled bool  // by the pool: no one wanted the result
}

// EvictedEvent tells of a resource that is closed.
type EvictedEvent struct {
	Key    any
	Reason Reason
	Age    time.Duration
	Uses   uint64
}

// ShedEvent tells of a caller whose deadline was too near.
type ShedEvent struct {
	Ctx      context.Context
	Key      any
	Estimate time.Duration // the wait that was to be expected
	Left     time.Duration // until the deadline
	DryRun   bool          // the caller was let in all the same
}

// BreakerEvent tells of a change of the breaker.
type BreakerEvent struct {
	Key       any
	Open      bool
	Recovered bool  // it closes because a dial has succeeded; else the failures are forgotten, or the pool is closed
	Failures  int   // dials failed in a row
	Err       error // of the last one; nil when it closes
}

// LeakEvent tells of a lease that was held too long, or lost.
type LeakEvent struct {
	Key   any
	Held  time.Duration
	Stack []uintptr // of the Acquire, for runtime.CallersFrames
	Lost  bool      // nobody can end it any more: every copy is gone
}

// End says how a lease ended.
type End uint8

// The ways in which a lease ends.
const (
	EndRelease End = iota
	EndDiscard
	EndHijack
	EndLost // to the garbage collector
)

func (e End) String() string {
	switch e {
	case EndRelease:
		return "release"
	case EndDiscard:
		return "discard"
	case EndHijack:
		return "hijack"
	case EndLost:
		return "lost"
	}
	return "End(?)"
}
