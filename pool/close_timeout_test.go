package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// stuckClose is a Config whose Close funcs return when the gate is closed, and a count
// of those that have begun.
func stuckClose(timeout time.Duration) (cfg pool.Config[*thing], gate chan struct{}, begun *atomic.Int32) {
	gate, begun = make(chan struct{}), &atomic.Int32{}
	cfg.CloseTimeout = timeout
	cfg.Close = func(*thing) error {
		begun.Inc()
		<-gate
		return nil
	}
	return cfg, gate, begun
}

// CloseTimeout is the one way in which a slot becomes free before Close has
// returned.
func TestSlotIsFreedAtTheCloseTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, gate, _ := stuckClose(5 * time.Second)
		var events []pool.EvictedEvent
		cfg.MaxOpen = 1
		cfg.Hooks = &pool.Hooks{Abandoned: func(e pool.EvictedEvent) { events = append(events, e) }}
		r := newRig(t, cfg)
		c := r.acquire()
		pass(time.Second)
		c.discard()
		waiting := r.acquire()
		pass(5*time.Second - 1)
		waiting.waits()
		assert.Equal(t, 1, r.Stats().Closing)
		pass(1)
		assert.Equal(t, 2, waiting.got().n)
		s := r.Stats()
		assert.Zero(t, s.Closing)
		assert.EqualValues(t, 1, s.Abandoned)
		assert.EqualValues(t, 1, s.Closes.Total())
		assert.Equal(t, []pool.EvictedEvent{{Reason: pool.ReasonDiscard, Age: 6 * time.Second, Uses: 1}}, events)

		close(gate)
		synctest.Wait()
		assert.Equal(t, 1, r.Stats().InUse, "its return frees nothing a second time")
		assert.EqualValues(t, 1, r.Stats().Abandoned)
	})
}

// Without CloseTimeout the slot counts for as long as Close takes.
func TestSlotCountsUntilCloseReturnsWithoutACloseTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, gate, _ := stuckClose(0)
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.acquire().discard()
		waiting := r.acquire()
		pass(1000 * time.Hour)
		waiting.waits()
		assert.Equal(t, 1, r.Stats().Closing)
		assert.Zero(t, r.Stats().Abandoned)
		close(gate)
		assert.Equal(t, 2, waiting.got().n)
	})
}

// A Close that returns in time is not reported later.
func TestCloseThatReturnsInTimeIsNotAbandoned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, gate, _ := stuckClose(5 * time.Second)
		r := newRig(t, cfg)
		r.acquire().discard()
		pass(4 * time.Second)
		close(gate)
		pass(time.Hour)
		assert.Zero(t, r.Stats().Abandoned)
		assert.Zero(t, r.Stats().Closing)
	})
}

// Eight Close funcs run at once. Those that hang must not keep the rest from
// running for ever.
func TestStuckCloseFuncsDoNotHoldUpOthersForEver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 20
		var begun atomic.Int32
		var gate atomic.Value
		gate.Store(make(chan struct{}))
		r := newRig(t, pool.Config[*thing]{
			CloseTimeout: time.Second,
			Close: func(*thing) error {
				begun.Inc()
				<-gate.Load().(chan struct{})
				return nil
			},
		})
		require.NoError(t, r.Warm(t.Context(), n))
		r.CloseIdle()
		synctest.Wait()
		assert.EqualValues(t, 8, begun.Load(), "no storm")
		assert.Equal(t, n, r.Stats().Closing)
		pass(time.Second)
		assert.EqualValues(t, 16, begun.Load(), "each that is abandoned lets another run")
		assert.Equal(t, n-8, r.Stats().Closing)
		pass(2 * time.Second)
		assert.EqualValues(t, n, begun.Load())
		assert.Zero(t, r.Stats().Closing)
		assert.EqualValues(t, n, r.Stats().Abandoned)

		open := gate.Load().(chan struct{})
		again := make(chan struct{})
		gate.Store(again)
		close(open)
		require.NoError(t, r.Warm(t.Context(), n))
		r.CloseIdle()
		synctest.Wait()
		assert.EqualValues(t, n+8, begun.Load(), "they have returned, and the bound is the old one")
		close(again)
	})
}

// The time that a Close func waits for its turn does not count.
func TestCloseTimeoutBeginsWithTheCloseFunc(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var begun atomic.Int32
		r := newRig(t, pool.Config[*thing]{
			CloseTimeout: 3 * time.Second,
			Close: func(*thing) error {
				begun.Inc()
				<-time.After(2 * time.Second)
				return nil
			},
		})
		require.NoError(t, r.Warm(t.Context(), 32))
		r.CloseIdle()
		pass(time.Minute)
		assert.EqualValues(t, 32, begun.Load())
		assert.Zero(t, r.Stats().Abandoned)
	})
}

// Shutdown waits for Close funcs, but not for what was given up.
func TestShutdownDoesNotWaitForAbandonedCloseFuncs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, gate, _ := stuckClose(5 * time.Second)
		r := newRig(t, cfg)
		c := r.acquire()
		c.discard()
		require.NoError(t, r.Warm(t.Context(), 1))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		assert.ErrorContains(t, r.Shutdown(ctx), "2 closing")
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, 5*time.Second, time.Since(start))
		assert.EqualValues(t, 2, r.Stats().Abandoned)
		close(gate)
	})
}

// A resource that drains is closed at DrainTimeout, whatever leases are out on
// it, and they go on as leases on a dead one do.
func TestDrainingResourceIsClosedAtTheDrainTimeout(t *testing.T) {
	for name, drain := range map[string]func(r *rig, c *call){
		"capacity": func(r *rig, _ *call) { r.things[0].set(pool.Draining) },
		"discard":  func(_ *rig, c *call) { c.discard() },
		"reset":    func(r *rig, _ *call) { r.Reset() },
		"retire":   func(r *rig, _ *call) { r.Retire(func(*thing) bool { return true }) },
		"lifetime": func(*rig, *call) { pass(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				cfg.DrainTimeout, cfg.MaxOpen, cfg.MaxLifetime = time.Minute, 1, time.Hour
				r := newRig(t, cfg)
				r.capacity = 2
				first, second := r.acquire(), r.acquire()
				x := second.got()
				drain(r, first)
				waiting := r.acquire()
				pass(time.Minute - 1)
				waiting.waits()
				pass(1)
				assert.Equal(t, 2, waiting.got().n)
				assert.EqualValues(t, 1, x.closes.Load())
				assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonDrain))
				assert.Same(t, x, second.lease.Value(), "the lease is still its holder's")
				second.release()
				assert.EqualValues(t, 1, x.closes.Load())
			})
		})
	}
}

// What has drained in time is closed for the reason for which it drained.
func TestDrainTimeoutDoesNothingToWhatHasDrained(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.DrainTimeout = time.Minute
		r := newRig(t, cfg)
		c := r.acquire()
		r.Reset()
		pass(30 * time.Second)
		c.release()
		pass(time.Hour)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonReset))
		assert.EqualValues(t, 1, r.Stats().Closes.Total())
	})
}

// An exclusive resource has one holder, who would find it closed in the middle of
// its work. It does not drain; it is in use.
func TestDrainTimeoutIsForShareableResourcesOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{DrainTimeout: time.Minute})
		c := r.acquire()
		r.Retire(func(*thing) bool { return true })
		pass(time.Hour)
		assert.Zero(t, c.got().closes.Load())
	})
}

// DrainTimeout bounds a Shutdown whose shareable resources have leases that do
// not end.
func TestShutdownEndsWithTheDrainTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.DrainTimeout = time.Minute
		r := newRig(t, cfg)
		c := r.acquire()
		c.got()
		start := time.Now()
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, time.Minute, time.Since(start))
		assert.EqualValues(t, 1, r.things[0].closes.Load())
	})
}
