package pool

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inBudget is a pool of shareable resources, each for one at a time.
type inBudget struct {
	*Pool[*int]
	hang bool // its dials
}

// sharedIn returns such a pool with one resource in use.
func sharedIn(t *testing.T, b *Budget, limit int) (*inBudget, Lease[*int]) {
	q := &inBudget{}
	var err error
	q.Pool, err = New(Config[*int]{
		Budget: b, MaxOpen: limit, Capacity: func(*int) int { return 1 },
		Dial: func(ctx context.Context) (*int, error) {
			if q.hang {
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			return new(int), nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, q.Shutdown(context.Background())) })
	return q, mustAcquire(t, q.Pool)
}

// What goes to a waiter by way of the idle list is never one that is idle too many:
// another pool's report that comes in between closes nothing for MaxIdle.
func TestBudgetSeesNothingIdleThatIsOnItsWayToAWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idleLimit(t, 1)
		p := beside(t, b)
		mustAcquire(t, p).Release()
		q, l := sharedIn(t, b, 1)
		var got Lease[*int]
		done := make(chan struct{})
		go func() {
			defer close(done)
			got = mustAcquire(t, q.Pool)
		}()
		synctest.Wait()

		require.True(t, l.cell.end(l.turn))
		q.lock()
		q.endLeaseLocked(l.cell, EndRelease, nil)
		assert.Equal(t, idle, l.cell.slot.state)
		assert.Equal(t, 1, b.Stats().Idle, "that of the other pool")
		require.NoError(t, p.SetLimits(Limits{MaxOpen: 7})) // it reports
		q.unlock()
		<-done
		assert.Zero(t, closesOf(p))
		got.Release()
		assert.Equal(t, 1, closesOf(p), "now there are two")
	})
}

// What no waiter takes is in the Budget's list when the lock is free, also if another
// comes after it in the same hold.
func TestBudgetSeesWhatNoWaiterTakes(t *testing.T) {
	for _, n := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			b, err := NewBudget(BudgetLimits{MaxOpen: n + 1})
			require.NoError(t, err)
			q, l := sharedIn(t, b, n+1)
			leases := []Lease[*int]{l}
			for len(leases) < n {
				leases = append(leases, mustAcquire(t, q.Pool))
			}
			ctx, cancel := context.WithCancel(t.Context())
			q.hang = true
			gone := make(chan error)
			go func() {
				_, err := q.AcquireWith(ctx, Request{Fresh: true})
				gone <- err
			}()
			synctest.Wait()

			q.lock()
			for _, l := range leases {
				require.True(t, l.cell.end(l.turn))
				q.endLeaseLocked(l.cell, EndRelease, nil)
			}
			q.unlock()
			assert.Equal(t, n, b.Stats().Idle)
			cancel()
			require.ErrorIs(t, <-gone, context.Canceled)
		})
	}
}

// Also if the only waiter gives up while the lock is held, so that the pool is calm when
// it is given back.
func TestBudgetSeesWhatAWaiterHasLeft(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 1})
	require.NoError(t, err)
	q, l := sharedIn(t, b, 1)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := q.Acquire(ctx)
		gone <- err
	}()
	for {
		q.mu.Lock()
		queued := q.waiters.Len() > 0
		q.mu.Unlock()
		if queued {
			break
		}
		runtime.Gosched()
	}

	require.True(t, l.cell.end(l.turn))
	q.lock()
	q.endLeaseLocked(l.cell, EndRelease, nil)
	cancel()
	for q.waiters.Len() > 0 {
		runtime.Gosched()
	}
	q.unlock()
	require.ErrorIs(t, <-gone, context.Canceled)
	assert.Equal(t, 1, b.Stats().Idle)
}
