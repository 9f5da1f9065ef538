package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/pool"
)

// freshWithin is within for a resource whose dial begins after the call.
func (r *rig) freshWithin(d time.Duration) *call {
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	r.t.Cleanup(cancel)
	return r.acquireWith(ctx, pool.Request{Fresh: true})
}

// A resource that is there may be of no use to the caller, and what counts as one that is in
// use, idle or being dialled may be something else.
func TestWaitErrorSaysInOneWordWhatARareWaitWasFor(t *testing.T) {
	eachWait(t, []wait{
		{pool.ForCapacity, "it wants a fresh one, and that has no room yet", func(t *testing.T, _ <-chan struct{}) *call {
			r := newRig(t, shareable())
			r.capacity = 0
			return r.freshWithin(time.Second)
		}},
		{pool.ForCapacity, "likewise, and no more may be open", func(t *testing.T, _ <-chan struct{}) *call {
			cfg := shareable()
			cfg.MaxOpen = 2
			r := newRig(t, cfg)
			r.capacity = 0
			r.acquire().waits()
			return r.freshWithin(time.Second)
		}},
		{pool.ForCapacity, "likewise, and it is exclusive", func(t *testing.T, _ <-chan struct{}) *call {
			cfg := shareable()
			cfg.Shareable = func(*thing) bool { return false }
			r := newRig(t, cfg)
			r.capacity = 0
			return r.freshWithin(time.Second)
		}},
		{pool.ForMaxDials, "what is about to have room is too old", func(t *testing.T, _ <-chan struct{}) *call {
			b := newBudget(t, pool.BudgetLimits{MaxDials: 1})
			cfg := sharing(b)
			cfg.Expect = func(*thing) int { return 5 }
			r := newRig(t, cfg)
			r.capacity = 0
			r.acquire().waits()
			newManual(t, under(b)).acquire()
			return r.freshWithin(time.Second)
		}},
		{pool.ForMaxDials, "the dial in flight is for another who wants a fresh one", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{MaxDials: 1})
			r.acquire()
			r.acquireFresh()
			c := r.freshWithin(time.Second)
			r.dial(1).ok()
			require.Equal(t, 2, r.started())
			return c
		}},
		{pool.ForClose, "it wants a fresh one, and what is too old is not gone", func(t *testing.T, end <-chan struct{}) *call {
			r := newRig(t, pool.Config[*thing]{MaxOpen: 3, Close: func(*thing) error { <-end; return nil }})
			for _, c := range r.acquireAll(3) {
				c.release()
			}
			return r.freshWithin(time.Second)
		}},
		{pool.ForTurn, "there is room again when Take has used up its time", func(t *testing.T, _ <-chan struct{}) *call {
			slow := false
			r := newRig(t, pool.Config[*thing]{MaxOpen: 3, WaitTimeout: time.Second, Take: func(*thing) error {
				if slow {
					slow = false
					<-time.After(2 * time.Second)
					return errDial
				}
				return nil
			}})
			busy := r.acquireAll(3)
			c := r.acquire()
			slow = true
			for _, b := range busy {
				b.release()
			}
			pass(time.Second)
			return c
		}},
		{pool.ForDialRate, "none of the dials that take all slots has begun", func(t *testing.T, _ <-chan struct{}) *call {
			l := newTicker(time.Hour)
			l.Allow()
			r := newManual(t, pool.Config[*thing]{MaxOpen: 1, DialRate: l})
			r.acquire()
			return r.within(time.Second)
		}},
		{pool.ForDialRate, "a fresh one's dial has begun, and is for another", func(t *testing.T, _ <-chan struct{}) *call {
			l := newTicker(time.Hour)
			r := newManual(t, pool.Config[*thing]{DialRate: l})
			r.acquireFresh()
			return r.freshWithin(time.Second)
		}},
		{pool.ForCheck, "another checks what is exclusive", func(t *testing.T, end <-chan struct{}) *call {
			r := newRig(t, pool.Config[*thing]{MaxOpen: 1, CheckAfter: time.Minute, Check: func(context.Context, *thing) error { <-end; return nil }})
			r.acquire().release()
			pass(2 * time.Minute)
			r.acquire()
			return r.within(time.Second)
		}},
		{pool.ForRelease, "another has checked what is exclusive", func(t *testing.T, _ <-chan struct{}) *call {
			r := newRig(t, pool.Config[*thing]{MaxOpen: 1, CheckAfter: time.Minute, Check: func(context.Context, *thing) error { return nil }})
			r.acquire().release()
			pass(2 * time.Minute)
			r.acquire().got()
			return r.within(time.Second)
		}},
	})
}

// A Check that uses up the time of the call which runs it is what that waited for, whether its
// resource is closed by then or not.
func TestWaitErrorOfACallWhoseOwnCheckHangs(t *testing.T) {
	for name, bare := range map[string]bool{"with Close": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				cfg.Shareable = func(*thing) bool { return false }
				cfg.MaxOpen, cfg.CheckAfter = 1, time.Minute
				cfg.Check = func(ctx context.Context, _ *thing) error { <-ctx.Done(); return ctx.Err() }
				r := makeRig(t, cfg, &rig{bare: bare})
				h := r.acquire()
				x := h.got()
				x.set(0)
				h.release()
				pass(2 * time.Minute)
				c := r.within(2 * time.Second)
				pass(time.Second)
				c.waits()
				x.set(1)
				assert.Equal(t, 1, r.Stats().InUse)
				pass(time.Second)
				assert.Equal(t, pool.ForCheck, c.waitErr().For, c.err)
			})
		})
	}
}

// The cause of a context that was canceled may be a time that ran out elsewhere.
func TestWaitErrorOfACanceledContextIsNoTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		c := r.acquire()
		c.cancel(context.DeadlineExceeded) // of a sibling, as errgroup has it
		e := c.waitErr()
		assert.ErrorIs(t, e, context.Canceled)
		assert.ErrorIs(t, e, context.DeadlineExceeded)
		assert.False(t, e.Timeout(), e.Error())
		assert.False(t, e.Temporary())
	})
}

// The slot is that of a dial that does not heed that it was canceled.
func TestWaitErrorBesideACanceledDialThatGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, MaxIdle: -1})
		gone := r.acquire()
		r.dial(1).stubborn.Store(true)
		gone.leave()
		require.True(t, r.dial(1).canceled())
		c := r.within(time.Second)
		c.waits()
		pass(time.Second)
		assert.Equal(t, pool.ForDial, c.waitErr().For, c.err)
		r.dial(1).fail(errDial)
	})
}
