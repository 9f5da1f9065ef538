package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// failingOnce are pools whose only resource fails the next caller when fail is set.
func failingOnce(fail *atomic.Bool) map[string]pool.Config[*thing] {
	broken := func() error {
		if fail.Swap(false) {
			return errBroken
		}
		return nil
	}
	return map[string]pool.Config[*thing]{
		"Check": {CheckAfter: -1, Check: func(context.Context, *thing) error { return broken() }},
		"Take":  {Take: func(*thing) error { return broken() }},
	}
}

// A caller whose resource failed has its place in the queue before the slot is free:
// who comes while the hooks hear of that does not overtake it (I3).
func TestNobodyComesBetweenAFailureAndTheNextResource(t *testing.T) {
	var fail atomic.Bool
	configs := failingOnce(&fail)
	configs["AcquireInstead"] = pool.Config[*thing]{}
	for name, cfg := range configs {
		for _, timeout := range []time.Duration{0, time.Hour} {
			for _, warm := range []int{1, 100} {
				t.Run(name, func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						var r *rig
						served := make(chan string, 2)
						use := func(who string) {
							l, err := r.Acquire(t.Context())
							assert.NoError(t, err)
							if name == "AcquireInstead" && fail.Swap(false) {
								l, err = r.AcquireInstead(t.Context(), l, errBroken, pool.Request{})
								assert.NoError(t, err)
							}
							served <- who
							l.Release()
						}
						cfg.MaxOpen, cfg.WaitTimeout = 1, timeout
						cfg.Hooks = &pool.Hooks{Evicted: func(e pool.EvictedEvent) {
							if e.Reason != pool.ReasonClosed {
								go use("newcomer")
								<-time.After(time.Second)
							}
						}}
						r = newRig(t, cfg)
						for range warm { // often enough, and the lane is open
							r.acquire().release()
						}
						fail.Store(true)
						use("first")
						require.Equal(t, "first", <-served)
						require.Equal(t, "newcomer", <-served)
					})
				})
			}
		}
	}
}

// The hook that hears of a resource that failed panics when the call has the next one
// already, on which nothing has been called: it is as good as it was.
func TestPanicAboutAFailedResourceSparesTheNextOne(t *testing.T) {
	var fail, evil atomic.Bool
	for name, cfg := range failingOnce(&fail) {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg.MaxOpen = 2
				cfg.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) {
					if evil.Swap(false) {
						panic("a hook")
					}
				}}
				r := newRig(t, cfg)
				for _, c := range []*call{r.acquire(), r.acquire()} {
					c.release()
				}
				fail.Store(true)
				evil.Store(true)
				assert.PanicsWithValue(t, "a hook", func() { _, _ = r.Acquire(t.Context()) })
				assert.Equal(t, 1, r.Stats().Idle)
				assert.EqualValues(t, 1, r.Stats().Closes.Total())
			})
		})
	}
}

// The Budget has decided something and its word has not reached the pool, since a hook
// of another one holds it up. The caller whose resource fails now is still the oldest.
func TestFailureUnderABudgetKeepsTheTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2, Affinity: 1})
		require.NoError(t, err)
		hold, fail := make(chan struct{}), make(chan struct{})
		var armed atomic.Bool
		with := func(cfg pool.Config[*thing]) *rig {
			cfg.Budget = b
			return newBare(t, cfg)
		}
		slow := with(pool.Config[*thing]{Hooks: &pool.Hooks{Evicted: func(pool.EvictedEvent) { <-hold }}})
		failing := with(pool.Config[*thing]{Take: func(*thing) error {
			if armed.Swap(false) {
				<-fail
				return errBroken
			}
			return nil
		}})
		other, younger := with(pool.Config[*thing]{}), with(pool.Config[*thing]{})
		slow.acquire().release()
		for range 10 {
			failing.acquire().release()
		}
		armed.Store(true)
		first := failing.acquire()
		second := other.acquire() // has slow close what is idle there
		third := younger.acquire()
		close(fail)
		first.got()
		third.waits()
		close(hold)
		for _, c := range []*call{second, first, third} {
			c.got()
			c.release()
		}
	})
}

// The error of a dial that nobody depends on but those who wait for an older one is for the
// oldest, whoever has come since.
func TestErrorOfASharedDialThatNobodyNeedsIsForTheOldest(t *testing.T) {
	for _, more := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			r := newManual(t, pool.Config[*thing]{Shared: 2})
			first := r.acquire()
			others := r.acquireAll(2)
			require.Equal(t, 2, r.started())
			for _, c := range others {
				c.leave()
			}
			if more {
				r.acquire().waits()
				require.Equal(t, 2, r.started())
			}
			r.dial(2).fail(errDial)
			assert.ErrorIs(t, first.failed(), errDial)
		})
	}
}

// One who lets others pass is still one of those for whom the first dial began.
func TestErrorOfASharedDialLeavesOutWhoLetsOthersPass(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{Shared: 2})
		low := r.low()
		others := r.acquireAll(2)
		require.Equal(t, 2, r.started())
		others[1].leave()
		r.dial(2).fail(errDial)
		require.ErrorIs(t, others[0].failed(), errDial)
		low.waits()
		r.dial(1).ok()
		low.got()
	})
}

// A dial for several callers ends the waits of all of them, and who is far behind moves up by
// as many places.
func TestFailedDialMovesAllOthersUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.MaxDials = 10, 1
		r := newManual(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		var calls []*call
		for range 49 {
			calls = append(calls, r.acquire())
		}
		far := r.acquireAs(ctx)
		for range 20 { // else it would be known that it is the last one
			r.acquire()
		}
		r.dial(1).fail(errBroken) // of the first, for which nobody else had come
		r.dial(2).fail(errBroken)
		for i, c := range calls {
			if i < 11 {
				require.ErrorIs(t, c.failed(), errBroken)
			} else {
				c.waits()
			}
		}
		cancel()
		var err *pool.WaitError
		require.ErrorAs(t, far.failed(), &err)
		assert.Equal(t, 39, err.Place)
	})
}
