package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A call of Warm that the Budget's new limits do not allow ends at once, also while its
// pool has waiters, who come first, and so asks the Budget for nothing in the background.
func TestBudgetThatShrinksEndsWarmBesideWaiters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		other := newRig(t, pool.Config[*thing]{Budget: b})
		x, y := other.acquire(), other.acquire()
		x.got()
		y.got()
		r := newRig(t, pool.Config[*thing]{Budget: b})
		c := r.acquire()
		c.waits()
		done := make(chan error, 1)
		go func() { done <- r.Warm(t.Context(), 2) }()
		synctest.Wait()
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1}))
		synctest.Wait()
		select {
		case err := <-done:
			assert.ErrorContains(t, err, "above MaxOpen 1 of the Budget")
		default:
			assert.Fail(t, "Warm still waits")
		}
		x.release()
		y.release()
		c.got()
		c.release()
	})
}

// A call of Warm may come just when the limits of its Budget change: after it has looked at
// them, and before the Budget knows of it. It ends all the same (I4).
func TestWarmThatComesWhileItsBudgetShrinksEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const wide, narrow = 1_000, 2
		b, err := pool.NewBudget(pool.BudgetLimits{})
		require.NoError(t, err)
		var pools [32]*pool.Pool[int]
		for i := range pools {
			pools[i], err = pool.New(pool.Config[int]{Budget: b, Dial: func(ctx context.Context) (int, error) {
				<-ctx.Done()
				return 0, ctx.Err()
			}})
			require.NoError(t, err)
		}
		for round := range 400 {
			require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxIdle: wide}))
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			done := make(chan error, len(pools))
			for i, p := range pools {
				if i == round%len(pools) {
					go func() { assert.NoError(t, b.SetLimits(pool.BudgetLimits{MaxIdle: narrow})) }()
				}
				go func() { done <- p.Warm(ctx, narrow+1) }()
			}
			for range pools {
				assert.ErrorContains(t, <-done, "above MaxIdle 2 of the Budget")
			}
			cancel()
		}
		for _, p := range pools {
			require.NoError(t, p.Shutdown(t.Context()))
		}
	})
}
