package pool

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// waiterOf returns a channel with what a caller gets who waits.
func waiterOf(t *testing.T, p *Pool[int]) <-chan Lease[int] {
	got := make(chan Lease[int], 1)
	go func() {
		l, err := p.Acquire(t.Context())
		assert.NoError(t, err)
		got <- l
	}()
	return got
}

// numbered dials 1, 2, 3 and so on.
func numbered() func(context.Context) (int, error) {
	var made atomic.Int32
	return func(context.Context) (int, error) { return int(made.Add(1)), nil }
}

// A lease may last longer than the life of its resource, and by the wall clock alone.
func TestWaiterIsNotHandedWhatExpiredWhileTheMachineSlept(t *testing.T) {
	p, err := New(Config[int]{Dial: numbered(), MaxOpen: 1, MaxLifetime: time.Minute})
	require.NoError(t, err)
	l := mustAcquire(t, p)
	got := waiterOf(t, p)
	for p.waiters.Len() == 0 {
		runtime.Gosched()
	}
	p.mu.Lock()
	l.cell.slot.expires = sleptSince(l.cell.slot.expires, time.Hour)
	p.mu.Unlock()
	l.Release()
	next := <-got
	assert.Equal(t, 2, next.Value())
	assert.EqualValues(t, 1, p.Stats().Closes.Of(ReasonLifetime))
	next.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// An exclusive resource may say after a lease that it needs a rest.
func TestWaiterIsNotHandedAResourceWithoutCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, x := newAsked(t, func(cfg *Config[int]) { cfg.Shareable = func(int) bool { return false } })
		l := mustAcquire(t, p)
		got := waiterOf(t, p)
		synctest.Wait()
		x.capacity = 0
		x.changed()
		l.Release()
		synctest.Wait()
		require.Empty(t, got)
		x.capacity = 1
		x.changed()
		synctest.Wait()
		next := <-got
		assert.Equal(t, 1, next.Value())
		next.Release()
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Where nothing tells, it is asked.
func TestResourceWithoutCapacityOrWatchIsNotHandedOut(t *testing.T) {
	capacity := 1
	p, err := New(Config[int]{
		Dial: numbered(), MaxOpen: 1, Shareable: func(int) bool { return false },
		Capacity: func(int) int { return capacity },
	})
	require.NoError(t, err)
	for range 5 {
		mustAcquire(t, p).Release()
	}
	l := mustAcquire(t, p)
	capacity = 0
	l.Release()
	_, ok := p.TryAcquire()
	require.False(t, ok)
	require.NoError(t, p.Shutdown(t.Context()))
}

// A waiter that has been chosen for a resource wakes up when the lock is free: else it
// would come for the lock and sleep again.
func TestWaiterWakesUpWhenTheLockIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config[int]{Dial: numbered(), MaxOpen: 1})
		require.NoError(t, err)
		l := mustAcquire(t, p)
		got := waiterOf(t, p)
		synctest.Wait()

		var next handOff[int]
		p.lock()
		require.True(t, l.cell.end(l.turn))
		p.passOnLocked(l.cell, EndRelease, nil, &next)
		synctest.Wait()
		assert.Empty(t, got)
		assert.Zero(t, p.waiters.Len(), "it has been chosen")
		require.Nil(t, p.finish(false, &next))
		l = <-got
		assert.Equal(t, 1, l.Value())
		times := p.Stats().WaitTimes
		assert.EqualValues(t, 2, times.Count(), "the first was for the dial")
		l.Release()
		require.NoError(t, p.Shutdown(t.Context()))
	})
}
