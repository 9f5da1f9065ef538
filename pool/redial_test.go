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
	"go.uber.org/atomic"
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
		hung := r.acquireFresh()
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
		fresh := r.acquireFresh()
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

// What the pool wants for itself comes after the dial beside a late one, and no later.
func TestMinIdleIsRefilledWithADialBesideALateOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxDials: 1, RedialAfter: late})
		r.acquire()
		pass(2 * late)
		require.Equal(t, 1, r.started())
		require.NoError(t, r.SetLimits(pool.Limits{MinIdle: 2}))
		assert.Equal(t, 3, r.started(), "one for the caller, and two to be idle")
	})
}

// Before a dial is late, MaxIdle holds for those that nobody needs as ever.
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

// holdFirst is a limiter that lets others pass while it holds up the first.
type holdFirst struct{ seen atomic.Int32 }

func (h *holdFirst) Wait(ctx context.Context) error {
	if h.seen.Inc() > 1 {
		return nil
	}
	select {
	case <-time.After(time.Hour):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A dial that DialRate holds up, and that is older than those which are late, does not
// hide them: what is made beside them is not canceled and made again without end.
func TestHeldUpDialHidesNoLateOne(t *testing.T) {
	for _, maxIdle := range []int{-1, 1} {
		bubble(t, func(t *testing.T) {
			r := newManual(t, pool.Config[*thing]{MaxIdle: maxIdle, DialRate: &holdFirst{}, RedialAfter: late})
			dials := atomic.NewInt32(0)
			r.atDial = func() {
				if dials.Inc() > 1000 {
					panic("it dials without end")
				}
			}
			r.acquire()
			r.acquire()
			pass(10*late - 1)
			assert.EqualValues(t, 10, dials.Load())
			assert.Zero(t, r.Stats().DialsCanceled)
		})
	}
}
