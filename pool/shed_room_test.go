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

// tensOfSeconds returns a pool with one resource in use, whose leases so far took ten seconds.
func tensOfSeconds(t *testing.T, cfg pool.Config[*thing]) *rig {
	t.Helper()
	cfg.ShedLate = pool.ShedOn
	r := newManual(t, cfg)
	first := r.acquire()
	r.dial(1).ok()
	pass(10 * time.Second)
	first.release()
	r.acquire().got()
	return r
}

// idleBeside makes the second resource of such a pool, and leaves it idle.
func (r *rig) idleBeside() {
	r.t.Helper()
	c := r.acquire()
	r.dial(2).ok()
	c.release()
	require.Equal(r.t, 1, r.Stats().Idle)
}

// A dial has failed and nothing is known of the peer since. When the backoff is over, the
// next caller's dial begins at once, and the leases that are out say nothing of its wait.
func TestOutageShedsOnlyWhomTheBackoffHoldsUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := tensOfSeconds(t, pool.Config[*thing]{MaxOpen: 5, BackoffBase: 100 * time.Millisecond})
		c := r.acquire()
		r.dial(2).fail(errDial)
		require.ErrorIs(t, c.failed(), errDial)
		_ = r.within(5 * time.Second).shedErr() // the backoff holds
		pass(time.Hour)
		c = r.within(5 * time.Second)
		c.waits()
		_ = r.within(5 * time.Second).shedErr() // until that dial has ended, the backoff holds again
		r.dial(3).ok()
		c.got()
		r.within(5 * time.Second).waits()
		r.dial(4).ok()
		assert.EqualValues(t, 2, r.Stats().Shed)
	})
}

// Something idle makes room for the dial of who wants a fresh resource.
func TestFreshCallerIsNotShedBesideSomethingIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := tensOfSeconds(t, pool.Config[*thing]{MaxOpen: 2})
		r.idleBeside()
		c := r.freshWithin(5 * time.Second)
		c.waits()
		_ = r.freshWithin(5 * time.Second).shedErr()
		r.dial(3).ok()
		c.got()
	})
}

// One after the other makes room, and nobody more is let in than that is for.
func TestFreshCallersAreShedWhereNothingIdleIsLeftForThem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := tensOfSeconds(t, pool.Config[*thing]{MaxOpen: 3, Close: func(*thing) error { <-time.After(time.Second); return nil }})
		two := []*call{r.acquire(), r.acquire()}
		r.dial(2).ok()
		r.dial(3).ok()
		for _, c := range two {
			c.release()
		}
		first, second := r.freshWithin(5*time.Second), r.freshWithin(5*time.Second)
		s := r.Stats()
		require.Equal(t, []int{1, 1, 2}, []int{s.Closing, s.Idle, s.Waiting})
		_ = r.freshWithin(5 * time.Second).shedErr()
		pass(time.Second)
		r.dial(4).ok()
		first.got()
		pass(time.Second)
		r.dial(5).ok()
		second.got()
	})
}

// What is idle makes no room while the backoff holds up all dials, or MaxDials does.
func TestFreshCallerIsShedWhereNoDialCanBegin(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  pool.Config[*thing]
		then func(*rig)
	}{
		"backoff":  {pool.Config[*thing]{MaxOpen: 2, BackoffBase: time.Minute}, func(r *rig) { r.dial(3).fail(errDial) }},
		"MaxDials": {pool.Config[*thing]{MaxOpen: 3, MaxDials: 1}, func(*rig) {}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := tensOfSeconds(t, test.cfg)
				r.idleBeside()
				limits := r.Limits()
				require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 3, MaxDials: limits.MaxDials}))
				r.acquireFresh().waits()
				require.Equal(t, 3, r.started())
				test.then(r)
				require.NoError(t, r.SetLimits(limits))
				_ = r.freshWithin(5 * time.Second).shedErr()
				assert.Equal(t, 1, r.Stats().Idle)
			})
		})
	}
}

// A slot that is on its way out is as good as free.
func TestCallerIsNotShedBesideASlotThatCloses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := tensOfSeconds(t, pool.Config[*thing]{MaxOpen: 2, Close: func(*thing) error { <-time.After(time.Second); return nil }})
		c := r.acquire()
		r.dial(2).ok()
		c.discard()
		require.Equal(t, 1, r.Stats().Closing)
		c = r.within(5 * time.Second)
		c.waits()
		_ = r.within(5 * time.Second).shedErr() // it is for the first
		pass(time.Second)
		r.dial(3).ok()
		c.got()
	})
}

// One dial serves several callers: a slot that closes is for as many of them.
func TestSlotThatClosesIsForAllWhomItsDialServes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.Shared, cfg.ShedLate = 2, 3, pool.ShedOn
		cfg.Close = func(*thing) error { <-time.After(time.Second); return nil }
		r := newManual(t, cfg)
		r.capacity = 3
		first := r.acquire()
		r.dial(1).ok()
		pass(100 * time.Second)
		first.release()
		r.acquireAll(3)
		c := r.acquire()
		r.dial(2).ok()
		c.discard()
		require.Equal(t, 1, r.Stats().Closing)
		three := []*call{r.within(5 * time.Second), r.within(5 * time.Second), r.within(5 * time.Second)}
		for _, c := range three {
			c.waits()
		}
		_ = r.within(5 * time.Second).shedErr() // they have all that it will carry
		pass(time.Second)
		r.dial(3).ok()
		for _, c := range three {
			c.got()
		}
		assert.EqualValues(t, 1, r.Stats().Shed)
	})
}

// What is idle because whoever waits wants a fresh one is for the next caller.
func TestCallerIsNotShedBesideSomethingIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := tensOfSeconds(t, pool.Config[*thing]{MaxOpen: 3})
		r.idleBeside()
		fresh := r.acquireFresh()
		fresh.waits()
		r.within(5 * time.Second).got()
		r.dial(3).ok()
		fresh.got()
		assert.Zero(t, r.Stats().Shed)
	})
}

// What is released between the caller's two looks is the caller's.
func TestCallerIsNotShedWhenItsSecondLookFindsSomething(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := tensOfSeconds(t, pool.Config[*thing]{MaxOpen: 2, WaitTimeout: 5 * time.Second})
		other := r.acquire()
		r.dial(2).ok()
		x := other.got()
		l, err := r.Acquire(between{t.Context(), sync.OnceFunc(other.lease.Release)})
		require.NoError(t, err)
		assert.Same(t, x, l.Value())
		l.Release()
	})
}

// between is a context that does something when the deadline of WaitTimeout is put on it,
// which is between a caller's two looks.
type between struct {
	context.Context
	do func()
}

func (b between) Value(key any) any {
	b.do()
	return b.Context.Value(key)
}

// The breaker is open; what is idle is no dial.
func TestOpenBreakerFailsNobodyBesideSomethingIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{BreakAfter: 1, BackoffBase: 100 * time.Millisecond})
		a, b, c := r.acquire(), r.acquire(), r.acquire()
		for n := range 3 {
			r.dial(n + 1).ok()
		}
		a.got()
		failed := r.acquire()
		r.dial(4).fail(errDial)
		_ = failed.failed()
		b.release()
		c.release()
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 3}))
		pass(time.Second)
		fresh := r.acquireFresh() // the probe, for which one of the two makes room
		fresh.waits()
		require.Equal(t, 1, r.Stats().Idle)
		r.acquire().got()
		_ = r.acquire().failed()
		assert.EqualValues(t, 1, r.Stats().FailFast)
		r.dial(5).ok()
		fresh.got()
	})
}

// The first caller has the Budget close something idle of another pool. There is more of that.
func TestCallerIsNotShedBesideWhatIsIdleInAnotherPool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		slow, cfg := under(b), under(b)
		slow.Close = func(*thing) error { <-time.After(100 * time.Millisecond); return nil }
		cfg.ShedLate = pool.ShedOn
		idler, r := newRig(t, slow), newRig(t, cfg)
		c := r.acquire()
		pass(time.Hour)
		c.release()
		r.acquire().got()
		for _, c := range idler.acquireAll(2) {
			c.release()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first, second := r.acquireAs(ctx), r.acquireAs(ctx)
		third := r.acquireAs(ctx)
		var shed *pool.ShedError
		assert.ErrorAs(t, third.failed(), &shed)
		pass(500 * time.Millisecond)
		first.got()
		second.got()
	})
}
