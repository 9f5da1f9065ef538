package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The window between "the resource rests" and "is the lane open?", forced both
// ways: another pool's waiter closes the lane just before the resource rests, when
// the release had found it open (I4). Recycle holds the window open. The releaser
// looks again, and the waiter gets the slot.
func TestReleaserWhoFindsTheLaneClosedLooksAgain(t *testing.T) {
	for name, before := range map[string]bool{"closed before it rests": true, "closed after": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, err := NewBudget(BudgetLimits{MaxOpen: 1})
				require.NoError(t, err)
				q, err := New(Config[int]{Dial: func(context.Context) (int, error) { return 0, nil }, Budget: b})
				require.NoError(t, err)
				got := make(chan Lease[int], 1)
				wait := func() {
					go func() {
						w, _ := q.Acquire(context.Background())
						got <- w
					}()
					synctest.Wait()
				}
				during := func() {}
				p, _ := newLane(t, 1, func(c *Config[*int]) {
					c.Budget = b
					c.Recycle = func(*int) error { during(); return nil }
				})
				l := mustAcquire(t, p)
				require.True(t, l.fast())
				if before {
					during = func() {
						wait()
						require.Nil(t, p.open.Load())
						require.Empty(t, got)
					}
					l.Release()
				} else {
					l.Release()
					require.Equal(t, 1, p.resting())
					wait()
				}
				synctest.Wait()
				require.Len(t, got, 1, "a waiter sleeps while a slot could be free (I2)")
				(<-got).Release()
				require.NoError(t, q.Shutdown(t.Context()))
			})
		})
	}
}

// Whatever ends a resource finds it in the lane as well, resting or out.
func TestEndOfAResourceReachesIntoTheLane(t *testing.T) {
	for name, end := range map[string]struct {
		do   func(*Pool[*int])
		left int // idle after the release of the one that was out
	}{
		"Reset":     {(*Pool[*int]).Reset, 0},
		"Close":     {func(p *Pool[*int]) { _ = p.Close() }, 0},
		"CloseIdle": {(*Pool[*int]).CloseIdle, 1},
		"Retire":    {func(p *Pool[*int]) { p.Retire(func(*int) bool { return true }) }, 0},
		"SetLimits": {func(p *Pool[*int]) { _ = p.SetLimits(Limits{MaxIdle: -1}) }, 0},
		"MaxOpen":   {func(p *Pool[*int]) { _ = p.SetLimits(Limits{MaxOpen: 1}) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := newLane(t, 3, nil)
				l := mustAcquire(t, p)
				require.True(t, l.fast())
				end.do(p)
				assert.Equal(t, 1, p.Stats().Open, "the one that is out")
				l.Release()
				assert.Equal(t, end.left, p.Stats().Idle)
				assert.Equal(t, end.left, p.Stats().Open)
			})
		})
	}
}

func TestUsesAreCountedInTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, all := newLane(t, 1, func(c *Config[*int]) { c.MaxUses = 6 })
		for range 3 { // after three in newLane
			l := mustAcquire(t, p)
			require.True(t, l.fast())
			require.Same(t, all[0], l.Value())
			l.Release()
		}
		assert.EqualValues(t, 1, p.Stats().Closes.Of(ReasonUses))
		l := mustAcquire(t, p)
		assert.NotSame(t, all[0], l.Value())
		assert.EqualValues(t, 1, l.Info().Uses)
		l.Release()
	})
}

// Recycle runs when a lease of the lane ends, and what it says counts.
func TestRecycleRunsInTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, fails, during := 0, error(nil), func() {}
		p, _ := newLane(t, 1, func(c *Config[*int]) {
			c.Recycle = func(*int) error { n++; during(); return fails }
		})
		n = 0
		l := mustAcquire(t, p)
		require.True(t, l.fast())
		l.Release()
		l.Release()
		assert.Equal(t, 1, n)
		assert.Equal(t, 1, p.resting())

		during = p.Reset // while it runs, the lease has ended and the resource is not at rest
		mustAcquire(t, p).Release()
		assert.EqualValues(t, 1, p.Stats().Closes.Of(ReasonReset))
		during = func() {}

		reopen(t, p)
		fails = errors.New("broken")
		mustAcquire(t, p).Release()
		assert.EqualValues(t, 1, p.Stats().Closes.Of(ReasonRecycle))

		fails = nil
		reopen(t, p)
		during = func() { panic("boom") }
		l = mustAcquire(t, p)
		require.True(t, l.fast())
		assert.PanicsWithValue(t, "boom", l.Release)
		assert.EqualValues(t, 2, p.Stats().Closes.Of(ReasonRecycle))
		s := p.Stats()
		assert.Equal(t, []int{0, 0, 0}, []int{s.Open, s.InUse, s.Leases})
	})
}

// Copies of a lease that has ended do nothing to whoever has the resource now.
func TestLeaseOfTheLaneEndsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 1, nil)
		stale := mustAcquire(t, p)
		stale.Release()
		l := mustAcquire(t, p)
		require.True(t, l.fast())
		stale.Release()
		stale.Discard(nil)
		assert.Panics(t, func() { stale.Hijack() })
		assert.Panics(t, func() { stale.Value() })
		assert.NotPanics(t, func() { l.Value() })
		assert.Equal(t, 1, p.Stats().InUse)
		l.Discard(nil)
		assert.Zero(t, p.Stats().Open)
	})
}

// A pool of the same Budget needs a slot: the lanes of the others are closed, what
// is used least recently goes, and no lane opens before the need is met.
func TestBudgetReachesIntoTheLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 3})
		require.NoError(t, err)
		in := func(c *Config[*int]) { c.Budget = b }
		p, all := newLane(t, 2, in)
		assert.Equal(t, 2, b.Stats().Idle)
		out := mustAcquire(t, p)
		require.True(t, out.fast())
		assert.Equal(t, 1, b.Stats().Idle)

		q, err := New(Config[int]{Dial: func(context.Context) (int, error) { return 0, nil }, Budget: b})
		require.NoError(t, err)
		first := mustAcquire(t, q)
		second := mustAcquire(t, q) // takes the slot of what rests in p's lane
		assert.EqualValues(t, 1, p.Stats().Closes.Of(ReasonEvict))
		assert.Equal(t, 1, p.Stats().Open)

		got := make(chan Lease[int])
		go func() {
			l, _ := q.Acquire(context.Background())
			got <- l
		}()
		synctest.Wait()
		assert.Nil(t, p.open.Load())
		assert.Same(t, all[1], out.Value())
		out.Release() // its slot goes to the waiter of q
		third := <-got
		assert.Zero(t, p.Stats().Open)
		first.Release()
		second.Release()
		third.Release()
		require.NoError(t, q.Shutdown(t.Context()))
	})
}
