package pool_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A dial that hangs, whose caller has gone, and that began too early for who wants a
// fresh resource makes room for that one's own.
func TestDialThatNobodyNeedsMakesRoomForAFreshOne(t *testing.T) {
	for name, cfg := range map[string]pool.Config[*thing]{
		"slots":          {MaxOpen: 1},
		"dials":          {MaxDials: 1},
		"slots and more": {MaxOpen: 1, MaxDials: 1, RedialAfter: late},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, cfg)
				r.acquire().leave()
				require.False(t, r.dial(1).canceled(), "it may become idle")
				fresh := r.acquireFresh()
				require.True(t, r.dial(1).canceled())
				require.Equal(t, 2, r.started())
				r.dial(2).ok()
				fresh.got()
				assert.EqualValues(t, 1, r.Stats().DialsCanceled)
			})
		})
	}
}

// What is idle and too old goes for a slot, and not for a dial; the dial only where it is
// in the way.
func TestIdleGoesForASlotAndADialForADial(t *testing.T) {
	for name, test := range map[string]struct {
		cfg      pool.Config[*thing]
		canceled bool
		evicted  uint64
	}{
		"room":           {pool.Config[*thing]{MaxOpen: 3, MaxDials: 2}, false, 0},
		"no slot":        {pool.Config[*thing]{MaxOpen: 2, MaxDials: 2}, false, 1},
		"no dial":        {pool.Config[*thing]{MaxOpen: 3, MaxDials: 1}, true, 0},
		"neither of the": {pool.Config[*thing]{MaxOpen: 2, MaxDials: 1}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, test.cfg)
				holder := r.acquire()
				r.dial(1).ok()
				r.acquire().leave()
				holder.release()
				fresh := r.acquireFresh()
				assert.Equal(t, test.canceled, r.dial(2).canceled())
				assert.Equal(t, test.evicted, r.Stats().Closes.Of(pool.ReasonEvict))
				r.dial(3).ok()
				assert.Equal(t, 2, fresh.got().n)
			})
		})
	}
}

// A dial that others wait for goes on, and comes to its end first.
func TestDialThatOthersNeedMakesNoRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
		gone := r.acquire()
		fresh := r.acquireFresh()
		last := r.acquire()
		require.False(t, r.dial(1).canceled())
		gone.leave()
		require.False(t, r.dial(1).canceled())
		last.leave()
		require.True(t, r.dial(1).canceled())
		r.dial(2).ok()
		fresh.got()
	})
}

// While no dial may begin, nothing goes for it.
func TestNothingMakesRoomDuringBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.BackoffBase, cfg.BackoffMax = 3, time.Minute, time.Minute
		r := newManual(t, cfg)
		r.acquire()
		r.dial(1).ok()
		first, second := r.acquire(), r.acquire()
		r.dial(2).fail(errDial)
		require.Error(t, first.failed())
		second.leave()
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 2}))
		fresh := r.acquireFresh()
		assert.False(t, r.dial(3).canceled())
		r.things[0].set(2)
		l, ok := r.TryAcquire()
		assert.True(t, ok, "it is not to go")
		l.Release()
		pass(time.Minute)
		assert.True(t, r.dial(3).canceled())
		r.dial(4).ok()
		fresh.got()
		l, ok = r.TryAcquire()
		assert.True(t, ok, "one is enough")
		l.Release()
	})
}

// Where only a dial is lacking, no resource goes: that would be of no use.
func TestNoResourceMakesRoomForADial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxDials = 1
		r := newManual(t, cfg)
		holder := r.acquire()
		r.dial(1).ok()
		gone := r.acquire()
		fresh := r.acquireFresh()
		last := r.acquire()
		gone.leave()
		require.False(t, r.dial(2).canceled(), "for the last")
		holder.release()
		assert.Equal(t, 1, last.got().n)
		r.dial(3).ok()
		fresh.got()
	})
}

// Who is turned away ends no dial that would have served others.
func TestCallerWhoMayNotWaitEndsNoDial(t *testing.T) {
	for name, cfg := range map[string]pool.Config[*thing]{"slots": {MaxOpen: 1, MaxWaiters: -1}, "dials": {MaxDials: 1, MaxWaiters: -1}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, cfg)
				r.acquire().leave()
				fresh := r.acquireFresh()
				require.ErrorIs(t, fresh.failed(), pool.ErrWaitLimit)
				require.False(t, r.dial(1).canceled())
				c := r.acquire()
				c.waits()
				r.dial(1).ok()
				c.got()
			})
		})
	}
}

// Nor does it have a resource drained that is in use.
func TestCallerWhoMayNotWaitDrainsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.MaxWaiters = 1, -1
		r := newManual(t, cfg)
		r.acquire()
		r.capacity = 2
		r.dial(1).ok()
		fresh := r.acquireFresh()
		require.ErrorIs(t, fresh.failed(), pool.ErrWaitLimit)
		l, ok := r.TryAcquire()
		assert.True(t, ok)
		l.Release()
	})
}

// In a Budget, the slot of another pool that is on its way is enough.
func TestNoDialMakesRoomWhereTheBudgetHasASlot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		one, two := newManual(t, under(b)), newManual(t, under(b))
		holder := two.acquire()
		two.dial(1).ok()
		holder.release()
		one.acquire().leave()
		fresh := one.acquireFresh()
		assert.EqualValues(t, 1, two.Stats().Closes.Of(pool.ReasonEvict))
		assert.False(t, one.dial(1).canceled())
		one.dial(2).ok()
		fresh.got()
	})
}

// Who wants a fresh resource is not left asleep when there is a permit to dial at last, though
// nothing happens in its pool: what the Budget cannot close by itself, for it has leases, drains.
func TestFreshCallerHasSomethingDrainedWhenThereIsAPermit(t *testing.T) {
	limits := pool.BudgetLimits{MaxOpen: 2, MaxDials: 1}
	for name, ended := range map[string]func(*testing.T, *pool.Budget, *rig){
		"the dial of another pool succeeds": func(_ *testing.T, _ *pool.Budget, two *rig) { two.dial(1).ok() },
		"new limits": func(t *testing.T, b *pool.Budget, _ *rig) {
			t.Helper()
			more := limits
			more.MaxDials = 2
			require.NoError(t, b.SetLimits(more))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBudget(t, limits)
				cfg := sharing(b)
				cfg.DrainTimeout = time.Second
				one, two := newManual(t, cfg), newManual(t, under(b))
				one.capacity = 2
				one.acquire()
				one.dial(1).ok()
				two.acquire()
				fresh := one.acquireFresh()
				pass(time.Minute)
				ended(t, b, two)
				pass(time.Minute)
				one.dial(2)
				one.endDials()
				two.endDials()
				fresh.got()
			})
		})
	}
}

// Nor does a dial that does not heed its end hold up then what is idle.
func TestStubbornDialHoldsUpNoFreshOneWhenThereIsAPermit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3, MaxDials: 2})
		one, two, three := newManual(t, under(b)), newManual(t, under(b)), newManual(t, under(b))
		c := one.acquire()
		one.dial(1).ok()
		gone := two.acquire()
		two.dial(1).stubborn.Store(true)
		gone.leave()
		three.acquire()
		c.release()
		fresh := one.acquireFresh()
		fresh.waits()
		three.dial(1).ok()
		one.dial(2).ok()
		fresh.got()
		two.dial(1).ok()
	})
}

// A dial that does not heed its end keeps nothing else from making room, here or in
// another pool of the Budget.
func TestStubbornDialHoldsUpNoFreshOne(t *testing.T) {
	t.Run("here", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
			holder := r.acquire()
			r.dial(1).ok()
			gone := r.acquire()
			r.dial(2).stubborn.Store(true)
			gone.leave()
			fresh := r.acquireFresh()
			require.True(t, r.dial(2).canceled())
			holder.release()
			r.dial(3).ok()
			fresh.got()
			r.dial(2).ok()
		})
	})
	t.Run("elsewhere", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
			one, two := newManual(t, under(b)), newManual(t, under(b))
			gone := two.acquire()
			two.dial(1).stubborn.Store(true)
			gone.leave()
			holder := one.acquire()
			one.dial(1).ok()
			fresh := one.acquireFresh()
			require.True(t, two.dial(1).canceled())
			holder.release()
			one.dial(2).ok()
			fresh.got()
			two.dial(1).ok()
		})
	})
}

// One that may never open is not enough where more than one wants a fresh resource.
func TestWhatOpensHoldsUpNoSecondFreshOne(t *testing.T) {
	for _, shared := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			cfg.MaxOpen = 2
			cfg.Shareable = func(*thing) bool { return shared }
			r := newManual(t, cfg)
			holder := r.acquire()
			r.dial(1).ok()
			first := r.acquireFresh()
			r.capacity = 0
			r.dial(2).ok() // opens never
			r.capacity = 1
			second := r.acquireFresh()
			holder.release()
			r.dial(3).ok()
			first.got()
			first.release()
			second.got()
		})
	}
}

// What is there already needs no room, although it was let in for another.
func TestNoDialMakesRoomBesideWhatIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxDials = 2
		r := newManual(t, cfg)
		r.acquire().leave()
		fresh := r.acquireFresh()
		r.capacity = 0
		r.dial(2).ok()
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 1}))
		r.things[0].set(1)
		fresh.got()
		assert.False(t, r.dial(1).canceled())
	})
}

// A resource that has no room yet, and began late enough, will serve the fresh one:
// nothing has to go.
func TestNothingMakesRoomBesideWhatIsOpening(t *testing.T) {
	for _, shared := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			cfg.MaxOpen = 2
			cfg.Shareable = func(*thing) bool { return shared }
			r := newManual(t, cfg)
			r.acquire().leave()
			fresh := r.acquireFresh()
			r.capacity = 0
			r.dial(2).ok()
			fresh.waits()
			assert.False(t, r.dial(1).canceled())
			r.things[0].set(1)
			fresh.got()
		})
	}
}

// The dial that began last goes, which has the most to do yet; one is enough.
func TestNewestDialMakesRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
		for _, c := range []*call{r.acquire(), r.acquire()} {
			c.leave()
		}
		r.dial(2).stubborn.Store(true)
		fresh := r.acquireFresh()
		require.NoError(t, r.SetLimits(r.Limits())) // it looks again
		assert.False(t, r.dial(1).canceled())
		assert.True(t, r.dial(2).canceled())
		r.dial(2).fail(errDial)
		r.dial(3).ok()
		fresh.got()
	})
}

// Nor does it for a dial while the one that was canceled for it has not returned.
func TestIdleStaysWhileTheCanceledDialHasTheOnlyPermit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, MaxDials: 1})
		holder := r.acquire()
		r.dial(1).ok()
		gone := r.acquire()
		r.dial(2).stubborn.Store(true)
		gone.leave()
		holder.release()
		fresh := r.acquireFresh()
		require.True(t, r.dial(2).canceled())
		require.NoError(t, r.SetLimits(r.Limits())) // it looks again
		s := r.Stats()
		assert.Equal(t, []int{1, 1}, []int{s.Idle, s.Dialing})
		r.dial(2).fail(errDial)
		r.dial(3).ok()
		fresh.got()
		assert.Zero(t, r.Stats().Closes.Of(pool.ReasonEvict))
	})
}
