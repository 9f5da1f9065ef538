package keyed_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCloseEndsWaitersAndDialsOfAllKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpen: 3})
		holder, idle, dialing := r.acquire("a"), r.acquire("b"), r.acquire("c")
		r.dial(1).ok()
		r.dial(2).ok()
		idle.release()
		queued := r.acquireAll("a", "c")
		require.NoError(t, r.Close())
		for _, c := range append(queued, dialing) {
			assert.ErrorIs(t, c.failed(), pool.ErrClosed)
		}
		assert.True(t, r.dial(3).canceled())
		assert.Equal(t, []string{"a"}, r.keys(), "only the lease is left")
		assert.Same(t, holder.got(), holder.lease.Value(), "which ends by its holder alone")
		holder.release()
		assert.Empty(t, r.keys())
		assert.NoError(t, r.Close(), "also the second time")
	})
}

func TestCallsAfterCloseFindThePoolClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		asked := false
		r := newRig(t, config{})
		r.acquire("known").got()
		require.NoError(t, r.Close())
		for _, key := range []string{"known", "unknown"} {
			assert.ErrorIs(t, r.acquire(key).failed(), pool.ErrClosed)
			_, ok := r.TryAcquire(key)
			assert.False(t, ok)
			assert.ErrorIs(t, r.Do(t.Context(), key, func(pool.Lease[*thing]) error {
				asked = true
				return nil
			}), pool.ErrClosed)
			assert.NoError(t, r.SetLimits(key, pool.Limits{MaxOpen: 1}))
			r.ResetKey(key)
		}
		assert.NoError(t, r.SetTotals(keyed.Totals{MaxOpen: 1}))
		r.Reset()
		r.CloseIdle()
		assert.False(t, asked)
		assert.Len(t, r.started(), 1)
		assert.Equal(t, []string{"known"}, r.keys())
	})
}

func TestShutdownWaitsForTheLeasesOfAllKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		calls := r.acquireAll("a", "b")
		ended := make(chan error, 1)
		go func() { ended <- r.Shutdown(t.Context()) }()
		for _, c := range calls {
			synctest.Wait()
			require.Empty(t, ended)
			c.got()
			c.release()
		}
		synctest.Wait()
		require.Len(t, ended, 1)
		assert.NoError(t, <-ended)
		assert.Empty(t, r.keys())
	})
}

func TestShutdownSaysWhatIsLeftAndMayBeCalledAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newManual(t, config{Close: func(*thing) error { <-gate; return nil }})
		calls := r.acquireAll("a", "a", "b", "c")
		r.dial(1).ok()
		r.dial(2).ok()
		r.dial(3).ok()
		r.dial(4).stubborn.Store(true)
		calls[2].discard() // its Close func hangs

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err := r.Shutdown(ctx)
		assert.Equal(t, time.Minute, time.Since(start), "one wait for all keys")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "3 keys with 2 resources in use, 1 dialing and 1 closing")
		assert.ErrorIs(t, r.acquire("a").failed(), pool.ErrClosed, "it stays closed")

		close(gate)
		calls[0].release()
		calls[1].release()
		err = r.Shutdown(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "the dial is left")
		assert.ErrorContains(t, err, "key c with", "and one need not look for it")
		r.dial(4).fail()
		assert.NoError(t, r.Shutdown(ctx), "all is done, whatever ctx says")
	})
}

func TestShutdownSeesTheCauseOfItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		r.acquire("a").got()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errBroken)
		err := r.Shutdown(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, errBroken)
	})
}

// A lease on a dead resource has no slot, so nobody waits for it; its key stays.
func TestShutdownDoesNotWaitForLeasesOnDeadResources(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, shareable())
		c := r.acquire("a")
		c.got().set(pool.Dead)
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, []string{"a"}, r.keys())
		c.release()
		assert.Empty(t, r.keys())
	})
}

// Whatever the pool started has ended when Shutdown returns nil, also what belongs
// to a key that has nothing else left (I10).
func TestShutdownWaitsForALookAtCapacityOfAKeyThatHasNothingElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		cfg := shareable()
		capacity := cfg.Capacity
		cfg.Capacity = func(x *thing) int {
			if x.capacity.Load() == 7 {
				<-gate
			}
			return capacity(x)
		}
		r := newRig(t, cfg)
		c := r.acquire("a")
		c.got().set(7) // the pool looks, which takes long
		synctest.Wait()
		c.hijack()
		_, ok := r.TryAcquire("a") // a call comes and goes
		assert.False(t, ok)

		ended := make(chan error, 1)
		go func() { ended <- r.Shutdown(t.Context()) }()
		synctest.Wait()
		assert.Empty(t, ended, "Shutdown returned while Capacity runs")
		close(gate)
		assert.NoError(t, <-ended)
		synctest.Wait()
	})
}

// A key with nothing left is not forgotten, and so not missed by Shutdown, while a hook
// runs in a goroutine of its pool.
func TestShutdownWaitsForAHookOfAKeyThatHasNothingElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		p, err := keyed.New(keyed.Config[string, int]{
			Dial:  func(context.Context, string) (int, error) { return 0, errors.New("no peer") },
			Hooks: &pool.Hooks{DialFailed: func(pool.DialEvent) { <-gate }},
		})
		require.NoError(t, err)
		_, err = p.Acquire(t.Context(), "a")
		require.Error(t, err)
		synctest.Wait()

		ended := make(chan error, 1)
		go func() { ended <- p.Shutdown(t.Context()) }()
		synctest.Wait()
		assert.Empty(t, ended, "Shutdown returned while a hook runs")
		close(gate)
		assert.NoError(t, <-ended)
		_, ok := p.StatsFor("a")
		assert.False(t, ok, "the key is forgotten")
	})
}

// Shutdown beside callers of new keys: each gets a resource or ErrClosed, and what
// slipped in is waited for.
func TestShutdownBesideNewKeysLeavesNothing(t *testing.T) {
	for range 50 {
		bubble(t, func(t *testing.T) {
			r := newRig(t, config{MaxOpen: 2})
			for _, key := range []string{"a", "b", "c", "d"} {
				go func() {
					l, err := r.Acquire(t.Context(), key)
					if err != nil {
						assert.ErrorIs(t, err, pool.ErrClosed)
						return
					}
					l.Release()
				}()
			}
			require.NoError(t, r.Shutdown(t.Context()))
			s := r.Stats()
			require.Zero(t, s.Open+s.Dialing+s.Closing+s.Leases, "%+v", s)
		})
	}
}
