package berth_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// orderBehaviors are about who gets a resource, and when (I2 to I6).
func orderBehaviors() []behavior {
	return []behavior{
		{name: "reuse is LIFO", test: reuseIsLIFO},
		{name: "the cap is never passed and waiters are served in order", test: waitersAreServedInOrder},
		{name: "TryAcquire never dials and never waits", test: tryAcquireNeverDials},
		{name: "TryAcquire does not overtake", test: tryAcquireDoesNotOvertake},
		{name: "TryAcquire takes what no waiter can use", test: tryAcquireTakesTheUnwanted},
		{name: "a call after a queued waiter does not overtake", test: lateCallDoesNotOvertake},
		{name: "a context that has ended fails the call, whatever is idle", test: endedContextFails},
		{name: "cancel before a delivery gives up the place", test: cancelBeforeDelivery},
		{name: "no delivery to a context that ended before", test: cancelDuringDelivery},
		{name: "cancel after a delivery keeps the lease", test: cancelAfterDelivery},
		{name: "WaitTimeout bounds the whole wait", test: waitTimeoutBounds},
		{name: "Place keeps the place", test: placeKeepsThePlace},
		{name: "a lease that did not queue stands in front of later calls", test: placeOfAnImmediateLease},
		{name: "Fresh takes no resource that is there", test: freshDials},
		{name: "Fresh makes room at the cap", test: freshMakesRoom},
		{name: "Fresh takes nothing from a dial that began before", test: freshIgnoresOlderDials},
		{name: "Fresh keeps a resource that is fresh and without capacity", test: freshKeepsTheFresh, except: map[string]string{
			kindTotals: "a Budget closes what is idle for a waiter who cannot use it",
		}},
		{name: "Fresh makes room before younger callers are served", test: freshMakesRoomInItsTurn},
		{name: "Fresh has a dial of its own while a slot is free", test: freshHasItsOwnDial},
	}
}

func reuseIsLIFO(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(3))
	b.Auto(pooltest.Exclusive())
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	assert.Equal(t, []int{1, 2, 3}, ids(calls...))
	for _, c := range calls {
		c.Release()
	}
	b.Advance(time.Minute)
	again := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	assert.Equal(t, []int{3, 2, 1}, ids(again...))
	assert.Equal(t, 3, b.Started())
	assert.Equal(t, pool.LeaseInfo{Reused: true, IdleFor: time.Minute, Age: time.Minute, Uses: 2}, again[0].Info())
}

func waitersAreServedInOrder(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(3))
	b.Auto(pooltest.Exclusive())
	var calls []*pooltest.Call
	for range 12 {
		calls = append(calls, b.Acquire())
	}
	s := b.Pool.Stats()
	assert.Equal(t, [...]int{3, 0, 3, 9}, [...]int{s.Open, s.Idle, s.InUse, s.Waiting})
	for i, c := range calls {
		require.True(t, c.Served(), "call %d", i)
		if i+3 < len(calls) {
			require.False(t, calls[i+3].Returned(), "call %d", i+3)
		}
		c.Release()
	}
	assert.Equal(t, 3, b.Started())
	assert.Equal(t, 3, b.Pool.Stats().Idle)
}

func tryAcquireNeverDials(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Auto(pooltest.Exclusive())
	assert.Nil(t, b.TryAcquire(), "nothing is idle")
	assert.Zero(t, b.Started())
	b.Acquire().Release()
	c := b.TryAcquire()
	require.NotNil(t, c)
	assert.Nil(t, b.TryAcquire(), "nothing is idle any more")
	assert.Equal(t, 1, b.Started())
	c.Release()
	require.NotNil(t, b.TryAcquire())
}

func tryAcquireDoesNotOvertake(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	holder, waiter := b.Acquire(), b.Acquire()
	assert.Nil(t, b.TryAcquire())
	holder.ReleaseThen(func() { // the waiter has not run yet
		_, ok := b.Pool.TryAcquire()
		assert.False(t, ok)
	})
	require.True(t, waiter.Out())
	assert.Nil(t, b.TryAcquire())
}

func tryAcquireTakesTheUnwanted(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Acquire()
	old := b.Succeed(pooltest.Exclusive())
	b.Calls()[0].Release()
	fresh := b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	require.False(t, fresh.Returned())
	try := b.TryAcquire()
	require.NotNil(t, try, "the waiter does not take it")
	assert.Same(t, old, try.Resource())
	b.Succeed(pooltest.Exclusive())
	require.Equal(t, 2, fresh.Resource().ID)
	b.Acquire()
	fresh.Release()
	assert.Nil(t, b.TryAcquire(), "another waiter has got this one")
}

func lateCallDoesNotOvertake(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	holder, first, second := b.Acquire(), b.Acquire(), b.Acquire()
	var late *pooltest.Call
	holder.ReleaseThen(func() { // the first waiter may not have run yet
		late = b.Acquire()
	})
	require.True(t, first.Out())
	first.Release()
	require.True(t, second.Out(), "it came before the late call")
	require.False(t, late.Returned())
	second.Release()
	require.True(t, late.Out())
}

func endedContextFails(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	b.Acquire().Release()
	errWhy := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errWhy)
	c := b.AcquireCtx(ctx)
	require.ErrorIs(t, c.Err(), context.Canceled)
	require.ErrorIs(t, c.Err(), errWhy)
	var w *pool.WaitError
	assert.NotErrorAs(t, c.Err(), &w, "it has not waited")
	assert.Equal(t, 1, b.Pool.Stats().Idle)
}

func cancelBeforeDelivery(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	errWhy := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	holder, first, second := b.Acquire(), b.AcquireCtx(ctx), b.Acquire()
	b.Advance(time.Second)
	cancel(errWhy)
	synctest.Wait()

	var w *pool.WaitError
	require.ErrorAs(t, first.Err(), &w)
	assert.ErrorIs(t, w, context.Canceled)
	assert.ErrorIs(t, w, errWhy)
	assert.Equal(t, time.Second, w.Waited)
	assert.False(t, w.Timeout())
	assert.Equal(t, 1, b.Pool.Stats().Waiting)
	holder.Release()
	assert.True(t, second.Out())
}

// The first waiter's context ends, and before it has noticed a resource comes.
func cancelDuringDelivery(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	ctx, cancel := context.WithCancel(t.Context())
	holder, first, second := b.Acquire(), b.AcquireCtx(ctx), b.Acquire()
	cancel()
	holder.Release()
	assert.ErrorIs(t, first.Err(), context.Canceled)
	require.True(t, second.Out())

	ctx, cancel = context.WithCancel(t.Context())
	last := b.AcquireCtx(ctx)
	cancel()
	second.Release()
	assert.ErrorIs(t, last.Err(), context.Canceled)
	assert.Equal(t, 1, b.Pool.Stats().Idle, "with nobody left it is idle")
}

func cancelAfterDelivery(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	ctx, cancel := context.WithCancel(t.Context())
	holder, next := b.Acquire(), b.AcquireCtx(ctx)
	holder.ReleaseThen(cancel) // the waiter has not run yet
	require.True(t, next.Out())
}

func waitTimeoutBounds(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.WaitTimeout = 1, time.Second })
	c := b.Acquire() // waits for a dial
	b.Advance(time.Second - 1)
	require.False(t, c.Returned())
	b.Advance(1)
	var w *pool.WaitError
	require.ErrorAs(t, c.Err(), &w)
	assert.ErrorIs(t, w, pool.ErrWaitTimeout)
	assert.ErrorIs(t, w, context.DeadlineExceeded)
	assert.True(t, w.Timeout())
	assert.Equal(t, time.Second, w.Waited)

	b.Succeed(pooltest.Exclusive()) // the dial went on, for others
	assert.True(t, b.Acquire().Out())
}

func placeKeepsThePlace(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	holder, first, second, third := b.Acquire(), b.Acquire(), b.Acquire(), b.Acquire()
	holder.Release()
	place := first.Lease().Ticket()
	first.Release()
	require.True(t, second.Out())
	assert.Less(t, place, second.Lease().Ticket())

	again := b.AcquireWith(t.Context(), pool.Request{Place: place})
	second.Release()
	assert.True(t, again.Out(), "in front of the third, who came before it")
	assert.Equal(t, place, again.Lease().Ticket())
	assert.False(t, third.Returned())
	again.Release()
	assert.True(t, third.Out())
}

func placeOfAnImmediateLease(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	b.Acquire().Release()
	early := b.Acquire() // finds it idle
	later := b.Acquire()
	place := early.Lease().Ticket()
	again := b.AcquireWith(t.Context(), pool.Request{Place: place})
	early.Release()
	assert.True(t, again.Out())
	again.Release()
	assert.True(t, later.Out())
}

func freshDials(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Auto(pooltest.Exclusive())
	b.Acquire().Release()
	c := b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	assert.Equal(t, 2, c.Resource().ID)
	assert.False(t, c.Info().Reused)
	assert.Equal(t, 1, b.Pool.Stats().Idle, "the old one stays")
}

func freshMakesRoom(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Auto(pooltest.Exclusive())
	old, used := b.Acquire(), b.Acquire()
	old.Release()
	c := b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	assert.Equal(t, 3, c.Resource().ID)
	assert.Equal(t, pooltest.Closed, old.Resource().State())
	assert.EqualValues(t, 1, b.Pool.Stats().Closes.Of(pool.ReasonEvict))

	// With none idle it is the first to be released that goes.
	next := b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	require.False(t, next.Returned())
	used.Release()
	assert.Equal(t, 4, next.Resource().ID)
}

func freshIgnoresOlderDials(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	plain := b.Acquire()
	fresh := b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	old := b.Succeed(pooltest.Exclusive())
	assert.Same(t, old, plain.Resource())
	plain.Release()
	require.False(t, fresh.Returned())
	assert.Equal(t, pooltest.Closed, old.State())
	b.Succeed(pooltest.Exclusive())
	assert.Equal(t, 2, fresh.Resource().ID)
}

func freshKeepsTheFresh(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 1))
	b.Acquire()
	first := b.Succeed(pooltest.Shareable(1))
	fresh := b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	b.Calls()[0].Release()
	require.Equal(t, pooltest.Closed, first.State())
	second := b.Succeed(pooltest.Shareable(0))
	assert.Equal(t, pooltest.Open, second.State())
	require.False(t, fresh.Returned())
	b.SetCapacity(second, 1)
	assert.Same(t, second, fresh.Resource())
	assert.Equal(t, 2, b.Started())
}

func freshMakesRoomInItsTurn(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 1))
	first := b.Acquire()
	fresh := b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	third := b.Acquire()
	r := b.Succeed(pooltest.Shareable(2))
	require.True(t, first.Out())
	assert.False(t, third.Returned(), "what has room is in the way of an older caller")
	first.Release()
	require.Equal(t, pooltest.Closed, r.State())
	b.Succeed(pooltest.Shareable(2))
	assert.Equal(t, []int{2, 2}, ids(fresh, third))
}

func freshHasItsOwnDial(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	gone := b.Acquire()
	gone.Cancel() // its dial goes on
	fresh := b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	require.Len(t, b.Dials(), 2, "the dial in flight is of no use to it, and a slot is free")
	b.SucceedAt(1, pooltest.Exclusive())
	assert.True(t, fresh.Out())
}
