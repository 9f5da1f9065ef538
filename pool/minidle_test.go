package pool_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// start lets the pool act for the first time: New starts nothing.
func (r *rig) start() {
	require.NoError(r.t, r.Warm(r.t.Context(), 0))
	synctest.Wait()
}

func TestMinIdleIsFilledFromTheFirstUseOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MinIdle: 2})
		pass(time.Hour)
		assert.Zero(t, r.Stats().Dials, "New starts nothing")
		r.acquire().got()
		s := r.Stats()
		assert.Equal(t, 2, s.Idle)
		assert.EqualValues(t, 3, s.Dials)
	})
}

// Whatever takes an idle resource away, MinIdle brings another.
func TestMinIdleIsRefilled(t *testing.T) {
	for name, take := range map[string]func(r *rig){
		"acquire":  func(r *rig) { r.acquire().got() },
		"discard":  func(r *rig) { r.acquire().discard() },
		"hijack":   func(r *rig) { r.acquire().hijack() },
		"reset":    func(r *rig) { r.Reset() },
		"retire":   func(r *rig) { r.Retire(func(*thing) bool { return true }) },
		"idle":     func(r *rig) { r.CloseIdle() },
		"lifetime": func(*rig) { pass(time.Hour) },
		"dead": func(r *rig) {
			for _, x := range r.things {
				x.set(pool.Dead)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				cfg.Shareable = func(*thing) bool { return false }
				cfg.MinIdle, cfg.MaxIdle, cfg.MaxOpen, cfg.MaxLifetime = 2, 2, 3, time.Hour
				r := newRig(t, cfg)
				r.start()
				require.Equal(t, 2, r.Stats().Idle)
				take(r)
				synctest.Wait()
				s := r.Stats()
				assert.Equal(t, 2, s.Idle)
				assert.Greater(t, s.Dials, uint64(2))
			})
		})
	}
}

// Nobody waits for these dials, so nothing but the pool itself can slow them
// down while the peer is away.
func TestMinIdleIsRefilledAfterFailuresAtAGrowingDistance(t *testing.T) {
	for name, tt := range map[string]struct {
		base, limit, first, last time.Duration
	}{
		"by default":         {0, 0, 100 * time.Millisecond, 10 * time.Second},
		"with backoff":       {time.Second, 8 * time.Second, time.Second, 8 * time.Second},
		"with a default cap": {time.Second, 0, time.Second, 100 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var mu sync.Mutex
				var times []time.Time
				var down atomic.Bool
				down.Store(true)
				dials := func() []time.Time {
					mu.Lock()
					defer mu.Unlock()
					return slices.Clone(times)
				}
				p, err := pool.New(pool.Config[int]{
					MinIdle: 1, BackoffBase: tt.base, BackoffMax: tt.limit,
					Dial: func(context.Context) (int, error) {
						mu.Lock()
						defer mu.Unlock()
						times = append(times, time.Now())
						if down.Load() {
							return 0, errDial
						}
						return 1, nil
					},
				})
				require.NoError(t, err)
				require.NoError(t, p.Warm(t.Context(), 0))
				pass(time.Hour)
				all := dials()
				require.Greater(t, len(all), 10)
				want := tt.first
				for i := 1; i < len(all); i++ {
					gap := all[i].Sub(all[i-1])
					assert.GreaterOrEqual(t, gap, want/2, "dial %d", i)
					assert.LessOrEqual(t, gap, want, "dial %d", i)
					want = min(2*want, tt.last)
				}

				down.Store(false)
				pass(tt.last)
				assert.Equal(t, 1, p.Stats().Idle)
				n := len(dials())
				pass(time.Hour)
				assert.Len(t, dials(), n, "it is there")

				down.Store(true)
				p.CloseIdle()
				pass(tt.first)
				assert.GreaterOrEqual(t, len(dials()), n+2, "the distance is the first one again")
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}

// MinIdle is a wish and MaxOpen a limit: nothing is closed to make room.
func TestMinIdleTakesNothingAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MinIdle: 2, MaxOpen: 3})
		first, second, third := r.acquire(), r.acquire(), r.acquire()
		third.got()
		s := r.Stats()
		assert.Zero(t, s.Idle+s.Dialing)
		assert.Zero(t, s.Closes.Total())
		first.discard()
		assert.Equal(t, 1, r.Stats().Idle, "its slot is free")
		second.release()
		assert.Equal(t, 2, r.Stats().Idle)
		assert.EqualValues(t, 4, r.Stats().Dials)
	})
}

// While a caller waits for a dial, that one comes first.
func TestMinIdleStarvesNoWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MinIdle: 3, MaxDials: 1})
		r.start()
		require.Equal(t, 1, r.started())
		first := r.acquire() // the dial in flight is for it now
		second := r.acquire()
		require.Equal(t, 1, r.started(), "MaxDials")
		r.dial(1).ok()
		assert.Equal(t, 1, first.got().n)
		r.dial(2).ok()
		assert.Equal(t, 2, second.got().n)
		for i := range 3 {
			r.dial(3 + i).ok()
		}
		assert.Equal(t, 3, r.Stats().Idle)
		assert.Equal(t, 5, r.started())
	})
}

// What becomes free while a caller waits is for its dial, and is not given to
// MinIdle as well: there would be one dial too many.
func TestSlotThatAWaiterTakesIsNotThereForMinIdle(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  pool.Config[*thing]
		free func(r *rig, first *call)
	}{
		"discard":   {pool.Config[*thing]{MinIdle: 1, MaxOpen: 1}, func(_ *rig, first *call) { first.discard() }},
		"hijack":    {pool.Config[*thing]{MinIdle: 1, MaxOpen: 1}, func(_ *rig, first *call) { first.hijack() }},
		"SetLimits": {pool.Config[*thing]{MinIdle: 1, MaxOpen: 1}, func(r *rig, _ *call) { require.NoError(r.t, r.SetLimits(pool.Limits{MinIdle: 1, MaxOpen: 2})) }},
		"dial":      {pool.Config[*thing]{MinIdle: 2, MaxDials: 1}, func(*rig, *call) {}}, // its end frees the permit
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, tt.cfg)
				first, second := r.acquire(), r.acquire()
				require.Equal(t, 1, r.started())
				r.dial(1).ok()
				first.got()
				second.waits()
				tt.free(r, first)
				assert.Equal(t, 2, r.started())
				assert.Equal(t, 1, r.Stats().Dialing)
				r.dial(2).ok()
				assert.Equal(t, 2, second.got().n)
			})
		})
	}
}

// A dial for MinIdle that fails is one that a waiter was counting on, if there is
// one by then.
func TestFailedDialForMinIdleFailsTheWaiterWhoReliedOnIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MinIdle: 1, MaxDials: 1})
		r.start()
		c := r.acquire()
		r.dial(1).fail(errDial)
		assert.ErrorIs(t, c.failed(), errDial)
		pass(time.Second)
		r.dial(2).ok()
		assert.Equal(t, 1, r.Stats().Idle)
	})
}

// Idle resources up to MinIdle do not idle out, so they are not closed and
// dialled again for ever.
func TestMaxIdleTimeKeepsMinIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MinIdle: 1, MaxIdleTime: time.Minute})
		require.NoError(t, r.Warm(t.Context(), 3))
		pass(time.Hour)
		s := r.Stats()
		assert.Equal(t, 1, s.Idle)
		assert.EqualValues(t, 3, s.Dials)
		assert.EqualValues(t, 2, s.Closes.Of(pool.ReasonIdleTime))

		require.NoError(t, r.SetLimits(pool.Limits{}))
		pass(time.Minute)
		assert.Zero(t, r.Stats().Idle, "without MinIdle it is overdue")
	})
}

func TestSetLimitsChangesMinIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxIdle: 3})
		r.start()
		assert.Zero(t, r.started())
		require.NoError(t, r.SetLimits(pool.Limits{MaxIdle: 3, MinIdle: 2}))
		r.dial(1).ok()
		assert.Equal(t, 2, r.started())

		require.NoError(t, r.SetLimits(pool.Limits{MaxIdle: 1}))
		assert.True(t, r.dial(2).canceled(), "nobody wants it any more")
		assert.Equal(t, 1, r.Stats().Idle)
		assert.EqualValues(t, 1, r.Stats().DialsCanceled)
	})
}

func TestMinIdleBeyondOtherLimitsIsAnErrorThatNamesIt(t *testing.T) {
	p, err := pool.New(pool.Config[int]{Dial: dialOne})
	require.NoError(t, err)
	for _, tt := range []struct {
		limits pool.Limits
		want   string
	}{
		{pool.Limits{MinIdle: -1}, "pool: MinIdle is -1: use 0 for none"},
		{pool.Limits{MinIdle: 3, MaxIdle: 2}, "pool: MinIdle is 3, above MaxIdle 2: lower MinIdle or raise MaxIdle"},
		{pool.Limits{MinIdle: 1, MaxIdle: -1}, "pool: MinIdle is 1, above MaxIdle -1: lower MinIdle or raise MaxIdle"},
		{pool.Limits{MinIdle: 3, MaxOpen: 2}, "pool: MinIdle is 3, above MaxOpen 2: lower MinIdle or raise MaxOpen"},
	} {
		l := tt.limits
		_, err := pool.New(pool.Config[int]{Dial: dialOne, MinIdle: l.MinIdle, MaxIdle: l.MaxIdle, MaxOpen: l.MaxOpen})
		assert.EqualError(t, err, tt.want)
		assert.EqualError(t, p.SetLimits(l), tt.want)
		assert.Equal(t, pool.Limits{}, p.Limits())
	}
	require.NoError(t, p.Shutdown(t.Context()))
}

// Two pools share a Budget. What one keeps ready goes when a caller of the other
// needs the slot, and comes back only when nobody does.
func TestMinIdleUnderABudgetTakesOnlyWhatNobodyNeeds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		ready := newRig(t, pool.Config[*thing]{MinIdle: 2, Budget: b})
		busy := newRig(t, pool.Config[*thing]{Budget: b})
		ready.start()
		require.Equal(t, 2, ready.Stats().Idle)
		first, second := busy.acquire(), busy.acquire()
		second.got()
		assert.Zero(t, ready.Stats().Idle)
		third := busy.acquire()
		first.release()
		third.got()
		assert.Zero(t, ready.Stats().Open)
		second.discard()
		assert.Equal(t, 1, ready.Stats().Idle)
		third.discard()
		assert.Equal(t, 2, ready.Stats().Idle)
		assert.Equal(t, 2, b.Stats().Open)
	})
}

// A Budget's MaxIdle is a limit too. Dialling for MinIdle beyond it would mean to
// dial and to cancel without end.
func TestMinIdleStopsAtTheMaxIdleOfTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxIdle: 1})
		require.NoError(t, err)
		one := newManual(t, pool.Config[*thing]{MinIdle: 1, Budget: b})
		two := newManual(t, pool.Config[*thing]{MinIdle: 1, Budget: b})
		one.start()
		one.dial(1).ok()
		two.start()
		pass(time.Minute)
		assert.Zero(t, two.started())
		one.acquire().got()
		assert.Equal(t, 2, one.started()+two.started(), "what is in use is not idle")
	})
}

// However many callers wait, each of them comes before what another pool would
// like to have ready.
func TestSlotsOfABudgetGoToAllWaitersBeforeMinIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const waiters = 12 // more than one report to the Budget tells of
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 1})
		require.NoError(t, err)
		busy := newManual(t, pool.Config[*thing]{Budget: b})
		ready := newManual(t, pool.Config[*thing]{MinIdle: 2, Budget: b})
		calls := []*call{busy.acquire()}
		busy.dial(1).ok()
		ready.start()
		for range waiters {
			calls = append(calls, busy.acquire())
		}
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1 + waiters}))
		assert.Equal(t, 1+waiters, busy.started())
		assert.Zero(t, ready.started())
		for i := range waiters {
			busy.dial(2 + i).ok()
			calls[1+i].got()
		}
	})
}

// What starts a waiter's dial may make room for the pool's own as well: that begins
// at once, not at the next call.
func TestMinIdleIsRefilledBesideAWaitersDial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, MinIdle: 1})
		first, second := r.acquire(), r.acquire()
		r.dial(1).ok()
		first.got()
		second.waits()
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 3, MinIdle: 1}))
		assert.Equal(t, 3, r.started(), "one for the waiter, one to be ready")
	})
}
