package pool_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// After a decrease the number of resources only falls: what is idle goes at
// once, what is in use at its release, and nobody is served by it (I1).
func TestShrinkingClosesIdleThenAtRelease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 4})
		all := r.acquireAll(4)
		all[3].release()
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 2}))
		synctest.Wait()
		assert.Equal(t, 3, r.Stats().Open)
		waiting := r.acquire()
		all[0].release()
		waiting.waits()
		assert.Equal(t, 2, r.Stats().Open)
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonLimits))
		all[1].release()
		assert.Equal(t, 2, waiting.got().n)
	})
}

func TestShrinkingCancelsDialsNewestFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 4})
		all := r.acquireAll(4)
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 1}))
		assert.Equal(t, []int{1}, r.running())
		for _, c := range all {
			c.waits() // at their places
		}
		r.dial(1).ok()
		for _, c := range all {
			assert.Equal(t, 1, c.got().n)
			c.release()
		}
		assert.Zero(t, r.Stats().DialErrors)
	})
}

func TestShrinkingDrainsShareableOnesNewestFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 3
		r := newRig(t, cfg)
		all := r.acquireAll(3)
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 1}))
		r.things[0].set(3)
		next := r.acquire()
		assert.Equal(t, 1, next.got().n)
		all[1].release()
		all[2].release()
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonLimits))
		assert.Equal(t, 1, r.Stats().Open)
	})
}

// A slot that is on its way out is not counted twice: closing three is enough to
// come down by three.
func TestShrinkingClosesNoMoreThanItMust(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(t, pool.Config[*thing]{MaxOpen: 4, Close: func(*thing) error { <-gate; return nil }})
		for _, c := range r.acquireAll(4) {
			c.release()
		}
		for range 3 { // each looks again while the first three are closing
			require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 3}))
		}
		s := r.Stats()
		assert.Equal(t, 3, s.Idle)
		assert.Equal(t, 1, s.Closing)
		close(gate)
	})
}

func TestMaxIdleClosesTheLeastRecentlyUsed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxIdle: 2})
		all := r.acquireAll(3)
		for _, i := range []int{1, 0, 2} {
			all[i].release()
			pass(time.Millisecond)
		}
		assert.EqualValues(t, 1, r.things[1].closes.Load())
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonIdleLimit))
		assert.Equal(t, 3, r.acquire().got().n, "the one used last comes first")
		assert.Equal(t, 1, r.acquire().got().n)
	})
}

func TestMaxIdleBelowZeroKeepsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, MaxIdle: -1})
		c := r.acquire()
		next := r.acquire()
		c.release()
		assert.Equal(t, 1, next.got().n, "a hand-off is not idle")
		next.release()
		assert.Zero(t, r.Stats().Open)
	})
}

func TestIdleTimeCountsFromTheLastUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxIdleTime: time.Minute})
		one, two := r.acquire(), r.acquire()
		one.release()
		pass(40 * time.Second)
		two.release()
		pass(19 * time.Second)
		assert.Equal(t, 2, r.Stats().Idle)
		pass(time.Second) // a minute since one's release
		assert.EqualValues(t, 1, r.things[0].closes.Load())
		assert.Equal(t, 1, r.Stats().Idle)
		two = r.acquire() // in time
		two.got()
		pass(time.Hour)
		assert.Zero(t, r.things[1].closes.Load(), "in use it does not age")
		two.release()
		pass(time.Minute - 1)
		assert.Equal(t, 1, r.Stats().Idle)
		pass(1)
		assert.Zero(t, r.Stats().Open)
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonIdleTime))
	})
}

// The timer is one per pool and stops with it.
func TestIdleTimeEndsWithThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxIdleTime: time.Minute})
		r.acquire().release()
		require.NoError(t, r.Shutdown(t.Context()))
		pass(time.Hour)
		assert.Zero(t, r.Stats().Closes.Of(pool.ReasonIdleTime))
	})
}

func TestStatsAddSumsGaugesAndCounters(t *testing.T) {
	a := pool.Stats{
		Limits: pool.Limits{MaxOpen: 7}, Open: 1, Idle: 2, InUse: 3, Dialing: 4, Closing: 5, Leases: 6, Waiting: 7,
		Acquires: 8, Hits: 9, Waits: 10, Canceled: 11, Rejected: 12, Dials: 13, DialErrors: 14, DialsCanceled: 15,
		Hijacks: 16, WaitTime: 17,
	}
	a.Closes[pool.ReasonReset] = 18
	b := pool.Stats{
		Limits: pool.Limits{MaxOpen: 7}, Open: 2, Idle: 4, InUse: 6, Dialing: 8, Closing: 10, Leases: 12, Waiting: 14,
		Acquires: 16, Hits: 18, Waits: 20, Canceled: 22, Rejected: 24, Dials: 26, DialErrors: 28, DialsCanceled: 30,
		Hijacks: 32, WaitTime: 34,
	}
	b.Closes[pool.ReasonReset] = 36
	assert.Equal(t, b, a.Add(a))
	assert.EqualValues(t, 36, b.Closes.Total())
}
