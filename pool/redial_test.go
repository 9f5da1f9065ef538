package pool_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const late = 5 * time.Second

// A dial that hangs, and whose caller may have gone, does not hold up those who come
// after it for longer than RedialAfter.
func TestHungDialHoldsUpNobodyForLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{RedialAfter: late})
		gone := r.acquire()
		pass(time.Second)
		gone.leave()
		c := r.acquire()
		require.Equal(t, 1, r.started(), "it counts on the dial that is in flight (I7)")
		pass(late - time.Second - 1)
		require.Equal(t, 1, r.started())
		pass(1)
		require.Equal(t, 2, r.started())
		r.dial(2).ok()
		c.got()
		assert.False(t, r.dial(1).canceled(), "it may become idle")
		r.dial(1).ok()
		assert.Equal(t, 1, r.Stats().Idle)
		pass(time.Hour)
		assert.Equal(t, 2, r.started())
	})
}

func TestWithoutRedialAfterNoDialIsLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		r.acquire()
		pass(24 * time.Hour)
		assert.Equal(t, 1, r.started())
	})
}

// However many wait for however many late dials, one more is made at a time, until
// one of them shows that the peer answers.
func TestOneMoreDialAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{RedialAfter: late})
		calls := r.acquireAll(10)
		for n := 10; n < 14; n++ {
			require.Equal(t, n, r.started())
			pass(late - 1)
			require.Equal(t, n, r.started())
			pass(1)
		}
		for n := 14; n < 24; n++ {
			require.Equal(t, n, r.started())
			calls[n-14].waits()
			r.dial(n).ok()
			calls[n-14].got()
		}
		assert.Equal(t, 23, r.started(), "nobody waits any more")
		for n := 1; n <= 13; n++ {
			assert.False(t, r.dial(n).canceled())
		}
	})
}

// A dial for a shareable resource stands for as many callers as it is expected to
// carry, and so does the one beside it.
func TestOneMoreDialForACohort(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.RedialAfter = 100, late
		r := newManual(t, cfg)
		calls := r.acquireAll(50)
		require.Equal(t, 1, r.started())
		pass(late)
		require.Equal(t, 2, r.started())
		r.capacity = 100
		r.dial(2).ok()
		for _, c := range calls {
			c.got()
		}
		pass(time.Hour)
		assert.Equal(t, 2, r.started())
	})
}

func TestOneMoreDialKeepsTheLimits(t *testing.T) {
	for name, cfg := range map[string]pool.Config[*thing]{
		"MaxOpen":  {MaxOpen: 2, RedialAfter: late},
		"MaxDials": {MaxDials: 2, RedialAfter: late},
		"Budget":   {Budget: newBudget(t, pool.BudgetLimits{MaxOpen: 2}), RedialAfter: late},
		"its dial": {Budget: newBudget(t, pool.BudgetLimits{MaxDials: 2}), RedialAfter: late},
	} {
		t.Run(name, func(t *testing.T) {
			if b := cfg.Budget; b != nil {
				cfg.Budget = newBudget(t, b.Stats().BudgetLimits) // of the bubble
			}
			bubble(t, func(t *testing.T) {
				r := newManual(t, cfg)
				c := r.acquire()
				pass(10 * late)
				require.Equal(t, 2, r.started())
				r.dial(1).fail(errDial)
				require.ErrorIs(t, c.failed(), errDial, "it came before that dial began")
				c = r.acquire()
				pass(0)
				require.Equal(t, 3, r.started(), "the one that goes on is late")
				r.dial(3).ok()
				c.got()
			})
		})
	}
}

// The error of a late dial goes to those who came before it began. Later ones have
// another dial, or will have.
func TestErrorOfALateDialFailsNobodyWhoCameLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, RedialAfter: late})
		first := r.acquire()
		pass(time.Second)
		first.leave()
		second := r.acquire()
		pass(late)
		require.Equal(t, 2, r.started())
		r.dial(1).fail(errDial)
		second.waits()
		assert.Equal(t, 2, r.started(), "it has a dial")
		r.dial(2).fail(errDial)
		assert.ErrorIs(t, second.failed(), errDial, "which was made for it")
	})
}

func TestErrorOfALateDialFailsWhoCameBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{RedialAfter: late, DialTimeout: 2 * late})
		first := r.acquire()
		pass(late)
		second := r.acquire()
		require.Equal(t, 2, r.started(), "the second has none of its own beside the one more")
		pass(late)
		assert.Error(t, first.failed(), "DialTimeout")
		second.waits()
		require.Equal(t, 3, r.started())
		r.dial(3).ok()
		second.got()
	})
}

// Where each dial takes longer than RedialAfter they do not end one another, even if
// none is kept idle.
func TestSlowDialsComeToTheirEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxIdle: -1, RedialAfter: late})
		c := r.acquire()
		pass(3*late + 1)
		require.Equal(t, 4, r.started())
		for n := 1; n <= 4; n++ {
			require.False(t, r.dial(n).canceled(), "dial %d", n)
		}
		r.dial(1).ok()
		c.got()
		for n := 2; n <= 4; n++ {
			assert.True(t, r.dial(n).canceled(), "nobody waits for dial %d, and none is kept", n)
		}
	})
}

func TestNoMoreDialsWhereNobodyWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 5, MinIdle: 1, RedialAfter: late})
		c := r.acquire()
		n := r.started()
		r.dial(1).ok()
		c.got()
		n = max(n, r.started())
		pass(10 * late)
		assert.Equal(t, n, r.started(), "the one for MinIdle hangs, and only it")
		r.acquire()
		assert.Equal(t, n+1, r.started())
	})
}

// What a waiter is promised by a resource that is there needs no dial.
func TestNoMoreDialsForPromises(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Expect, cfg.Shared, cfg.RedialAfter = func(*thing) int { return 10 }, 1, late
		r := newManual(t, cfg)
		r.acquire()
		r.dial(1).ok()
		hung := r.acquireWith(t.Context(), pool.Request{Fresh: true})
		require.Equal(t, 2, r.started())
		r.acquire()
		hung.leave()
		pass(10 * late)
		assert.Equal(t, 2, r.started())
	})
}

func TestOneMoreDialForWhoWantsAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Expect, cfg.RedialAfter = func(*thing) int { return 10 }, late
		r := newManual(t, cfg)
		r.acquire()
		r.dial(1).ok()
		fresh := r.acquireWith(t.Context(), pool.Request{Fresh: true})
		require.Equal(t, 2, r.started())
		pass(late)
		require.Equal(t, 3, r.started(), "the promises of the old one are not for it")
		r.dial(3).ok()
		assert.Equal(t, 2, fresh.got().n)
	})
}

// What DialRate holds up has not begun, so it is not late.
func TestHeldUpDialIsNotLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := make(gate)
		r := newManual(t, pool.Config[*thing]{DialRate: g, RedialAfter: late})
		r.acquire()
		pass(10 * late)
		assert.Equal(t, 1, r.Stats().Dialing)
		g <- nil
		pass(late - 1)
		assert.Equal(t, 1, r.Stats().Dialing)
		pass(1)
		assert.Equal(t, 2, r.Stats().Dialing)
	})
}

func TestOneMoreDialKeepsTheBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{BackoffBase: 8 * late, BackoffMax: 8 * late, RedialAfter: late})
		var mu sync.Mutex
		last, gaps := time.Now(), 0
		r.atDial = func() {
			mu.Lock()
			defer mu.Unlock()
			if gap := time.Since(last); gap > 0 {
				assert.GreaterOrEqual(t, gap, 4*late, "half of the backoff is sure, the rest drawn")
				assert.LessOrEqual(t, gap, 8*late)
				gaps++
			}
			last = time.Now()
		}
		r.acquire()
		r.dial(1).fail(errDial)
		r.acquire()
		pass(41 * late)
		mu.Lock()
		defer mu.Unlock()
		assert.GreaterOrEqual(t, gaps, 5)
	})
}

// Without a backoff there is none for the dials beside late ones either, though the
// pool has one of its own for what it dials in the background.
func TestOneMoreDialAfterAFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{RedialAfter: time.Millisecond})
		r.acquire()
		r.dial(1).fail(errDial)
		r.acquire()
		for n := 2; n < 9; n++ {
			require.Equal(t, n, r.started())
			pass(time.Millisecond)
		}
	})
}

// What was dialled beside late dials makes room for another pool's waiter, the newest
// first.
func TestDialBesideALateOneMakesRoomInTheBudget(t *testing.T) {
	for name, limits := range map[string]pool.BudgetLimits{"slots": {MaxOpen: 3}, "dials": {MaxDials: 3}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBudget(t, limits)
				cfg := under(b)
				cfg.RedialAfter = late
				one, two := newManual(t, cfg), newManual(t, under(b))
				c := one.acquire()
				pass(2 * late)
				require.Equal(t, 3, one.started())
				d := two.acquire()
				require.Equal(t, 1, two.started())
				assert.False(t, one.dial(1).canceled())
				assert.False(t, one.dial(2).canceled())
				assert.True(t, one.dial(3).canceled())
				two.dial(1).ok()
				d.got()
				pass(10 * late)
				wantDials := 3
				if limits.MaxDials > 0 {
					wantDials = 4 // what has ended is no dial
				}
				assert.Equal(t, wantDials, one.started(), "only what nobody else has taken")
				assert.False(t, one.dial(1).canceled())
				one.dial(1).ok()
				c.got()
			})
		})
	}
}

// What may be idle in a Budget does not end late dials while callers wait for them, nor
// do they keep another pool from having something ready.
func TestLateDialsAreNotIdleInTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxIdle: 1})
		cfg := under(b)
		cfg.RedialAfter = late
		one := newManual(t, cfg)
		c := one.acquire()
		pass(2 * late)
		require.Equal(t, 3, one.started())
		cfg = under(b)
		cfg.MinIdle = 1
		two := newManual(t, cfg)
		assert.NoError(t, two.Warm(t.Context(), 0))
		require.Equal(t, 1, two.started(), "nothing is idle yet")
		two.dial(1).ok()
		require.Equal(t, 1, b.Stats().Idle)
		pass(0)
		pass(late)
		require.Equal(t, 4, one.started(), "nor is the next")
		for n := 1; n <= 4; n++ {
			assert.False(t, one.dial(n).canceled(), "dial %d", n)
		}
		one.dial(1).ok()
		c.got()
		for n := 2; n <= 4; n++ {
			assert.True(t, one.dial(n).canceled(), "nobody waits, and what dial %d brings would not be kept", n)
		}
	})
}

// The error of a limiter is not that of a late dial, however long it held the dial up.
func TestErrorOfAHeldUpDialFailsWhoWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := make(gate)
		r := newManual(t, pool.Config[*thing]{DialRate: g, RedialAfter: late})
		gone := r.acquire()
		pass(time.Second)
		gone.leave()
		c := r.acquire()
		pass(10 * late)
		g <- errDial
		synctest.Wait()
		assert.ErrorIs(t, c.failed(), errDial)
	})
}

// Pools whose dials all hang do not end one another's dials, and their callers hear of it
// when the first of them has ended, however the slots are spread.
func TestPoolsWhoseDialsHangLeaveOneAnotherAlone(t *testing.T) {
	for pools := 2; pools <= 5; pools++ {
		for slots := 1; slots <= 8; slots++ {
			for _, limits := range []pool.BudgetLimits{{MaxOpen: slots}, {MaxDials: slots}, {MaxOpen: slots, MaxIdle: 1}} {
				bubble(t, func(t *testing.T) {
					b := newBudget(t, limits)
					var calls []*call
					for range pools {
						cfg := under(b)
						cfg.RedialAfter, cfg.DialTimeout = late, time.Minute
						calls = append(calls, newManual(t, cfg).acquire())
					}
					rounds := 2 * ((pools-1)/slots + 1) // of those who had to wait for a slot as well
					pass(time.Duration(rounds) * time.Minute)
					for _, c := range calls {
						require.Error(t, c.failed(), "%d pools, %+v", pools, limits)
					}
				})
			}
		}
	}
}

// A peer that is slower than RedialAfter is reached as soon beside a pool that takes
// every slot as it would be without.
func TestSlowPeerIsReachedBesideABusyPool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		cfg := under(b)
		cfg.RedialAfter = late
		slow, busy := newManual(t, cfg), newRig(t, under(b))
		c := slow.acquire()
		stop, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for stop.Err() == nil {
					_ = busy.Do(t.Context(), func(pool.Lease[*thing]) error {
						<-time.After(100 * time.Millisecond)
						return nil
					})
				}
			})
		}
		pass(10 * late)
		assert.Equal(t, 1, slow.started(), "there is no slot for one more")
		assert.LessOrEqual(t, busy.Stats().Dials, uint64(2), "nor does it take one")
		slow.dial(1).ok()
		c.got()
		cancel()
		wg.Wait()
	})
}

// Before the oldest dial is late, MaxIdle holds for those that nobody needs as ever.
func TestDialsThatAreNotLateAreCanceledForMaxIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxIdle: -1, RedialAfter: late})
		calls := r.acquireAll(5)
		pass(late - 1)
		for _, c := range calls[:3] {
			c.leave()
		}
		for n := 1; n <= 5; n++ {
			assert.Equal(t, n > 2, r.dial(n).canceled(), "dial %d", n)
		}
		pass(1)
		require.Equal(t, 6, r.started())
		calls[3].leave()
		assert.False(t, r.dial(6).canceled(), "one waits, and those before it are late")
		calls[4].leave()
		for n := 1; n <= 6; n++ {
			assert.True(t, r.dial(n).canceled(), "dial %d", n)
		}
	})
}
