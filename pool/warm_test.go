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

// warm starts a Warm, and returns where its result will be.
func (r *rig) warm(ctx context.Context, n int) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- r.Warm(ctx, n) }()
	synctest.Wait()
	return ended
}

func TestWarmReturnsWhenSoManyAreOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 5})
		c := r.acquire()
		r.dial(1).ok()
		warm := r.warm(t.Context(), 3)
		assert.Equal(t, 3, r.started(), "at once, and the one in use counts")
		r.dial(3).ok()
		assert.Empty(t, warm)
		r.dial(2).ok()
		assert.NoError(t, <-warm)
		assert.Equal(t, 2, r.Stats().Idle)
		c.release()
		assert.NoError(t, r.Warm(t.Context(), 3), "they are open already")
		assert.Equal(t, 3, r.started())
	})
}

func TestWarmKeepsToMaxDials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxDials: 2})
		warm := r.warm(t.Context(), 5)
		for n := 2; n <= 5; n++ {
			assert.Equal(t, n, r.started())
			r.dial(n - 1).ok()
		}
		r.dial(5).ok()
		assert.NoError(t, <-warm)
		assert.Equal(t, 5, r.started())
	})
}

// Two calls of Warm want the larger of their numbers, not the sum.
func TestCallsOfWarmShareTheirDials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MinIdle: 1})
		small, large := r.warm(t.Context(), 2), r.warm(t.Context(), 3)
		assert.Equal(t, 3, r.started())
		r.dial(1).ok()
		r.dial(2).ok()
		assert.NoError(t, <-small)
		assert.Empty(t, large)
		r.dial(3).ok()
		assert.NoError(t, <-large)
	})
}

// A caller gets what Warm brings, and Warm still has it as open.
func TestCallersComeBeforeWarm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, MaxDials: 1})
		warm := r.warm(t.Context(), 2)
		c := r.acquire()
		assert.Equal(t, 1, r.started())
		r.dial(1).ok()
		assert.Equal(t, 1, c.got().n)
		second := r.acquire()
		r.dial(2).ok()
		assert.Equal(t, 2, second.got().n)
		assert.NoError(t, <-warm)
	})
}

// At the cap Warm waits for a slot, and closes nothing to get one.
func TestWarmWaitsForAFreeSlot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, Close: func(*thing) error { <-gate; return nil }})
		keep, broken := r.acquire(), r.acquire()
		r.dial(1).ok()
		r.dial(2).ok()
		keep.got()
		broken.discard()
		warm := r.warm(t.Context(), 2)
		assert.Equal(t, 2, r.started(), "the slot counts until Close has returned")
		close(gate)
		r.dial(3).ok()
		assert.NoError(t, <-warm)
	})
}

// The end of ctx ends the wait only: what is being dialled will be of use.
func TestDialsOfWarmGoOnWhenItsContextHasEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxIdle: 2})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errCause)
		defer cancel()
		warm := r.warm(ctx, 2)
		r.dial(1).ok()
		pass(time.Second)
		err := <-warm
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, errCause)
		assert.ErrorContains(t, err, "pool: Warm: 1 of 2 are open: ")
		assert.False(t, r.dial(2).canceled())
		r.dial(2).ok()
		assert.Equal(t, 2, r.Stats().Idle)
	})
}

func TestWarmWithAnEndedContextDoesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, r.Warm(ctx, 2), context.Canceled)
		assert.Zero(t, r.started())
	})
}

// A cold start against a peer that is away fails soon and says why.
func TestFailedDialEndsWarm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		warm := r.warm(t.Context(), 2)
		r.dial(1).fail(errDial)
		err := <-warm
		assert.ErrorIs(t, err, errDial)
		var e *pool.DialError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, 1, e.Attempt)
		r.dial(2).ok()
		pass(time.Hour)
		assert.Equal(t, 2, r.started(), "the call is over, and nobody wants more")
	})
}

func TestWarmRefusesWhatCannotBe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		capped := newManual(t, pool.Config[*thing]{MaxOpen: 3, MaxIdle: 2})
		assert.EqualError(t, capped.Warm(t.Context(), -1), "pool: n is -1: ask Warm for 0 or more")
		assert.EqualError(t, capped.Warm(t.Context(), 4), "pool: n is 4, above MaxOpen 3: ask Warm for less, or raise MaxOpen")
		assert.EqualError(t, capped.Warm(t.Context(), 3), "pool: n is 3, above MaxIdle 2: ask Warm for less, or raise MaxIdle")
		assert.Zero(t, capped.started())
		none := newManual(t, pool.Config[*thing]{MaxIdle: -1})
		assert.ErrorContains(t, none.Warm(t.Context(), 1), "MaxIdle")
	})
}

func TestCloseEndsWarm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		warm := r.warm(t.Context(), 1)
		require.NoError(t, r.Close())
		assert.ErrorIs(t, <-warm, pool.ErrClosed)
		assert.True(t, r.dial(1).canceled())
		assert.ErrorIs(t, r.Warm(t.Context(), 1), pool.ErrClosed)
	})
}

// Reset takes away what Warm has so far, and Warm goes on.
func TestWarmGoesOnAfterReset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		warm := r.warm(t.Context(), 2)
		r.dial(1).ok()
		r.Reset()
		assert.True(t, r.dial(2).canceled())
		assert.Empty(t, warm)
		r.dial(3).ok()
		r.dial(4).ok()
		assert.NoError(t, <-warm)
		assert.Equal(t, 4, r.started())
	})
}

// A panic in a dial of Warm is an error of Warm, like any failed dial.
func TestPanicInADialOfWarmIsItsError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		warm := r.warm(t.Context(), 1)
		boom := errors.New("boom")
		r.dial(1).panics(boom)
		assert.ErrorIs(t, <-warm, boom)
		assert.Zero(t, r.Stats().Dialing)
	})
}

// Limits that no longer allow what a call of Warm asks for end it: else what it
// dials would be closed and dialled again.
func TestSetLimitsEndsWarmThatAsksForTooMuch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 4, MaxIdle: 3})
		ended := make(chan error, 1)
		go func() { ended <- r.Warm(t.Context(), 3) }()
		pass(1)
		require.Equal(t, 3, r.started())
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 4, MaxIdle: 1}))
		assert.EqualError(t, <-ended, "pool: n is 3, above MaxIdle 1: ask Warm for less, or raise MaxIdle")
		pass(time.Hour)
		assert.Equal(t, 3, r.started())
	})
}

// What has had no capacity yet does not count: the error is no riddle then.
func TestErrorOfWarmCountsWhatIsReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, shareable())
		r.capacity = 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		warm := r.warm(ctx, 1)
		pass(2 * time.Second)
		assert.ErrorContains(t, <-warm, "0 of 1 are open")
	})
}

// A call of Warm that new limits do not allow dials nothing any more.
func TestWarmThatNewLimitsEndDialsNothingMore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		done := r.warm(t.Context(), 3)
		r.dial(1).ok()
		r.dial(2).ok()
		require.Equal(t, 3, r.started())
		require.NoError(t, r.SetLimits(pool.Limits{MaxIdle: 1}))
		require.Error(t, <-done)
		assert.Equal(t, 3, r.started())
		assert.Equal(t, []int{3}, r.canceledDials())
	})
}
