package pool

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newSteady returns a pool whose one resource is out on the lease, with a caller that
// waits.
func newSteady(t *testing.T, cfg Config[int]) (*Pool[int], Lease[int], <-chan Lease[int]) {
	cfg.Dial, cfg.MaxOpen = numbered(), 1
	p, err := New(cfg)
	require.NoError(t, err)
	l := mustAcquire(t, p)
	got := waiterOf(t, p)
	for p.waiters.Len() == 0 {
		runtime.Gosched()
	}
	p.lock() // after whoever queued
	p.unlock()
	require.True(t, p.mu.steady)
	return p, l, got
}

// Who has something of the user's to call before it queues does not queue at once, be
// the pool steady or not.
func TestCallerWhoIsNotPreparedDoesNotStandAtOnce(t *testing.T) {
	p, l, got := newSteady(t, Config[int]{WaitTimeout: time.Minute})
	a := attempt[int]{p: p, ctx: context.Background(), newcomer: true}
	done, err := a.now()
	require.NoError(t, err)
	assert.False(t, done)
	assert.False(t, a.waiting, "its wait has no end yet")
	a.prepare()
	_, err = a.now()
	require.NoError(t, err)
	require.True(t, a.waiting)
	require.True(t, a.waiter.Cancel())
	p.lock()
	p.unlock()
	l.Release()
	(<-got).Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// The last waiter's lease leaves a pool that is steady no more.
func TestPoolWithoutWaitersIsNotSteady(t *testing.T) {
	p, l, got := newSteady(t, Config[int]{})
	l.Release()
	next := <-got
	assert.False(t, p.mu.steady)
	next.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}
