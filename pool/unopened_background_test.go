package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/pool"
)

// brokenRig is a rig whose breaker is open, and whose next things have no capacity.
func brokenRig(t *testing.T, cfg pool.Config[*thing]) *rig {
	t.Helper()
	cfg.BreakAfter = 1
	r := newManual(t, cfg)
	c := r.acquire()
	r.dial(1).fail(errDial)
	assert.Error(t, c.failed())
	r.born(0)
	return r
}

// While the breaker is open, what has been dialled and has no capacity yet is the probe:
// there is no other, and it is not closed for want of a caller.
func TestBreakerWaitsForItsProbeToOpen(t *testing.T) {
	for _, maxIdle := range []int{0, 1, -1} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			cfg.MaxIdle = maxIdle
			r := brokenRig(t, cfg)
			pass(time.Minute)
			r.dial(2).ok()
			pass(9 * time.Second)
			assert.Equal(t, 2, r.started())
			assert.Zero(t, r.things[0].closes.Load())
			c := r.acquire()
			c.waits()
			second := r.acquire()
			var failure *pool.DialError
			require.ErrorAs(t, second.failed(), &failure)
			assert.True(t, failure.FailFast)
			r.things[0].set(1)
			c.got()
			c.release()
			assert.Equal(t, 2, r.started())
		})
	}
}

// If the probe ends without that, there is another.
func TestBreakerProbesAgainWhatDidNotOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := brokenRig(t, shareable())
		pass(time.Minute)
		r.dial(2).ok()
		r.things[0].set(pool.Dead)
		pass(time.Minute)
		r.born(1)
		r.dial(3).ok()
		c := r.acquire()
		c.got()
		c.release()
	})
}

// Warm asks for resources that can be used.
func TestWarmWaitsForCapacity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, well := range []bool{true, false} {
			cfg := openingIf(atomic.NewBool(well))
			r := newRig(t, cfg)
			r.born(0)
			start := time.Now()
			err := r.Warm(t.Context(), 2)
			assert.Equal(t, time.Millisecond, time.Since(start))
			if well {
				assert.NoError(t, err)
				assert.EqualValues(t, 2, r.Stats().Dials)
				continue
			}
			var failure *pool.DialError
			assert.ErrorAs(t, err, &failure)
		}
	})
}

// A successor takes the place of its predecessor when it can be used, and not before.
func TestSuccessorSucceedsWhenItHasOpened(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxLifetime, cfg.Overlap = time.Hour, 10*time.Minute
		r := newRig(t, cfg)
		c := r.acquire()
		c.got()
		c.release()
		r.born(0)
		pass(51 * time.Minute)
		assert.EqualValues(t, 2, r.Stats().Dials)
		c = r.acquire()
		assert.Equal(t, 1, c.got().n)
		c.release()

		r.things[1].set(pool.Dead)
		pass(time.Minute)
		assert.EqualValues(t, 3, r.Stats().Dials, "the next one")
		assert.Zero(t, r.things[0].closes.Load())
		r.things[2].set(1)
		assert.EqualValues(t, 1, r.things[0].closes.Load())
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonLifetime))
		assert.Equal(t, 1, r.Stats().Idle)
		assert.EqualValues(t, 3, r.Stats().Dials)
	})
}

// What is being checked in the background is about to be idle again: nothing is dialled in
// its place, only to have one too many.
func TestBackgroundCheckLacksNothingOfMinIdle(t *testing.T) {
	for name, change := range map[string]func(cfg *pool.Config[*thing]){
		"MaxIdle":     func(cfg *pool.Config[*thing]) { cfg.MaxIdle = 3 },
		"MaxIdleTime": func(cfg *pool.Config[*thing]) { cfg.MaxIdleTime = 10 * time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				failing := atomic.NewBool(false)
				cfg := pool.Config[*thing]{MinIdle: 3, CheckEvery: time.Minute, CheckAfter: 1000 * time.Hour}
				cfg.Check = func(context.Context, *thing) error {
					<-time.After(time.Second)
					if failing.Swap(false) {
						return errBroken
					}
					return nil
				}
				change(&cfg)
				r := newRig(t, cfg)
				r.start()
				pass(9 * time.Minute)
				assert.EqualValues(t, 3, r.Stats().Dials)
				failing.Store(true)
				pass(time.Minute / 2)
				pass(time.Minute / 2)
				assert.EqualValues(t, 4, r.Stats().Dials, "what failed is replaced")
			})
		})
	}
}

// What hangs since before the breaker opened is no probe, nor is for ever what was dialled
// since.
func TestBreakerProbesBesideWhatNeverOpens(t *testing.T) {
	for _, isShareable := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			cfg.Shareable = func(*thing) bool { return isShareable }
			cfg.BreakAfter = 1
			r := newManual(t, cfg)
			r.born(0)
			hung, failing := r.acquire(), r.acquire()
			r.dial(1).ok()
			hung.waits()
			r.dial(2).fail(errDial)
			for _, c := range []*call{hung, failing} {
				assert.Error(t, c.failed())
			}
			pass(time.Minute)
			r.dial(3).ok()
			for range 20 {
				pass(time.Second)
				c := r.acquire()
				c.leave()
			}
			r.born(1)
			r.dial(4).ok()
			c := r.acquire()
			assert.Equal(t, 3, c.got().n)
			c.release()
		})
	}
}

// A successor that opens is kept where none may be idle, and no other is dialled.
func TestSuccessorThatOpensIsKept(t *testing.T) {
	for _, maxIdle := range []int{-1, 1} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			cfg.MaxLifetime, cfg.Overlap, cfg.MaxIdle, cfg.MaxIdleTime = time.Hour, 10*time.Minute, maxIdle, time.Minute
			r := newRig(t, cfg)
			c := r.acquire()
			c.got()
			r.born(0)
			pass(55 * time.Minute)
			assert.EqualValues(t, 2, r.Stats().Dials)
			r.things[1].set(1)
			c.release()
			assert.EqualValues(t, 2, r.Stats().Dials)
		})
	}
}

// Nor does MaxIdleTime end what Warm waits for.
func TestWarmKeepsWhatOpens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxIdleTime = time.Second
		r := newRig(t, cfg)
		r.born(0)
		done := make(chan error, 1)
		go func() { done <- r.Warm(t.Context(), 1) }()
		pass(time.Minute)
		assert.EqualValues(t, 1, r.Stats().Dials)
		r.things[0].set(1)
		assert.NoError(t, <-done)
	})
}
