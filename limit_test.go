package berth_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// limitBehaviors are about the limits, and about changing them.
func limitBehaviors() []behavior {
	noTotal := map[string]string{kindTotals: "a MaxIdle over all keys cannot say: keep none"}
	return []behavior{
		{name: "without MaxOpen there is no cap", test: noCap},
		{name: "growth serves waiters at once", test: growthServesWaiters},
		{name: "growth of MaxDials starts dials at once", test: growthOfMaxDials},
		{name: "after a shrink idle resources are closed, least recently used first", test: shrinkClosesIdle},
		{name: "after a shrink a release closes and hands nothing off", test: shrinkClosesAtRelease},
		{
			name: "after a shrink surplus dials end, newest first", test: shrinkEndsDials,
			except: map[string]string{kindTotals: "a Budget lets a dial that somebody waits for end by itself"},
		},
		{name: "MaxWaiters turns away on entry", test: maxWaitersTurnsAway},
		{name: "MaxWaiters does not count those whom dials will serve", test: maxWaitersCountsTheUncovered},
		{name: "MaxWaiters below 0 dials but never waits for a release", test: neverWait},
		{name: "MaxWaiters counts who wants a fresh dial and has none", test: maxWaitersAndFresh},
		{name: "MaxWaiters does not turn away who keeps a place", test: placeIsNotTurnedAway},
		{name: "a queue longer than a new MaxWaiters is kept", test: longQueueIsKept},
		{name: "MaxIdle closes the least recently used", test: maxIdleClosesOldest},
		{name: "MaxIdle below 0 keeps none but hands off", test: keepNone, except: noTotal},
		{name: "MaxIdleTime ends idleness at its time", test: maxIdleTimeEnds},
		{name: "CloseIdle closes what is idle", test: closeIdleClosesIdle},
	}
}

func noCap(t *testing.T, k kind) {
	b := k.bench(t, func(*config) {})
	b.Auto(pooltest.Exclusive())
	for range 50 {
		require.True(t, b.Acquire().Out())
	}
	assert.Equal(t, 50, b.Pool.Stats().InUse)
}

func growthServesWaiters(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire(), b.Acquire()}
	b.SetLimits(pool.Limits{MaxOpen: 3})
	assert.True(t, calls[1].Out())
	assert.True(t, calls[2].Out())
	assert.False(t, calls[3].Returned())
	b.SetLimits(pool.Limits{})
	assert.True(t, calls[3].Out())
}

func growthOfMaxDials(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxDials = 1 })
	for range 4 {
		b.Acquire()
	}
	assert.Len(t, b.Dials(), 1)
	b.SetLimits(pool.Limits{MaxDials: 3})
	assert.Len(t, b.Dials(), 3)
	b.SetLimits(pool.Limits{MaxDials: 1})
	b.Succeed(pooltest.Exclusive())
	assert.Len(t, b.Dials(), 2, "none begins while there are too many")
}

func shrinkClosesIdle(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(3))
	b.Auto(pooltest.Exclusive())
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	for _, i := range []int{1, 0, 2} {
		calls[i].Release()
	}
	b.SetLimits(pool.Limits{MaxOpen: 1})
	assert.Equal(t, pooltest.Closed, b.Resource(2).State())
	assert.Equal(t, pooltest.Closed, b.Resource(1).State())
	assert.Equal(t, pooltest.Open, b.Resource(3).State())
	assert.Equal(t, pool.Limits{MaxOpen: 1}, b.Pool.Stats().Limits)
}

func shrinkClosesAtRelease(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(3))
	b.Auto(pooltest.Exclusive())
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	waiter := b.Acquire()
	b.SetLimits(pool.Limits{MaxOpen: 1})
	assert.Equal(t, 3, b.Pool.Stats().InUse)
	for i, c := range calls[:2] {
		c.Release()
		require.False(t, waiter.Returned())
		require.Equal(t, 2-i, b.Pool.Stats().Open)
	}
	calls[2].Release()
	assert.Same(t, calls[2].Resource(), waiter.Resource())
	assert.Equal(t, 3, b.Started())
}

func shrinkEndsDials(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(3))
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	dials := b.Dials()
	b.SetLimits(pool.Limits{MaxOpen: 1})
	assert.False(t, dials[0].Canceled())
	assert.True(t, dials[1].Canceled())
	assert.True(t, dials[2].Canceled())
	assert.Equal(t, 3, b.Pool.Stats().Waiting, "waiters keep their places")
	b.Succeed(pooltest.Exclusive())
	for _, c := range calls {
		require.True(t, c.Out())
		c.Release()
	}
	assert.Equal(t, 3, b.Started())
}

func maxWaitersTurnsAway(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxWaiters = 1, 2 })
	b.Auto(pooltest.Exclusive())
	holder, first, second := b.Acquire(), b.Acquire(), b.Acquire()
	over := b.Acquire()
	require.ErrorIs(t, over.Err(), pool.ErrWaitLimit)
	holder.Release()
	require.True(t, first.Out())
	third := b.Acquire()
	assert.False(t, third.Returned(), "there is room in the queue again")
	first.Release()
	assert.True(t, second.Out())
	s := b.Pool.Stats()
	assert.EqualValues(t, 1, s.Rejected)
	assert.EqualValues(t, 4, s.Acquires)
}

func maxWaitersCountsTheUncovered(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxWaiters = 2, 1 })
	first, second, third := b.Acquire(), b.Acquire(), b.Acquire()
	assert.False(t, third.Returned(), "two dials are on their way, so only one of three waits for a release")
	assert.ErrorIs(t, b.Acquire().Err(), pool.ErrWaitLimit)
	b.Succeed(pooltest.Exclusive())
	b.Fail()
	assert.True(t, first.Out())
	assert.ErrorIs(t, second.Err(), pooltest.ErrRefused)
	assert.Len(t, b.Dials(), 1)
}

func neverWait(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxWaiters = 1, -1 })
	first := b.Acquire()
	require.False(t, first.Returned(), "a cold pool dials")
	require.ErrorIs(t, b.Acquire().Err(), pool.ErrWaitLimit, "that dial is for the first")
	b.Succeed(pooltest.Exclusive())
	require.True(t, first.Out())
	assert.ErrorIs(t, b.Acquire().Err(), pool.ErrWaitLimit, "a full pool answers at once")
	first.Release()
	assert.True(t, b.Acquire().Out())
}

func maxWaitersAndFresh(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) {
		shareable(1, 3)(c)
		c.MaxWaiters = -1
	})
	b.Acquire()
	require.False(t, b.Acquire().Returned(), "the dial in flight will serve three")
	fresh := b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	assert.ErrorIs(t, fresh.Err(), pool.ErrWaitLimit, "it will not serve this one")
}

func placeIsNotTurnedAway(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxWaiters = 1, 1 })
	b.Auto(pooltest.Exclusive())
	holder, waiter := b.Acquire(), b.Acquire()
	place := holder.Lease().Ticket()
	require.ErrorIs(t, b.Acquire().Err(), pool.ErrWaitLimit)
	again := b.AcquireWith(t.Context(), pool.Request{Place: place})
	require.False(t, again.Returned(), "it was let in before")
	holder.Release()
	assert.True(t, again.Out())
	assert.False(t, waiter.Returned())
}

func longQueueIsKept(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	holder := b.Acquire()
	waiters := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	b.SetLimits(pool.Limits{MaxOpen: 1, MaxWaiters: 1})
	for _, w := range waiters {
		require.False(t, w.Returned())
	}
	assert.ErrorIs(t, b.Acquire().Err(), pool.ErrWaitLimit)
	holder.Release()
	for _, w := range waiters {
		require.True(t, w.Out())
		w.Release()
	}
}

func maxIdleClosesOldest(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxIdle = 2 })
	b.Auto(pooltest.Exclusive())
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	for _, i := range []int{1, 2, 0} {
		calls[i].Release()
	}
	assert.Equal(t, pooltest.Closed, b.Resource(2).State())
	s := b.Pool.Stats()
	assert.Equal(t, 2, s.Idle)
	assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonIdleLimit))
	b.SetLimits(pool.Limits{MaxIdle: 1})
	assert.Equal(t, pooltest.Closed, b.Resource(3).State())
}

func keepNone(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxOpen, c.MaxIdle = 1, -1 })
	b.Auto(pooltest.Exclusive())
	first, second := b.Acquire(), b.Acquire()
	first.Release()
	assert.Same(t, first.Resource(), second.Resource(), "handed off: it is not idle in between")
	second.Release()
	assert.Equal(t, pooltest.Closed, second.Resource().State())
	assert.Equal(t, 2, b.Acquire().Resource().ID)
}

func maxIdleTimeEnds(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) { c.MaxIdleTime = time.Minute })
	b.Auto(pooltest.Exclusive())
	first, second := b.Acquire(), b.Acquire()
	first.Release()
	b.Advance(time.Second)
	second.Release()
	b.Advance(58 * time.Second)
	b.Acquire().Release() // the second, which begins anew
	b.Advance(time.Second - 1)
	assert.Equal(t, pooltest.Open, first.Resource().State())
	b.Advance(1)
	assert.Equal(t, pooltest.Closed, first.Resource().State())
	b.Advance(59*time.Second - 1)
	assert.Equal(t, pooltest.Open, second.Resource().State())
	b.Advance(1)
	assert.Equal(t, pooltest.Closed, second.Resource().State())
	assert.EqualValues(t, 2, b.Pool.Stats().Closes.Of(pool.ReasonIdleTime))
}

func closeIdleClosesIdle(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Auto(pooltest.Exclusive())
	idle, used := b.Acquire(), b.Acquire()
	idle.Release()
	b.CloseIdle()
	assert.Equal(t, pooltest.Closed, idle.Resource().State())
	used.Release()
	assert.Equal(t, pooltest.Open, used.Resource().State())
	assert.EqualValues(t, 1, b.Pool.Stats().Closes.Of(pool.ReasonCloseIdle))
}
