package berth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operation is one step of a fuzzed sequence.
type operation byte

const (
	opAcquire operation = iota
	opAcquireDeadline
	opAcquireFresh
	opAcquirePlace // of an earlier lease
	opTryAcquire
	opCancel
	opRelease
	opDiscard
	opHijack
	opEndAgain // of a lease that has ended
	opDialOK
	opDialFails
	opStubborn // dials from now on hang when they are canceled, or do not any more
	opCapacity
	opHoldClose
	opCloseReturns
	opSetLimits
	opAdvance
	opCloseIdle
	opReset
	opClose
	opReleaseCancel // a waiter gives up right after a release
	opCancelRelease // a waiter gives up right before a release
	opAcquireLow
	opRetire
	opWarm
	opCount
)

func (op operation) describe(arg byte) string {
	names := [...]string{
		"acquire", "acquire with deadline", "acquire fresh", "acquire at place", "try", "cancel",
		"release", "discard", "hijack", "end again", "dial ok", "dial fails", "stubborn", "capacity",
		"hold close", "close returns", "set limits", "advance", "close idle", "reset", "close",
		"release, cancel", "cancel, release", "acquire low", "retire", "warm",
	}
	return fmt.Sprintf("%s %d", names[op], arg)
}

// do carries out an operation on both pools. arg picks among what there is; if
// there is nothing, nothing happens.
func (r *rig) do(op operation, arg byte) {
	r.both(func(b *pooltest.Bench) { b.HoldClose(r.holding(b)) })
	switch op {
	case opAcquire, opAcquireDeadline, opAcquireFresh, opAcquirePlace, opAcquireLow, opTryAcquire:
		r.acquire(op, arg)
	case opCancel, opRelease, opDiscard, opHijack, opEndAgain, opReleaseCancel, opCancelRelease:
		r.endCall(op, arg)
	case opDialOK, opDialFails, opCapacity, opCloseReturns:
		r.outside(op, arg)
	case opStubborn:
		r.stubborn = !r.stubborn
		r.both(func(b *pooltest.Bench) { b.Stubborn(r.stubborn) })
	case opHoldClose:
		r.hold = !r.hold
		r.both(func(b *pooltest.Bench) { b.HoldClose(r.holding(b)) })
	case opSetLimits:
		l := pool.Limits{MaxOpen: int(arg % 5), MaxIdle: int(arg/5%3) - 1, MaxWaiters: int(arg/15%4) - 1, MaxDials: int(arg / 60 % 3)}
		l.MinIdle = allowed(r.minIdle, l.MaxOpen, l.MaxIdle)
		r.both(func(b *pooltest.Bench) { b.SetLimits(l) })
	case opAdvance:
		r.model.Step() // time is the same for both
		r.real.Advance(time.Duration(1+arg%16) * time.Millisecond)
	case opCloseIdle:
		r.both((*pooltest.Bench).CloseIdle)
	case opRetire:
		r.both(func(b *pooltest.Bench) { b.Retire(func(s *resource) bool { return arg>>(s.ID%8)&1 != 0 }) })
	case opWarm:
		r.warm(arg)
	case opReset:
		r.both((*pooltest.Bench).Reset)
	case opClose:
		if arg%8 == 0 { // after it little happens
			r.both((*pooltest.Bench).Close)
		}
	case opCount:
	}
}

func (r *rig) acquire(op operation, arg byte) {
	if r.real.Pool.Stats().Waiting >= longestQueue {
		return
	}
	var q pool.Request
	var deadline time.Time
	place := -1
	switch op {
	case opAcquireDeadline:
		deadline = time.Now().Add(time.Duration(1+arg%16) * time.Millisecond)
	case opAcquireFresh:
		q.Fresh, r.fresh = true, true
	case opAcquireLow:
		q.Low = true
	case opAcquirePlace:
		place = pick(r.model.Calls(), (*pooltest.Call).Served, arg)
	case opTryAcquire:
		want, got := r.model.TryAcquire(), r.real.TryAcquire()
		require.Equal(r.t, want == nil, got == nil, "TryAcquire; after %q", r.log)
		return
	default:
	}
	r.both(func(b *pooltest.Bench) {
		ctx := context.Background()
		if !deadline.IsZero() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline)
			r.t.Cleanup(cancel)
		}
		if place >= 0 {
			q.Place = b.Calls()[place].Lease().Ticket()
		}
		b.AcquireWith(ctx, q)
	})
}

// warm calls Warm, some of the time with a deadline.
func (r *rig) warm(arg byte) {
	if !r.calm {
		return
	}
	n, d := int(arg%4), time.Hour
	if arg >= 64 {
		d = time.Duration(1+arg/4%16)*time.Millisecond + 777
	}
	r.both(func(b *pooltest.Bench) {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		r.t.Cleanup(cancel)
		b.Warm(ctx, n)
	})
}

// allowed returns the MinIdle nearest to n that the other limits allow.
func allowed(n, maxOpen, maxIdle int) int {
	if maxOpen > 0 {
		n = min(n, maxOpen)
	}
	if maxIdle != 0 {
		n = min(n, max(0, maxIdle))
	}
	return n
}

// endCall ends a wait or a lease, or both.
func (r *rig) endCall(op operation, arg byte) {
	calls := r.model.Calls()
	waiting := func(c *pooltest.Call) bool { return !c.Returned() }
	ended := func(c *pooltest.Call) bool { return c.Served() && !c.Out() }
	out, waits := pick(calls, (*pooltest.Call).Out, arg), pick(calls, waiting, arg/4)
	do := func(i int, f func(b *pooltest.Bench, c *pooltest.Call)) {
		if i >= 0 {
			r.both(func(b *pooltest.Bench) { f(b, b.Calls()[i]) })
		}
	}
	end := func(f func(*pooltest.Call)) func(*pooltest.Bench, *pooltest.Call) {
		return func(_ *pooltest.Bench, c *pooltest.Call) { f(c) }
	}
	switch op {
	case opCancel:
		do(waits, end((*pooltest.Call).Cancel))
	case opRelease:
		do(out, end((*pooltest.Call).Release))
	case opDiscard:
		do(out, end((*pooltest.Call).Discard))
	case opHijack:
		do(out, func(_ *pooltest.Bench, c *pooltest.Call) { r.hijack(c) })
	case opEndAgain:
		i := pick(calls, ended, arg/2)
		if arg%2 == 0 {
			do(i, end((*pooltest.Call).Release))
		} else {
			do(i, end((*pooltest.Call).Discard))
		}
	case opReleaseCancel, opCancelRelease:
		if out >= 0 && waits >= 0 && r.real.Limits().MaxIdle == 0 && !warming(r.model) {
			r.both(func(b *pooltest.Bench) { r.race(b, b.Calls()[out], b.Calls()[waits], op == opCancelRelease) })
		}
	default:
	}
}

// race lets a waiter give up and a lease end at once. No slot may become free
// meanwhile: whether it did while the waiter was still there would show in the
// number of dials. So Close is held, and no dial is canceled as none is surplus. And
// no call of Warm waits, which would have what is released and closed dialled again.
func (r *rig) race(b *pooltest.Bench, out, waits *pooltest.Call, cancelFirst bool) {
	b.HoldClose(true)
	if cancelFirst {
		waits.CancelNow()
		out.Release()
	} else {
		out.ReleaseThen(waits.CancelNow)
	}
	b.HoldClose(r.holding(b))
}

// warming reports whether a call of Warm waits.
func warming(b *pooltest.Bench) bool {
	return slices.ContainsFunc(b.Asides(), func(a *pooltest.Aside) bool { return !a.Returned() })
}

// holding reports whether Close is to wait now. Only so many may: a pool runs no
// more than 8 at once.
func (r *rig) holding(b *pooltest.Bench) bool { return r.hold && len(b.Held()) < 4 }

// hijack hijacks where that is allowed, and else sees that it panics.
func (r *rig) hijack(c *pooltest.Call) {
	if c.Resource().Leases() > 1 {
		assert.Panics(r.t, func() { c.Lease().Hijack() }, "after %q", r.log)
		return
	}
	c.Hijack()
}

// outside is what happens to dials and resources.
func (r *rig) outside(op operation, arg byte) {
	dials, held := r.model.Dials(), r.model.Held()
	switch {
	case op == opDialOK && len(dials) > 0:
		k := r.kind(arg)
		r.both(func(b *pooltest.Bench) { b.SucceedAt(int(arg)%len(dials), k) })
	case op == opDialFails && len(dials) > 0 && !r.calm:
		r.both(func(b *pooltest.Bench) { b.FailAt(int(arg) % len(dials)) })
	case op == opCloseReturns && len(held) > 0:
		id := held[int(arg)%len(held)].ID
		r.both(func(b *pooltest.Bench) { b.CloseReturns(b.Resource(id)) })
	case op == opCapacity && r.mode != modeExclusive:
		i := pick(r.model.Resources(), func(s *resource) bool { return s.State() == pooltest.Open }, arg/12)
		if i < 0 {
			return
		}
		n := int(arg%6) - 2 // from Dead to 3
		expect := n + int(arg/6%2)*2
		r.both(func(b *pooltest.Bench) { b.SetExpect(b.Resources()[i], n, expect) })
	}
}

// kind returns what a dial brings.
func (r *rig) kind(arg byte) pooltest.Kind {
	arg /= 4 // the lowest bits pick the dial
	if r.mode == modeExclusive || r.mode == modeMixed && arg%2 == 0 {
		return pooltest.Exclusive()
	}
	arg /= 2
	capacity := [...]int{1, 2, 3, 1, 2, 4, 0, pool.Dead}[arg%8]
	if r.calm {
		capacity = max(1, capacity) // else the dial has failed
	}
	return pooltest.Kind{Shareable: true, Capacity: capacity, Expect: capacity + int(arg/8%2)*2}
}

// pick returns the index of one of those that suit, or -1 if there is none.
func pick[T any](all []T, suits func(T) bool, arg byte) int {
	var those []int
	for i, v := range all {
		if suits(v) {
			those = append(those, i)
		}
	}
	if len(those) == 0 {
		return -1
	}
	return those[int(arg)%len(those)]
}

// describeError tells errors apart as far as the contract does.
func describeError(err error, attempts bool) string {
	var dial *pool.DialError
	var wait *pool.WaitError
	switch {
	case errors.Is(err, pool.ErrClosed):
		return "closed"
	case errors.Is(err, pool.ErrWaitLimit):
		return "wait limit"
	case errors.As(err, &dial):
		s := fmt.Sprintf("dial: refused %t, timeout %t", errors.Is(err, pooltest.ErrRefused), dial.Timeout())
		if attempts {
			s += fmt.Sprintf(", attempt %d", dial.Attempt)
		}
		return s
	case errors.As(err, &wait):
		return fmt.Sprintf("waited %v: canceled %t, deadline %t, WaitTimeout %t", wait.Waited,
			errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, pool.ErrWaitTimeout))
	}
	return "other: " + err.Error()
}
