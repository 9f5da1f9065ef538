package pool_test

import (
	"testing"
	"testing/synctest"

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
