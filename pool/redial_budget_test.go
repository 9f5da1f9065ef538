package pool_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
