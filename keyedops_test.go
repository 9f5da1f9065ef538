package berth_test

import (
	"context"
	"fmt"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/require"
)

// keyedOperation is one step of a fuzzed sequence on a keyed pool.
type keyedOperation byte

const (
	kopAcquire keyedOperation = iota
	kopAcquireDeadline
	kopTryAcquire
	kopCancel
	kopRelease
	kopDiscard
	kopHijack
	kopDialOK
	kopDialFails
	kopStubborn
	kopCapacity
	kopHoldClose
	kopCloseReturns
	kopSetLimits
	kopSetTotals
	kopAdvance
	kopCloseIdle
	kopReset
	kopResetKey
	kopRetire
	kopShutdownKey
	kopCount
)

func (op keyedOperation) describe(arg byte) string {
	names := [...]string{
		"acquire", "acquire with deadline", "try", "cancel", "release", "discard", "hijack", "dial ok", "dial fails",
		"stubborn", "capacity", "hold close", "close returns", "set limits", "set totals", "advance", "close idle", "reset", "reset key",
		"retire", "shutdown key",
	}
	return fmt.Sprintf("%s %d", names[op], arg)
}

// do carries out an operation. arg picks among what there is.
func (r *keyedRig) do(op keyedOperation, arg byte) {
	r.HoldClose(r.hold && len(r.Held()) < 4) // a pool runs no more than 8 at once
	switch op {
	case kopAcquire, kopAcquireDeadline, kopTryAcquire:
		r.acquire(op, arg)
	case kopCancel, kopRelease, kopDiscard, kopHijack:
		r.endCall(op, arg)
	case kopDialOK, kopDialFails, kopCapacity, kopCloseReturns:
		r.outside(op, arg)
	case kopStubborn:
		r.stubborn = !r.stubborn
		r.Stubborn(r.stubborn)
	case kopHoldClose:
		r.hold = !r.hold
	case kopSetLimits:
		k := int(arg) % keys
		arg /= keys
		l := pool.Limits{MaxOpen: int(arg % 4), MaxIdle: r.limits[k].MaxIdle, MaxWaiters: int(arg/4%4) - 1, MaxDials: int(arg / 16 % 3)}
		r.setLimits(k, l)
	case kopSetTotals:
		r.setTotals(keyed.Totals{MaxOpen: int(arg % 6), MaxIdle: int(arg / 6 % 3), MaxWaiters: int(arg/18%4) - 1, MaxDials: int(arg / 72 % 3)})
	case kopAdvance:
		r.Advance(time.Duration(1+arg%16) * time.Millisecond)
	case kopCloseIdle:
		r.CloseIdle()
	case kopReset:
		r.Reset()
	case kopResetKey:
		r.Step()
		r.NoteResetKey(int(arg) % keys)
		r.pool.ResetKey(int(arg) % keys)
	case kopRetire:
		r.Step()
		r.pool.Retire(func(k int, s *resource) bool {
			require.Equal(r.t, k, s.Key, "Retire says whose resource %d is", s.ID)
			return arg>>(s.ID%8)&1 != 0
		})
	case kopShutdownKey:
		r.shutdownKey(int(arg)%keys, arg/keys)
	case kopCount:
	}
}

// shutdownKey calls ShutdownKey aside, some of the time with a deadline.
func (r *keyedRig) shutdownKey(k int, arg byte) {
	d := time.Hour
	if arg%2 != 0 {
		d = time.Duration(1+arg/2%16)*time.Millisecond + 777
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	r.t.Cleanup(cancel)
	if _, known := r.pool.StatsFor(k); known {
		r.NoteResetKey(k) // what there is must not serve anybody any more
		r.closing[k] = true
	}
	r.shutdowns = append(r.shutdowns, shutdown{k, r.Aside(ctx, func(ctx context.Context) error { return r.pool.ShutdownKey(ctx, k) })})
}

func (r *keyedRig) acquire(op keyedOperation, arg byte) {
	k := int(arg) % keys
	if op == kopTryAcquire {
		r.tryKey = k
		if r.TryAcquire() != nil {
			r.newest = len(r.keyOf)
			r.keyOf = append(r.keyOf, k)
		}
		return
	}
	if r.pool.Stats().Waiting >= longestQueue {
		return
	}
	ctx := context.WithValue(context.Background(), keyOfCall{}, k)
	if op == kopAcquireDeadline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(1+arg/keys%16)*time.Millisecond)
		r.t.Cleanup(cancel)
	}
	r.newest = len(r.keyOf)
	r.keyOf = append(r.keyOf, k)
	r.AcquireCtx(ctx)
}

func (r *keyedRig) endCall(op keyedOperation, arg byte) {
	calls := r.Calls()
	suits := (*pooltest.Call).Out
	if op == kopCancel {
		suits = func(c *pooltest.Call) bool { return !c.Returned() }
	}
	i := pick(calls, suits, arg)
	switch {
	case i < 0:
	case op == kopCancel:
		calls[i].Cancel()
	case op == kopRelease:
		calls[i].Release()
	case op == kopDiscard:
		calls[i].Discard()
	case op == kopHijack && calls[i].Resource().Leases() == 1:
		calls[i].Hijack()
	}
}

func (r *keyedRig) outside(op keyedOperation, arg byte) {
	dials, held := r.Dials(), r.Held()
	switch {
	case op == kopDialOK && len(dials) > 0:
		k := pooltest.Exclusive()
		if n := int(arg/8) % 5; !r.exclusive && n > 0 {
			k = pooltest.Kind{Shareable: true, Capacity: n - 1, Expect: n - 1 + int(arg/40%2)}
		}
		r.SucceedAt(int(arg)%len(dials), k)
	case op == kopDialFails && len(dials) > 0:
		r.FailAt(int(arg) % len(dials))
	case op == kopCloseReturns && len(held) > 0:
		r.CloseReturns(held[int(arg)%len(held)])
	case op == kopCapacity:
		if i := pick(r.Resources(), func(s *resource) bool { return s.State() == pooltest.Open }, arg/6); i >= 0 {
			r.SetCapacity(r.Resources()[i], int(arg%6)-2)
		}
	}
}

// setLimits changes the limits of a key. While they change, none is checked.
func (r *keyedRig) setLimits(k int, l pool.Limits) {
	r.Step()
	none := func(v int) int { // 0 would keep what Config says
		if v == 0 {
			return pool.NoLimit
		}
		return v
	}
	r.Limit(k, pool.Limits{})
	require.NoError(r.t, r.pool.SetLimits(k, pool.Limits{
		MaxOpen: none(l.MaxOpen), MaxIdle: none(l.MaxIdle), MaxWaiters: none(l.MaxWaiters), MaxDials: none(l.MaxDials),
	}))
	r.Settle()
	r.limits[k] = l
	r.tellPeer()
}

// setTotals changes the limits over all keys, likewise.
func (r *keyedRig) setTotals(l keyed.Totals) {
	r.Step()
	r.LimitTotal(pool.Limits{})
	require.NoError(r.t, r.pool.SetTotals(l))
	r.Settle()
	r.totals = l
	r.tellPeer()
}
