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

// eachTrap runs f in a bubble with each way in which a hook may fail whoever calls it.
func eachTrap(t *testing.T, f func(t *testing.T, trap func(), panics int)) {
	t.Helper()
	t.Run("panic", func(t *testing.T) {
		bubble(t, func(t *testing.T) { f(t, func() { panic("hook") }, 1) })
	})
	t.Run("Goexit", func(t *testing.T) {
		bubble(t, func(t *testing.T) { f(t, runtime.Goexit, 0) })
	})
}

// trapped counts calls of Evicted, the first of which fails, and those of Panic.
type trapped struct{ evicted, panicked int }

func (x *trapped) hooks(trap func()) *pool.Hooks {
	return &pool.Hooks{
		Evicted: func(pool.EvictedEvent) {
			if x.evicted++; x.evicted == 1 {
				trap()
			}
		},
		Panic: func(any) { x.panicked++ },
	}
}

// stuck is a Budget of three, with a resource idle whose pool takes its time to let it go.
type stuck struct {
	*pool.Budget
	t    *testing.T
	gate chan struct{}
}

func newStuck(t *testing.T) *stuck {
	t.Helper()
	s := &stuck{Budget: newBudget(t, pool.BudgetLimits{MaxOpen: 3}), t: t, gate: make(chan struct{})}
	cfg := under(s.Budget)
	cfg.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) { <-s.gate }}
	newRig(t, cfg).acquire().release()
	return s
}

// shrink leaves one of the three. The other pools have orders then and have not heard of
// them, until the gate is closed.
func (s *stuck) shrink() {
	go func() { assert.NoError(s.t, s.SetLimits(pool.BudgetLimits{MaxOpen: 1})) }()
	synctest.Wait()
}

// A change of one pool may wake others, and they call their hooks in the goroutine that
// wakes them. What becomes of those must cost nobody a wake-up.
func TestHookOfAPoolThatIsWokenCostsTheNextNothing(t *testing.T) {
	eachTrap(t, func(t *testing.T, trap func(), panics int) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		evicted := 0
		cfg := under(b)
		cfg.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) { evicted++; trap() }}
		first, second, third := newRig(t, cfg), newRig(t, cfg), newRig(t, under(b))
		for _, r := range []*rig{first, second, third} {
			r.acquire().release()
		}
		value := lastBreath(func() { assert.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 1})) })
		if panics > 0 {
			assert.Equal(t, "hook", value)
		}
		synctest.Wait()
		assert.Equal(t, 2, evicted)
		assert.Equal(t, 1, b.Stats().Open)
		assert.Equal(t, 1, third.Stats().Idle)
	})
}

// The same where a goroutine of a pool wakes another: it calls its own hooks all the same,
// and Shutdown waits for no more than these.
func TestHookOfAPoolThatIsWokenCostsTheOneThatWakesItNothing(t *testing.T) {
	eachTrap(t, func(t *testing.T, trap func(), panics int) {
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
		assert.Equal(t, panics, panicked)
		assert.Zero(t, idler.Stats().Open)
		r.dial(2).ok()
		two.got()
		one.release()
		two.release()
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

// The first look at what has been dialled takes the lock, and may find orders of the
// Budget. What their hooks do is no fault of what has been dialled.
func TestHookThatRunsAtTheFirstLookCostsTheDialNothing(t *testing.T) {
	eachTrap(t, func(t *testing.T, trap func(), panics int) {
		b := newStuck(t)
		var look chan struct{}
		var seen trapped
		cfg := under(b.Budget)
		cfg.Hooks = seen.hooks(trap)
		cfg.Capacity = func(*thing) int {
			if look != nil {
				<-look
			}
			return 1
		}
		r := newRig(t, cfg)
		r.acquire().release()
		look = make(chan struct{})
		c := r.acquireFresh()
		b.shrink()
		assert.Zero(t, seen)
		close(look)
		c.got()
		assert.Equal(t, trapped{evicted: 1, panicked: panics}, seen)
		close(b.gate)
		c.release()
	})
}

// tokens is a limiter that the test feeds.
type tokens chan struct{}

func (c tokens) Wait(context.Context) error {
	<-c
	return nil
}

// Nor are they a fault of the dial that DialRate lets start.
func TestHookThatRunsWhenDialRateLetsGoCostsTheDialNothing(t *testing.T) {
	eachTrap(t, func(t *testing.T, trap func(), panics int) {
		b := newStuck(t)
		rate := make(tokens, 1)
		var seen trapped
		cfg := under(b.Budget)
		cfg.Hooks = seen.hooks(trap)
		cfg.DialRate = rate
		r := newRig(t, cfg)
		rate <- struct{}{}
		r.acquire().release()
		c := r.acquireFresh()
		b.shrink()
		assert.Zero(t, seen)
		rate <- struct{}{}
		c.got()
		assert.Equal(t, trapped{evicted: 1, panicked: panics}, seen)
		close(b.gate)
		c.release()
	})
}

// A call of Warm that a hook's panic has ended asks for nothing any more.
func TestHookThatRunsInWarmLeavesNoCallOfIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newStuck(t)
		cfg := under(b.Budget)
		cfg.Hooks = &pool.Hooks{Evicted: func(pool.EvictedEvent) { panic("hook") }}
		r, last := newRig(t, cfg), newRig(t, under(b.Budget))
		r.acquire().release()
		last.acquire().release()
		b.shrink()
		assert.Equal(t, "hook", lastBreath(func() { _ = r.Warm(t.Context(), 1) }))
		close(b.gate)
		last.CloseIdle() // now there is a slot for it
		synctest.Wait()
		assert.EqualValues(t, 1, r.Stats().Dials)
		assert.Zero(t, r.Stats().Open)
	})
}
