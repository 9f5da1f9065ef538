package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

var (
	// ErrClosed is returned by Acquire, Warm and their like of a pool that has been
	// closed or is shutting down, and to the waiters that it had.
	ErrClosed = errors.New("pool: closed")

	// ErrWaitLimit is matched by the error of a call that would have had to wait
	// while as many waiters were queued as MaxWaiters allows. The error's text
	// says whether the limit of the key or the total was reached.
	ErrWaitLimit = errors.New("pool: too many waiters")

	// ErrWaitTimeout is the cause, in a [*WaitError] if the call had queued, when
	// WaitTimeout ended the call, and not the caller's context.
	ErrWaitTimeout = errors.New("pool: WaitTimeout passed")

	errUnwound = errors.New("pool: the caller's goroutine panicked or ended")
)

// A WaitError is the error of an Acquire whose wait was ended by its context or
// by WaitTimeout. [errors.Is] sees through it to ctx.Err(), to the context's
// cause, and to [ErrWaitTimeout]. The numbers are those of the pool when the
// wait ended.
type WaitError struct {
	Err    error         // why the wait ended
	Key    any           // the key of the pool in package keyed; nil for a pool alone
	Waited time.Duration // since the call first queued or ran Check, or with WaitTimeout Take
	Place  int           // in the queue, 1 for the oldest; beyond 32 it is reckoned: those in front who gave up count, and those who passed it do not
	For    WaitedFor     // what would have served it next, by that place

	Limits                            // as they were
	Open, InUse, Dialing, Closing int // slots
	Leases                        int // out: on shareable resources more than InUse
	Waiting                       int // waiters left in the queue

	Budget      BudgetStats   // of the pool's Budget, or over all keys; zero without one
	OldestLease time.Duration // how long the oldest lease has been out; 0: no lease is out
	LastDial    error         // the error of the last dial, if it failed
}

func (e *WaitError) Error() string {
	var b strings.Builder
	b.WriteString("pool: gave up ")
	if e.Key != nil {
		fmt.Fprintf(&b, "on key %v ", e.Key)
	}
	fmt.Fprintf(&b, "after waiting %v ", e.Waited.Round(time.Microsecond))
	if e.For != ForTurn {
		fmt.Fprintf(&b, "for %v ", e.For)
	}
	fmt.Fprintf(&b, "at place %d, ", e.Place)
	if e.MaxOpen > 0 {
		fmt.Fprintf(&b, "%d of %d open, ", e.Open, e.MaxOpen)
	} else {
		fmt.Fprintf(&b, "%d open, ", e.Open)
	}
	fmt.Fprintf(&b, "%d in use, ", e.InUse)
	if e.Leases > e.InUse {
		fmt.Fprintf(&b, "%d leases, ", e.Leases)
	}
	fmt.Fprintf(&b, "%d dialing, %d closing, %d still waiting", e.Dialing, e.Closing, e.Waiting)
	if n := e.Budget.MaxOpen; n > 0 && e.Budget.Open >= n {
		fmt.Fprintf(&b, ", all %d slots of the total are taken", n)
	}
	if n := e.Budget.MaxDials; n > 0 && e.Budget.Dialing >= n {
		fmt.Fprintf(&b, ", all %d dials of the total are in flight", n)
	}
	if e.OldestLease > 0 {
		fmt.Fprintf(&b, ", oldest lease out for %v", e.OldestLease.Round(time.Microsecond))
	}
	if e.LastDial != nil {
		fmt.Fprintf(&b, ", last dial failed (%v)", e.LastDial)
	}
	why := e.Err
	if e.byWaitTimeout() {
		why = ErrWaitTimeout // no deadline of the caller's has passed, though the error is such a one
	}
	fmt.Fprintf(&b, ": %v", why)
	return b.String()
}

// byWaitTimeout is true where [ErrWaitTimeout] itself is the cause. Inside of a cause it may be
// that of another pool, whose error has ended the caller's context.
func (e *WaitError) byWaitTimeout() bool {
	why := e.Err
	if end, ok := why.(*ending); ok { //nolint:errorlint // see above
		why = end.Unwrap()
	}
	all, ok := why.(interface{ Unwrap() []error })
	return ok && slices.Contains(all.Unwrap(), ErrWaitTimeout)
}

// Unwrap returns why the wait ended.
func (e *WaitError) Unwrap() error { return e.Err }

// Timeout reports whether the wait ended because time ran out: the context's
// deadline, or WaitTimeout.
func (e *WaitError) Timeout() bool { return errors.Is(e.withoutCause(), context.DeadlineExceeded) }

// Temporary reports what the context's error says of itself; with it a WaitError is a
// [net.Error], as [context.DeadlineExceeded] is.
func (e *WaitError) Temporary() bool { return temporary(e.withoutCause()) }

// withoutCause returns what the context itself said. Its cause may be a time that ran out
// elsewhere.
func (e *WaitError) withoutCause() error {
	if end, ok := e.Err.(*ending); ok { //nolint:errorlint // as in byWaitTimeout
		return end.err
	}
	if all, ok := e.Err.(interface{ Unwrap() []error }); ok { // of waitq.ContextError: the context's error, and its cause
		if errs := all.Unwrap(); len(errs) > 0 {
			return errs[0]
		}
	}
	return e.Err
}

// A DialError is the error of a waiter whose dial failed, or brought a resource that
// ended before it ever had capacity.
type DialError struct {
	Key     any   // the key of the pool in package keyed; nil for a pool alone
	Attempt int   // how many dials in a row have failed, this one included
	Err     error // wraps what Dial returned, or its panic

	// FailFast says that the breaker is open: no dial was made for this caller, or
	// one that is not waited for any more, and Err is that of the last one.
	FailFast bool
}

func (e *DialError) Error() string {
	var b strings.Builder
	b.WriteString("pool: dial failed")
	if e.Key != nil {
		fmt.Fprintf(&b, " for key %v", e.Key)
	}
	if e.Attempt > 1 {
		fmt.Fprintf(&b, " (%d in a row)", e.Attempt)
	}
	if e.FailFast {
		b.WriteString(", none is tried for this call")
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns what Dial returned.
func (e *DialError) Unwrap() error { return e.Err }

// Timeout reports whether the dial failed because time ran out.
func (e *DialError) Timeout() bool { return isTimeout(e.Err) }

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// Temporary reports what the error of Dial says of itself. With it a DialError is a
// [net.Error], as what Dial returned mostly is: package net/url asks only the outermost
// error.
func (e *DialError) Temporary() bool { return temporary(e.Err) }

func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// A panicError is the panic of a Config func, made an error.
type panicError struct {
	where string
	value any
}

func (e *panicError) Error() string { return fmt.Sprintf("panic in %s: %v", e.where, e.value) }

// Unwrap gives the panic's value to errors.Is and errors.As if it is an error.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

// waitLimitError says which MaxWaiters turned a caller away.
type waitLimitError struct {
	key   any  // nil in a pool alone
	total bool // the limit is that over all keys
	limit int
}

func (e *waitLimitError) Error() string {
	var b strings.Builder
	b.WriteString(ErrWaitLimit.Error())
	switch {
	case e.total:
		b.WriteString(": total MaxWaiters")
	case e.key != nil:
		fmt.Fprintf(&b, " on key %v: its limit of waiters", e.key) // MaxWaiters of a Config is that of all keys
	default:
		b.WriteString(": MaxWaiters")
	}
	if e.limit == 0 {
		b.WriteString(" is below 0, so nobody may wait")
	} else {
		fmt.Fprintf(&b, " is %d", e.limit)
	}
	return b.String()
}

func (e *waitLimitError) Unwrap() error { return ErrWaitLimit }

// fieldError is the error for a wrong field of a Config or of Limits.
func fieldError(field, what, remedy string) error {
	return fmt.Errorf("pool: %s %s: %s", field, what, remedy)
}
