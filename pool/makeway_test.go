package pool_test

import (
	"errors"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A dial that hangs, whose caller has gone, and that began too early for who wants a
// fresh resource makes room for that one's own.
func TestDialThatNobodyNeedsMakesRoomForAFreshOne(t *testing.T) {
	for name, cfg := range map[string]pool.Config[*thing]{
		"slots":          {MaxOpen: 1},
		"dials":          {MaxDials: 1},
		"slots and more": {MaxOpen: 1, MaxDials: 1, RedialAfter: late},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, cfg)
				r.acquire().leave()
				require.False(t, r.dial(1).canceled(), "it may become idle")
				fresh := r.acquireWith(t.Context(), pool.Request{Fresh: true})
				require.True(t, r.dial(1).canceled())
				require.Equal(t, 2, r.started())
				r.dial(2).ok()
				fresh.got()
				assert.EqualValues(t, 1, r.Stats().DialsCanceled)
			})
		})
	}
}

// What is idle and too old goes for a slot, and not for a dial; the dial only where it is
// in the way.
func TestIdleGoesForASlotAndADialForADial(t *testing.T) {
	for name, test := range map[string]struct {
		cfg      pool.Config[*thing]
		canceled bool
		evicted  uint64
	}{
		"room":           {pool.Config[*thing]{MaxOpen: 3, MaxDials: 2}, false, 0},
		"no slot":        {pool.Config[*thing]{MaxOpen: 2, MaxDials: 2}, false, 1},
		"no dial":        {pool.Config[*thing]{MaxOpen: 3, MaxDials: 1}, true, 0},
		"neither of the": {pool.Config[*thing]{MaxOpen: 2, MaxDials: 1}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, test.cfg)
				holder := r.acquire()
				r.dial(1).ok()
				r.acquire().leave()
				holder.release()
				fresh := r.acquireWith(t.Context(), pool.Request{Fresh: true})
				assert.Equal(t, test.canceled, r.dial(2).canceled())
				assert.Equal(t, test.evicted, r.Stats().Closes.Of(pool.ReasonEvict))
				r.dial(3).ok()
				assert.Equal(t, 2, fresh.got().n)
			})
		})
	}
}

// A dial that others wait for goes on, and comes to its end first.
func TestDialThatOthersNeedMakesNoRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
		gone := r.acquire()
		fresh := r.acquireWith(t.Context(), pool.Request{Fresh: true})
		last := r.acquire()
		require.False(t, r.dial(1).canceled())
		gone.leave()
		require.False(t, r.dial(1).canceled())
		last.leave()
		require.True(t, r.dial(1).canceled())
		r.dial(2).ok()
		fresh.got()
	})
}

// While no other dial may begin, none is canceled for it.
func TestNoDialMakesRoomDuringBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, BackoffBase: time.Minute, BackoffMax: time.Minute})
		first, second := r.acquire(), r.acquire()
		r.dial(1).fail(errors.New("refused"))
		require.Error(t, first.failed())
		second.leave()
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 1}))
		fresh := r.acquireWith(t.Context(), pool.Request{Fresh: true})
		assert.False(t, r.dial(2).canceled())
		pass(time.Minute)
		require.True(t, r.dial(2).canceled())
		r.dial(3).ok()
		fresh.got()
	})
}

// Where only a dial is lacking, no resource goes: that would be of no use.
func TestNoResourceMakesRoomForADial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxDials = 1
		r := newManual(t, cfg)
		holder := r.acquire()
		r.dial(1).ok()
		gone := r.acquire()
		fresh := r.acquireWith(t.Context(), pool.Request{Fresh: true})
		last := r.acquire()
		gone.leave()
		require.False(t, r.dial(2).canceled(), "for the last")
		holder.release()
		assert.Equal(t, 1, last.got().n)
		r.dial(3).ok()
		fresh.got()
	})
}
