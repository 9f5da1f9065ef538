package pool_test

import (
	"context"
	"errors"
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// canceledDials returns the numbers of the dials that the pool has canceled. (The
// context of one that has returned has ended too, for no special cause.)
func (r *rig) canceledDials() []int {
	var all []int
	for n := 1; n <= r.started(); n++ {
		if cause := context.Cause(r.dial(n).ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			all = append(all, n)
		}
	}
	return all
}

// leaveAll ends the waits of the calls.
func leaveAll(calls []*call) {
	for _, c := range calls {
		c.leave()
	}
}

// A dial outlives the caller it was started for, as far as its result may become
// idle: what is beyond that is canceled, the newest first (I8).
func TestDialsWithoutDemandAreBoundedByMaxIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxIdle: 3})
		calls := r.acquireAll(10)
		require.Equal(t, 10, r.started())
		leaveAll(calls)
		assert.Equal(t, []int{4, 5, 6, 7, 8, 9, 10}, r.canceledDials())
		for n := 1; n <= 3; n++ {
			r.dial(n).ok()
		}
		s := r.Stats()
		assert.Equal(t, 3, s.Idle)
		assert.EqualValues(t, 7, s.DialsCanceled)
		assert.Zero(t, s.Closes.Total(), "nothing is dialled only to be closed")
	})
}

// With no demand and idle full, every dial is canceled.
func TestDialsWithoutDemandAreCanceledWhenIdleIsFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxIdle: 2})
		holders := r.acquireAll(2)
		r.dial(1).ok()
		r.dial(2).ok()
		calls := r.acquireAll(5)
		leaveAll(calls)
		assert.Equal(t, []int{5, 6, 7}, r.canceledDials(), "two may become idle")
		holders[0].release()
		assert.Equal(t, []int{4, 5, 6, 7}, r.canceledDials(), "one beside the idle one")
		holders[1].release()
		assert.Equal(t, []int{3, 4, 5, 6, 7}, r.canceledDials())
		assert.Zero(t, r.Stats().Dialing)
	})
}

// A burst of callers who give up leaves no pile of dials behind, however often.
func TestBurstsOfCallersWhoGiveUpDoNotPileUpDials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxIdle: 2})
		for range 20 {
			calls := r.acquireAll(5)
			leaveAll(calls)
			require.LessOrEqual(t, r.Stats().Dialing, 2)
		}
		assert.LessOrEqual(t, r.started(), 5+19*3, "the two that go on are for whoever comes next")
	})
}

// A dial that does not heed its context takes its slot for as long as it lasts,
// so that the cap holds; its result is used if it comes after all.
func TestStubbornDialKeepsItsSlotUntilItReturns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, MaxIdle: -1})
		first := r.acquire()
		d := r.dial(1)
		d.stubborn.Store(true)
		first.leave()
		require.True(t, d.canceled())
		second := r.acquire()
		second.waits()
		assert.Equal(t, 1, r.started(), "the cap is 1")
		assert.Equal(t, 1, r.Stats().Dialing)
		d.ok()
		assert.Equal(t, 1, second.got().n)
	})
}

// The values of the oldest waiter's context go with the dial, and not its end.
func TestDetachedDialKeepsItsValues(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		c := r.acquireWith(context.WithValue(t.Context(), valueKey{}, "first"), pool.Request{})
		c.leave()
		d := r.dial(1)
		assert.NoError(t, d.ctx.Err())
		assert.Equal(t, "first", d.ctx.Value(valueKey{}))
		d.ok()
		assert.Equal(t, 1, r.Stats().Idle)
	})
}
