package pool_test

import (
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLeasesOnAResourceAreUpToItsCapacity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.Shared = 2, 3
		r := newRig(t, cfg)
		r.capacity = 3
		all := r.acquireAll(6)
		for i, c := range all {
			assert.Equal(t, i/3+1, c.got().n, "the oldest is filled first")
		}
		beyond := r.acquire()
		beyond.waits() // I9
		s := r.Stats()
		assert.Equal(t, 6, s.Leases)
		assert.Equal(t, 2, s.InUse)
		all[4].release()
		assert.Equal(t, 2, beyond.got().n)
		for _, c := range append(all, beyond) {
			c.release()
		}
		assert.Equal(t, 2, r.Stats().Idle)
		assert.Zero(t, r.Stats().Leases)
	})
}

// Capacity 0 means none now: the resource stays, and so do the leases on it.
func TestResourceWithoutCapacityStays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = 2
		holder := r.acquire()
		holder.got().set(0)
		waiting := r.acquire()
		waiting.waits()
		holder.release()
		waiting.waits()
		assert.Equal(t, 1, r.Stats().Idle)
		r.things[0].set(1)
		assert.Equal(t, 1, waiting.got().n)
		assert.Zero(t, r.Stats().Closes.Total())
	})
}

// Fewer leases than are out: those stay, and no new one begins before there is
// room again (I9).
func TestCapacityBelowTheLeasesOutTakesNoneAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = 3
		all := r.acquireAll(3)
		x := all[0].got()
		x.set(1)
		waiting := r.acquire()
		for _, c := range all {
			assert.Same(t, x, c.lease.Value())
			waiting.waits()
			c.release()
		}
		assert.Same(t, x, waiting.got())
	})
}

// Draining is final: no new leases, closed when the last one ends, whatever
// Capacity says later.
func TestDrainingIsFinal(t *testing.T) {
	for name, drain := range map[string]func(x *thing, c *call){
		"by Capacity": func(x *thing, _ *call) { x.set(pool.Draining) },
		"by Discard":  func(_ *thing, c *call) { c.discard() },
		"by Reset":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				cfg.MaxOpen = 2
				r := newRig(t, cfg)
				r.capacity = 4
				holder, other := r.acquire(), r.acquire()
				x := holder.got()
				if drain != nil {
					drain(x, other)
				} else {
					r.Reset()
				}
				synctest.Wait()
				x.set(4)
				next := r.acquire()
				assert.Equal(t, 2, next.got().n)
				assert.Equal(t, 2, r.Stats().InUse, "with leases out it is in use")
				other.release()
				assert.Zero(t, x.closes.Load())
				assert.Same(t, x, holder.lease.Value())
				holder.release()
				assert.EqualValues(t, 1, x.closes.Load())
				assert.Equal(t, 1, r.Stats().Open)
			})
		})
	}
}

// A dead resource is closed at once, and its leases end by their holders all the
// same.
func TestDeadResourceIsClosedAtOnceAndItsLeasesLiveOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = 2
		one, two := r.acquire(), r.acquire()
		waiting := r.acquire()
		x := one.got()
		x.set(pool.Dead)
		assert.Equal(t, 2, waiting.got().n, "its slot is free")
		assert.EqualValues(t, 1, x.closes.Load())
		assert.Same(t, x, one.lease.Value())
		assert.Equal(t, 3, r.Stats().Leases)
		one.release()
		two.discard()
		assert.Equal(t, 1, r.Stats().Leases)
		assert.EqualValues(t, 1, x.closes.Load())
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonCapacity))
	})
}

func TestShutdownDoesNotWaitForLeasesOnDeadResources(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, shareable())
		c := r.acquire()
		c.got().set(pool.Dead)
		synctest.Wait()
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, 1, c.lease.Value().n)
		c.release()
	})
}

func TestHijackOfASharedResourcePanicsAndKeepsTheLease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = 2
		one, two := r.acquire(), r.acquire()
		x := one.got()
		assert.PanicsWithValue(t, "pool: Hijack of a shareable resource on which other leases are out: end them first",
			func() { one.lease.Hijack() })
		assert.Same(t, x, one.lease.Value())
		assert.Equal(t, 2, r.Stats().Leases)
		assert.Zero(t, r.Stats().Hijacks)
		two.release()
		assert.Same(t, x, one.hijack())
		assert.Zero(t, r.Stats().Open+r.Stats().Leases)
		assert.EqualValues(t, 1, r.Stats().Hijacks)
		x.set(7) // it still tells; nobody listens
		assert.Equal(t, 2, r.acquire().got().n)
	})
}

// A dead resource is the pool's to close, whoever takes it out.
func TestHijackOfADeadResourceLeavesItToThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, shareable())
		c := r.acquire()
		x := c.got()
		x.set(pool.Dead)
		assert.Same(t, x, c.lease.Hijack())
		s := r.Stats()
		assert.Zero(t, s.Hijacks)
		assert.Zero(t, s.Leases+s.Open)
		assert.EqualValues(t, 1, x.closes.Load())
		assert.EqualValues(t, 1, s.Closes.Total())
	})
}

// Both kinds may be in one pool: the one that can be shared is used first, since
// it is of no use to have both.
func TestExclusiveAndShareableLiveInOnePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 2
		cfg.Shareable = func(x *thing) bool { return x.n == 2 }
		r := newRig(t, cfg)
		r.capacity = 2
		exclusive, shared := r.acquire(), r.acquire()
		assert.Equal(t, 1, exclusive.got().n)
		assert.Equal(t, 2, shared.got().n)
		second, third := r.acquire(), r.acquire()
		assert.Equal(t, 2, second.got().n)
		third.waits()
		exclusive.release()
		assert.Equal(t, 1, third.got().n, "its capacity of 2 means one lease")
	})
}

// What was to go already does not go a second time: the first reason counts, and
// the slot is expected to become free once.
func TestResourceThatIsRetiredTwiceCountsOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 3
		r := newRig(t, cfg)
		r.capacity = 2
		one, two := r.acquire(), r.acquire()
		one.discard()
		r.Reset()
		two.discard()
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonDiscard))
		assert.EqualValues(t, 1, r.Stats().Closes.Total())
		r.capacity = 1
		for _, c := range r.acquireAll(3) {
			c.release()
		}
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 1}))
		synctest.Wait()
		assert.Equal(t, 1, r.Stats().Idle, "nothing is on its way out")
	})
}
