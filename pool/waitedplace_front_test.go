package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/pool"
)

// Who stands in front of many that queued before it is at the first place, and the dial in
// flight is for it.
func TestPlaceOfOneThatManyWhoQueuedBeforeStandBehind(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context, r *rig) *call{
		"they are low": func(ctx context.Context, r *rig) *call {
			for range 40 {
				r.low()
			}
			return r.acquireWith(ctx, pool.Request{})
		},
		"it comes back": func(ctx context.Context, r *rig) *call {
			h := r.acquire()
			r.dial(1).ok()
			h.got()
			place := h.lease.Ticket()
			h.discard()
			r.acquireAll(40)
			return r.acquireWith(ctx, pool.Request{Place: place})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				r := newManual(t, pool.Config[*thing]{MaxDials: 1})
				c := wait(ctx, r)
				pass(time.Second)
				e := c.waitErr()
				assert.Equal(t, 1, e.Place, e.Error())
				assert.Equal(t, pool.ForDial, e.For, e.Error())
			})
		})
	}
}
