package pool_test

import (
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A place that no lease of the pool can have had, such as that of another pool, is none: its
// caller stands at the end of the queue and not behind all who are to come.
func TestPlaceThatNobodyHadIsTheEndOfTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, MaxWaiters: 2})
		holder := r.acquire()
		foreign := r.acquireWith(t.Context(), pool.Request{Place: 1 << 40})
		later := r.acquire()
		require.ErrorIs(t, r.acquireWith(t.Context(), pool.Request{Place: 1 << 40}).failed(), pool.ErrWaitLimit, "a newcomer like others")
		holder.release()
		foreign.got()
		later.waits()
		instead := foreign.instead(r, pool.Request{Place: 1 << 40})
		instead.got()
		instead.release()
		later.got()
	})
}

// A failed dial fails it as well, where dials serve several callers.
func TestFailedDialFailsWhoHasAPlaceThatNobodyHad(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared = 2
		r := newManual(t, cfg)
		c := r.acquireWith(t.Context(), pool.Request{Place: 1 << 40})
		r.dial(1).fail(errDial)
		require.ErrorIs(t, c.failed(), errDial)
		assert.Equal(t, 1, r.started())
	})
}
