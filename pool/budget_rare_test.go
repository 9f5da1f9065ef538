package pool_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/pool"
)

// What a Budget decides in situations that are rare, each of which asks for one look of
// its own.

// Affinity counts anew after the pool has let one go.
func TestAffinityCountsAnewAfterAPoolHasYielded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2, Affinity: 1})
		r, other := newRig(t, under(b)), newRig(t, under(b))
		x, y := r.acquire(), r.acquire()
		first, second := other.acquire(), other.acquire()
		c, d := r.acquire(), r.acquire()
		x.release()
		c.got() // passes the others once
		y.release()
		first.got()
		c.release()
		d.got() // once again
		second.waits()
		d.release()
		second.got()
	})
}

// And after there was nobody older to pass.
func TestAffinityCountsAnewAfterNobodyWasOlder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1, Affinity: 1})
		r, other := newRig(t, sharing(b)), newRig(t, under(b))
		x := r.acquire()
		gone, c := other.acquire(), r.acquire()
		x.release()
		c.got() // passes the one who then gives up
		gone.leave()
		d := r.acquire()
		c.release()
		d.got()
		older, e := other.acquire(), r.acquire()
		d.release()
		e.got()
		older.waits()
		e.release()
		older.got()
	})
}

// Of shareable resources one drains for an older waiter elsewhere, and not all.
func TestOneThatDrainsIsEnoughForOneOlderWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		r, other := newRig(t, sharing(b)), newRig(t, under(b))
		x, y := r.acquire(), r.acquire()
		older, c := other.acquire(), r.acquire()
		r.things[0].set(2)
		c.waits()
		r.things[1].set(2)
		assert.Equal(t, 2, c.got().n)
		x.release()
		older.got()
		y.release()
		c.release()
	})
}

// What older waiters elsewhere could not use yet, for want of a permit to dial, is not
// kept from a younger one.
func TestOlderWaitersWithoutAPermitKeepNothingFromOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2, MaxDials: 1})
		r, other := newRig(t, under(b)), newManual(t, under(b))
		x := r.acquire()
		first, second := other.acquire(), other.acquire()
		c := r.acquire()
		x.release()
		c.got()
		c.release()
		other.dial(1).ok()
		first.release()
		second.got()
	})
}

// A dial that nobody needs any more gives its permit to another pool.
func TestDialThatNobodyNeedsGivesUpItsPermit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxDials: 1})
		r, other := newManual(t, under(b)), newManual(t, under(b))
		gone := other.acquire()
		c := r.acquire()
		d := other.dial(1)
		gone.leave()
		assert.True(t, d.canceled())
		r.dial(1).ok()
		c.got()
	})
}

// What has opened at last counts for MaxIdle like all else.
func TestWhatHasOpenedCountsAsIdleInTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxIdle: 1})
		cfg := sharing(b)
		cfg.Shareable = func(*thing) bool { return false }
		r, other := newRig(t, cfg), newRig(t, under(b))
		r.capacity = 0
		c := r.acquire()
		c.waits()
		r.things[0].set(1)
		c.got()
		c.release()
		other.acquire().release()
		synctest.Wait()
		assert.Equal(t, 1, r.Stats().Idle+other.Stats().Idle)
	})
}

// A pool that hears that the Budget has no slot for it looks again at what is in the way
// of one who wants a fresh resource.
func TestPoolWithoutASlotMakesWayForAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		r := newRig(t, sharing(b))
		r.capacity = 2
		x := r.acquire()
		fresh := r.acquireFresh()
		fresh.waits()
		_, ok := r.TryAcquire()
		assert.False(t, ok, "it drains")
		x.release()
		assert.Equal(t, 2, fresh.got().n)
	})
}

// A slot that is about to be free is for the oldest waiter of all pools, and makes nobody
// else one who will be served at once.
func TestSlotThatIsAboutToBeFreeIsForTheOldestWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		gate := make(chan struct{})
		slow, strict := under(b), under(b)
		slow.Close = func(*thing) error { <-gate; return nil }
		strict.MaxWaiters = -1
		closer, older, r := newRig(t, slow), newRig(t, under(b)), newRig(t, strict)
		closer.acquire().discard()
		c := older.acquire()
		assert.ErrorIs(t, r.acquire().failed(), pool.ErrWaitLimit)
		close(gate)
		c.got()
	})
}
