package pool

import (
	"testing"

	"github.com/berth-go/berth/internal/part"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who may not wait is not queued, and whoever has left meanwhile does not count.
func TestSteadyPoolCountsWhoMayWait(t *testing.T) {
	p, l, got := newSteady(t, Config[int]{})
	p.lock()
	p.total = &part.Total{}
	p.total.MaxWaiters.Store(2)
	p.unlock()
	require.True(t, p.isSteady())
	require.EqualValues(t, 1, p.total.Waiting.Load())
	queue := func(a *attempt[int]) bool {
		p.lockBeside()
		defer p.mu.Unlock()
		return a.queueSteadyLocked()
	}
	newcomer := func() *attempt[int] {
		return &attempt[int]{p: p, user: t.Context(), ctx: t.Context(), newcomer: true}
	}
	second, third := newcomer(), newcomer()
	require.True(t, queue(second))
	assert.False(t, second.newcomer)
	require.False(t, queue(third))
	assert.True(t, third.newcomer)
	assert.False(t, third.waiting)
	assert.Equal(t, 2, p.waiters.Len())

	p.total.MaxWaiters.Store(1)
	require.True(t, second.waiter.Cancel()) // the pool has not heard of it
	require.False(t, queue(third))
	p.total.MaxWaiters.Store(9)
	require.NoError(t, p.SetLimits(Limits{MaxOpen: 1, MaxWaiters: 1}))
	require.False(t, queue(third), "the pool's own limit")
	assert.Equal(t, 1, p.waiters.Len())

	covered := newcomer()
	p.lockBeside()
	p.mu.promised += 5 // there is one on its way for everybody
	p.mu.overTotal = true
	assert.True(t, covered.queueSteadyLocked(), "what was said to the last caller is nothing to this one")
	p.mu.promised -= 5
	p.mu.Unlock()
	require.True(t, covered.waiter.Cancel())

	back := newcomer()
	back.newcomer = false
	require.True(t, queue(back), "who was let in once may wait again")
	require.True(t, back.waiter.Cancel())
	p.lock()
	p.unlock()
	assert.EqualValues(t, 1, p.total.Waiting.Load())
	l.Release()
	(<-got).Release()
	require.NoError(t, p.Shutdown(t.Context()))
}
