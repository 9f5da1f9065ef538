package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Dials for several callers each fail in any order, and each has its own callers: none is left
// for whom there must be one more dial.
func TestErrorsOfSharedDialsLeaveNobodyBehind(t *testing.T) {
	for name, order := range map[string][]int{
		"as they began": {1, 2, 3}, "the newest first": {3, 2, 1}, "mixed": {2, 3, 1}, "and again": {2, 1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, pool.Config[*thing]{Shared: 2})
				var calls []*call
				for range 6 {
					calls = append(calls, r.acquire())
				}
				require.Equal(t, 3, r.started())
				// Who comes when a dial for two has begun for one hears of the next one.
				for _, n := range append(order, 4) {
					r.dial(n).fail(errDial)
					for _, c := range calls[max(0, 2*n-3):min(2*n-1, len(calls))] {
						require.ErrorIs(t, c.failed(), errDial)
					}
				}
				assert.Equal(t, 4, r.started())
			})
		})
	}
}

// waitingForOne returns a rig with three callers, who had all come when the only dial, the
// second one, began for two of them.
func waitingForOne(t *testing.T) (r *rig, calls []*call) {
	t.Helper()
	r = newManual(t, pool.Config[*thing]{Shared: 2, MaxDials: 1, RedialAfter: late})
	first := r.acquire()
	for range 3 {
		calls = append(calls, r.acquire())
	}
	r.dial(1).fail(errDial)
	require.ErrorIs(t, first.failed(), errDial, "the only one who had come when it began")
	require.Equal(t, 2, r.started())
	return r, calls
}

// Where there are more waiters than older dials bring, the oldest hear of it first, until no
// more of those are to spare.
func TestErrorOfASharedDialIsForTheOldestWhoAreToSpare(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, calls := waitingForOne(t)
		newest := r.acquire()
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 2}))
		require.Equal(t, 3, r.started(), "for the two others")
		r.dial(3).fail(errDial)
		require.ErrorIs(t, calls[0].failed(), errDial, "the oldest of three, of whom the second dial is for two")
		require.ErrorIs(t, newest.failed(), errDial)
		calls[1].waits()
		calls[2].waits()
		r.dial(2).fail(errDial)
		require.ErrorIs(t, calls[1].failed(), errDial)
		require.ErrorIs(t, calls[2].failed(), errDial)
		assert.Equal(t, 3, r.started())
	})
}

// Where older dials are for all, the oldest hear of it.
func TestErrorOfASharedDialIsForTheOldestIfNobodyIsToSpare(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, calls := waitingForOne(t)
		calls[1].leave()
		r.acquire().leave()
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 2}))
		require.Equal(t, 2, r.started())
		pass(late)
		require.Equal(t, 3, r.started(), "beside the late one")
		r.dial(3).fail(errDial)
		require.ErrorIs(t, calls[0].failed(), errDial)
		require.ErrorIs(t, calls[2].failed(), errDial)
	})
}

// What one dial can do without counts for those who came before it only if the dials after it
// can do without them as well.
func TestErrorOfASharedDialLeavesOutWhomAnyOlderDialIsFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, calls := waitingForOne(t)
		fourth := r.acquire()
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 2}))
		require.Equal(t, 3, r.started(), "two dials for four")
		fifth := r.acquire()
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 3}))
		require.Equal(t, 4, r.started())
		r.dial(4).fail(errDial)
		require.ErrorIs(t, fifth.failed(), errDial)
		for _, c := range append(calls, fourth) {
			c.waits()
		}
	})
}

// withOldPlace returns a rig of which the first dial is done with, and a place from before the
// others.
func withOldPlace(t *testing.T, cfg pool.Config[*thing]) (*rig, pool.Ticket) {
	t.Helper()
	r := newManual(t, cfg)
	r.capacity = 2
	lost := r.acquire()
	r.dial(1).ok()
	lost.got()
	lost.discard()
	return r, lost.lease.Ticket()
}

// A dial of the background, for which nobody had come, hides no older one from a caller with an
// old place.
func TestErrorOfASharedDialKnowsThoseOfTheBackground(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.MaxIdle = 2, 3
		r, old := withOldPlace(t, cfg)
		r.acquire().leave()
		require.Equal(t, 2, r.started())
		ctx, cancel := context.WithCancel(t.Context())
		warm := r.warm(ctx, 2)
		require.Equal(t, 3, r.started())
		cancel() // the dials go on
		require.Error(t, <-warm)
		oldest := r.acquireWith(t.Context(), pool.Request{Place: old})
		var calls []*call
		for range 4 {
			calls = append(calls, r.acquire())
		}
		require.Equal(t, 4, r.started(), "two dials for the first four")
		r.dial(4).fail(errDial)
		require.ErrorIs(t, calls[0].failed(), errDial)
		require.ErrorIs(t, calls[1].failed(), errDial)
		oldest.waits() // the second dial was there when its place was
	})
}

// Those who let others pass are not to spare any more when the others have taken it.
func TestErrorOfASharedDialIsForThoseInFrontFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{Shared: 2, MaxDials: 1})
		first := r.acquire()
		var low, calls []*call
		for range 3 {
			low = append(low, r.acquireWith(t.Context(), pool.Request{Low: true}))
		}
		r.dial(1).fail(errDial)
		require.ErrorIs(t, first.failed(), errDial)
		for range 2 {
			calls = append(calls, r.acquire())
		}
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 2}))
		require.Equal(t, 3, r.started(), "two dials for five")
		newest := r.acquireWith(t.Context(), pool.Request{Low: true})
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 3}))
		require.Equal(t, 4, r.started())
		r.dial(4).fail(errDial)
		require.ErrorIs(t, calls[0].failed(), errDial, "the first of five, of whom the dials are for four")
		require.ErrorIs(t, newest.failed(), errDial)
		for _, c := range append(low, calls[1]) {
			c.waits()
		}
	})
}

// A dial beside a late one is for whoever was there when it began, as nobody is to depend on the
// late one alone: not the oldest either, for whom that began.
func TestErrorOfASharedDialBesideALateOneIsForTheOldestToo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{Shared: 10, RedialAfter: late, BackoffBase: time.Minute, BackoffMax: time.Minute})
		oldest, other := r.acquire(), r.acquire()
		pass(late)
		require.Equal(t, 2, r.started())
		r.dial(2).fail(errDial)
		require.ErrorIs(t, other.failed(), errDial)
		require.ErrorIs(t, oldest.failed(), errDial, "else it waits for the backoff, and a third dial")
		assert.Equal(t, 2, r.started())
	})
}

// No dial that began before the call of one who wants a fresh resource is for it, whatever its
// place.
func TestErrorOfASharedDialIsForWhoCannotUseAnOlderOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.MaxDials = 2, 1
		r, old := withOldPlace(t, cfg)
		first := r.acquire()
		require.Equal(t, 2, r.started())
		fresh := r.acquireWith(t.Context(), pool.Request{Fresh: true, Place: old})
		later := r.acquire()
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 2}))
		require.Equal(t, 3, r.started())
		r.dial(3).fail(errDial)
		require.ErrorIs(t, fresh.failed(), errDial, "the second dial is of no use to it")
		require.ErrorIs(t, later.failed(), errDial)
		first.waits()
		assert.Equal(t, 3, r.started())
	})
}
