package keyed_test

import (
	"testing"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

func TestEachKeyHasItsOwnCap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 2})
		calls := r.acquireAll("a", "a", "a", "b", "b", "b")
		for i, c := range calls {
			if i%3 == 2 {
				c.waits()
			} else {
				c.got()
			}
		}
		calls[3].release() // of b: nothing to a
		calls[2].waits()
		assert.Equal(t, "b", calls[5].got().key)
		assert.Equal(t, 4, r.Stats().Open)
	})
}

func TestTotalCapHoldsOverAllKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 2, MaxOpen: 3})
		calls := r.acquireAll("a", "a", "b", "b", "c")
		for i, c := range calls {
			if i < 3 {
				c.got()
			} else {
				c.waits()
			}
		}
		s := r.Stats()
		assert.Equal(t, 3, s.Open)
		assert.Equal(t, 2, s.Waiting)
		calls[0].discard()
		calls[3].got()
		calls[4].waits()
	})
}

func TestNothingIsSharedBetweenKeysWithoutATotalCap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		for _, key := range []string{"a", "b", "c", "a", "b", "c"} {
			assert.Equal(t, key, r.acquire(key).got().key)
		}
		assert.Equal(t, 6, r.Stats().Open)
	})
}

// perKeyFields are the fields of pool.Limits that PerKey and SetLimits replace one
// by one. The base of each is 5.
func perKeyFields() map[string]func(*pool.Limits) *int {
	return map[string]func(*pool.Limits) *int{
		"MaxOpen":    func(l *pool.Limits) *int { return &l.MaxOpen },
		"MaxIdle":    func(l *pool.Limits) *int { return &l.MaxIdle },
		"MaxWaiters": func(l *pool.Limits) *int { return &l.MaxWaiters },
		"MaxDials":   func(l *pool.Limits) *int { return &l.MaxDials },
	}
}

// limitsOf returns the limits in force for a key, which it puts into use.
func limitsOf(t *testing.T, r *rig, key string) pool.Limits {
	t.Helper()
	l, err := r.Acquire(t.Context(), key)
	require.NoError(t, err)
	defer l.Release()
	s, ok := r.StatsFor(key)
	require.True(t, ok)
	return s.Limits
}

func TestPerKeyReplacesFieldByField(t *testing.T) {
	base := pool.Limits{MaxOpen: 5, MaxIdle: 5, MaxWaiters: 5, MaxDials: 5}
	for name, field := range perKeyFields() {
		for value, want := range map[int]int{0: 5, 2: 2, 9: 9, pool.NoLimit: 0} {
			bubble(t, func(t *testing.T) {
				var over pool.Limits
				*field(&over) = value
				r := newRig(t, config{
					MaxOpenPerKey: 5, MaxIdlePerKey: 5, MaxWaitersPerKey: 5, MaxDialsPerKey: 5,
					PerKey: func(key string) pool.Limits {
						if key == "special" {
							return over
						}
						return pool.Limits{}
					},
				})
				r.caps.set(0, 0)
				expected := base
				*field(&expected) = want
				assert.Equal(t, expected, limitsOf(t, r, "special"), "%s %d", name, value)
				assert.Equal(t, base, limitsOf(t, r, "plain"))
			})
		}
	}
}

func TestNegativeOverridesMeanWhatTheyMeanInLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{
			MaxOpenPerKey: 1, MaxIdlePerKey: 1, MaxWaitersPerKey: 1,
			PerKey: func(string) pool.Limits { return pool.Limits{MaxIdle: -1, MaxWaiters: -1} },
		})
		holder := r.acquire("a")
		assert.ErrorIs(t, r.acquire("a").failed(), pool.ErrWaitLimit)
		holder.release()
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonIdleLimit))
	})
}

func TestSetLimitsStandsOverPerKeyUntilTakenBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{
			MaxOpenPerKey: 1, MaxWaitersPerKey: 7,
			PerKey: func(string) pool.Limits { return pool.Limits{MaxOpen: 2, MaxDials: 3} },
		})
		r.caps.set(0, 0)
		require.Equal(t, pool.Limits{MaxOpen: 2, MaxWaiters: 7, MaxDials: 3}, limitsOf(t, r, "a"))

		require.NoError(t, r.SetLimits("a", pool.Limits{MaxOpen: 4, MaxDials: pool.NoLimit}))
		assert.Equal(t, pool.Limits{MaxOpen: 4, MaxWaiters: 7}, limitsOf(t, r, "a"))
		require.NoError(t, r.SetLimits("a", pool.Limits{MaxIdle: 6}))
		assert.Equal(t, pool.Limits{MaxOpen: 2, MaxIdle: 6, MaxWaiters: 7, MaxDials: 3}, limitsOf(t, r, "a"), "each call says it all")
		require.NoError(t, r.SetLimits("a", pool.Limits{}))
		assert.Equal(t, pool.Limits{MaxOpen: 2, MaxWaiters: 7, MaxDials: 3}, limitsOf(t, r, "a"))
	})
}

// SetLimits holds while the pool lives: for a key that comes later, and for one
// that was forgotten and comes back.
func TestSetLimitsHoldsForKeysThatAreNotInUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 3, MaxIdlePerKey: -1})
		require.NoError(t, r.SetLimits("a", pool.Limits{MaxOpen: 1}))
		assert.Empty(t, r.keys(), "limits alone are no use of a key (I12)")
		for range 2 {
			first, second := r.acquire("a"), r.acquire("a")
			first.got()
			second.waits()
			first.release()
			second.release()
			require.Empty(t, r.keys())
		}
	})
}

// Whichever of the two is first, the limits hold.
func TestSetLimitsBesideTheFirstCallOfAKeyHolds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxIdlePerKey: -1})
		for i := range 2_000 {
			limit := 1 + i%2
			c := r.start("a", pool.Request{})
			for spin := atomic.NewInt32(0); spin.Inc() < int32(4*i); { //nolint:gosec // small; so that they meet now and then
			}
			require.NoError(t, r.SetLimits("a", pool.Limits{MaxOpen: limit}))
			c.got()
			s, ok := r.StatsFor("a")
			require.True(t, ok)
			require.Equal(t, limit, s.MaxOpen)
			c.release()
			r.calls = nil
		}
	})
}

func TestSetLimitsServesWaitersAtOnceWhenTheCapGrows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 1})
		r.caps.set(3, 0)
		calls := r.acquireAll("a", "a", "a", "a")
		require.NoError(t, r.SetLimits("a", pool.Limits{MaxOpen: 3}))
		calls[1].got()
		calls[2].got()
		calls[3].waits()
	})
}

func TestSetLimitsDownClosesAtReleaseAndKeepsTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 2, MaxOpen: 5})
		calls := r.acquireAll("a", "a", "a", "b", "b")
		require.NoError(t, r.SetLimits("a", pool.Limits{MaxOpen: 1}))
		calls[0].release()
		calls[2].waits()
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonLimits))
		calls[1].release()
		assert.Equal(t, 2, calls[2].got().n, "handed on, not dialled anew")
	})
}

func TestSetTotalsUpServesWaitersOfAllKeysInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		r.caps.set(0, 3)
		calls := r.acquireAll("a", "b", "c", "d", "b")
		require.NoError(t, r.SetTotals(keyed.Totals{MaxOpen: 3}))
		assert.Equal(t, 3, r.Stats().MaxOpen)
		calls[1].got()
		calls[2].got()
		calls[3].waits()
		calls[4].waits()
		r.caps.set(0, 0)
		require.NoError(t, r.SetTotals(keyed.Totals{}))
		calls[3].got()
		calls[4].got()
	})
}

func TestSetTotalsDownClosesIdleThenAtRelease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 4})
		calls := r.acquireAll("a", "b", "c", "d")
		calls[3].release()
		calls[0].release()
		require.NoError(t, r.SetTotals(keyed.Totals{MaxOpen: 3}))
		assert.Equal(t, []string{"a", "b", "c"}, r.keys(), "the least recently used went")
		require.NoError(t, r.SetTotals(keyed.Totals{MaxOpen: 1}))
		assert.Equal(t, []string{"b", "c"}, r.keys())

		waiting := r.acquire("b")
		waiting.waits()
		calls[1].release() // closed, although b has a waiter: there is one too many
		waiting.waits()
		assert.Equal(t, 1, r.Stats().Open)
		r.caps.set(0, 1)
		calls[2].release()
		assert.Equal(t, "b", waiting.got().key)
	})
}

func TestMaxDialsPerKeyBoundsTheDialsOfAKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxDialsPerKey: 2})
		calls := r.acquireAll("a", "a", "a", "b", "b")
		require.Equal(t, []string{"a", "a", "b", "b"}, r.started())
		r.dial(3).ok() // of b: nothing to a
		require.Len(t, r.started(), 4)
		r.dial(2).ok()
		require.Equal(t, []string{"a", "a", "b", "b", "a"}, r.started())
		assert.Equal(t, 2, calls[0].got().n, "the first dial that ends serves the oldest")
	})
}

func TestMaxDialsBoundsTheDialsOfAllKeys(t *testing.T) {
	for _, limit := range []int{0, 9} { // with and without a total cap
		bubble(t, func(t *testing.T) {
			r := newManual(t, config{MaxDials: 2, MaxOpen: limit})
			calls := r.acquireAll("a", "b", "c", "d", "b")
			require.Equal(t, []string{"a", "b"}, r.started())
			r.dial(2).ok()
			calls[1].got()
			require.Equal(t, []string{"a", "b", "c"}, r.started())
			r.dial(1).fail() // a failed dial gives its permit back too
			require.ErrorIs(t, calls[0].failed(), errDial)
			require.Equal(t, []string{"a", "b", "c", "d"}, r.started())
			calls[1].release() // serves the waiter of b: its dial is not needed any more
			calls[4].got()
			r.dial(3).ok()
			r.dial(4).ok()
			assert.Len(t, r.started(), 4)
		})
	}
}

func TestSetTotalsOfMaxDialsStartsMoreDialsInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxDials: 1})
		r.acquireAll("a", "b", "c", "d")
		require.Equal(t, []string{"a"}, r.started())
		require.NoError(t, r.SetTotals(keyed.Totals{MaxDials: 3}))
		require.ElementsMatch(t, []string{"a", "b", "c"}, r.started())
	})
}

func TestMaxWaitersPerKeyTurnsAwayAndSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 1, MaxWaitersPerKey: 1, MaxWaiters: 9})
		r.acquireAll("a", "a", "b")
		err := r.acquire("a").failed()
		require.ErrorIs(t, err, pool.ErrWaitLimit)
		assert.ErrorContains(t, err, "on key a: its limit of waiters is 1")
		r.acquire("b").waits()
		s, _ := r.StatsFor("a")
		assert.EqualValues(t, 1, s.Rejected)
	})
}

func TestWhoStopsWaitingMakesRoomAtAnotherKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 1, MaxWaiters: 1})
		r.acquireAll("a", "b")
		w := r.acquire("a")
		w.waits()
		require.ErrorIs(t, r.acquire("b").failed(), pool.ErrWaitLimit)
		w.leave()
		r.acquire("b").waits()
	})
}

func TestMaxWaitersCountsOverAllKeysAndSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 1, MaxWaitersPerKey: 5, MaxWaiters: 2})
		calls := r.acquireAll("a", "b", "a", "b")
		err := r.acquire("a").failed()
		require.ErrorIs(t, err, pool.ErrWaitLimit)
		assert.ErrorContains(t, err, "total MaxWaiters is 2")
		r.acquire("c").got() // does not have to wait, so the limit is nothing to it

		calls[2].leave() // each way to stop waiting makes room
		calls[2] = r.acquire("a")
		calls[2].waits()
		calls[1].release()
		calls[3].got()
		r.acquire("b").waits()
		assert.ErrorIs(t, r.acquire("b").failed(), pool.ErrWaitLimit)

		require.NoError(t, r.SetTotals(keyed.Totals{MaxWaiters: 3}))
		r.acquire("b").waits()
		assert.ErrorContains(t, r.acquire("b").failed(), "total MaxWaiters is 3")
	})
}

// Waiters for whom a dial is in flight do not count, so a pool where nobody may
// wait still dials. That holds for slots of a Budget that are on their way, too.
func TestCallersForWhomADialIsInFlightAreNoWaiters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpen: 2, MaxWaiters: -1})
		first, second := r.acquire("a"), r.acquire("b")
		first.waits()
		second.waits()
		err := r.acquire("c").failed()
		assert.ErrorContains(t, err, "total MaxWaiters is below 0, so nobody may wait")
		r.dial(1).ok()
		r.dial(2).ok()
		first.got()
		second.release()
		third := r.acquire("c") // the idle one of b makes room
		r.dial(3).ok()
		third.got()
	})
}

// A dial that is expected to bring room for many covers as many.
func TestSharedDialCoversAsManyWaitersAsItIsExpectedToServe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxWaitersPerKey, cfg.MaxOpenPerKey = -1, 1
		cfg.Shared = func(key string) int { return map[string]int{"many": 3, "nonsense": -4}[key] }
		r := newManual(t, cfg)
		r.capacity = 3
		calls := r.acquireAll("many", "many", "many")
		assert.ErrorIs(t, r.acquire("many").failed(), pool.ErrWaitLimit)
		assert.Equal(t, []string{"many"}, r.started(), "one dial for all (I7)")
		r.dial(1).ok()
		for _, c := range calls {
			assert.Equal(t, 1, c.got().n)
		}
		r.acquire("nonsense").waits() // less than 1 counts as 1
		assert.ErrorIs(t, r.acquire("nonsense").failed(), pool.ErrWaitLimit)
		r.dial(2).ok()
	})
}

// Callers of different keys at once, and one place in the queue: one of them gets
// it, and not none because each was counted when the other was turned away.
func TestOneOfManyCallersAtOnceGetsTheLastPlaceInTheQueue(t *testing.T) {
	for range 300 {
		bubble(t, func(t *testing.T) {
			r := newRig(t, config{MaxOpenPerKey: 1, MaxWaiters: 1})
			r.acquireAll("a", "b", "c", "d")
			var waiting int
			calls := []*call{}
			for _, key := range []string{"a", "b", "c", "d"} {
				calls = append(calls, r.start(key, pool.Request{}))
			}
			for _, c := range calls {
				if !c.ended() {
					waiting++
				}
			}
			require.Equal(t, 1, waiting)
		})
	}
}
