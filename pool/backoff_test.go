package pool_test

import (
	"errors"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// backoffBounds are the shortest and the longest time that a dial is held up
// after the given number of failures in a row: the upper half of base doubled.
func backoffBounds(base, limit time.Duration, failures int) (least, most time.Duration) {
	most = min(base<<(failures-1), limit)
	return most / 2, most
}

// passUntilStarted lets time pass until n dials have started.
func (r *rig) passUntilStarted(n int) {
	r.t.Helper()
	for begin := time.Now(); r.started() < n; pass(time.Millisecond) {
		require.Less(r.t, time.Since(begin), 10*time.Minute, "dial %d never starts", n)
	}
}

// Off by default: a failed dial fails one waiter, and the next one's starts at
// once.
func TestFailedDialHoldsUpNothingByDefault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
		first, second := r.acquire(), r.acquire()
		r.dial(1).fail(errDial)
		require.ErrorIs(t, first.failed(), errDial)
		r.dial(2).ok()
		second.got()
	})
}

// Each failure doubles the time, up to BackoffMax, and the time is drawn from its
// upper half.
func TestBackoffDoublesUpToItsMaximum(t *testing.T) {
	const base, limit = 100 * time.Millisecond, time.Second
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, BackoffBase: base, BackoffMax: limit})
		calls := r.acquireAll(9)
		seen := map[time.Duration]bool{}
		for n := 1; n < len(calls); n++ {
			r.dial(n).fail(errDial)
			require.ErrorIs(t, calls[n-1].failed(), errDial, "a failure is told at once")
			least, most := backoffBounds(base, limit, n)
			pass(least - 1)
			require.Equal(t, n, r.started(), "after %d failures the next dial waits %v to %v", n, least, most)
			begin := time.Now()
			for r.started() == n {
				pass(time.Millisecond)
			}
			require.LessOrEqual(t, time.Since(begin), most-least+time.Millisecond)
			seen[time.Since(begin)] = true
		}
		assert.Greater(t, len(seen), 1, "the times are drawn at random")
		r.dial(9).ok()
		calls[8].got()
	})
}

// The success of another dial ends a setback: what fails after that is a new one,
// whenever it began.
func TestDialThatFailsAfterASuccessHoldsUpTheNextOne(t *testing.T) {
	const base = time.Second
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{BackoffBase: base})
		calls := r.acquireAll(3)
		r.dial(1).fail(errDial)
		r.dial(2).ok()
		r.dial(3).fail(errDial)
		require.ErrorIs(t, calls[2].failed(), errDial)
		late := r.acquire()
		pass(base/2 - 1)
		require.Equal(t, 3, r.started())
		pass(base/2 + 1)
		r.dial(4).ok()
		late.got()
	})
}

// Without BackoffMax it is 100 times BackoffBase.
func TestBackoffMaximumHasADefault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, BackoffBase: time.Second})
		calls := r.acquireAll(12)
		for n := 1; n < len(calls); n++ {
			r.dial(n).fail(errDial)
			pass(100 * time.Second)
			require.Equal(t, n+1, r.started())
		}
		r.dial(12).fail(errDial)
		late := r.acquire()
		pass(50*time.Second - 1)
		assert.Equal(t, 12, r.started(), "half of it is the least")
		late.leave()
	})
}

// A dial that succeeds ends it, and the next failure starts from the base.
func TestSuccessEndsTheBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 9, BackoffBase: time.Second})
		r.acquire()
		for n := 1; n <= 4; n++ {
			r.dial(n).fail(errDial)
			r.acquire()
			r.passUntilStarted(n + 1)
		}
		n := r.started()
		waiting := r.acquireAll(3)
		require.Equal(t, n, r.started(), "four failures hold up the next dials")
		r.dial(n).ok()
		require.Equal(t, n+3, r.started(), "a success lets all of them go")
		r.dial(n + 1).fail(errDial)
		r.acquire()
		require.Equal(t, n+3, r.started())
		pass(time.Second)
		require.Equal(t, n+4, r.started(), "one failure since then holds up for a second at most")
		for i := 5; i <= n+4; i++ {
			r.dial(i).word <- func() (*thing, error) { return r.newThing(), nil }
		}
		pass(time.Minute)
		for _, c := range waiting[1:] {
			c.got()
		}
	})
}

// While a dial is held up its waiter takes what is released (I2), and what is
// idle is handed out as ever.
func TestWaiterHeldUpByTheBackoffTakesWhatIsReleased(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 3, BackoffBase: time.Hour})
		holder := r.acquire()
		r.dial(1).ok()
		r.acquire()
		r.dial(2).fail(errDial)
		waiting := r.acquire()
		waiting.waits()
		assert.Equal(t, 2, r.started(), "the backoff holds the dial up")
		assert.Zero(t, r.Stats().Dialing, "and takes no slot for that")
		holder.release()
		assert.Equal(t, 1, waiting.got().n)
		waiting.release()
		r.acquire().got()
		assert.Equal(t, 2, r.started())
	})
}

// The end of the backoff is an event like any other: nobody has to call the pool
// for the dial to start (I2).
func TestEndOfTheBackoffStartsTheDial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, BackoffBase: time.Second})
		first, second := r.acquire(), r.acquire()
		r.dial(1).fail(errDial)
		_ = first.failed()
		pass(time.Second)
		r.dial(2).ok()
		second.got()
	})
}

// Dials that were in flight together fail together. That is one failure of the
// peer and not many, and raises the backoff once.
func TestDialsThatFailTogetherRaiseTheBackoffOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 20, BackoffBase: time.Second})
		r.acquireAll(21)
		for n := range 20 {
			r.dial(n + 1).fail(errDial)
		}
		pass(time.Second)
		assert.Equal(t, 21, r.started(), "the twenty-first waiter's dial starts after a second at most")
	})
}

// After a failure one dial at a time asks whether the peer is back; when it is,
// the others follow at once.
func TestOneDialAtATimeFollowsAFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 20, BackoffBase: time.Second})
		calls := r.acquireAll(50)
		for n := range 20 {
			r.dial(n + 1).fail(errDial)
		}
		pass(time.Second)
		require.Equal(t, 21, r.started(), "30 wait, and 20 slots are free")
		r.dial(21).fail(errDial)
		pass(2 * time.Second)
		require.Equal(t, 22, r.started())
		r.dial(22).ok()
		assert.Equal(t, 22+19, r.started())
		for n := 23; n <= 41; n++ {
			r.dial(n).ok()
		}
		for _, c := range calls {
			if c.ended() && c.err == nil {
				c.release()
			}
		}
	})
}

// A dial that hangs does not take the others' hope away: the next one starts when
// its time has come.
func TestHangingDialDoesNotHoldUpTheNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 9, BackoffBase: time.Second})
		r.acquireAll(2)
		r.dial(1).fail(errDial)
		r.dial(2).fail(errDial)
		first, second := r.acquire(), r.acquire()
		pass(time.Second)
		assert.GreaterOrEqual(t, r.started(), 3)
		pass(time.Second)
		require.Equal(t, 4, r.started())
		r.dial(4).ok()
		first.got()
		r.dial(3).ok()
		second.got()
	})
}

// A dial that the pool itself canceled says nothing about the peer.
func TestCanceledDialIsNoFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, MaxIdle: -1, BackoffBase: time.Hour, BreakAfter: 1})
		c := r.acquire()
		d := r.dial(1)
		c.leave()
		require.True(t, d.canceled())
		r.acquire()
		r.dial(2).ok()
		s := r.Stats()
		assert.EqualValues(t, 1, s.DialsCanceled)
		assert.Zero(t, s.DialErrors+s.Breaks)
	})
}

// The attempt in the error is the number of failures in a row.
func TestDialErrorCountsTheFailuresInARow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, BackoffBase: time.Millisecond})
		calls := r.acquireAll(3)
		for n, c := range calls {
			pass(time.Second)
			r.dial(n + 1).fail(errDial)
			var failure *pool.DialError
			require.ErrorAs(t, c.failed(), &failure)
			assert.Equal(t, n+1, failure.Attempt)
			assert.False(t, failure.FailFast)
		}
		assert.EqualError(t, calls[0].err, "pool: dial failed: refused")
		assert.EqualError(t, calls[2].err, "pool: dial failed (3 in a row): refused")
	})
}

// Dials in the background keep a backoff even if none is configured, since no
// waiter slows them down: 100 ms at first, 10 s at most.
func TestBackgroundDialsAlwaysBackOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		failing := 0
		cfg := pool.Config[*thing]{MaxOpen: 4, MinIdle: 2}
		r := newManual(t, cfg)
		begin := time.Now()
		for time.Since(begin) < time.Minute {
			for n := failing + 1; n <= r.startedAfterNudge(); n++ {
				r.dial(n).fail(errDial)
				failing++
			}
			pass(10 * time.Millisecond)
		}
		assert.Less(t, failing, 60, "two at a time: at 0.1, 0.2, 0.4 s and so on, and then all 5 to 10 s")
		assert.Greater(t, failing, 10)
	})
}

// startedAfterNudge is started, after a call that makes an untouched pool look.
func (r *rig) startedAfterNudge() int {
	if err := r.SetLimits(r.Limits()); err != nil {
		r.t.Error(err)
	}
	return r.started()
}

// Reset, CloseIdle and SetLimits do not shorten the backoff: the peer is as
// broken as before.
func TestBackoffOutlivesReset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, BackoffBase: time.Second})
		first, second := r.acquire(), r.acquire()
		r.dial(1).fail(errors.New("down"))
		_ = first.failed()
		r.Reset()
		r.CloseIdle()
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 5}))
		assert.Equal(t, 1, r.started())
		second.waits()
		pass(time.Second)
		r.dial(2).ok()
		second.got()
	})
}
