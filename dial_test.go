package berth_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dialBehaviors are about dials: they belong to the pool and not to the caller
// who caused them (I7, I8).
func dialBehaviors() []behavior {
	noTotal := map[string]string{kindTotals: "a MaxIdle over all keys cannot say: keep none"}
	return []behavior{
		{name: "a failed dial fails the oldest waiter, and the next one has a dial", test: failedDialFailsTheOldest},
		{name: "a failed dial fails the oldest waiter, whoever caused it", test: failedDialFailsWhoIsOldest},
		{name: "a canceled caller's dial is kept", test: canceledCallersDialIsKept},
		{name: "a canceled caller's dial serves the next caller", test: canceledCallersDialServesTheNext},
		{name: "a canceled caller's dial ends if its result could not become idle", test: unwantedDialEnds, except: noTotal},
		{name: "dials beyond MaxIdle that nobody waits for end, newest first", test: surplusDialsEndNewestFirst},
		{name: "a canceled dial that brings a resource is used like any other", test: canceledDialThatBringsSomething, except: noTotal},
		{name: "a canceled dial takes a slot until it returns", test: canceledDialTakesASlot, except: noTotal},
		{name: "a release serves the waiter who caused the dial", test: lateBinding},
		{name: "a dial carries the values of the oldest waiter and not its end", test: dialContext},
		{name: "DialTimeout ends a dial", test: dialTimeoutEndsADial},
		{name: "MaxDials bounds the dials in flight", test: maxDialsBounds},
		{name: "no more dials than waiters", test: noMoreDialsThanWaiters},
	}
}

func failedDialFailsTheOldest(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	first, second, third := b.Acquire(), b.Acquire(), b.Acquire()
	for i, c := range []*pooltest.Call{first, second} {
		require.Len(t, b.Dials(), 1)
		b.Fail()
		var e *pool.DialError
		require.ErrorAs(t, c.Err(), &e)
		assert.ErrorIs(t, e, pooltest.ErrRefused)
		assert.Equal(t, i+1, e.Attempt)
		assert.False(t, third.Returned())
	}
	b.Succeed(pooltest.Exclusive())
	assert.True(t, third.Out())

	third.Discard()
	last := b.Acquire()
	b.Fail()
	var e *pool.DialError
	require.ErrorAs(t, last.Err(), &e)
	assert.Equal(t, 1, e.Attempt, "a success begins the count anew")
	assert.EqualValues(t, 3, b.Pool.Stats().DialErrors)
}

func failedDialFailsWhoIsOldest(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	first, second := b.Acquire(), b.Acquire()
	require.Len(t, b.Dials(), 2)
	b.FailAt(1)
	assert.ErrorIs(t, first.Err(), pooltest.ErrRefused)
	assert.Len(t, b.Dials(), 1, "the other one's dial is in flight")
	b.Succeed(pooltest.Exclusive())
	assert.True(t, second.Out())
}

func canceledCallersDialIsKept(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Acquire().Cancel()
	require.Len(t, b.Dials(), 1)
	assert.False(t, b.Dials()[0].Canceled())
	r := b.Succeed(pooltest.Exclusive())
	assert.Equal(t, 1, b.Pool.Stats().Idle)
	assert.Same(t, r, b.Acquire().Resource())
	assert.Equal(t, 1, b.Started())
}

func canceledCallersDialServesTheNext(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(3))
	b.Acquire().Cancel()
	next := b.Acquire()
	assert.Equal(t, 1, b.Started())
	b.Succeed(pooltest.Exclusive())
	assert.True(t, next.Out())
}

func unwantedDialEnds(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxIdle = 1, -1 })
	b.Acquire().Cancel()
	assert.Empty(t, b.Dials())
	s := b.Pool.Stats()
	assert.Equal(t, [...]int{0, 0}, [...]int{s.Dialing, s.Open})
	assert.EqualValues(t, 1, s.DialsCanceled)
	assert.Zero(t, s.DialErrors, "what the pool ended is no failure")
}

func surplusDialsEndNewestFirst(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxIdle = 4, 2 })
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire(), b.Acquire()}
	dials := b.Dials()
	canceled := func() (all []bool) {
		for _, d := range dials {
			all = append(all, d.Canceled())
		}
		return all
	}
	calls[0].Cancel()
	calls[1].Cancel()
	assert.Equal(t, []bool{false, false, false, false}, canceled())
	calls[2].Cancel()
	assert.Equal(t, []bool{false, false, false, true}, canceled())
	calls[3].Cancel()
	assert.Equal(t, []bool{false, false, true, true}, canceled())
	b.Succeed(pooltest.Exclusive())
	b.Succeed(pooltest.Exclusive())
	assert.Equal(t, 2, b.Pool.Stats().Idle)
}

func canceledDialThatBringsSomething(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxIdle = 1, -1 })
	b.Stubborn(true)
	b.Acquire().Cancel()
	require.True(t, b.Dials()[0].Canceled())
	next := b.Acquire() // has no slot of its own
	r := b.Succeed(pooltest.Exclusive())
	assert.Same(t, r, next.Resource())

	next.Discard()
	b.Acquire().Cancel()
	b.Succeed(pooltest.Exclusive())
	assert.Zero(t, b.Pool.Stats().Open, "with no waiter it is one too many")
}

func canceledDialTakesASlot(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxIdle = 1, -1 })
	b.Stubborn(true)
	b.Acquire().Cancel()
	b.Stubborn(false)
	next := b.Acquire()
	assert.Equal(t, 1, b.Started())
	b.Fail()
	require.False(t, next.Returned(), "the pool had ended that dial: it fails nobody")
	assert.Equal(t, 2, b.Started())
	b.Succeed(pooltest.Exclusive())
	assert.True(t, next.Out())
	assert.EqualValues(t, 1, b.Pool.Stats().DialsCanceled)
}

func lateBinding(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	first := b.Acquire()
	r := b.Succeed(pooltest.Exclusive())
	second := b.Acquire()
	require.Len(t, b.Dials(), 1)
	first.Release()
	assert.Same(t, r, second.Resource(), "it does not wait for its dial")
	b.Succeed(pooltest.Exclusive())
	assert.Equal(t, 1, b.Pool.Stats().Idle)
}

func dialContext(t *testing.T, k kind) {
	type key struct{}
	b := k.bench(t, maxOpen(1))
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "first"))
	b.AcquireCtx(ctx)
	second := b.AcquireCtx(context.WithValue(t.Context(), key{}, "second"))
	d := b.Dials()[0]
	assert.Equal(t, "first", d.Ctx.Value(key{}))
	cancel()
	b.Advance(time.Second)
	assert.False(t, d.Canceled())
	b.Fail()
	require.Error(t, second.Err())

	third := b.AcquireCtx(context.WithValue(t.Context(), key{}, "third"))
	d = b.Dials()[0]
	assert.Equal(t, "third", d.Ctx.Value(key{}))
	b.Succeed(pooltest.Exclusive())
	assert.True(t, d.Canceled(), "the context of a dial ends with it")
	assert.True(t, third.Out())
}

func dialTimeoutEndsADial(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.DialTimeout = 1, time.Second })
	c := b.Acquire()
	b.Advance(time.Second - 1)
	require.False(t, c.Returned())
	b.Advance(1)
	var e *pool.DialError
	require.ErrorAs(t, c.Err(), &e)
	assert.ErrorIs(t, e, context.DeadlineExceeded)
	assert.True(t, e.Timeout())
	assert.Zero(t, b.Pool.Stats().Dialing)
}

func maxDialsBounds(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxDials = 5, 2 })
	var calls []*pooltest.Call
	for range 5 {
		calls = append(calls, b.Acquire())
	}
	assert.Len(t, b.Dials(), 2)
	b.Succeed(pooltest.Exclusive())
	assert.Len(t, b.Dials(), 2, "the next one begins")
	assert.True(t, calls[0].Out())
	b.Fail()
	assert.Len(t, b.Dials(), 2)
	assert.ErrorIs(t, calls[1].Err(), pooltest.ErrRefused)
	for range 3 {
		b.Succeed(pooltest.Exclusive())
	}
	for _, c := range calls[2:] {
		assert.True(t, c.Out())
	}
	assert.Empty(t, b.Dials())
}

func noMoreDialsThanWaiters(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(9))
	first, second := b.Acquire(), b.Acquire()
	assert.Equal(t, 2, b.Started())
	first.Cancel()
	b.Acquire()
	assert.Equal(t, 2, b.Started())
	b.Succeed(pooltest.Exclusive())
	assert.True(t, second.Out())
	assert.Equal(t, 2, b.Started())
}
