package pool_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIdleResourceIsClosedAtTheEndOfItsLifetime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxLifetime: time.Minute})
		r.acquire().release()
		pass(time.Minute - 1)
		assert.Equal(t, 1, r.Stats().Idle)
		pass(1)
		s := r.Stats()
		assert.Zero(t, s.Open)
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonLifetime))
		assert.Equal(t, 2, r.acquire().got().n)
	})
}

// A lifetime is counted from the dial. A resource that is used all the time has
// no longer one than an idle one, else it would never be replaced.
func TestUseDoesNotProlongALifetime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxLifetime: time.Minute})
		for range 59 {
			c := r.acquire()
			assert.Equal(t, 1, c.got().n)
			pass(time.Second)
			c.release()
		}
		pass(time.Second)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonLifetime))
	})
}

// The holder of an expired resource keeps it, since a lease has no time limit. It
// is closed when the lease ends and goes to no waiter.
func TestResourceThatExpiresInUseIsClosedAtItsRelease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxLifetime: time.Minute, MaxOpen: 1})
		c := r.acquire()
		waiting := r.acquire()
		pass(time.Hour)
		x := c.got()
		assert.Equal(t, 1, r.Stats().InUse)
		assert.Zero(t, x.closes.Load())
		waiting.waits()

		c.release()
		assert.EqualValues(t, 1, x.closes.Load())
		assert.Equal(t, 2, waiting.got().n)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonLifetime))
		waiting.discard()
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonDiscard), "a discard has its own reason")
	})
}

func TestShareableResourceDrainsAtTheEndOfItsLifetime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxLifetime = time.Minute
		r := newRig(t, cfg)
		r.capacity = 9
		first, second := r.acquire(), r.acquire()
		assert.Equal(t, 1, second.got().n)
		pass(time.Minute)
		later := r.acquire()
		assert.Equal(t, 2, later.got().n, "the expired one gets no new leases")
		first.release()
		assert.Zero(t, r.things[0].closes.Load(), "one lease is still out")
		second.release()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonLifetime))
	})
}

// A jitter far below a second must still spread: what is dialled together, as
// after an outage, must not expire together.
func TestLifetimeJitterSpreadsWhatWasDialledTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n, life, jitter = 400, time.Second, 100 * time.Nanosecond
		var mu sync.Mutex
		var ages []time.Duration
		start := time.Now()
		r := newRig(t, pool.Config[*thing]{
			MaxLifetime: life, LifetimeJitter: jitter,
			Close: func(*thing) error {
				mu.Lock()
				defer mu.Unlock()
				ages = append(ages, time.Since(start))
				return nil
			},
		})
		require.NoError(t, r.Warm(t.Context(), n))
		pass(life)
		require.Len(t, ages, n)
		assert.GreaterOrEqual(t, slices.Min(ages), life-jitter)
		assert.LessOrEqual(t, slices.Max(ages), life)
		quarters := [4]int{}
		for _, age := range ages {
			quarters[min(3, 4*(age-(life-jitter))/jitter)]++
		}
		for _, q := range quarters {
			assert.Greater(t, q, n/4/2, "drawn evenly: %v", quarters)
		}
	})
}

// The end of a life is drawn at birth. Drawing again at each use would end the
// lives of the resources that are used most at the near end of the range.
func TestLifetimeIsDrawnOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n, life, jitter = 100, time.Hour, 30 * time.Minute
		var ages []time.Duration
		for range n {
			start := time.Now()
			r := newRig(t, pool.Config[*thing]{MaxLifetime: life, LifetimeJitter: jitter})
			for r.Stats().Closes.Total() == 0 {
				c := r.acquire()
				pass(time.Minute)
				c.release()
			}
			ages = append(ages, time.Since(start))
		}
		slices.Sort(ages)
		middle := ages[n/2]
		assert.Greater(t, middle, life-jitter*3/4)
		assert.Less(t, middle, life-jitter/4)
	})
}

// With both limits set, whichever is reached first counts.
func TestLifetimeAndIdleTimeGoTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxLifetime: time.Minute, MaxIdleTime: 20 * time.Second})
		r.acquire().release()
		pass(20 * time.Second)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonIdleTime))

		c := r.acquire()
		pass(55 * time.Second)
		c.release()
		pass(5 * time.Second)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonLifetime))
	})
}

// Expiry frees a slot, so a waiter for whom there was none gets it (I2).
func TestSlotOfAnExpiredResourceGoesToTheWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxLifetime: time.Minute, MaxOpen: 1})
		c := r.acquire()
		r.dial(1).ok()
		c.release()
		fresh := r.acquireFresh() // evicts
		r.dial(2).ok()
		pass(time.Minute)
		waiting := r.acquire()
		waiting.waits()
		fresh.release()
		r.dial(3).ok()
		assert.Equal(t, 3, waiting.got().n)
	})
}

// A lifetime goes on after Close and Shutdown only for what is still leased, and
// closing that is the lease's business.
func TestExpiryDoesNotDisturbAShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxLifetime: time.Minute})
		c := r.acquire()
		require.NoError(t, r.Close())
		pass(time.Hour)
		assert.Zero(t, c.got().closes.Load())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorContains(t, r.Shutdown(ctx), "1 resources in use")
		c.release()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
		assert.NoError(t, r.Shutdown(t.Context()))
	})
}
