package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// laneIn returns a pool with n resources in the lane, in a Budget.
func laneIn(t *testing.T, b *Budget, n int) *Pool[*int] {
	p, _ := newLane(t, n, func(c *Config[*int]) { c.Budget = b })
	return p
}

func idleLimit(t *testing.T, n int) *Budget {
	b, err := NewBudget(BudgetLimits{MaxIdle: n})
	require.NoError(t, err)
	return b
}

// takeFrom takes n resources from a pool's lane.
func takeFrom(t *testing.T, p *Pool[*int], n int) (leases []Lease[*int]) {
	t.Helper()
	for range n {
		l := mustAcquire(t, p)
		require.True(t, l.fast())
		leases = append(leases, l)
	}
	return leases
}

// slowly returns a pool with a dial that takes a second, and whose caller has gone.
func slowly(t *testing.T, b *Budget) *Pool[*int] {
	r, err := New(Config[*int]{Budget: b, Dial: func(ctx context.Context) (*int, error) {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Second):
			return new(int), nil
		}
	}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Shutdown(context.Background())) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = r.Acquire(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	return r
}

func closesOf(p *Pool[*int]) int { return int(p.Stats().Closes.Of(ReasonIdleLimit)) }

// All that is open may be idle: no release has to look whether there is too much of it.
func TestBudgetWithMaxIdleHasLanesWhileAllMayBeIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idleLimit(t, 4)
		p, q := laneIn(t, b, 2), laneIn(t, b, 2)
		assert.NotNil(t, p.open.Load())
		assert.NotNil(t, q.open.Load())

		r := beside(t, b)
		l := mustAcquire(t, r) // one more than may be idle
		assert.Nil(t, p.open.Load())
		assert.Nil(t, q.open.Load())
		for range 2 * minStreak {
			mustAcquire(t, p).Release()
			assert.Nil(t, p.open.Load())
		}
		l.Discard(nil)
		for range 2 * minStreak {
			mustAcquire(t, p).Release()
		}
		assert.NotNil(t, p.open.Load(), "four again")
		assert.Zero(t, closesOf(p)+closesOf(q)+closesOf(r))
	})
}

// What is out of a lane is not idle, though it was when it was lent: when the lanes are
// closed, nothing must go that only seems to be too much.
func TestBudgetClosesNothingForWhatIsInUseInALane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idleLimit(t, 3)
		q, p := laneIn(t, b, 1), laneIn(t, b, 2)
		out := takeFrom(t, p, 2)
		r := beside(t, b)
		mustAcquire(t, r).Release()
		assert.Equal(t, 2, b.Stats().Idle)
		assert.Zero(t, closesOf(q), "it was idle for longest, and only two were")

		out[0].Release()
		assert.Equal(t, 3, b.Stats().Idle)
		assert.Zero(t, closesOf(q))
		out[1].Release()
		assert.Equal(t, 3, b.Stats().Idle)
		assert.Equal(t, 1, closesOf(q))
		assert.Zero(t, closesOf(p)+closesOf(r))
	})
}

// The same where the limit falls instead.
func TestBudgetWithALowerMaxIdleClosesNothingForWhatIsInUseInALane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idleLimit(t, 5)
		q := beside(t, b)
		first, second := mustAcquire(t, q), mustAcquire(t, q)
		first.Release()
		second.Release() // it is not in a lane
		p := laneIn(t, b, 3)
		out := takeFrom(t, p, 2)
		require.NoError(t, b.SetLimits(BudgetLimits{MaxIdle: 3}))
		assert.Zero(t, closesOf(q)+closesOf(p))
		assert.Equal(t, 3, b.Stats().Idle)
		require.NoError(t, b.SetLimits(BudgetLimits{MaxIdle: 2}))
		assert.Equal(t, 1, closesOf(q))
		for _, l := range out {
			l.Release()
		}
		assert.Equal(t, 2, b.Stats().Idle)
		assert.Equal(t, 2, closesOf(q))
		assert.Equal(t, 1, closesOf(p), "the one that rested")
	})
}

// What is in use in a lane leaves room under MaxIdle for what a pool dials in the
// background.
func TestBudgetGrantsABackgroundDialBesideALaneInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idleLimit(t, 2)
		p := laneIn(t, b, 2)
		out := takeFrom(t, p, 2)
		r := beside(t, b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, r.Warm(ctx, 1))
		assert.Equal(t, 1, b.Stats().Idle)
		out[0].Release()
		out[1].Release()
		assert.Equal(t, 2, b.Stats().Idle)
		assert.Equal(t, 1, closesOf(r), "it was idle for longest")
	})
}

// One that waits for a slot instead does not close the lanes.
func TestBudgetLeavesLanesOpenWhileABackgroundDialWaitsForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxIdle: 4, MaxOpen: 2})
		require.NoError(t, err)
		p := laneIn(t, b, 2)
		r := beside(t, b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		warmed := make(chan error)
		go func() { warmed <- r.Warm(ctx, 1) }()
		synctest.Wait()
		assert.NotNil(t, p.open.Load())
		require.ErrorIs(t, <-warmed, context.DeadlineExceeded)
	})
}

// A dial whose caller has gone goes on while its result may be idle, and what is in use
// in a lane does not take its place.
func TestBudgetKeepsADialBesideALaneInUse(t *testing.T) {
	for name, limit := range map[string]int{"more open than may be idle": 2, "a limit that falls": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := idleLimit(t, limit)
				p := laneIn(t, b, 2)
				out := takeFrom(t, p, 2)
				r := slowly(t, b)
				require.Equal(t, limit == 3, p.open.Load() != nil, "all three may be idle")
				require.NoError(t, b.SetLimits(BudgetLimits{MaxIdle: 2}))
				time.Sleep(2 * time.Second)
				assert.Equal(t, 1, r.Stats().Idle)
				out[0].Release()
				out[1].Release()
			})
		})
	}
}

// What is being closed will not be idle, however long that takes.
func TestBudgetWithMaxIdleLeavesLanesOpenWhileAResourceIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idleLimit(t, 2)
		p := laneIn(t, b, 2)
		closed := make(chan struct{})
		r, err := New(Config[*int]{
			Budget: b,
			Dial:   func(context.Context) (*int, error) { return new(int), nil },
			Close:  func(*int) error { <-closed; return nil },
		})
		require.NoError(t, err)
		mustAcquire(t, r).Discard(nil)
		require.Equal(t, 3, b.Stats().Open)
		for range 2 * minStreak {
			mustAcquire(t, p).Release()
		}
		assert.NotNil(t, p.open.Load())
		close(closed)
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

// A closed pool, whose leases are still out, has no lane to close for the others.
func TestClosedPoolDoesNotHoldUpMaxIdleOfItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := idleLimit(t, 4)
		q, p := laneIn(t, b, 2), laneIn(t, b, 2)
		out := takeFrom(t, p, 2)
		p.Close()
		r := beside(t, b)
		all := []Lease[*int]{mustAcquire(t, r), mustAcquire(t, r), mustAcquire(t, r)}
		for _, l := range all {
			l.Release()
		}
		assert.Equal(t, 4, b.Stats().Idle)
		assert.Equal(t, 1, closesOf(q), "the oldest of five")
		out[0].Release()
		out[1].Release()
		assert.Equal(t, 4, b.Stats().Idle)
	})
}
