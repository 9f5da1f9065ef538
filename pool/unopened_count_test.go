package pool_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/pool"
)

// One that opens goes on counting as what its dial was expected to bring, where nothing
// else is said (I7); and if it never does, those for whom it was dialled hear of it.
func TestWhatIsAboutToOpenCountsAsItsDialDid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared = 3
		r := newRig(t, cfg)
		r.capacity = 0
		calls := []*call{r.acquire(), r.acquire(), r.acquire()}
		assert.EqualValues(t, 1, r.Stats().Dials)
		r.things[0].set(0)
		assert.EqualValues(t, 1, r.Stats().Dials)
		last := r.acquire()
		assert.EqualValues(t, 2, r.Stats().Dials)
		r.things[0].set(pool.Dead)
		for _, c := range calls {
			assert.Error(t, c.failed())
		}
		last.waits()
		r.things[1].set(2)
		last.got()
		r.things[1].set(0)
		next := r.acquire()
		next.waits()
		assert.EqualValues(t, 3, r.Stats().Dials, "it is not about to have room")
		last.release()
		r.things[2].set(1)
		next.got()
		next.release()
	})
}

// An exclusive resource is for one caller, whatever Expect says.
func TestExclusiveResourceThatOpensIsForOneCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shareable = func(*thing) bool { return false }
		cfg.Expect = func(*thing) int { return 10 }
		r := newRig(t, cfg)
		r.capacity = 0
		first, second := r.acquire(), r.acquire()
		assert.EqualValues(t, 2, r.Stats().Dials)
		r.things[0].set(pool.Dead)
		assert.Error(t, first.failed())
		second.waits()
		r.things[1].set(1)
		second.got()
		second.release()
	})
}

// A Budget that shrinks ends what opens, although callers wait for it: as it cancels dials.
// They wait on, for what is left.
func TestSmallerBudgetEndsWhatOpens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 4})
		one, two := newRig(t, sharing(b)), newRig(t, sharing(b))
		one.capacity, two.capacity = 0, 0
		calls := []*call{one.acquire(), two.acquire(), two.acquire(), one.acquire()}
		assert.Equal(t, 4, b.Stats().Open)
		assert.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 2}))
		pass(0)
		assert.Equal(t, 2, b.Stats().Open)
		assert.EqualValues(t, 2, one.Stats().Closes.Of(pool.ReasonLimits)+two.Stats().Closes.Of(pool.ReasonLimits))
		for _, r := range []*rig{one, two} {
			r.born(2)
			for _, x := range r.things {
				x.set(2)
			}
		}
		for _, c := range []*call{calls[1], calls[2], calls[0], calls[3]} {
			c.got()
			c.release()
		}
	})
}

// It ends no more of it than there is too much: what remains is not given up for callers of
// another pool who came later.
func TestSmallerBudgetEndsNoMoreOfWhatOpensThanItMust(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 4})
		r, later := newRig(t, sharing(b)), newRig(t, sharing(b))
		r.capacity = 0
		for range 4 {
			r.acquire()
		}
		for range 3 {
			later.acquire()
		}
		assert.Equal(t, 4, b.Stats().Open)
		assert.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 3}))
		pass(0)
		s := r.Stats()
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonLimits))
		assert.EqualValues(t, 1, s.Closes.Total())
		assert.EqualValues(t, 4, s.Dials)
	})
}

// A dial that the Budget has canceled, and that brings something all the same, is one too
// many. If something opens by then, of whichever pool, it goes.
func TestSmallerBudgetEndsWhatOpensForADialThatDoesNotEnd(t *testing.T) {
	for name, same := range map[string]bool{"of the same pool": true, "of another": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
				one := newManual(t, sharing(b))
				two := one
				if !same {
					two = newManual(t, sharing(b))
				}
				one.capacity, two.capacity = 0, 0
				one.acquire()
				one.dial(1).ok()
				two.acquire()
				d := two.dial(len(two.dials))
				d.stubborn.Store(true)
				assert.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1}))
				assert.True(t, d.canceled())
				d.ok()
				pass(0)
				assert.Equal(t, 1, b.Stats().Open)
			})
		})
	}
}
