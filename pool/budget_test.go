package pool_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newBudget(t testing.TB, l pool.BudgetLimits) *pool.Budget {
	t.Helper()
	b, err := pool.NewBudget(l)
	require.NoError(t, err)
	return b
}

// under returns a Config of a pool that has no limits but the Budget's.
func under(b *pool.Budget) pool.Config[*thing] { return pool.Config[*thing]{Budget: b} }

// sharing is under, with shareable things.
func sharing(b *pool.Budget) pool.Config[*thing] {
	cfg := shareable()
	cfg.Budget = b
	return cfg
}

func TestBudgetNamesTheLimitThatIsWrong(t *testing.T) {
	good := pool.BudgetLimits{MaxOpen: 3, MaxIdle: 2, MaxDials: 1, Affinity: 4}
	b := newBudget(t, good)
	for field, l := range map[string]pool.BudgetLimits{
		"MaxOpen":  {MaxOpen: -1},
		"MaxIdle":  {MaxIdle: -1},
		"MaxDials": {MaxDials: -1},
		"Affinity": {Affinity: -1},
	} {
		none, err := pool.NewBudget(l)
		assert.Nil(t, none)
		require.Error(t, err, field)
		assert.Regexp(t, "BudgetLimits."+field+" is -1", err.Error())
		assert.EqualError(t, b.SetLimits(l), err.Error())
		assert.Equal(t, pool.BudgetStats{BudgetLimits: good}, b.Stats(), "nothing has changed")
	}
}

// The Budget knows nothing of what its pools hold.
func TestPoolsOfDifferentTypesShareABudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		things := newRig(t, under(b))
		names, err := pool.New(pool.Config[string]{
			Dial: func(context.Context) (string, error) { return "name", nil }, Budget: b,
		})
		require.NoError(t, err)
		things.acquire().release()
		l, err := names.Acquire(t.Context()) // the idle thing makes room
		require.NoError(t, err)
		assert.Equal(t, "name", l.Value())
		assert.EqualValues(t, 1, things.Stats().Closes.Of(pool.ReasonEvict))

		older := things.acquire()
		older.waits()
		younger := make(chan pool.Lease[string], 1)
		go func() {
			l, err := names.Acquire(t.Context())
			assert.NoError(t, err)
			younger <- l
		}()
		synctest.Wait()
		l.Release() // with a waiter of its own, but the thing's was first
		older.got()
		require.Empty(t, younger)
		older.release()
		l = <-younger
		l.Release()
		require.NoError(t, names.Shutdown(t.Context()))
	})
}

func TestBudgetStatsTellWhatItsPoolsHave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		limits := pool.BudgetLimits{MaxOpen: 3}
		b := newBudget(t, limits)
		want := func(open, dialing, idle, waiting int, what string) {
			t.Helper()
			synctest.Wait()
			assert.Equal(t, pool.BudgetStats{BudgetLimits: limits, Open: open, Dialing: dialing, Idle: idle, Waiting: waiting}, b.Stats(), what)
		}
		gate := make(chan struct{})
		cfg := under(b)
		cfg.Close = func(*thing) error { <-gate; return nil }
		one, two := newManual(t, cfg), newRig(t, under(b))
		want(0, 0, 0, 0, "new")
		dialing := one.acquire()
		want(1, 1, 0, 0, "a dial")
		one.dial(1).ok()
		want(1, 0, 0, 0, "a lease")
		dialing.release()
		want(1, 0, 1, 0, "an idle resource")
		a, b2 := two.acquire(), two.acquire()
		want(3, 0, 1, 0, "three of two pools")
		late := two.acquire()
		want(3, 0, 0, 1, "one waits for the slot of the idle one, which is closing")
		again, more := two.acquire(), two.acquire()
		want(3, 0, 0, 1, "a pool counts once, however many wait in it")
		close(gate)
		late.got()
		want(3, 0, 0, 1, "two still wait")
		again.leave()
		more.leave()
		want(3, 0, 0, 0, "nobody waits")
		late.hijack()
		want(2, 0, 0, 0, "hijacked")
		a.discard()
		want(1, 0, 0, 0, "discarded")
		b2.release()
		require.NoError(t, two.Close())
		want(0, 0, 0, 0, "closed")
	})
}

// A call that its own pool's limits hold back is no waiter of the Budget.
func TestOwnLimitsComeBeforeTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		cfg := under(b)
		cfg.MaxOpen = 1
		one, two := newRig(t, cfg), newRig(t, under(b))
		holder, held := one.acquire(), one.acquire()
		held.waits()
		assert.Zero(t, b.Stats().Waiting)
		two.acquire().got()
		two.acquire().got() // younger, but the older one cannot take the slot
		assert.Equal(t, 3, b.Stats().Open)
		holder.release()
		held.got()
	})
}

func TestBudgetMaxIdleClosesTheLeastRecentlyUsedOfAllPools(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxIdle: 2})
		one, two := newRig(t, under(b)), newRig(t, under(b))
		first, second, third := one.acquire(), two.acquire(), one.acquire()
		second.release()
		first.release()
		third.release()
		assert.Equal(t, 2, one.Stats().Idle)
		assert.EqualValues(t, 1, two.Stats().Closes.Of(pool.ReasonIdleLimit))
		assert.Equal(t, 2, b.Stats().Idle)
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxIdle: 1}))
		synctest.Wait()
		assert.EqualValues(t, 1, one.things[0].closes.Load())
		assert.Equal(t, 1, b.Stats().Idle)
	})
}

func TestBudgetMaxDialsCountsOverAllPools(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxDials: 1})
		one, two := newManual(t, under(b)), newManual(t, under(b))
		first, second := one.acquire(), two.acquire()
		require.Equal(t, 1, one.started())
		require.Zero(t, two.started())
		assert.Equal(t, 1, b.Stats().Waiting)
		one.dial(1).ok()
		first.got()
		two.dial(1).ok()
		second.got()
	})
}

// A dial that brings room for many takes one slot.
func TestShareableResourceTakesOneSlotOfTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 2})
		cfg := sharing(b)
		cfg.Shared = 5
		one, two := newManual(t, cfg), newRig(t, under(b))
		one.capacity = 5
		for range 5 {
			one.acquire().waits()
		}
		two.acquire().got()
		one.dial(1).ok()
		assert.Equal(t, 5, one.Stats().Leases)
		assert.Equal(t, 2, b.Stats().Open)
	})
}

func TestClosedPoolIsNothingToItsBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
		one, two := newRig(t, under(b)), newRig(t, under(b))
		holder, gone := two.acquire(), one.acquire()
		younger := two.acquire()
		require.NoError(t, one.Shutdown(t.Context()))
		assert.ErrorIs(t, gone.failed(), pool.ErrClosed)
		holder.release()
		assert.Equal(t, 1, younger.got().n, "handed on: nobody older is left")
	})
}

// A Budget that NewBudget has not made would fail at the first release.
func TestZeroBudgetIsRefused(t *testing.T) {
	const want = "pool: Budget is the zero Budget: make it with NewBudget"
	_, err := pool.New(pool.Config[int]{Dial: dialOne, Budget: &pool.Budget{}})
	assert.EqualError(t, err, want)
	assert.EqualError(t, (&pool.Budget{}).SetLimits(pool.BudgetLimits{MaxOpen: 1}), want)
}

// What is out of a lane that lower limits have closed is not idle.
func TestBudgetStatsAfterLowerLimitsOfAPoolWithALane(t *testing.T) {
	for name, l := range map[string]pool.Limits{"MaxIdle": {MaxIdle: -1}, "MaxOpen": {MaxOpen: 1}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b, err := pool.NewBudget(pool.BudgetLimits{})
				require.NoError(t, err)
				r := newRig(t, pool.Config[*thing]{Budget: b})
				for range 8 {
					one, two := r.acquire(), r.acquire()
					one.release()
					two.release()
				}
				calls := []*call{r.acquire(), r.acquire()}
				require.Zero(t, b.Stats().Idle)
				require.NoError(t, r.SetLimits(l))
				assert.Zero(t, b.Stats().Idle)
				assert.Equal(t, 2, r.Stats().InUse)
				calls[0].release()
				calls[1].release()
			})
		})
	}
}
