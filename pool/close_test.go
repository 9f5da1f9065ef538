package pool_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

func TestCloseEndsWaitsAndDialsAndWhatIsIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 3})
		held, idle := r.acquire(), r.acquire()
		r.dial(1).ok()
		r.dial(2).ok()
		first, second := r.acquire(), r.acquire()
		idle.release() // goes to the first
		first.got()
		first.discard()
		third := r.acquire()
		require.NoError(t, r.Close())
		for _, c := range []*call{second, third} {
			assert.Equal(t, pool.ErrClosed, c.failed())
		}
		synctest.Wait()
		s := r.Stats()
		assert.Equal(t, 1, s.Open)
		assert.Zero(t, s.Dialing+s.Closing+s.Waiting)
		assert.Zero(t, s.Canceled, "nobody gave up")

		assert.NoError(t, r.Close(), "the second time too")
		x := held.got()
		assert.Zero(t, x.closes.Load(), "a leased one lives until its lease ends")
		held.release()
		assert.EqualValues(t, 1, x.closes.Load())
	})
}

func TestClosedPoolRefusesEverything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		require.NoError(t, r.Close())
		_, err := r.Acquire(t.Context())
		assert.Equal(t, pool.ErrClosed, err)
		_, err = r.AcquireWith(t.Context(), pool.Request{Fresh: true, Place: 1})
		assert.Equal(t, pool.ErrClosed, err)
		_, ok := r.TryAcquire()
		assert.False(t, ok)
		assert.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 5}))
		r.Reset()
		r.CloseIdle()
		assert.Zero(t, r.started())
		assert.Zero(t, r.Stats().Acquires)
	})
}

// Closed is final: a call that passed the door before Close does not queue after
// it, or it would wait for ever (I10).
func TestCloseBetweenLookAndEnqueueFailsTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, WaitTimeout: time.Hour})
		r.acquire()
		ctx := &hookCtx{Context: t.Context(), deadline: func() { assert.NoError(t, r.Close()) }}
		_, err := r.Acquire(ctx)
		assert.Equal(t, pool.ErrClosed, err)
	})
}

func TestShutdownWaitsForLeasesDialsAndCloses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newManual(t, pool.Config[*thing]{Close: func(x *thing) error { <-gate; return nil }})
		held, idle := r.acquire(), r.acquire()
		r.dial(1).ok()
		r.dial(2).ok()
		idle.release()
		waiting := r.acquireFresh()
		d := r.dial(3)
		d.stubborn.Store(true)

		shutdown := func() error {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errCause)
			defer cancel()
			return r.Shutdown(ctx)
		}
		start := time.Now()
		err := shutdown()
		assert.Equal(t, time.Second, time.Since(start))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, errCause)
		assert.ErrorContains(t, err, "pool: shutdown: 1 resources in use, 1 dialing and 1 closing are left")
		assert.Equal(t, pool.ErrClosed, waiting.failed())

		held.release()
		assert.ErrorContains(t, shutdown(), "0 resources in use, 1 dialing and 2 closing are left")
		d.fail(errDial)
		assert.ErrorContains(t, shutdown(), "0 resources in use, 0 dialing and 2 closing are left")
		close(gate)
		assert.NoError(t, shutdown())
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		assert.NoError(t, r.Shutdown(ended), "nothing is left, whatever ctx says")
	})
}

// Everyone who waits in Shutdown learns of the end.
func TestShutdownFromManyGoroutines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{})
		c := r.acquire()
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { assert.NoError(t, r.Shutdown(t.Context())) })
		}
		synctest.Wait()
		c.release()
		all.Wait()
	})
}

func TestShutdownOfAnUnusedPoolReturnsAtOnce(t *testing.T) {
	p, err := pool.New(pool.Config[int]{Dial: dialOne})
	require.NoError(t, err)
	assert.NoError(t, p.Shutdown(t.Context()))
	assert.NoError(t, p.Shutdown(t.Context()))
}

// Close funcs run in the background, at most 8 at once, and the slots count as
// Closing until they have returned (I1).
func TestAtMostEightCloseAtOnceAndAllCount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var running, most atomic.Int32
		gate := make(chan struct{})
		r := newRig(t, pool.Config[*thing]{MaxOpen: 20, Close: func(*thing) error {
			if n := running.Inc(); n > most.Load() {
				most.Store(n)
			}
			<-gate
			running.Dec()
			return nil
		}})
		all := r.acquireAll(20)
		for _, c := range all {
			c.lease.Discard(nil) // none of these blocks
		}
		synctest.Wait()
		assert.EqualValues(t, 8, running.Load())
		assert.Equal(t, 20, r.Stats().Closing)
		waiting := r.acquire()
		waiting.waits()
		gate <- struct{}{}
		waiting.got()
		assert.Equal(t, 19, r.Stats().Closing)
		close(gate)
		synctest.Wait()
		assert.Zero(t, r.Stats().Closing)
		assert.EqualValues(t, 8, most.Load())
	})
}

func TestPoolWithoutCloseFreesSlotsAtOnce(t *testing.T) {
	p, err := pool.New(pool.Config[int]{Dial: dialOne, MaxOpen: 1})
	require.NoError(t, err)
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	l.Discard(nil)
	assert.Zero(t, p.Stats().Open+p.Stats().Closing)
	assert.EqualValues(t, 1, p.Stats().Closes.Of(pool.ReasonDiscard))
	require.NoError(t, p.Shutdown(t.Context()))
}

func TestPanicInCloseGoesToTheHook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got []any
		r := newRig(t, pool.Config[*thing]{
			Close: func(x *thing) error { panic(x.n) },
			Hooks: &pool.Hooks{Panic: func(v any) { got = append(got, v) }},
		})
		r.acquire().discard()
		assert.Equal(t, []any{1}, got)
		assert.Zero(t, r.Stats().Closing)
	})
}

// Reset replaces everything and keeps the pool and its waiters (I11).
func TestResetReplacesEverything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 2})
		held, idle := r.acquire(), r.acquire()
		idle.release()
		r.Reset()
		synctest.Wait()
		assert.EqualValues(t, 1, r.things[1].closes.Load())
		next := r.acquire()
		assert.Equal(t, 3, next.got().n)
		waiting := r.acquire()
		r.Reset() // twice is no more than once
		held.release()
		assert.Equal(t, 4, waiting.got().n, "what is old goes to nobody")
		next.release()
		waiting.release()
		s := r.Stats()
		assert.Equal(t, 1, s.Idle, "3 is old by now too")
		assert.EqualValues(t, 3, s.Closes.Of(pool.ReasonReset))
	})
}

func TestCloseIdleClosesWhatIsIdleNowAndNothingElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{})
		held, idle := r.acquire(), r.acquire()
		idle.release()
		r.CloseIdle()
		synctest.Wait()
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonCloseIdle))
		held.release()
		assert.Equal(t, 1, r.acquire().got().n)
	})
}

// A lease that ends after its pool was closed closes the resource, by whatever
// way it ends, once (I10).
func TestLeaseThatEndsAfterCloseClosesItsResource(t *testing.T) {
	for name, end := range map[string]func(c *call){
		"Release": (*call).release,
		"Discard": (*call).discard,
		"Hijack":  func(c *call) { c.hijack() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, pool.Config[*thing]{})
				c := r.acquire()
				require.NoError(t, r.Close())
				end(c)
				want := 1
				if name == "Hijack" {
					want = 0
				}
				assert.EqualValues(t, want, r.things[0].closes.Load())
				assert.NoError(t, r.Shutdown(t.Context()))
			})
		})
	}
}
