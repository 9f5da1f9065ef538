package keyed_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (r *rig) statsFor(key string) pool.Stats {
	synctest.Wait()
	s, _ := r.StatsFor(key)
	return s
}

func TestWarmOpensResourcesOfOneKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 3})
		require.NoError(t, r.Warm(t.Context(), "a", 2))
		assert.Equal(t, []string{"a", "a"}, r.started())
		assert.Equal(t, 2, r.statsFor("a").Idle)
		assert.ErrorContains(t, r.Warm(t.Context(), "a", 4), "above MaxOpen 3")
	})
}

func TestFailedWarmOfAKeyNamesTheKeyAndLeavesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{})
		warm := make(chan error, 1)
		go func() { warm <- r.Warm(t.Context(), "a", 1) }()
		r.dial(1).fail()
		var e *pool.DialError
		require.ErrorAs(t, <-warm, &e)
		assert.Equal(t, "a", e.Key)
		assert.Empty(t, r.keys())
	})
}

// Warm takes what is free of the total, and nothing from another key.
func TestWarmOfAKeyEvictsNoOtherKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 2})
		r.acquire("a").release()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, r.Warm(ctx, "b", 2), context.DeadlineExceeded)
		assert.Equal(t, []string{"a", "b"}, r.keys())
		assert.Equal(t, 1, r.statsFor("b").Idle)
	})
}

// MinIdle begins with the first use of a key, and then keeps the key.
func TestMinIdlePerKeyKeepsTheKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MinIdlePerKey: 2, MaxIdleTime: time.Minute})
		pass(time.Hour)
		assert.Empty(t, r.keys())
		r.acquire("a").release()
		r.acquire("b").discard()
		pass(time.Hour)
		assert.Equal(t, []string{"a", "b"}, r.keys())
		assert.Equal(t, 2, r.statsFor("a").Idle)
		assert.Equal(t, 2, r.statsFor("b").Idle)
	})
}

// A key whose peer is away has nothing at all between two dials. It must not be
// forgotten then: the next dial would bring what no Shutdown knows of.
func TestKeyWithMinIdleIsNotForgottenWhileItsPeerIsAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MinIdlePerKey: 1})
		c := r.acquire("a")
		r.dial(1).fail()
		assert.ErrorIs(t, c.failed(), errDial)
		assert.Equal(t, []string{"a"}, r.keys())
		pass(time.Minute)
		r.dial(2).ok()
		assert.Equal(t, []string{"a"}, r.keys())
		assert.Equal(t, 1, r.statsFor("a").Idle)
	})
}

// The same while the total has no slot for it.
func TestKeyWithMinIdleIsNotForgottenWhileItHasNoSlot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MinIdlePerKey: 1, MaxOpen: 1})
		r.acquire("a").release()
		c := r.acquire("b") // evicts
		assert.Equal(t, []string{"a", "b"}, r.keys())
		r.setTotals(keyed.Totals{MaxOpen: 3})
		assert.Equal(t, 1, r.statsFor("a").Idle)
		assert.Equal(t, 1, r.statsFor("b").Idle)
		c.got()
	})
}

func TestSetLimitsTakesMinIdleBackAndThenTheKeyGoes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxIdleTime: time.Minute})
		require.NoError(t, r.SetLimits("a", pool.Limits{MinIdle: 2}))
		assert.Empty(t, r.keys(), "it is not in use")
		r.acquire("a").release()
		pass(time.Hour)
		assert.Equal(t, 2, r.statsFor("a").Idle)
		require.NoError(t, r.SetLimits("a", pool.Limits{}))
		pass(time.Minute)
		assert.Empty(t, r.keys())
	})
}

// Limits that do not go together are refused whether the key is in use or not,
// and leave everything as it was.
func TestSetLimitsRefusesLimitsThatDoNotGoTogether(t *testing.T) {
	for name, use := range map[string]bool{"in use": true, "not in use": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, config{PerKey: func(string) pool.Limits { return pool.Limits{MaxOpen: 2} }})
				require.NoError(t, r.SetLimits("a", pool.Limits{MinIdle: 1}))
				if use {
					r.acquire("a").release()
				}
				assert.ErrorContains(t, r.SetLimits("a", pool.Limits{MinIdle: 3}), "keyed: limits of key a: MinIdle is 3, above MaxOpen 2")
				r.acquire("a").got()
				assert.Equal(t, pool.Limits{MaxOpen: 2, MinIdle: 1}, r.statsFor("a").Limits)
			})
		})
	}
}

// Limits of a key count over all keys where the total is reached: MinIdle of one
// takes nothing that a waiter of another needs.
func TestMinIdleOfAKeyStarvesNoOtherKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MinIdlePerKey: 3, MaxOpen: 4})
		r.acquire("a").release()
		assert.Equal(t, 4, r.statsFor("a").Idle, "three, and the one that was in use meanwhile")
		var calls []*call
		for range 4 {
			c := r.acquire("b")
			c.got()
			calls = append(calls, c)
		}
		assert.Zero(t, r.statsFor("a").Open)
		waiting := r.acquire("b")
		calls[0].discard()
		waiting.got()
		assert.Zero(t, r.statsFor("a").Open)
		for _, c := range calls[1:] {
			c.discard()
		}
		assert.Equal(t, 3, r.statsFor("a").Idle+r.statsFor("b").Idle)
	})
}

// Successors of one key take no slot from another.
func TestSuccessorOfAKeyNeedsAFreeSlotOfTheTotal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 2, MaxLifetime: time.Minute, Overlap: 10 * time.Second})
		r.acquire("a").release()
		pass(30 * time.Second)
		c := r.acquire("b")
		pass(25 * time.Second)
		assert.Len(t, r.started(), 2)
		c.discard()
		assert.Equal(t, []string{"a", "b", "a"}, r.started())
		assert.Equal(t, 1, r.statsFor("a").Idle)
	})
}

func TestLifeOfResourcesIsAsInPool(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg    config
		reason pool.Reason
	}{
		"MaxLifetime": {config{MaxLifetime: time.Minute, LifetimeJitter: time.Second}, pool.ReasonLifetime},
		"MaxUses":     {config{MaxUses: 1}, pool.ReasonUses},
		"CheckEvery":  {config{CheckEvery: time.Minute, Check: checkFails}, pool.ReasonCheck},
		"MaxIdleTime": {config{MaxIdleTime: time.Minute}, pool.ReasonIdleTime},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, tt.cfg)
				r.acquire("a").release()
				pass(time.Minute)
				assert.EqualValues(t, 1, r.Stats().Closes.Of(tt.reason))
				assert.Empty(t, r.keys())
			})
		})
	}
}

func TestReuseOrderIsPerKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{Reuse: pool.ReuseOldest})
		first, second := r.acquire("a"), r.acquire("a")
		r.acquire("b").release()
		first.release()
		second.release()
		assert.Equal(t, 1, r.acquire("a").got().n)
		assert.Equal(t, 2, r.acquire("a").got().n)
	})
}

// The Close funcs of all keys share one bound, and a stuck one of one key does
// not hold up the others beyond CloseTimeout.
func TestStuckCloseFuncsOfOneKeyDoNotHoldUpAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(t, config{CloseTimeout: time.Second, Close: func(x *thing) error {
			if x.key == "a" {
				<-gate
			}
			return nil
		}})
		require.NoError(t, r.Warm(t.Context(), "a", 8))
		r.ResetKey("a")
		synctest.Wait()
		r.acquire("b").discard()
		assert.Equal(t, 1, r.statsFor("b").Closing)
		pass(time.Second)
		assert.Empty(t, r.keys())
		assert.EqualValues(t, 8, r.Stats().Abandoned)
		close(gate)
	})
}
