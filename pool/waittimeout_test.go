package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// WaitTimeout bounds the whole call: what is left after a failed Check is all
// that the dial after it may take.
func TestWaitTimeoutCoversCheckAndDialTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{
			MaxOpen: 1, WaitTimeout: time.Second, CheckAfter: -1,
			Check: func(context.Context, *thing) error {
				<-time.After(600 * time.Millisecond)
				return errBroken
			},
		})
		c := r.acquire()
		r.dial(1).ok()
		c.release()
		start := time.Now()
		_, err := r.Acquire(t.Context())
		assert.ErrorIs(t, err, pool.ErrWaitTimeout)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, 2, r.started())
	})
}

// Nor does it begin anew after Take has failed, be it on a resource of the lane or not.
func TestWaitTimeoutCoversTakeAndDialTogether(t *testing.T) {
	for name, inLane := range map[string]bool{"in the lane": true, "under the lock": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				bad := false
				cfg := pool.Config[*thing]{
					MaxOpen: 1, WaitTimeout: time.Second,
					Take: func(*thing) error {
						if !bad {
							return nil
						}
						<-time.After(600 * time.Millisecond)
						return errBroken
					},
				}
				if !inLane {
					cfg.Hooks = &pool.Hooks{Acquired: func(pool.AcquiredEvent) {}}
				}
				r := newManual(t, cfg)
				c := r.acquire()
				r.dial(1).ok()
				c.release()
				for range 3 { // by now it is in the lane
					r.acquire().release()
				}
				bad = true
				start := time.Now()
				_, err := r.Acquire(t.Context())
				var e *pool.WaitError
				require.ErrorAs(t, err, &e)
				assert.ErrorIs(t, err, pool.ErrWaitTimeout)
				assert.Equal(t, time.Second, time.Since(start))
				assert.Equal(t, time.Second, e.Waited)
			})
		})
	}
}

// A call whose time ran out during Take gets no other resource, though one is idle.
func TestWaitTimeoutThatPassesDuringTakeEndsTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{WaitTimeout: time.Second, Take: func(*thing) error {
			<-time.After(3 * time.Second)
			return errBroken
		}})
		require.NoError(t, r.Warm(t.Context(), 2))
		start := time.Now()
		_, err := r.Acquire(t.Context())
		assert.ErrorIs(t, err, pool.ErrWaitTimeout)
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.Equal(t, 1, r.Stats().Idle)
	})
}

func TestWaitTimeoutEndsTheContextOfCheck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{
			MaxOpen: 1, WaitTimeout: time.Second, CheckAfter: -1,
			Check: func(ctx context.Context, _ *thing) error {
				<-ctx.Done()
				return ctx.Err()
			},
		})
		r.acquire().release()
		start := time.Now()
		_, err := r.Acquire(t.Context())
		assert.ErrorIs(t, err, pool.ErrWaitTimeout)
		assert.Equal(t, time.Second, time.Since(start))
	})
}
