package pool_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// busy returns a pool of n resources, all in use, that has seen leases of a
// second.
func busy(t *testing.T, n int, cfg pool.Config[*thing]) (*rig, []*call) {
	t.Helper()
	cfg.MaxOpen = n
	r := newRig(t, cfg)
	for range 2 {
		calls := r.acquireAll(n)
		pass(time.Second)
		for _, c := range calls {
			c.release()
		}
	}
	return r, r.acquireAll(n)
}

// within starts an Acquire with a deadline.
func (r *rig) within(d time.Duration) *call {
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	r.t.Cleanup(cancel)
	return r.acquireWith(ctx, pool.Request{})
}

// shedErr checks that the call was turned away by ShedLate.
func (c *call) shedErr() *pool.ShedError {
	c.t.Helper()
	var shed *pool.ShedError
	require.ErrorAs(c.t, c.failed(), &shed)
	return shed
}

func TestShedIsOffByDefault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, _ := busy(t, 1, pool.Config[*thing]{})
		c := r.within(time.Millisecond)
		c.waits()
		pass(time.Millisecond)
		var wait *pool.WaitError
		require.ErrorAs(t, c.failed(), &wait)
		assert.Zero(t, r.Stats().Shed)
	})
}

// The estimate is the mean of recent leases, for each waiter in front and the
// caller, over the leases that are out.
func TestCallerWhoWouldWaitInVainIsShedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var events []pool.ShedEvent
		r, holders := busy(t, 2, pool.Config[*thing]{
			ShedLate: pool.ShedOn,
			Hooks:    &pool.Hooks{Shed: func(e pool.ShedEvent) { events = append(events, e) }},
		})
		queue := r.acquireAll(3)
		begin := time.Now()
		before := r.Stats()
		c := r.within(1900 * time.Millisecond)
		shed := c.shedErr()
		assert.Zero(t, time.Since(begin))
		assert.Equal(t, &pool.ShedError{Estimate: 2 * time.Second, Left: 1900 * time.Millisecond}, shed, "four of a second each, on two")
		assert.EqualError(t, shed, "pool: a wait of about 2s is to be expected, and the deadline is in 1.9s")
		assert.EqualError(t, &pool.ShedError{Estimate: 1234567, Left: 1500}, "pool: a wait of about 1.235ms is to be expected, and the deadline is in 2µs")
		assert.EqualError(t, &pool.ShedError{Key: "a", Estimate: time.Second, Left: time.Millisecond, ByWaitTimeout: true},
			"pool: a wait of about 1s on key a is to be expected, and WaitTimeout passes in 1ms")
		assert.ErrorIs(t, shed, context.DeadlineExceeded)
		assert.NotErrorIs(t, shed, pool.ErrWaitTimeout)
		var end, same net.Error = shed, nil
		require.ErrorAs(t, context.DeadlineExceeded, &same)
		assert.Equal(t, []bool{same.Timeout(), same.Temporary()}, []bool{end.Timeout(), end.Temporary()}) //nolint:staticcheck // deprecated, and asked for by package net/url all the same

		s := r.Stats()
		assert.EqualValues(t, 1, s.Shed)
		assert.Equal(t, before.Acquires, s.Acquires, "it was never let in")
		assert.Equal(t, 3, s.Waiting)
		require.Len(t, events, 1)
		assert.NotNil(t, events[0].Ctx)
		events[0].Ctx = nil
		assert.Equal(t, pool.ShedEvent{Estimate: 2 * time.Second, Left: 1900 * time.Millisecond}, events[0])

		late := r.within(2 * time.Second)
		late.waits() // just in time
		pass(999 * time.Millisecond)
		holders[0].release()
		holders[1].release()
		pass(999 * time.Millisecond)
		queue[0].release()
		queue[1].release()
		late.got()
	})
}

func TestCallerWithoutADeadlineIsNotShed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, _ := busy(t, 1, pool.Config[*thing]{ShedLate: pool.ShedOn})
		r.acquire().waits()
		assert.Zero(t, r.Stats().Shed)
	})
}

// WaitTimeout is a deadline too. The error says which of the two it was.
func TestWaitTimeoutCountsAsADeadlineForShedding(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, _ := busy(t, 1, pool.Config[*thing]{ShedLate: pool.ShedOn, WaitTimeout: time.Millisecond})
		for _, late := range []*call{r.acquire(), r.within(time.Minute)} {
			assert.Equal(t, &pool.ShedError{Estimate: time.Second, Left: time.Millisecond, ByWaitTimeout: true}, late.shedErr())
			assert.ErrorIs(t, late.failed(), pool.ErrWaitTimeout)
			assert.ErrorIs(t, late.failed(), context.DeadlineExceeded)
		}
		late := r.within(time.Microsecond)
		assert.Equal(t, &pool.ShedError{Estimate: time.Second, Left: time.Microsecond}, late.shedErr())
		assert.NotErrorIs(t, late.failed(), pool.ErrWaitTimeout)
	})
}

// A dry run lets everybody in, and counts and tells of those it would have turned
// away.
func TestDryRunOnlyCountsWhomItWouldShed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dry := 0
		r, holders := busy(t, 1, pool.Config[*thing]{
			ShedLate: pool.ShedDryRun,
			Hooks: &pool.Hooks{Shed: func(e pool.ShedEvent) {
				assert.True(t, e.DryRun)
				dry++
			}},
		})
		c := r.within(time.Millisecond)
		c.waits()
		assert.EqualValues(t, 1, r.Stats().Shed)
		assert.Equal(t, 1, dry)
		holders[0].release()
		c.got() // it would have been wrong
		assert.Equal(t, 1, dry, "once per call")
	})
}

// Without a lease that has ended there is nothing to judge by.
func TestNobodyIsShedBeforeTheFirstLeaseHasEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, ShedLate: pool.ShedOn})
		holder := r.acquire()
		pass(time.Hour)
		r.within(time.Nanosecond).waits()
		holder.release()
	})
}

// The mean follows: after a dozen quick leases a slow hour is forgotten.
func TestEstimateFollowsRecentLeases(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, holders := busy(t, 1, pool.Config[*thing]{ShedLate: pool.ShedOn})
		_ = r.within(900 * time.Millisecond).shedErr()
		holders[0].release()
		for range 24 {
			c := r.acquire()
			pass(10 * time.Millisecond)
			c.release()
		}
		r.acquire()
		r.within(900 * time.Millisecond).waits()
		assert.Equal(t, 1, r.Stats().Waiting)
	})
}

// A caller whom a dial will serve waits for that and not for a release.
func TestCallerWithADialToItselfIsNotShed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, ShedLate: pool.ShedOn})
		first := r.acquire()
		r.dial(1).ok()
		first.got()
		pass(time.Hour)
		first.release()
		first = r.acquire()
		first.got()

		second := r.within(time.Minute)
		second.waits() // there is a slot for its dial
		second.leave()
		third := r.within(time.Minute)
		third.waits() // for the dial that goes on
		_ = r.within(time.Minute).shedErr()
		r.dial(2).ok()
		third.got()
	})
}

// An idle resource is not a wait, whatever the mean is.
func TestHitIsNeverShed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, holders := busy(t, 1, pool.Config[*thing]{ShedLate: pool.ShedOn})
		holders[0].release()
		r.within(time.Nanosecond).got()
		assert.Zero(t, r.Stats().Shed)
	})
}

// A caller is judged by those in front of it: who stands behind it, because it asked for
// that, is not in its way.
func TestLowCallersShedNobodyWhoGoesFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, holders := busy(t, 1, pool.Config[*thing]{ShedLate: pool.ShedOn})
		var low []*call
		for range 10 {
			low = append(low, r.acquireWith(t.Context(), pool.Request{Low: true}))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		c := r.acquireWith(ctx, pool.Request{})
		c.waits() // one lease of a second is in front
		pass(time.Second)
		holders[0].release()
		c.got()
		c.release()
		for _, l := range low {
			l.got()
			l.release()
		}
		assert.Zero(t, r.Stats().Shed)
	})
}
