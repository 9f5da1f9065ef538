package keyed_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shutdownKey starts a ShutdownKey, and returns where its result will be.
func (r *rig) shutdownKey(ctx context.Context, key string) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- r.ShutdownKey(ctx, key) }()
	synctest.Wait()
	return ended
}

func TestShutdownKeyWaitsForEverythingOfTheKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(t, config{Close: func(x *thing) error {
			if x.key == "a" {
				<-gate
			}
			return nil
		}})
		c, other := r.acquire("a"), r.acquire("b")
		r.acquire("a").release()
		down := r.shutdownKey(t.Context(), "a")
		assert.Empty(t, down)
		c.release()
		synctest.Wait()
		assert.Empty(t, down, "its Close funcs have not returned")
		close(gate)
		assert.NoError(t, <-down)
		assert.Equal(t, []string{"b"}, r.keys())
		assert.Zero(t, other.got().closes.Load())
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonClosed))
	})
}

// Waiters get ErrClosed at once, and so do those who come before it is over.
func TestCallsForAKeyThatShutsDownFindItClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpenPerKey: 1})
		c := r.acquire("a")
		r.dial(1).ok()
		waiting := r.acquire("a")
		down := r.shutdownKey(t.Context(), "a")
		assert.ErrorIs(t, waiting.failed(), pool.ErrClosed)
		assert.ErrorIs(t, r.acquire("a").failed(), pool.ErrClosed)
		assert.ErrorIs(t, r.Warm(t.Context(), "a", 1), pool.ErrClosed)
		_, ok := r.TryAcquire("a")
		assert.False(t, ok)
		other := r.acquire("b")
		r.dial(2).ok()
		other.got()
		c.release()
		assert.NoError(t, <-down)
	})
}

func TestKeyMayBeUsedAgainAfterItsShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 1, MinIdlePerKey: 1})
		for n := range 3 {
			c := r.acquire("a")
			assert.Equal(t, n+1, c.got().n)
			c.release()
			require.NoError(t, r.ShutdownKey(t.Context(), "a"))
			assert.Empty(t, r.keys())
		}
		assert.EqualValues(t, 3, r.Stats().Acquires)
	})
}

// A dial in flight is canceled, and Shutdown waits for its return.
func TestShutdownKeyCancelsTheDialsOfTheKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{})
		c := r.acquire("a")
		r.dial(1).stubborn.Store(true)
		down := r.shutdownKey(t.Context(), "a")
		assert.ErrorIs(t, c.failed(), pool.ErrClosed)
		assert.True(t, r.dial(1).canceled())
		assert.Empty(t, down)
		r.dial(1).ok()
		assert.NoError(t, <-down)
		assert.EqualValues(t, 1, r.things[0].closes.Load())
	})
}

func TestShutdownKeySaysWhatIsLeftAndMayBeCalledAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		c := r.acquire("a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := r.ShutdownKey(ctx, "a")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "1 resources in use")
		assert.ErrorIs(t, r.acquire("a").failed(), pool.ErrClosed, "it stays closed")
		down := r.shutdownKey(t.Context(), "a")
		c.release()
		assert.NoError(t, <-down)
		r.acquire("a").got()
	})
}

// When nobody waits for the end, the key is new as soon as its last lease has
// ended.
func TestKeyWhoseShutdownWasGivenUpIsNewWhenItsLastLeaseHasEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		c := r.acquire("a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, r.ShutdownKey(ctx, "a"), context.Canceled)
		c.release()
		assert.Equal(t, 2, r.acquire("a").got().n)
	})
}

// Leases on a dead resource do not hold up ShutdownKey, and so not the key. They
// still count until they end.
func TestKeyIsNewAlthoughALeaseIsOutOnADeadResourceOfTheOldOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, shareable())
		old := r.acquire("a")
		old.got().set(pool.Dead)
		synctest.Wait()
		require.NoError(t, r.ShutdownKey(t.Context(), "a"))
		assert.Empty(t, r.keys())
		c := r.acquire("a")
		assert.Equal(t, 2, c.got().n)
		s := r.Stats()
		assert.Equal(t, 2, s.Leases)
		assert.EqualValues(t, 2, s.Dials)

		old.release()
		s = r.Stats()
		assert.Equal(t, 1, s.Leases)
		assert.EqualValues(t, 1, s.LeaseTimes.Count())
		assert.EqualValues(t, 2, s.Dials)
		assert.Equal(t, []string{"a"}, r.keys())
	})
}

// A waiter whom ShutdownKey has failed may not have run yet. It does not keep the
// key closed.
func TestShutdownKeyDoesNotWaitForThoseWhomItTurnedAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		slow := func(e pool.WaitEvent) {
			if e.Err != nil {
				<-gate
			}
		}
		r := newManual(t, config{Hooks: &pool.Hooks{WaitEnded: slow}})
		waiting := r.acquire("a")
		require.NoError(t, r.ShutdownKey(t.Context(), "a"))
		waiting.waits()
		c := r.acquire("a")
		r.dial(2).ok()
		c.got()
		close(gate)
		assert.ErrorIs(t, waiting.failed(), pool.ErrClosed)
	})
}

func TestShutdownOfAKeyThatIsNotInUseIsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{PerKey: func(string) pool.Limits { panic("asked") }})
		assert.NoError(t, r.ShutdownKey(t.Context(), "a"))
		require.NoError(t, r.Close())
		assert.NoError(t, r.ShutdownKey(t.Context(), "a"))
	})
}

// The slots of the key are for others as they become free.
func TestShutdownKeyMakesRoomForOtherKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		c := r.acquire("a")
		other := r.acquire("b")
		down := r.shutdownKey(t.Context(), "a")
		other.waits()
		c.release()
		assert.NoError(t, <-down)
		assert.Equal(t, "b", other.got().key)
	})
}

// Close and Shutdown of the whole pool beside a ShutdownKey end all three.
func TestShutdownKeyBesideShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		c := r.acquire("a")
		down := r.shutdownKey(t.Context(), "a")
		all := make(chan error, 1)
		go func() { all <- r.Shutdown(t.Context()) }()
		synctest.Wait()
		assert.Empty(t, all)
		c.release()
		assert.NoError(t, <-down)
		assert.NoError(t, <-all)
	})
}

func TestRetireAsksWithTheKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		for _, key := range []string{"a", "b", "a", "c"} {
			r.acquire(key).got()
		}
		idle := r.acquire("b")
		idle.release()
		asked := map[int]string{}
		r.Retire(func(key string, x *thing) bool {
			asked[x.n] = key
			assert.Equal(t, x.key, key)
			return key == "b"
		})
		assert.Equal(t, map[int]string{1: "a", 2: "b", 3: "a", 4: "c", 5: "b"}, asked)
		synctest.Wait()
		assert.EqualValues(t, 1, r.things[4].closes.Load())
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonRetire), "the other is in use")
	})
}

// Who gives up on ShutdownKey need not call it again: the key is new when all that the error
// named has gone. A lease on a dead resource is not that.
func TestKeyOpensAgainWhenWhatTheErrorSaidIsGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpenPerKey = 2
		r := newRig(t, cfg)
		r.caps.set(0, 0)
		dead, live := r.acquire("a"), r.acquire("a")
		dead.got().set(pool.Dead)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := r.ShutdownKey(ctx, "a")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "keyed: key a: ")
		require.ErrorIs(t, r.acquire("a").failed(), pool.ErrClosed)
		live.release()
		pass(0)
		r.acquire("a").got()
	})
}
