package keyed_test

import (
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two keyed pools on one Budget are to it what their keys are: one order, one cap.

func TestTwoKeyedPoolsOnOneBudgetKeepOneOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		one, two := newRig(t, config{Budget: b}), newRig(t, config{Budget: b})
		holders := []*call{one.acquire("a"), two.acquire("a")}
		waiting := []*call{
			two.acquire("b"), one.acquire("a"), one.acquire("b"), two.acquire("a"), two.acquire("a"), one.acquire("c"),
		}
		assert.Equal(t, 5, b.Stats().Waiting, "keys, each once")
		serveInOrder(t, holders, waiting)
		assert.Equal(t, 2, b.Stats().Open)
	})
}

func TestIdleOfOneKeyedPoolMakesRoomForAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		one, two := newRig(t, config{Budget: b}), newRig(t, config{Budget: b})
		one.acquire("a").release()
		two.acquire("a").release()
		two.acquire("b").got()
		assert.Empty(t, one.keys(), "the least recently used of both pools went")
		assert.Equal(t, []string{"a", "b"}, two.keys())
		one.acquire("b").got()
		assert.Equal(t, []string{"b"}, two.keys())
		assert.EqualValues(t, 2, one.Stats().Closes.Total()+two.Stats().Closes.Total())
	})
}

func TestMaxWaitersIsEachKeyedPoolsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		one, two := newRig(t, config{Budget: b, MaxWaiters: 1}), newRig(t, config{Budget: b, MaxWaiters: 1})
		one.acquire("a").got()
		one.acquire("b").waits()
		two.acquire("a").waits()
		assert.ErrorIs(t, one.acquire("c").failed(), pool.ErrWaitLimit)
		assert.ErrorIs(t, two.acquire("c").failed(), pool.ErrWaitLimit)
	})
}

// The capacity of a pool that closes goes to those who stay.
func TestClosedKeyedPoolLeavesItsCapacityToTheOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		one, two := newRig(t, config{Budget: b}), newRig(t, config{Budget: b})
		holder, idle := one.acquire("a"), one.acquire("b")
		idle.release()
		gone := one.acquireAll("c", "a", "d")
		gone[0].got() // in the place of b's
		waiting := []*call{two.acquire("a"), two.acquire("b")}
		require.NoError(t, one.Close())
		assert.ErrorIs(t, gone[1].failed(), pool.ErrClosed)
		assert.ErrorIs(t, gone[2].failed(), pool.ErrClosed)
		waiting[0].waits()
		holder.release()
		waiting[0].got()
		gone[0].release()
		waiting[1].got()
		synctest.Wait()
		assert.Equal(t, pool.BudgetStats{BudgetLimits: pool.BudgetLimits{MaxOpen: 2}, Open: 2}, b.Stats())
	})
}

// Growth of the Budget's own limits reaches the keys that wait.
func TestGrowthOfTheBudgetServesTheKeysOfAllPools(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		one, two := newRig(t, config{Budget: b}), newRig(t, config{Budget: b})
		one.acquire("a").got()
		waiting := []*call{two.acquire("b"), one.acquire("c"), two.acquire("d")}
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 3}))
		waiting[0].got()
		waiting[1].got()
		waiting[2].waits()
	})
}
