package pool_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of two who want a fresh resource, the second has a dial of its own where the first one's was
// canceled and has not returned, though an older dial has room for all who take any.
func TestCanceledDialIsOnItsWayToNobodyWhoWantsAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.MaxIdle = 3, 1
		r := newManual(t, cfg)
		r.capacity = 3
		r.acquire()
		first := r.acquireFresh()
		r.dial(2).stubborn.Store(true)
		first.leave()
		require.NoError(t, r.SetLimits(pool.Limits{MaxIdle: -1}))
		require.True(t, r.dial(2).canceled())
		second := r.acquireFresh()
		r.dial(3).ok()
		assert.Equal(t, 1, second.got().n)
		r.dial(2).fail(errDial)
	})
}

// What a shareable resource without capacity promises counts once for those who want a fresh
// one: else the last of them would have no dial.
func TestWhatOpensPromisesOnceToWhoWantsAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.MaxDials = 2, 1
		expect := 5
		cfg.Expect = func(*thing) int { return expect }
		r := newManual(t, cfg)
		r.capacity = 0
		r.acquire() // for others there is more than enough
		calls := []*call{r.acquireFresh(), r.acquireFresh()}
		r.dial(1).ok()
		assert.Equal(t, 2, r.started(), "one dial for both")
		expect = 1
		r.dial(2).ok()
		require.Equal(t, 3, r.started(), "and one more for the second")
		r.things[1].set(2)
		calls[0].got()
		r.dial(3).ok()
		r.things[2].set(1)
		assert.Equal(t, 3, calls[1].got().n)
	})
}

// A dial for one who wants a fresh resource may do for all: then the older one is canceled at
// once, and not at the next change.
func TestDialForAFreshOneMakesTheOlderOneSurplus(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.MaxIdle = 3, -1
		r := newManual(t, cfg)
		r.capacity = 3
		first, fresh := r.acquire(), r.acquireFresh()
		assert.False(t, r.dial(2).canceled())
		assert.True(t, r.dial(1).canceled())
		r.dial(2).ok()
		assert.Same(t, first.got(), fresh.got())
	})
}

// One resource makes way for one who wants a fresh one, however long its end takes.
func TestOneIdleResourceMakesWayForAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		closes := make(chan struct{})
		r := newRig(t, pool.Config[*thing]{MaxOpen: 2, Close: func(*thing) error { <-closes; return nil }})
		for _, c := range r.acquireAll(2) {
			c.release()
		}
		c := r.acquireFresh()
		require.Equal(t, 1, r.Stats().Closing)
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 2})) // the pool looks again
		synctest.Wait()
		assert.Equal(t, 1, r.Stats().Idle)
		close(closes)
		assert.Equal(t, 3, c.got().n)
	})
}

// One resource that drains is enough for one who wants a fresh one.
func TestOneThatDrainsMakesWayForAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 2
		r := newRig(t, cfg)
		held := r.acquireAll(2)
		fresh := r.acquireFresh()
		fresh.waits()
		held[1].got().set(2)
		held[0].got().set(2)
		c := r.acquire()
		require.Equal(t, 2, c.got().n, "the younger one goes on")
		held[0].release()
		assert.Equal(t, 3, fresh.got().n)
	})
}

// What opens for a caller stays where MaxIdle closes something.
func TestMaxIdleLeavesWhatOpensForACaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxIdle = 1
		r := newRig(t, cfg)
		held := r.acquireAll(2)
		r.capacity = 0
		c := r.acquireFresh()
		c.waits()
		held[0].release()
		held[1].release()
		c.waits()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
		assert.Zero(t, r.things[2].closes.Load())
		require.Len(t, r.things, 3)
		r.things[2].set(1)
		assert.Equal(t, 3, c.got().n)
	})
}

// Between the two looks of a caller who wants a fresh resource, one is dialled and leased: so
// it is there, in use, when the first such caller queues, and serves it at its release.
func TestFreshResourceThatCameBeforeItsWaiterQueuedServesIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, WaitTimeout: time.Minute})
		var other pool.Lease[*thing]
		between := between{t.Context(), sync.OnceFunc(func() {
			l, err := r.Acquire(t.Context())
			assert.NoError(t, err)
			other = l
		})}
		fresh := make(chan *thing, 1)
		go func() {
			l, err := r.AcquireWith(between, pool.Request{Fresh: true})
			assert.NoError(t, err)
			fresh <- l.Value()
			l.Release()
		}()
		synctest.Wait()
		require.Empty(t, fresh)
		other.Release()
		synctest.Wait()
		require.Len(t, fresh, 1)
		assert.Equal(t, 1, (<-fresh).n)
	})
}
