package pool_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// However many slots become free at once, they go to the oldest waiters of all
// pools, also where one pool has more of them than it tells its Budget of. No dial
// is begun for a younger one that would only have to make way again.
func TestManySlotsAtOnceGoToTheOldestWaitersOfAllPools(t *testing.T) {
	const older = 20
	for name, limits := range map[string][2]pool.BudgetLimits{
		"slots":        {{MaxOpen: 1}, {MaxOpen: 1 + older}},
		"dial permits": {{MaxDials: 1}, {MaxDials: 1 + older}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBudget(t, limits[0])
				full, one, two := newManual(t, under(b)), newManual(t, under(b)), newManual(t, under(b))
				full.acquire()
				for range older {
					one.acquire()
				}
				for range older {
					two.acquire()
				}
				require.NoError(t, b.SetLimits(limits[1]))
				assert.Equal(t, older, one.started())
				assert.Zero(t, two.started())
			})
		})
	}
}

// askedContext runs a func the first time that somebody asks whether it is done
// after it was armed. The pool does so under its lock, where nothing else of the
// test's runs: a window that cannot be held open otherwise.
type askedContext struct {
	context.Context
	asked func()
	armed atomic.Bool
}

func (c *askedContext) Err() error {
	if c.armed.Swap(false) {
		c.asked()
	}
	return c.Context.Err()
}

// Slots are given to two pools at once. While the first hears of it, the second
// finds that it has no use for its slot any more, and hears only then: the slot
// goes on to the third and is not lost.
func TestSlotThatItsPoolCannotUseAnyMoreGoesOn(t *testing.T) {
	for name, spoil := range map[string]func(second *rig, c *call){
		"waiter left": func(_ *rig, c *call) { c.cancel(nil); <-c.done },
		"pool closed": func(second *rig, _ *call) { _ = second.Close() },
		"limit fell":  func(second *rig, _ *call) { _ = second.SetLimits(pool.Limits{MaxOpen: 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
				first, second, third := newRig(t, under(b)), newRig(t, under(b)), newRig(t, under(b))
				holder := second.acquire()
				ctx := &askedContext{Context: t.Context()}
				got := make(chan pool.Lease[*thing], 1)
				go func() {
					l, err := first.Acquire(ctx)
					assert.NoError(t, err)
					got <- l
				}()
				synctest.Wait()
				c, last := second.acquire(), third.acquire()
				ctx.asked = func() { spoil(second, c) }
				ctx.armed.Store(true)
				require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 3}))
				require.False(t, ctx.armed.Load(), "nobody asked")
				last.got()
				assert.Equal(t, 3, b.Stats().Open)
				(<-got).Release()
				holder.release()
			})
		})
	}
}

func TestShrunkBudgetClosesIdleLeastRecentlyUsedFirstThenAtRelease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 4})
		one, two := newRig(t, under(b)), newRig(t, under(b))
		x, y, held, last := one.acquire(), two.acquire(), one.acquire(), two.acquire()
		y.release()
		x.release()
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 3}))
		synctest.Wait()
		assert.Equal(t, 1, b.Stats().Idle)
		assert.EqualValues(t, 1, two.things[0].closes.Load(), "two's was used before")
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1}))
		synctest.Wait()
		assert.Equal(t, pool.BudgetStats{BudgetLimits: pool.BudgetLimits{MaxOpen: 1}, Open: 2}, b.Stats())

		waiting := one.acquire()
		held.release() // closed, though its own pool has a waiter
		waiting.waits()
		assert.Equal(t, 1, b.Stats().Open)
		last.release() // the last one is within the limit, and makes way for the waiter
		waiting.got()
		assert.Equal(t, 1, b.Stats().Open)
	})
}

func TestShrunkBudgetDrainsShareableResourcesOfPoolsInUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		one, two := newRig(t, sharing(b)), newRig(t, under(b))
		one.capacity = 9
		first, second := one.acquire(), one.acquire()
		two.acquire().got()
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1}))
		newcomer := one.acquire()
		newcomer.waits() // one too many is open, so nobody gets a new lease
		first.release()
		second.release()
		synctest.Wait()
		assert.Equal(t, 1, b.Stats().Open)
		newcomer.waits()
	})
}

func TestShrunkBudgetCancelsDialsThatNobodyWaitsFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		one, two := newManual(t, under(b)), newManual(t, under(b))
		one.acquire().leave()
		wanted := two.acquire()
		require.False(t, one.dial(1).canceled())
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1}))
		assert.True(t, one.dial(1).canceled())
		two.dial(1).ok()
		wanted.got()
	})
}

func TestBudgetWithoutLimitsLetsEverybodyDial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		one, two := newRig(t, under(b)), newRig(t, under(b))
		one.acquire().got()
		waiting := []*call{two.acquire(), one.acquire(), two.acquire()}
		require.NoError(t, b.SetLimits(pool.BudgetLimits{}))
		for _, c := range waiting {
			c.got()
		}
		assert.Equal(t, 4, b.Stats().Open)
	})
}

func TestAffinityMayChangeWhilePoolsWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		one, two := newRig(t, under(b)), newRig(t, under(b))
		holder := one.acquire()
		older, own, next := two.acquire(), one.acquire(), one.acquire()
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1, Affinity: 1}))
		holder.release()
		own.got()
		own.release()
		older.got()
		older.release()
		next.got()
	})
}

// Affinity is no reason to keep what a smaller limit does not allow.
func TestAffinityKeepsNothingBeyondTheLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2, Affinity: 9})
		one := newRig(t, under(b))
		first, second := one.acquire(), one.acquire()
		own := one.acquire()
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1, Affinity: 9}))
		first.release()
		own.waits()
		second.release()
		own.got()
		assert.Equal(t, 1, b.Stats().Open)
	})
}

// Waiters of several pools arrive in a random order, and some of them leave; what
// is left is served in the order of arrival.
func TestRandomArrivalsAreServedInOrderAcrossPools(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				slots := 1 + random.IntN(4)
				b := newBudget(t, pool.BudgetLimits{MaxOpen: slots})
				pools := []*rig{}
				for range 2 + random.IntN(4) {
					pools = append(pools, newRig(t, under(b)))
				}
				pick := func() *rig { return pools[random.IntN(len(pools))] }
				var calls []*call
				for range slots + 30 {
					calls = append(calls, pick().acquire())
				}
				for i, c := range calls[slots:] {
					if random.IntN(4) == 0 {
						c.leave()
						calls[slots+i] = nil
					}
				}
				var holders []*call
				for i, c := range calls {
					if c == nil {
						continue
					}
					if i >= slots {
						c.waits()
						k := random.IntN(len(holders))
						endSomehow(random, holders[k])
						holders[k] = holders[len(holders)-1]
						holders = holders[:len(holders)-1]
					}
					c.got()
					holders = append(holders, c)
				}
			})
		})
	}
}

// endSomehow ends a lease in one of the three ways.
func endSomehow(random *rand.Rand, c *call) {
	switch random.IntN(3) {
	case 0:
		c.release()
	case 1:
		c.discard()
	default:
		c.hijack()
	}
}
