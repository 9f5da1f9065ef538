package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/pool"
)

// The place at which a call gave up counts those who passed it, and none that it passed.
func TestPlaceCountsThoseWhoPassed(t *testing.T) {
	for name, tt := range map[string]struct {
		wait  func(ctx context.Context, t *testing.T) *call
		place int
		word  pool.WaitedFor
	}{
		"passed, as it is low": {func(ctx context.Context, t *testing.T) *call {
			r := newManual(t, pool.Config[*thing]{MaxDials: 1})
			c := r.acquireWith(ctx, pool.Request{Low: true})
			r.acquireAll(3)
			return c
		}, 4, pool.ForMaxDials},
		"others served past it, as it wants a fresh one": {func(ctx context.Context, t *testing.T) *call {
			r := newManual(t, pool.Config[*thing]{MaxOpen: 9, MaxDials: 1})
			last := r.acquire()
			r.dial(1).ok()
			r.acquireFresh()
			r.acquireFresh()
			c := r.acquireWith(ctx, pool.Request{Fresh: true})
			for _, next := range r.acquireAll(4) {
				last.release()
				next.got()
				last = next
			}
			return c
		}, 3, pool.ForMaxDials},
		"passed by one that comes back": {func(ctx context.Context, t *testing.T) *call {
			r := newManual(t, pool.Config[*thing]{MaxDials: 1})
			h := r.acquire()
			r.dial(1).ok()
			h.got()
			c := r.acquireWith(ctx, pool.Request{})
			h.instead(r, pool.Request{})
			return c
		}, 2, pool.ForMaxDials},
		"comes back": {func(ctx context.Context, t *testing.T) *call {
			r := newManual(t, pool.Config[*thing]{MaxDials: 1})
			h := r.acquire()
			r.dial(1).ok()
			h.got()
			r.acquireAll(3)
			back := h.instead(r, pool.Request{})
			context.AfterFunc(ctx, func() { back.cancel(nil) })
			return back
		}, 1, pool.ForDial},
		"far back, and two were served": {func(ctx context.Context, t *testing.T) *call {
			r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
			all := r.acquireAll(102)
			c := r.acquireWith(ctx, pool.Request{})
			all[0].release()
			all[1].release()
			return c
		}, 100, pool.ForRelease},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				c := tt.wait(ctx, t)
				pass(time.Second)
				e := c.waitErr()
				assert.Equal(t, tt.place, e.Place, e.Error())
				assert.Equal(t, tt.word, e.For, e.Error())
			})
		})
	}
}
