package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shutsDownAfter reports that Shutdown waits for what gate holds up (I10).
func shutsDownAfter(t *testing.T, p *pool.Pool[int], gate chan struct{}) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- p.Shutdown(t.Context()) }()
	synctest.Wait()
	assert.Empty(t, ended, "Shutdown returned while a goroutine of the pool goes on")
	close(gate)
	assert.NoError(t, <-ended)
}

func checkedInBackground(check func() error) pool.Config[int] {
	return pool.Config[int]{
		Dial:       func(context.Context) (int, error) { return 1, nil },
		Check:      func(context.Context, int) error { return check() },
		CheckEvery: time.Second,
		CheckAfter: time.Hour,
	}
}

func idleFor(t *testing.T, p *pool.Pool[int], d time.Duration) {
	t.Helper()
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	l.Release()
	pass(d)
}

func TestShutdownWaitsForThePanicHookOfACheckInTheBackground(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		cfg := checkedInBackground(func() error { panic("check") })
		cfg.Hooks = &pool.Hooks{Panic: func(any) { <-gate }}
		p, err := pool.New(cfg)
		require.NoError(t, err)
		idleFor(t, p, time.Second)
		shutsDownAfter(t, p, gate)
	})
}

func TestShutdownWaitsForThePanicHookOfAHook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		p, err := pool.New(pool.Config[int]{
			Dial: func(context.Context) (int, error) { return 0, errors.New("no peer") },
			Hooks: &pool.Hooks{
				DialFailed: func(pool.DialEvent) { panic("hook") },
				Panic:      func(any) { <-gate },
			},
		})
		require.NoError(t, err)
		_, err = p.Acquire(t.Context())
		require.Error(t, err)
		synctest.Wait()
		shutsDownAfter(t, p, gate)
	})
}

// The slot of a resource that dies during its Check is free at once, and Check runs on.
func TestShutdownWaitsForTheCheckOfWhatHasDied(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		capacity, changed := 1, func() {}
		cfg := checkedInBackground(func() error { <-gate; return nil })
		cfg.Capacity = func(int) int { return capacity }
		cfg.Watch = func(_ int, f func()) { changed = f }
		p, err := pool.New(cfg)
		require.NoError(t, err)
		idleFor(t, p, time.Second)
		capacity = pool.Dead
		changed()
		synctest.Wait()
		assert.Zero(t, p.Stats().Dialing)
		shutsDownAfter(t, p, gate)
	})
}

func TestShutdownSaysThatAHookIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		p, err := pool.New(pool.Config[int]{
			Dial:  func(context.Context) (int, error) { return 0, errors.New("no peer") },
			Hooks: &pool.Hooks{DialFailed: func(pool.DialEvent) { <-gate }},
		})
		require.NoError(t, err)
		_, err = p.Acquire(t.Context())
		require.Error(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.EqualError(t, p.Shutdown(ctx), "pool: shutdown: a hook, Check or Capacity has not returned: context deadline exceeded")
		close(gate)
		assert.NoError(t, p.Shutdown(t.Context()))
	})
}

// lastMoment is a context that ends, and before that lets something end that Shutdown waits for.
type lastMoment struct {
	context.Context
	before func()
}

func (c lastMoment) Done() <-chan struct{} {
	c.before()
	return c.Context.Done()
}

// The last of it goes at the moment at which ctx ends: nothing is left, so there is no error,
// whichever of the two Shutdown sees first.
func TestShutdownThatLeavesNothingReturnsNil(t *testing.T) {
	for range 50 {
		bubble(t, func(t *testing.T) {
			r := newRig(t, pool.Config[*thing]{})
			c := r.acquire()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			assert.NoError(t, r.Shutdown(lastMoment{ctx, c.release}))
		})
	}
}
