package berth_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shareBehaviors are about resources that carry several leases at once (I9).
func shareBehaviors() []behavior {
	return []behavior{
		{name: "one dial serves a cohort", test: oneDialForACohort},
		{name: "a shareable resource stays in the pool while it is used", test: sharedStaysInThePool},
		{name: "the oldest shareable resource is filled first", test: oldestIsFilledFirst},
		{name: "a failed shared dial fails those who were there when it began", test: failedSharedDial},
		{name: "capacity that rises serves waiters", test: capacityRises},
		{name: "capacity that falls lets no lease begin", test: capacityFalls},
		{name: "capacity 0 keeps the resource", test: capacityZero, except: map[string]string{
			kindTotals: "a Budget closes what is idle for a waiter who cannot use it",
		}},
		{name: "a draining resource closes with its last lease", test: drainingResource},
		{name: "draining is final", test: drainingIsFinal},
		{name: "a dead resource is closed at once", test: deadResource},
		{name: "a dead idle resource is closed at once", test: deadIdleResource},
		{name: "discard drains a shareable resource", test: discardDrains},
		{name: "hijack of a resource with other leases panics", test: hijackOfAShared},
		{name: "idle shareable resources are closed as others are", test: idleShareable},
		{name: "after a shrink surplus shareable resources drain, newest first", test: shrinkDrainsShareable, except: map[string]string{
			kindTotals: "a Budget lets resources in use end by themselves",
		}},
	}
}

func oneDialForACohort(t *testing.T, k kind) {
	b := k.bench(t, shareable(8, 100))
	var calls []*pooltest.Call
	for range 50 {
		calls = append(calls, b.Acquire())
	}
	assert.Equal(t, 1, b.Started())
	r := b.Succeed(pooltest.Shareable(100))
	for _, c := range calls {
		require.Same(t, r, c.Resource())
	}
	for range 50 {
		require.Same(t, r, b.Acquire().Resource())
	}
	b.Acquire()
	assert.Equal(t, 2, b.Started(), "the first one is full")
	s := b.Pool.Stats()
	assert.Equal(t, [...]int{1, 1, 100, 1}, [...]int{s.Open, s.InUse, s.Leases, s.Waiting})
}

// Taking it out and putting it back would open a window in which others dial.
func sharedStaysInThePool(t *testing.T, k kind) {
	b := k.bench(t, shareable(8, 2))
	b.Auto(pooltest.Shareable(2))
	first := b.Acquire()
	for range 100 {
		second := b.Acquire()
		require.Same(t, first.Resource(), second.Resource())
		first.ReleaseThen(func() { first = b.Acquire() })
		require.Same(t, first.Resource(), second.Resource())
		second.Release()
	}
	assert.Equal(t, 1, b.Started())
	assert.EqualValues(t, 201, b.Pool.Stats().Hits+b.Pool.Stats().Waits)
}

func oldestIsFilledFirst(t *testing.T, k kind) {
	b := k.bench(t, shareable(3, 2))
	b.Auto(pooltest.Shareable(2))
	var calls []*pooltest.Call
	for range 6 {
		calls = append(calls, b.Acquire())
	}
	assert.Equal(t, []int{1, 1, 2, 2, 3, 3}, ids(calls...))
	for _, i := range []int{5, 2, 1, 3} {
		calls[i].Release()
	}
	assert.Equal(t, []int{1, 2, 2, 3}, ids(b.Acquire(), b.Acquire(), b.Acquire(), b.Acquire()))
}

func failedSharedDial(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 3))
	b.HoldClose(true)
	holder := b.Acquire()
	r := b.Succeed(pooltest.Exclusive()) // so that the others queue
	holder.Discard()
	var early, late []*pooltest.Call
	for range 4 {
		early = append(early, b.Acquire())
	}
	b.CloseReturns(r)
	b.HoldClose(false)
	b.Succeed(pooltest.Shareable(3)) // from here on dials are expected to bring 3
	for _, c := range early[:3] {
		require.True(t, c.Out())
	}
	early[0].Cancel() // does nothing: it has been served
	b.SetCapacity(early[0].Resource(), pool.Dead)
	require.Len(t, b.Dials(), 1)
	for range 3 {
		late = append(late, b.Acquire())
	}
	b.Fail()
	assert.ErrorIs(t, early[3].Err(), pooltest.ErrRefused)
	for _, c := range late {
		require.False(t, c.Returned(), "it was not there when that dial began")
	}
	require.Len(t, b.Dials(), 1)
	b.Fail()
	for _, c := range late {
		require.ErrorIs(t, c.Err(), pooltest.ErrRefused)
	}
	assert.Empty(t, b.Dials())
}

func capacityRises(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 1))
	b.Auto(pooltest.Shareable(1))
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire(), b.Acquire()}
	b.SetCapacity(b.Resource(1), 3)
	for i, out := range []bool{true, true, true, false} {
		assert.Equal(t, out, calls[i].Out(), "call %d", i)
	}
	assert.Equal(t, 1, b.Started())
}

func capacityFalls(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 3))
	b.Auto(pooltest.Shareable(3))
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	b.SetCapacity(b.Resource(1), 1)
	waiter := b.Acquire()
	for _, c := range calls[:2] {
		c.Release()
		require.False(t, waiter.Returned())
	}
	calls[2].Release()
	assert.True(t, waiter.Out())
}

func capacityZero(t *testing.T, k kind) {
	b := k.bench(t, shareable(2, 2))
	b.Auto(pooltest.Shareable(2))
	first := b.Acquire()
	b.SetCapacity(b.Resource(1), 0)
	second := b.Acquire()
	assert.Equal(t, 2, second.Resource().ID, "a slot was free")
	first.Release()
	assert.Equal(t, pooltest.Open, b.Resource(1).State())
	assert.Equal(t, 1, b.Pool.Stats().Idle)

	require.True(t, b.Acquire().Out())
	waiter := b.Acquire()
	require.False(t, waiter.Returned(), "the idle one carries none now")
	assert.Nil(t, b.TryAcquire())
	b.SetCapacity(b.Resource(1), 1)
	assert.Equal(t, 1, waiter.Resource().ID)
}

func drainingResource(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 2))
	first := b.Acquire()
	second := b.Acquire()
	r := b.Succeed(pooltest.Shareable(2))
	waiter := b.Acquire()
	b.SetCapacity(r, pool.Draining)
	first.Release()
	require.False(t, waiter.Returned())
	assert.Equal(t, pooltest.Open, r.State())
	assert.Equal(t, 1, b.Pool.Stats().InUse)
	second.Release()
	assert.Equal(t, pooltest.Closed, r.State())
	b.Succeed(pooltest.Shareable(2))
	assert.Equal(t, 2, waiter.Resource().ID)
	assert.EqualValues(t, 1, b.Pool.Stats().Closes.Of(pool.ReasonCapacity))
}

func drainingIsFinal(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 2))
	b.Auto(pooltest.Shareable(2))
	first := b.Acquire()
	b.SetCapacity(b.Resource(1), pool.Draining)
	b.SetCapacity(b.Resource(1), 2)
	second := b.Acquire()
	require.False(t, second.Returned())
	first.Release()
	assert.Equal(t, 2, second.Resource().ID)
}

func deadResource(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 2))
	b.HoldClose(true)
	first, second, waiter := b.Acquire(), b.Acquire(), b.Acquire()
	r := b.Succeed(pooltest.Shareable(2))
	b.SetCapacity(r, pool.Dead)
	assert.Equal(t, pooltest.Closing, r.State(), "though leases are out")
	assert.Same(t, r, first.Lease().Value())
	s := b.Pool.Stats()
	assert.Equal(t, [...]int{0, 1, 2}, [...]int{s.Open, s.Closing, s.Leases})
	assert.Empty(t, b.Dials(), "its slot is not free yet")
	first.Release()
	b.CloseReturns(r)
	b.Succeed(pooltest.Shareable(2))
	assert.Equal(t, 2, waiter.Resource().ID)
	second.Discard()
	s = b.Pool.Stats()
	assert.Equal(t, [...]int{1, 1}, [...]int{s.Open, s.Leases})
	assert.EqualValues(t, 1, s.Closes.Total())
}

func deadIdleResource(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 2))
	b.Auto(pooltest.Shareable(2))
	b.Acquire().Release()
	b.SetCapacity(b.Resource(1), pool.Dead)
	assert.Equal(t, pooltest.Closed, b.Resource(1).State())
	b.Acquire().Release()
	b.SetCapacity(b.Resource(2), pool.Draining)
	assert.Equal(t, pooltest.Closed, b.Resource(2).State())
	assert.Equal(t, 3, b.Acquire().Resource().ID)
}

func discardDrains(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 2))
	b.Auto(pooltest.Shareable(2))
	first, second, waiter := b.Acquire(), b.Acquire(), b.Acquire()
	first.Discard()
	require.False(t, waiter.Returned(), "though there is room on it")
	assert.Equal(t, pooltest.Open, b.Resource(1).State())
	second.Release()
	assert.Equal(t, pooltest.Closed, b.Resource(1).State())
	assert.Equal(t, 2, waiter.Resource().ID)
	assert.EqualValues(t, 1, b.Pool.Stats().Closes.Of(pool.ReasonDiscard))
}

func hijackOfAShared(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 2))
	b.Auto(pooltest.Shareable(2))
	first, second := b.Acquire(), b.Acquire()
	assert.Panics(t, func() { first.Lease().Hijack() })
	assert.Same(t, b.Resource(1), first.Lease().Value(), "the lease goes on")
	second.Release()
	first.Hijack()
	assert.Equal(t, 2, b.Acquire().Resource().ID)
}

func idleShareable(t *testing.T, k kind) {
	b := k.bench(t, func(c *config) {
		shareable(3, 1)(c)
		c.MaxIdle, c.MaxIdleTime = 2, time.Minute
	})
	b.Auto(pooltest.Shareable(1))
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	for _, i := range []int{1, 0, 2} {
		calls[i].Release()
	}
	assert.Equal(t, pooltest.Closed, b.Resource(2).State())
	b.Advance(time.Minute)
	assert.Equal(t, pooltest.Closed, b.Resource(1).State())
	assert.Equal(t, pooltest.Closed, b.Resource(3).State())
}

func shrinkDrainsShareable(t *testing.T, k kind) {
	b := k.bench(t, shareable(3, 2))
	b.Auto(pooltest.Shareable(2))
	var calls []*pooltest.Call
	for range 6 {
		calls = append(calls, b.Acquire())
	}
	b.SetLimits(pool.Limits{MaxOpen: 1})
	waiter := b.Acquire()
	for _, c := range calls[2:] {
		c.Release()
		require.False(t, waiter.Returned())
	}
	assert.Equal(t, pooltest.Closed, b.Resource(2).State())
	assert.Equal(t, pooltest.Closed, b.Resource(3).State())
	calls[0].Release()
	assert.Equal(t, 1, waiter.Resource().ID)
	assert.EqualValues(t, 2, b.Pool.Stats().Closes.Of(pool.ReasonLimits))
}
