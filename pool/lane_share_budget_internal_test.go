package pool

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// budgeted returns a pool of wires in a Budget, whose lane is open.
func budgeted(t *testing.T, l BudgetLimits, change func(*Config[*wire])) (*wires, *Budget) {
	b, err := NewBudget(l)
	require.NoError(t, err)
	ws := newWires(t, 4, func(c *Config[*wire]) {
		c.Budget = b
		if change != nil {
			change(c)
		}
	})
	return ws.warm(), b
}

// A slot of the lane is idle for the Budget when all of its leases rest, and not
// while one is out.
func TestBudgetStatsCountAShareableResourceOfTheLaneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, b := budgeted(t, BudgetLimits{}, nil)
		idle := func() int { return b.Stats().Idle }
		assert.Equal(t, 1, idle())
		x, y := ws.fromLane(), ws.fromLane()
		assert.Equal(t, 0, idle())
		x.Release()
		assert.Equal(t, 0, idle())
		y.Release()
		assert.Equal(t, 1, idle())
		assert.Equal(t, 1, b.Stats().Open)
	})
}

// A lease under the lock on a resource whose leases were lent while it was idle: it
// is not idle any more, and the lane does not say otherwise.
func TestBudgetKnowsOfALeaseBesideTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, b := budgeted(t, BudgetLimits{}, nil)
		x := ws.fromLane()
		y := ws.locked()
		x.Release()
		assert.Zero(t, b.Stats().Idle)
		time.Sleep(time.Second) // the lane is given up
		assert.Zero(t, b.Stats().Idle)
		release(y)
		assert.Equal(t, 1, b.Stats().Idle)
	})
}

// A lease of the lane that ends under the lock takes its slot out of the Budget's
// list; the others of that slot are not subtracted for it again.
func TestBudgetCountsOthersWhileALeaseOfTheLaneEndsUnderTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, b := budgeted(t, BudgetLimits{}, nil)
		q := beside(t, b)
		mustAcquire(t, q).Release()
		require.Equal(t, 2, b.Stats().Idle)
		x, y := ws.fromLane(), ws.fromLane()
		require.Equal(t, 1, b.Stats().Idle)
		ws.releaseSlow(x.cell, x.turn, x.guard) // as when the lane is closed just then
		require.True(t, y.fast())
		assert.Equal(t, 1, b.Stats().Idle, "that of the other pool")
		y.Release()
		assert.Equal(t, 2, b.Stats().Idle, "all that was in use rests in the lane")
		require.NotNil(t, ws.open.Load())
		time.Sleep(time.Second)
		assert.Equal(t, 2, b.Stats().Idle)
	})
}

// Another pool of the Budget needs a slot, and the only one that is idle is lent.
func TestBudgetEvictsAShareableResourceFromTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws, b := budgeted(t, BudgetLimits{MaxOpen: 1}, nil)
		q := beside(t, b)
		l := mustAcquire(t, q) // while its leases rest
		assert.EqualValues(t, 1, ws.Stats().Closes.Of(ReasonEvict))
		assert.Nil(t, ws.open.Load())
		l.Release()

		ws.warm()
		x, y := ws.fromLane(), ws.fromLane()
		got := make(chan Lease[*int])
		go func() { got <- mustAcquire(t, q) }()
		synctest.Wait()
		assert.Nil(t, ws.open.Load(), "a waiter of another pool closes the lane")
		x.Release()
		require.Zero(t, ws.resting())
		y.Release() // idle now, and goes
		(<-got).Release()
		assert.Zero(t, ws.Stats().Open)
	})
}

// Two pools of shareable resources share too few slots, each with a lane.
func TestBudgetGivesSlotsToAndFroBetweenSharedLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := budgeted(t, BudgetLimits{MaxOpen: 1}, nil)
		c := newWires(t, 4, func(cfg *Config[*wire]) { cfg.Budget = b })
		for range 5 {
			c.warm()
			assert.Zero(t, a.Stats().Open)
			assert.Equal(t, 1, b.Stats().Idle)
			a.warm()
			assert.Zero(t, c.Stats().Open)
			assert.Equal(t, 1, b.Stats().Idle)
		}
		assert.EqualValues(t, 5, c.Stats().Closes.Of(ReasonEvict))
	})
}
