package pool_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Leases that were too short for the lane to tell bring the mean down, as others do.
func TestShortLeasesOfTheLaneEndTheShedding(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, holders := busy(t, 1, pool.Config[*thing]{ShedLate: pool.ShedOn})
		_ = r.within(time.Millisecond).shedErr()
		holders[0].release()
		for range 500 {
			l, err := r.Acquire(t.Context())
			require.NoError(t, err)
			l.Release()
		}
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 1})) // which looks into the lane
		r.acquire().got()
		c := r.within(time.Millisecond)
		c.waits()
		pass(time.Millisecond)
		var wait *pool.WaitError
		assert.ErrorAs(t, c.failed(), &wait)
	})
}

// Where the Budget has no slot for the pool, no dial will serve the caller, whatever the
// pool's own limits allow.
func TestCallerOfAPoolWithoutASlotIsShed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 1})
		require.NoError(t, err)
		r := newRig(t, pool.Config[*thing]{Budget: b, ShedLate: pool.ShedOn})
		first := r.acquire()
		pass(time.Second)
		first.release()
		r.acquire().got()
		r.acquire().waits() // since then the pool knows that there is none
		_ = r.within(time.Millisecond).shedErr()
	})
}

// A caller who has to wait for the backoff is not served by a dial soon.
func TestCallerIsShedDuringTheBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, ShedLate: pool.ShedOn, BackoffBase: time.Minute, BackoffMax: time.Minute})
		c := r.acquire()
		r.dial(1).ok()
		pass(time.Second)
		c.release()
		r.acquire().got()
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 2}))
		c = r.acquire()
		r.dial(2).fail(errDial)
		require.ErrorIs(t, c.failed(), errDial)
		assert.Equal(t, time.Second, r.within(time.Millisecond).shedErr().Estimate)
	})
}

// What is being dialled is one more that callers may hope for.
func TestDialsInFlightShortenTheEstimate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, ShedLate: pool.ShedOn})
		c := r.acquire()
		r.dial(1).ok()
		pass(time.Second)
		c.release()
		r.acquire().got()
		r.acquire().waits()
		require.Equal(t, 2, r.started())
		assert.Equal(t, time.Second, r.within(time.Millisecond).shedErr().Estimate, "two of a second each, on two")
	})
}
