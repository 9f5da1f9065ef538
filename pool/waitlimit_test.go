package pool_test

import (
	"errors"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMaxWaitersCountsThoseWhomNoDialWillServe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, MaxWaiters: 1})
		covered, waiting, refused := r.acquire(), r.acquire(), r.acquire()
		covered.waits()
		waiting.waits()
		err := refused.failed()
		assert.ErrorIs(t, err, pool.ErrWaitLimit)
		assert.EqualError(t, err, "pool: too many waiters: MaxWaiters is 1")
		s := r.Stats()
		assert.Equal(t, 2, s.Waiting)
		assert.EqualValues(t, 1, s.Rejected)
		assert.EqualValues(t, 2, s.Acquires, "a call turned away is none")
		assert.Zero(t, s.Canceled)
		r.dial(1).ok()
		covered.got()
	})
}

func TestNoWaitersMeansDialOrRefuse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, MaxWaiters: -1})
		cold := r.acquire()
		cold.waits() // for the dial, which is not what is limited
		assert.EqualError(t, r.acquire().failed(), "pool: too many waiters: MaxWaiters is below 0, so nobody may wait")
		r.dial(1).ok()
		cold.got()
		assert.ErrorIs(t, r.acquire().failed(), pool.ErrWaitLimit, "it is full")
		cold.release()
		warm := r.acquire()
		assert.Equal(t, 1, warm.got().n)
	})
}

// A dial counts with the capacity that it is expected to bring.
func TestMaxWaitersKnowsWhatADialIsExpectedToBring(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.MaxWaiters, cfg.Shared = 1, -1, 3
		r := newManual(t, cfg)
		r.capacity = 3
		var all []*call
		for range 3 {
			all = append(all, r.acquire())
		}
		assert.ErrorIs(t, r.acquire().failed(), pool.ErrWaitLimit)
		r.dial(1).ok()
		for _, c := range all {
			c.got()
		}
	})
}

// MaxWaiters is for those at the door. Who was let in once and comes back with a
// resource that failed is not sent away.
func TestMaxWaitersIsTestedOnEntryOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		refuse := false
		r := newManual(t, pool.Config[*thing]{
			MaxOpen: 1, MaxWaiters: -1,
			Take: func(*thing) error {
				if refuse {
					refuse = false
					return errBroken
				}
				return nil
			},
		})
		first := r.acquire()
		r.dial(1).ok()
		first.release()
		refuse = true
		back := r.acquire() // it gets the first thing, which fails, and its slot is not free yet
		back.waits()
		assert.ErrorIs(t, r.acquire().failed(), pool.ErrWaitLimit)
		r.dial(2).ok()
		assert.Equal(t, 2, back.got().n)
	})
}

func TestQueueLongerThanANewMaxWaitersIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		first, second := r.acquire(), r.acquire()
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 1, MaxWaiters: 1}))
		first.waits()
		second.waits()
		assert.ErrorIs(t, r.acquire().failed(), pool.ErrWaitLimit)
		holder.release()
		first.got()
		assert.ErrorIs(t, r.acquire().failed(), pool.ErrWaitLimit)
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 1, MaxWaiters: 2}))
		r.acquire().waits()
	})
}

// A caller who is turned away has changed nothing: neither a dial nor an eviction
// was begun for it.
func TestCallerTurnedAwayLeavesNoTrace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, MaxWaiters: -1})
		r.acquire()
		before := r.Stats()
		for _, req := range []pool.Request{{}, {Fresh: true}} {
			_, err := r.AcquireWith(t.Context(), req)
			require.ErrorIs(t, err, pool.ErrWaitLimit)
			before.Rejected++
			assert.Equal(t, before, r.Stats())
		}
		var e *pool.WaitError
		assert.False(t, errors.As(r.acquire().failed(), &e), "it has not waited")
	})
}

// Nobody may wait for a release, and nobody does: a dial begins for the caller as soon as
// something idle has gone for it.
func TestFreshCallerForWhomSomethingIdleGoesIsLetIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, MaxWaiters: -1})
		c := r.acquire()
		r.dial(1).ok()
		c.release()
		c = r.acquireFresh()
		c.waits()
		assert.ErrorIs(t, r.acquireFresh().failed(), pool.ErrWaitLimit)
		r.dial(2).ok()
		c.got()
		assert.ErrorIs(t, r.acquireFresh().failed(), pool.ErrWaitLimit)
		assert.EqualValues(t, 2, r.Stats().Rejected)
	})
}

// While what goes for the first is being closed, the next is let in as little as before.
func TestWhatGoesForOneFreshCallerLetsNoOtherIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 2, MaxWaiters: -1, Close: func(*thing) error {
			<-time.After(time.Second)
			return nil
		}})
		for _, c := range r.acquireAll(2) {
			c.release()
		}
		first := r.acquireFresh()
		first.waits()
		assert.ErrorIs(t, r.acquireFresh().failed(), pool.ErrWaitLimit)
		s := r.Stats()
		assert.Equal(t, []int{1, 1}, []int{s.Closing, s.Idle})
		pass(time.Second)
		assert.Equal(t, 3, first.got().n)
	})
}
