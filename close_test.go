package berth_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// closeBehaviors are about the end of a pool and of a generation (I10, I11).
func closeBehaviors() []behavior {
	return []behavior{
		{name: "Close wakes all waiters and fails later calls", test: closeWakesAll},
		{name: "Close closes idle resources now and others at their end", test: closeClosesAtTheEnd},
		{name: "Close ends dials and closes what they bring anyway", test: closeEndsDials},
		{name: "Shutdown waits for leases and says what remains", test: shutdownWaitsForLeases},
		{name: "Shutdown waits for dials and for Close funcs", test: shutdownWaitsForCalls},
		{name: "Shutdown does not wait for leases on dead resources", test: shutdownAndTheDead},
		{name: "Reset retires leased resources at their release", test: resetRetiresAtRelease},
		{name: "Reset cancels dials and closes what they bring anyway", test: resetCancelsDials},
		{name: "Reset drains shareable resources", test: resetDrains},
	}
}

func closeWakesAll(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	holder := b.Acquire()
	waiters := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	b.Close()
	for _, w := range waiters {
		require.ErrorIs(t, w.Err(), pool.ErrClosed)
	}
	require.ErrorIs(t, b.Acquire().Err(), pool.ErrClosed)
	assert.Nil(t, b.TryAcquire())
	never := func(lease) error { t.Error("called without a lease"); return nil }
	assert.ErrorIs(t, b.Pool.Do(t.Context(), never), pool.ErrClosed)
	assert.Same(t, holder.Resource(), holder.Lease().Value(), "a lease ends by its holder")
	b.Close() // nil also the second time
	assert.Equal(t, 1, b.Started())
}

func closeClosesAtTheEnd(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Auto(pooltest.Exclusive())
	idle, used := b.Acquire(), b.Acquire()
	idle.Release()
	b.Close()
	assert.Equal(t, pooltest.Closed, idle.Resource().State())
	assert.Equal(t, pooltest.Open, used.Resource().State())
	used.Release()
	assert.Equal(t, pooltest.Closed, used.Resource().State())
	assert.EqualValues(t, 2, b.Pool.Stats().Closes.Of(pool.ReasonClosed))
}

func closeEndsDials(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Acquire()
	b.Stubborn(true)
	b.Acquire()
	b.Close()
	require.Len(t, b.Dials(), 1, "the other one has returned")
	require.True(t, b.Dials()[0].Canceled())
	r := b.Succeed(pooltest.Exclusive())
	assert.Equal(t, pooltest.Closed, r.State())
}

func shutdownWaitsForLeases(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Auto(pooltest.Exclusive())
	idle, used := b.Acquire(), b.Acquire()
	idle.Release()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := time.Now()
	err := b.Pool.Shutdown(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "1 resources in use")
	assert.Equal(t, time.Minute, time.Since(start))
	assert.ErrorIs(t, b.Acquire().Err(), pool.ErrClosed)

	time.AfterFunc(time.Second, func() { used.Lease().Release() })
	assert.NoError(t, b.Pool.Shutdown(t.Context()))
	assert.Equal(t, time.Minute+time.Second, time.Since(start))
	assert.Equal(t, pooltest.Closed, used.Resource().State())
}

func shutdownWaitsForCalls(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.HoldClose(true)
	b.Acquire()
	r := b.Succeed(pooltest.Exclusive())
	b.Calls()[0].Release()
	b.Stubborn(true)
	b.AcquireWith(t.Context(), pool.Request{Fresh: true})
	ended := make(chan error, 1)
	go func() { ended <- b.Pool.Shutdown(t.Context()) }()
	synctest.Wait()
	require.Equal(t, []*resource{r}, b.Held())
	require.Len(t, b.Dials(), 1)
	b.CloseReturns(r)
	require.Empty(t, ended, "the dial has not returned")
	b.HoldClose(false)
	b.Fail()
	require.Len(t, ended, 1)
	assert.NoError(t, <-ended)
}

func shutdownAndTheDead(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 2))
	b.Auto(pooltest.Shareable(2))
	c := b.Acquire()
	b.SetCapacity(c.Resource(), pool.Dead)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	assert.NoError(t, b.Pool.Shutdown(ctx))
	c.Release()
}

func resetRetiresAtRelease(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Auto(pooltest.Exclusive())
	idle, used := b.Acquire(), b.Acquire()
	idle.Release()
	b.Reset()
	assert.Equal(t, pooltest.Closed, idle.Resource().State())
	assert.Same(t, used.Resource(), used.Lease().Value())
	require.Equal(t, 3, b.Acquire().Resource().ID)
	waiter := b.Acquire()
	used.Release()
	assert.Equal(t, pooltest.Closed, used.Resource().State())
	assert.Equal(t, 4, waiter.Resource().ID, "an old one goes to nobody")
	assert.EqualValues(t, 2, b.Pool.Stats().Closes.Of(pool.ReasonReset))
}

func resetCancelsDials(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	first := b.Acquire()
	b.Stubborn(true)
	second := b.Acquire()
	b.Stubborn(false)
	b.Reset()
	dials := b.Dials()
	require.Len(t, dials, 2, "one has ended, and a new one has taken its slot")
	require.Equal(t, []bool{true, false}, []bool{dials[0].Canceled(), dials[1].Canceled()})
	assert.False(t, first.Returned())
	old := dials[0].Succeed(pooltest.Exclusive())
	synctest.Wait()
	assert.Equal(t, pooltest.Closed, old.State())
	assert.False(t, first.Returned())
	b.Succeed(pooltest.Exclusive())
	b.Succeed(pooltest.Exclusive())
	assert.Equal(t, []int{2, 3}, ids(first, second))
}

func resetDrains(t *testing.T, k kind) {
	b := k.bench(t, shareable(2, 2))
	b.Auto(pooltest.Shareable(2))
	old := b.Acquire()
	b.Reset()
	assert.Equal(t, 2, b.Acquire().Resource().ID, "no new lease on an old one")
	old.Release()
	assert.Equal(t, pooltest.Closed, old.Resource().State())
}
