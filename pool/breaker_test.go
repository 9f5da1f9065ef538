package pool_test

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// breaking returns a Config with a breaker and a list of what it did.
func breaking(after int) (pool.Config[*thing], *[]pool.BreakerEvent) {
	events := &[]pool.BreakerEvent{}
	return pool.Config[*thing]{
		BreakAfter: after,
		Hooks:      &pool.Hooks{Breaker: func(e pool.BreakerEvent) { *events = append(*events, e) }},
	}, events
}

// fastFailure checks that err is one for which no dial was made.
func fastFailure(t *testing.T, err error) *pool.DialError {
	t.Helper()
	var failure *pool.DialError
	require.ErrorAs(t, err, &failure)
	require.True(t, failure.FailFast, "%v", err)
	require.ErrorIs(t, err, errDial)
	return failure
}

func TestBreakerIsOffByDefault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
		for n := range 100 {
			c := r.acquire()
			r.dial(n + 1).fail(errDial)
			var failure *pool.DialError
			require.ErrorAs(t, c.failed(), &failure)
			require.False(t, failure.FailFast)
		}
		assert.Zero(t, r.Stats().Breaks)
	})
}

// With the last of the failures all waiters learn that waiting is in vain. The
// one whose dial it was is told so.
func TestOpenBreakerFailsAllWhoWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, events := breaking(3)
		cfg.MaxOpen = 1
		r := newManual(t, cfg)
		calls := r.acquireAll(5)
		for n := 1; n <= 2; n++ {
			r.dial(n).fail(errDial)
			_ = calls[n-1].failed()
			calls[n].waits()
		}
		assert.Empty(t, *events)
		r.dial(3).fail(errDial)
		var own *pool.DialError
		require.ErrorAs(t, calls[2].failed(), &own)
		assert.False(t, own.FailFast, "its dial was made")
		for _, c := range calls[3:] {
			assert.Equal(t, 3, fastFailure(t, c.failed()).Attempt)
		}
		assert.EqualError(t, calls[4].err, "pool: dial failed (3 in a row), none is tried for this call: refused")
		assert.Equal(t, []pool.BreakerEvent{{Open: true, Failures: 3, Err: errDial}}, *events)
		assert.EqualValues(t, 1, r.Stats().Breaks)
	})
}

// Callers do not wait while it is open, but what is idle or released is theirs:
// the resources at hand work.
func TestOpenBreakerHandsOutWhatThereIs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, _ := breaking(1)
		cfg.MaxOpen = 3
		r := newManual(t, cfg)
		holder := r.acquire()
		r.dial(1).ok()
		other := r.acquire()
		r.dial(2).fail(errDial)
		_ = other.failed()
		_ = fastFailure(t, r.acquire().failed())
		before := r.Stats()
		holder.release()
		again := r.acquire()
		assert.Equal(t, 1, again.got().n)
		assert.Equal(t, before.Hits+1, r.Stats().Hits)
		_ = fastFailure(t, r.acquire().failed())
		_, ok := r.TryAcquire()
		assert.False(t, ok)
	})
}

// One prober dials at the pace of the backoff: 100 ms to 10 s where none is set.
func TestOneProberDialsWhileTheBreakerIsOpen(t *testing.T) {
	for name, tt := range map[string]struct {
		base, limit         time.Duration
		wantBase, wantLimit time.Duration
	}{
		"without a backoff": {0, 0, 100 * time.Millisecond, 10 * time.Second},
		"with a backoff":    {time.Second, 4 * time.Second, time.Second, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg, _ := breaking(1)
				cfg.BackoffBase, cfg.BackoffMax = tt.base, tt.limit
				r := newManual(t, cfg)
				r.acquire()
				for n := 1; n < 12; n++ {
					r.dial(n).fail(errDial)
					least, most := backoffBounds(tt.wantBase, tt.wantLimit, n)
					pass(least - 1)
					_ = fastFailure(t, r.acquire().failed())
					require.Equal(t, n, r.started(), "%d failures", n)
					pass(most - least + 1)
					require.Equal(t, n+1, r.started(), "%d failures", n)
					_ = fastFailure(t, r.acquire().failed()) // while the prober dials
					pass(time.Hour)
					require.Equal(t, n+1, r.started(), "one at a time, however long it takes")
				}
			})
		})
	}
}

// What the prober dialled joins the pool, and the breaker closes.
func TestProbersResourceJoinsThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, events := breaking(2)
		r := newManual(t, cfg)
		for n := 1; n <= 2; n++ {
			r.acquire()
			r.dial(n).fail(errDial)
		}
		pass(time.Second)
		require.Equal(t, 3, r.started())
		r.dial(3).ok()
		assert.Equal(t, []pool.BreakerEvent{{Open: true, Failures: 2, Err: errDial}, {Recovered: true}}, *events)
		assert.Equal(t, 1, r.Stats().Idle)
		first := r.acquire()
		first.got()
		assert.False(t, first.lease.Info().Reused, "the first to use it")
		second := r.acquire()
		second.waits()
		r.dial(4).fail(errDial)
		_ = second.failed()
		third := r.acquire()
		third.waits() // one failure since then, not two
		r.dial(5).ok()
		third.got()
		assert.EqualValues(t, 1, r.Stats().Breaks)
	})
}

// With the pool its breaker is gone, and it does not open again.
func TestBreakerClosesWithThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, events := breaking(1)
		r := newManual(t, cfg)
		r.acquire()
		r.acquire()
		r.dial(1).fail(errDial)
		r.dial(2).stubborn.Store(true)
		require.NoError(t, r.Close())
		opened := pool.BreakerEvent{Open: true, Failures: 1, Err: errDial}
		assert.Equal(t, []pool.BreakerEvent{opened, {}}, *events)
		r.dial(2).fail(errDial)
		assert.Len(t, *events, 2)
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

// A breaker that opens twice is counted and told of twice.
func TestBreakerOpensAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, events := breaking(1)
		cfg.MaxIdle = -1
		r := newManual(t, cfg)
		for n := 1; n <= 5; n += 2 {
			r.acquire()
			r.dial(n).fail(errors.New("down"))
			pass(time.Second)
			r.dial(n + 1).ok() // the prober's; nothing is kept idle
		}
		assert.EqualValues(t, 3, r.Stats().Breaks)
		require.Len(t, *events, 6)
		for i, e := range *events {
			assert.Equal(t, i%2 == 0, e.Open)
		}
	})
}

// MinIdle and Warm do not multiply the prober, and follow when it has succeeded.
func TestBackgroundDialsLeaveTheProbingToOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, _ := breaking(1)
		cfg.MinIdle = 5
		r := newManual(t, cfg)
		r.acquire()
		inFlight := r.started()
		for n := 1; n <= inFlight; n++ {
			r.dial(n).fail(errDial)
		}
		warm := make(chan error, 1)
		go func() { warm <- r.Warm(t.Context(), 8) }()
		pass(10 * time.Second)
		require.Equal(t, 1, r.Stats().Dialing)
		r.dial(r.started()).ok()
		for n := r.started(); n > 0 && r.Stats().Dialing > 0; n-- {
			if d := r.dial(n); len(d.word) == 0 && d.ctx.Err() == nil {
				d.ok()
			}
		}
		require.NoError(t, <-warm)
		assert.GreaterOrEqual(t, r.Stats().Idle, 8)
	})
}

// Reset cancels the prober, and another takes its place.
func TestProberSurvivesReset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, events := breaking(1)
		r := newManual(t, cfg)
		r.acquire()
		r.dial(1).fail(errDial)
		pass(time.Second)
		require.Equal(t, 2, r.started())
		r.Reset()
		require.True(t, r.dial(2).canceled())
		pass(10 * time.Second)
		require.Equal(t, 3, r.started())
		r.dial(3).ok()
		assert.Len(t, *events, 2)
		r.acquire().got()
	})
}

// Where the pool has no slot for a prober, one caller waits for one: what holds
// the slots would otherwise keep the breaker open for good.
func TestOneCallerWaitsWhereTheProberHasNoSlot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, _ := breaking(1)
		cfg.MaxOpen = 2
		r := newManual(t, cfg)
		holder := r.acquire()
		r.dial(1).ok()
		r.acquire()
		r.dial(2).fail(errDial)
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 1}))
		_ = fastFailure(t, r.acquire().failed())
		pass(time.Second)
		waiting := r.acquire()
		waiting.waits()
		_ = fastFailure(t, r.acquire().failed())
		holder.discard()
		r.dial(3).fail(errDial)
		_ = waiting.failed()
		pass(time.Second)
		r.dial(4).ok()
		r.acquire().got()
	})
}

// Close and Shutdown end the probing too (I10).
func TestShutdownEndsTheProber(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, _ := breaking(1)
		r := newManual(t, cfg)
		r.acquire()
		r.dial(1).fail(errDial)
		pass(time.Second)
		prober := r.dial(2)
		require.NoError(t, r.Shutdown(t.Context()))
		assert.True(t, prober.canceled())
		pass(time.Minute)
		assert.Equal(t, 2, r.started())
		assert.ErrorIs(t, r.acquire().failed(), pool.ErrClosed)
	})
}

// The caller who is queued because the prober has no slot gets the one dial that there
// is to be: when another slot is free, no prober is dialled beside it.
func TestNoProberBesideTheDialOfTheCallerInItsPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		other := newRig(t, pool.Config[*thing]{Budget: b})
		r := newManual(t, pool.Config[*thing]{Budget: b, BreakAfter: 1, BackoffBase: time.Second})
		first := r.acquire()
		r.dial(1).fail(errDial)
		require.Error(t, first.failed())
		others := []*call{other.acquire(), other.acquire()}
		pass(time.Minute)
		c := r.acquire()
		c.waits()
		others[0].discard()
		require.Equal(t, 2, r.started())
		pass(time.Minute)
		others[1].discard()
		assert.Equal(t, 2, r.started())
		pass(time.Minute)
		assert.Equal(t, 2, r.started())
		r.dial(2).ok()
		c.got()
	})
}

// Whoever keeps what the hook said last knows how the breaker stands, though another hook holds
// up the goroutine that is to tell of its opening.
func TestHookTellsOfTheBreakerInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var told []bool
		r := newManual(t, pool.Config[*thing]{
			BreakAfter: 1,
			Hooks: &pool.Hooks{
				DialFailed: func(pool.DialEvent) { <-time.After(time.Second) },
				Breaker:    func(e pool.BreakerEvent) { told = append(told, e.Open) },
			},
		})
		first := r.acquire()
		r.dial(1).fail(errDial)
		require.ErrorIs(t, first.failed(), errDial)
		pass(100 * time.Millisecond) // the prober's pause
		r.dial(2).ok()
		pass(time.Second)
		assert.Equal(t, []bool{true, false}, told)
	})
}

// Dials that DialRate holds up when the breaker opens are not made: the prober is the only one.
func TestOpenBreakerEndsDialsThatAreHeldUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{BreakAfter: 1, DialRate: newTicker(10 * time.Millisecond)})
		first := r.acquire()
		others := r.acquireAll(5)
		r.dial(1).fail(errDial)
		require.ErrorIs(t, first.failed(), errDial)
		for _, c := range others {
			_ = fastFailure(t, c.failed())
		}
		least, most := backoffBounds(100*time.Millisecond, 10*time.Second, 1)
		pass(least - 1)
		require.Equal(t, 1, r.started())
		pass(most - least + 11*time.Millisecond)
		require.Equal(t, 2, r.started())
		pass(time.Minute)
		require.Equal(t, 2, r.started())
		r.dial(2).ok()
		assert.EqualValues(t, 5, r.Stats().DialsCanceled)
	})
}

// A hook that panics, or ends its goroutine, is told of what comes after all the same.
func TestHookThatFailsIsToldOfTheNextChangeOfTheBreaker(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("no") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				told := make(chan bool, 3)
				r := newManual(t, pool.Config[*thing]{
					BreakAfter: 1,
					Hooks: &pool.Hooks{
						Panic: func(any) {},
						Breaker: func(e pool.BreakerEvent) {
							told <- e.Open
							if e.Open {
								<-time.After(time.Second)
								end()
							}
						},
					},
				})
				first := r.acquire()
				r.dial(1).fail(errDial)
				require.ErrorIs(t, first.failed(), errDial)
				pass(100 * time.Millisecond)
				r.dial(2).ok() // while the hook runs
				synctest.Wait()
				require.Len(t, told, 1)
				pass(time.Second)
				require.Len(t, told, 2)
				assert.True(t, <-told)
				assert.False(t, <-told)
			})
		})
	}
}
