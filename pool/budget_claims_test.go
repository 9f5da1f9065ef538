package pool_test

import (
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A dial that the pool has canceled by itself is none that may be idle one day, though it does
// not heed that: another pool of the Budget may have something ready.
func TestCanceledDialTakesNothingOfTheBudgetsMaxIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxIdle: 1})
		cfg := under(b)
		cfg.MaxIdle = -1
		one := newManual(t, cfg)
		c := one.acquire()
		d := one.dial(1)
		d.stubborn.Store(true)
		c.leave()
		require.True(t, d.canceled())
		cfg = under(b)
		cfg.MinIdle = 1
		two := newManual(t, cfg)
		two.start()
		assert.Equal(t, 1, two.started())
		d.fail(errDial)
	})
}

// Of the dials that nobody needs the newest makes room for another pool.
func TestNewestOfTheDialsThatNobodyNeedsMakesRoomInTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		one, two := newManual(t, under(b)), newManual(t, under(b))
		for _, c := range one.acquireAll(2) {
			c.leave()
		}
		require.Empty(t, one.canceledDials())
		two.acquire()
		assert.Equal(t, []int{2}, one.canceledDials())
		assert.Equal(t, 1, two.started())
	})
}

// A waiter for whom a resource opens has no place in the line for the Budget's slots.
func TestSlotIsNotForTheCallerForWhomAResourceOpens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		holder := newBare(t, under(b))
		p, q := newManual(t, sharing(b)), newManual(t, under(b))
		p.capacity = 0
		first := p.acquire()
		p.dial(1).ok()
		first.waits()
		held := holder.acquire()
		held.got()
		other := q.acquire()
		p.acquire()
		held.release()
		assert.Equal(t, 1, q.started(), "whoever came second")
		assert.Equal(t, 1, p.started())
		q.dial(1).ok()
		other.got()
	})
}

// A pool that may dial one at a time needs one slot, however many wait in it.
func TestOlderWaitersWhoMayNotDialTakeNothingFromOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		closes := make(chan struct{})
		cfg := under(b)
		cfg.Close = func(*thing) error { <-closes; return nil }
		other := newRig(t, cfg)
		held := other.acquireAll(3)
		cfg = under(b)
		cfg.MaxDials = 1
		one := newManual(t, cfg)
		one.acquireAll(2)
		own := other.acquire()
		one.acquire()
		held[0].discard()
		held[1].release()
		own.got()
		close(closes)
		assert.Equal(t, 1, one.started())
	})
}

// A slot that is on its way to a pool serves as many callers as its resource will.
func TestCallersForWhomASharedSlotIsComingAreNoWaiters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		closes := make(chan struct{})
		cfg := under(b)
		cfg.Close = func(*thing) error { <-closes; return nil }
		other := newRig(t, cfg)
		other.acquire().release()
		cfg = sharing(b)
		cfg.Shared, cfg.MaxWaiters = 2, -1
		p := newRig(t, cfg)
		p.capacity = 2
		one, two := p.acquire(), p.acquire()
		one.waits()
		two.waits()
		require.ErrorIs(t, p.acquire().failed(), pool.ErrWaitLimit)
		close(closes)
		one.got()
		two.got()
	})
}

// Callers whose dial is late come before what another pool wants in the background.
func TestDialBesideALateOneComesBeforeMinIdleOfOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		cfg := under(b)
		cfg.RedialAfter = late
		one := newManual(t, cfg)
		one.acquire()
		cfg = under(b)
		cfg.MinIdle = 1
		two := newManual(t, cfg)
		two.start()
		pass(late)
		require.Equal(t, 1, one.started())
		require.Zero(t, two.started())
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 2}))
		assert.Equal(t, 2, one.started())
		assert.Zero(t, two.started())
	})
}

// More older waiters than a Budget knows the places of have the slots before younger ones.
func TestManyOlderWaitersComeBeforeAnotherPools(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 10})
		closes := make(chan struct{})
		cfg := under(b)
		cfg.Close = func(*thing) error { <-closes; return nil }
		other := newRig(t, cfg)
		held := other.acquireAll(10)
		one := newRig(t, under(b))
		older := one.acquireAll(10)
		own := other.acquire()
		for _, c := range held[:9] {
			c.discard()
		}
		held[9].release()
		own.waits()
		close(closes)
		for _, c := range older {
			c.got()
		}
		own.waits()
		older[0].release()
		own.got()
	})
}
