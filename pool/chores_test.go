package pool_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lastBreath runs f in a goroutine of its own and returns what it panicked with.
func lastBreath(f func()) (value any) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { value = recover() }()
		f()
	}()
	<-done
	return value
}

// A change of one pool may wake others, and they call their hooks in the goroutine that
// wakes them. What becomes of those must cost nobody a wake-up.
func TestHookOfAPoolThatIsWokenCostsTheNextNothing(t *testing.T) {
	for name, trap := range map[string]func(){"panic": func() { panic("hook") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
				evicted := 0
				cfg := under(b)
				cfg.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) { evicted++; trap() }}
				first, second, third := newRig(t, cfg), newRig(t, cfg), newRig(t, under(b))
				for _, r := range []*rig{first, second, third} {
					r.acquire().release()
				}
				value := lastBreath(func() { assert.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1})) })
				if name == "panic" {
					assert.Equal(t, "hook", value)
				}
				synctest.Wait()
				assert.Equal(t, 2, evicted)
				assert.Equal(t, 1, b.Stats().Open)
				assert.Equal(t, 1, third.Stats().Idle)
			})
		})
	}
}

// The same where a goroutine of a pool wakes another: it calls its own hooks all the same,
// and Shutdown waits for no more than these.
func TestHookOfAPoolThatIsWokenCostsTheOneThatWakesItNothing(t *testing.T) {
	for name, trap := range map[string]func(){"panic": func() { panic("hook") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBudget(t, pool.BudgetLimits{MaxOpen: 2, MaxDials: 1})
				other := under(b)
				other.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) { trap() }}
				idler := newRig(t, other)
				idler.acquire().release()

				dialed, panicked := 0, 0
				cfg := under(b)
				cfg.Hooks = &pool.Hooks{
					Dialed: func(pool.DialEvent) { dialed++ },
					Panic:  func(any) { panicked++ },
				}
				r := newManual(t, cfg)
				one, two := r.acquire(), r.acquire()
				r.dial(1).ok() // now the second may be dialled, for which the idle one goes
				one.got()
				assert.Equal(t, 1, dialed)
				assert.Equal(t, map[string]int{"panic": 1}[name], panicked)
				assert.Zero(t, idler.Stats().Open)
				r.dial(2).ok()
				two.got()
				one.release()
				two.release()
				require.NoError(t, r.Shutdown(t.Context()))
			})
		})
	}
}

// The first look at what has been dialled takes the lock, and may find orders of the
// Budget. What their hooks do is no fault of what has been dialled.
func TestHookThatRunsAtTheFirstLookCostsTheDialNothing(t *testing.T) {
	for name, trap := range map[string]func(){"panic": func() { panic("hook") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
				gate := make(chan struct{})
				cfg := under(b)
				cfg.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) { <-gate }}
				idler := newRig(t, cfg)
				idler.acquire().release()

				var look chan struct{}
				var panicked []any
				evicted := 0
				cfg = under(b)
				cfg.Capacity = func(*thing) int {
					if look != nil {
						<-look
					}
					return 1
				}
				cfg.Hooks = &pool.Hooks{
					Evicted: func(pool.EvictedEvent) {
						if evicted++; evicted == 1 {
							trap()
						}
					},
					Panic: func(v any) { panicked = append(panicked, v) },
				}
				r := newRig(t, cfg)
				r.acquire().release()
				look = make(chan struct{})
				c := r.acquireFresh()
				go func() { assert.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1})) }() // stays with the idler's hook
				synctest.Wait()
				close(look)
				c.got()
				assert.Equal(t, 1, evicted)
				if name == "panic" {
					assert.Equal(t, []any{"hook"}, panicked)
				}
				close(gate)
				c.release()
			})
		})
	}
}

// tokens is a limiter that the test feeds.
type tokens chan struct{}

func (c tokens) Wait(context.Context) error {
	<-c
	return nil
}

// Nor are they a fault of the dial that DialRate lets start.
func TestHookThatRunsWhenDialRateLetsGoCostsTheDialNothing(t *testing.T) {
	for name, trap := range map[string]func(){"panic": func() { panic("hook") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
				gate := make(chan struct{})
				cfg := under(b)
				cfg.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) { <-gate }}
				idler := newRig(t, cfg)
				idler.acquire().release()

				rate := make(tokens, 1)
				var panicked []any
				evicted := 0
				cfg = under(b)
				cfg.DialRate = rate
				cfg.Hooks = &pool.Hooks{
					Evicted: func(pool.EvictedEvent) {
						if evicted++; evicted == 1 {
							trap()
						}
					},
					Panic: func(v any) { panicked = append(panicked, v) },
				}
				r := newRig(t, cfg)
				rate <- struct{}{}
				r.acquire().release()
				c := r.acquireFresh()
				go func() { assert.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1})) }() // stays with the idler's hook
				synctest.Wait()
				assert.Zero(t, evicted)
				rate <- struct{}{}
				c.got()
				assert.Equal(t, 1, evicted)
				if name == "panic" {
					assert.Equal(t, []any{"hook"}, panicked)
				}
				close(gate)
				c.release()
			})
		})
	}
}

// A call of Warm that a hook's panic has ended asks for nothing any more.
func TestHookThatRunsInWarmLeavesNoCallOfIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		gate := make(chan struct{})
		cfg := under(b)
		cfg.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) { <-gate }}
		idler := newRig(t, cfg)
		idler.acquire().release()
		cfg.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) { panic("hook") }}
		r, last := newRig(t, cfg), newRig(t, under(b))
		r.acquire().release()
		last.acquire().release()
		go func() { assert.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1})) }() // stays with the idler's hook
		synctest.Wait()
		assert.Equal(t, "hook", lastBreath(func() { _ = r.Warm(t.Context(), 1) }))
		close(gate)
		last.CloseIdle() // now there is a slot for it
		synctest.Wait()
		assert.EqualValues(t, 1, r.Stats().Dials)
		assert.Zero(t, r.Stats().Open)
	})
}
