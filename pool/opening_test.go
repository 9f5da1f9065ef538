package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/pool"
)

// A resource that says it has no capacity as soon as it is dialled may have some
// soon. To dial again for the same callers would bring the like, without end.
func TestResourceBornWithoutCapacityIsWaitedFor(t *testing.T) {
	for _, isShareable := range []bool{true, false} {
		for _, maxIdle := range []int{0, 1, -1} {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				cfg.Shareable = func(*thing) bool { return isShareable }
				cfg.MaxIdle = maxIdle
				r := newRig(t, cfg)
				r.capacity = 0
				first := r.acquire()
				first.waits()
				assert.EqualValues(t, 1, r.Stats().Dials)
				second := r.acquire()
				second.waits()
				assert.EqualValues(t, 2, r.Stats().Dials, "one for each who waits")
				r.things[0].set(1)
				assert.Equal(t, 1, first.got().n)
				first.release()
				assert.Equal(t, 1, second.got().n)
				second.release()
			})
		}
	}
}

// Where nobody waits any more, it is an idle resource like any other.
func TestResourceWithoutCapacityThatNobodyWaitsForIsIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxIdle = -1
		r := newRig(t, cfg)
		r.capacity = 0
		c := r.acquire()
		c.waits()
		c.leave()
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonIdleLimit))
	})
}

// Shutdown waits for the hook that hears of a panic in Close (I10).
func TestShutdownWaitsForThePanicHook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		done := false
		p, err := pool.New(pool.Config[int]{
			Dial:  func(context.Context) (int, error) { return 1, nil },
			Close: func(int) error { panic("close") },
			Hooks: &pool.Hooks{Panic: func(any) { <-time.After(time.Second); done = true }},
		})
		assert.NoError(t, err)
		l, err := p.Acquire(t.Context())
		assert.NoError(t, err)
		l.Release()
		assert.NoError(t, p.Shutdown(t.Context()))
		assert.True(t, done)
	})
}
