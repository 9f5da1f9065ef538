package pool_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Dials that a smaller Budget does not allow end at once, whichever pool's they are and
// whoever waits for them; what is idle goes first.
func TestSmallerBudgetCancelsSurplusDials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 6})
		one, two := newManual(t, under(b)), newManual(t, under(b))
		idle := one.acquire()
		one.dial(1).ok()
		idle.release()
		taken := one.acquire()
		taken.got()
		spare := two.acquire()
		two.dial(1).ok()
		spare.release()
		require.Equal(t, 1, two.Stats().Idle)

		calls := []*call{one.acquire(), one.acquire(), one.acquire()}
		late := two.acquire() // has what is idle there
		later := two.acquire()
		for _, c := range calls {
			c.waits()
		}
		later.waits()
		late.release()
		later.got() // and its dial goes on for nobody
		require.Equal(t, 6, b.Stats().Open)
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 3}))
		pass(0)
		assert.Equal(t, 3, b.Stats().Open)
		assert.True(t, two.dial(2).canceled(), "nobody waits for it")
		assert.EqualValues(t, 2, one.Stats().DialsCanceled)
		assert.True(t, one.dial(4).canceled(), "the newest")
		assert.True(t, one.dial(3).canceled())
		for _, c := range calls {
			c.waits() // they keep their places
		}
		one.dial(2).ok()
		assert.Equal(t, 2, calls[0].got().n)
		taken.release()
		assert.Equal(t, 1, calls[1].got().n)
		calls[0].release()
		calls[2].got()
		assert.Equal(t, 3, b.Stats().Open)
	})
}

// A Budget that shrinks once more counts what it has ordered before, and one that grows
// again has the waiters dialled for.
func TestBudgetThatShrinksTwiceAndGrows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 4})
		r := newManual(t, under(b))
		calls := []*call{r.acquire(), r.acquire(), r.acquire(), r.acquire()}
		for n := range calls {
			r.dial(n + 1).stubborn.Store(true)
		}
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 3}))
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1}))
		pass(0)
		for n, canceled := range []bool{false, true, true, true} {
			assert.Equal(t, canceled, r.dial(n+1).ctx.Err() != nil, "dial %d", n+1)
		}
		assert.Equal(t, 4, b.Stats().Open, "they have not returned")
		for n := 2; n <= 4; n++ {
			r.dial(n).fail(errDial)
		}
		pass(0)
		assert.Equal(t, 1, b.Stats().Open)
		for _, c := range calls {
			c.waits()
		}
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 4}))
		for n := 5; n <= 7; n++ {
			r.dial(n).ok()
		}
		r.dial(1).ok()
		for _, c := range calls {
			c.got()
		}
		assert.Equal(t, 7, r.started())
	})
}

// What goes because a Budget was lowered went for no waiter.
func TestSmallerBudgetIsTheReason(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 4})
		r, other := newRig(t, under(b)), newRig(t, under(b))
		held := r.acquireAll(4)
		held[0].release()
		held[1].release()
		waiting := other.acquire() // one goes to make room for it
		waiting.got()
		closes := func() (evict, limits uint64) {
			c := r.Stats().Closes
			return c.Of(pool.ReasonEvict), c.Of(pool.ReasonLimits)
		}
		evict, limits := closes()
		require.EqualValues(t, 1, evict)
		require.Zero(t, limits)

		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 2}))
		pass(0)
		evict, limits = closes()
		assert.EqualValues(t, 1, evict)
		assert.EqualValues(t, 1, limits, "what was idle")
		more := r.acquire()
		more.waits()
		held[2].release() // not for the waiter: the Budget has shrunk
		evict, limits = closes()
		assert.EqualValues(t, 1, evict)
		assert.EqualValues(t, 2, limits, "what was released")
		waiting.release() // idle, and in the way
		more.got()
		assert.EqualValues(t, 1, other.Stats().Closes.Of(pool.ReasonEvict))
	})
}

func TestWarmRefusesWhatTheBudgetDoesNotAllow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 4, MaxIdle: 3})
		r := newManual(t, under(b))
		assert.EqualError(t, r.Warm(t.Context(), 5),
			"pool: n is 5, above MaxOpen 4 of the Budget: ask Warm for less, or raise MaxOpen of the Budget")
		assert.EqualError(t, r.Warm(t.Context(), 4),
			"pool: n is 4, above MaxIdle 3 of the Budget: ask Warm for less, or raise MaxIdle of the Budget")
		assert.Zero(t, r.started())
		warm := r.warm(t.Context(), 3)
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 2}))
		assert.ErrorContains(t, <-warm, "n is 3, above MaxOpen 2 of the Budget")
		pass(time.Hour)
		assert.Equal(t, 3, r.started())
		assert.LessOrEqual(t, b.Stats().Open, 2)
	})
}

// A Warm that waits for its turn is told as well.
func TestSmallerBudgetEndsWarmThatHasNoDial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		r, other := newManual(t, under(b)), newRig(t, under(b))
		all := other.acquireAll(3)
		warm := r.warm(t.Context(), 3)
		assert.Empty(t, warm)
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 2}))
		assert.ErrorContains(t, <-warm, "n is 3, above MaxOpen 2 of the Budget")
		for _, c := range all {
			c.release()
		}
		assert.Zero(t, r.started())
	})
}

// So is one that waits for a dial which goes on.
func TestSmallerBudgetEndsWarmWhoseDialGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		cfg := under(b)
		cfg.MaxDials = 1
		r := newManual(t, cfg)
		warm := r.warm(t.Context(), 3)
		assert.Empty(t, warm)
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 2}))
		synctest.Wait()
		require.Len(t, warm, 1)
		assert.ErrorContains(t, <-warm, "n is 3, above MaxOpen 2 of the Budget")
		assert.False(t, r.dial(1).canceled(), "it may become idle")
	})
}

// What is idle makes as much room as it takes: no dial ends because of it.
func TestSmallerBudgetCancelsNoMoreDialsThanItMust(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		one, two := newRig(t, under(b)), newManual(t, under(b))
		one.acquire().release()
		calls := []*call{two.acquire(), two.acquire()}
		calls[1].waits()
		require.Equal(t, 3, b.Stats().Open)
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 2}))
		pass(0)
		for n, c := range calls {
			two.dial(n + 1).ok()
			c.got()
		}
		assert.Equal(t, 2, b.Stats().Open)
		assert.Zero(t, two.Stats().DialsCanceled)
	})
}
