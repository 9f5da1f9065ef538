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

// A call of Warm that new limits do not allow dials nothing any more.
func TestWarmThatNewLimitsEndDialsNothingMore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		done := r.warm(t.Context(), 3)
		r.dial(1).ok()
		r.dial(2).ok()
		require.Equal(t, 3, r.started())
		require.NoError(t, r.SetLimits(pool.Limits{MaxIdle: 1}))
		require.Error(t, <-done)
		assert.Equal(t, 3, r.started())
		assert.Equal(t, []int{3}, r.canceledDials())
	})
}

// One resource makes way for one who wants a fresh one, however long its end takes.
func TestOneIdleResourceMakesWayForAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		closes := make(chan struct{})
		r := newRig(t, pool.Config[*thing]{MaxOpen: 2, Close: func(*thing) error { <-closes; return nil }})
		for _, c := range r.acquireAll(2) {
			c.release()
		}
		c := r.acquireFresh()
		require.Equal(t, 1, r.Stats().Closing)
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 2})) // the pool looks again
		synctest.Wait()
		assert.Equal(t, 1, r.Stats().Idle)
		close(closes)
		assert.Equal(t, 3, c.got().n)
	})
}

// One resource that drains is enough for one who wants a fresh one.
func TestOneThatDrainsMakesWayForAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 2
		r := newRig(t, cfg)
		held := r.acquireAll(2)
		fresh := r.acquireFresh()
		fresh.waits()
		held[1].got().set(2)
		held[0].got().set(2)
		c := r.acquire()
		require.Equal(t, 2, c.got().n, "the younger one goes on")
		held[0].release()
		assert.Equal(t, 3, fresh.got().n)
	})
}

// What opens for a caller stays where MaxIdle closes something.
func TestMaxIdleLeavesWhatOpensForACaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxIdle = 1
		r := newRig(t, cfg)
		held := r.acquireAll(2)
		r.capacity = 0
		c := r.acquireFresh()
		c.waits()
		held[0].release()
		held[1].release()
		c.waits()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
		assert.Zero(t, r.things[2].closes.Load())
		require.Len(t, r.things, 3)
		r.things[2].set(1)
		assert.Equal(t, 3, c.got().n)
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

// The error of a dial that nobody depends on but those who wait for an older one is for the
// oldest, whoever has come since.
func TestErrorOfASharedDialThatNobodyNeedsIsForTheOldest(t *testing.T) {
	for _, more := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			r := newManual(t, pool.Config[*thing]{Shared: 2})
			first := r.acquire()
			others := r.acquireAll(2)
			require.Equal(t, 2, r.started())
			for _, c := range others {
				c.leave()
			}
			if more {
				r.acquire().waits()
				require.Equal(t, 2, r.started())
			}
			r.dial(2).fail(errDial)
			assert.ErrorIs(t, first.failed(), errDial)
		})
	}
}

// One who lets others pass is still one of those for whom the first dial began.
func TestErrorOfASharedDialLeavesOutWhoLetsOthersPass(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{Shared: 2})
		low := r.low()
		others := r.acquireAll(2)
		require.Equal(t, 2, r.started())
		others[1].leave()
		r.dial(2).fail(errDial)
		require.ErrorIs(t, others[0].failed(), errDial)
		low.waits()
		r.dial(1).ok()
		low.got()
	})
}

// A resource of which Take fails now and then stays, though the caller has gone by then.
func TestTakeThatFailsNowAndThenEndsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var gone context.CancelFunc
		cfg := shareable()
		cfg.Take = func(*thing) error {
			if gone == nil {
				return nil
			}
			gone()
			return errBroken
		}
		r := newRig(t, cfg)
		r.capacity = 2
		for range 10 {
			for range 5 {
				r.acquire().release()
			}
			ctx, cancel := context.WithCancel(t.Context())
			gone = cancel
			require.ErrorIs(t, r.acquireAs(ctx).failed(), context.Canceled)
			gone = nil
		}
		assert.Len(t, r.things, 1)
	})
}

// The oldest lease is known as that when it has left the lane.
func TestOldestLeaseAfterTheLane(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const many = 40
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = many
		for range 10 {
			r.acquire().release()
		}
		begin := time.Now()
		c := r.acquire() // of the lane
		pass(5 * time.Millisecond)
		r.acquireAll(many - 1) // not all of the lane
		pass(time.Second)
		w := r.within(time.Millisecond)
		pass(time.Millisecond)
		var e *pool.WaitError
		require.ErrorAs(t, w.failed(), &e)
		assert.InDelta(t, time.Since(begin), e.OldestLease, float64(time.Millisecond))
		c.release()
	})
}

// A caller who has to wait for the backoff is not served by a dial soon.
func TestCallerIsShedDuringTheBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, ShedLate: pool.ShedOn, BackoffBase: time.Minute, BackoffMax: time.Minute})
		c := r.acquire()
		r.dial(1).ok()
		pass(time.Second)
		c.release()
		r.acquire().got()
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 2}))
		c = r.acquire()
		r.dial(2).fail(errDial)
		require.ErrorIs(t, c.failed(), errDial)
		assert.Equal(t, time.Second, r.within(time.Millisecond).shedErr().Estimate)
	})
}

// What is being dialled is one more that callers may hope for.
func TestDialsInFlightShortenTheEstimate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, ShedLate: pool.ShedOn})
		c := r.acquire()
		r.dial(1).ok()
		pass(time.Second)
		c.release()
		r.acquire().got()
		r.acquire().waits()
		require.Equal(t, 2, r.started())
		assert.Equal(t, time.Second, r.within(time.Millisecond).shedErr().Estimate, "two of a second each, on two")
	})
}
