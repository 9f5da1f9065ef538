package pool_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A limiter of golang.org/x/time/rate has this method among its own: whatever has
// it is a Limiter, and the module does not need that package for it.
type rateLimiter interface {
	Allow() bool
	Wait(ctx context.Context) error
}

var (
	_ pool.Limiter = rateLimiter(nil)
	_ rateLimiter  = (*ticker)(nil)
)

// A ticker lets one dial go each time its period has passed.
type ticker struct {
	period time.Duration
	turns  chan struct{} // holds the turn
	next   time.Time
}

func newTicker(period time.Duration) *ticker {
	l := &ticker{period: period, turns: make(chan struct{}, 1)}
	l.turns <- struct{}{}
	return l
}

// Allow reports whether a dial may start now.
func (l *ticker) Allow() bool {
	<-l.turns
	defer func() { l.turns <- struct{}{} }()
	ok := !time.Now().Before(l.next)
	if ok {
		l.next = time.Now().Add(l.period)
	}
	return ok
}

// Wait waits for the next tick that nobody has taken.
func (l *ticker) Wait(ctx context.Context) error {
	<-l.turns
	at := l.next
	if now := time.Now(); at.Before(now) {
		at = now
	}
	l.next = at.Add(l.period)
	l.turns <- struct{}{}
	select {
	case <-time.After(time.Until(at)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A gate holds up dials until the test opens it, or says how they fail.
type gate chan error

func (g gate) Wait(ctx context.Context) error {
	select {
	case err := <-g:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestModuleNeedsNoPackageForRates(t *testing.T) {
	text, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	assert.NotContains(t, string(text), "golang.org/x/time")
}

func TestDialsKeepTheRate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{DialRate: newTicker(time.Second)})
		begin := time.Now()
		calls := r.acquireAll(10)
		for n := range calls {
			r.dial(n + 1).ok()
			calls[n].got()
			assert.Equal(t, time.Duration(n)*time.Second, time.Since(begin))
			if n < 9 {
				require.Equal(t, n+1, r.started())
				pass(time.Second)
			}
		}
	})
}

// A held-up dial counts as Dialing, and its waiter takes what is released first;
// the dial then goes on for others or is canceled (I8).
func TestWaiterTakesWhatIsReleasedWhileItsDialIsHeldUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := make(gate)
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, MaxIdle: -1, DialRate: g})
		holder := r.acquire()
		g <- nil
		r.dial(1).ok()
		waiting := r.acquire()
		waiting.waits()
		assert.Equal(t, 1, r.Stats().Dialing)
		assert.Equal(t, 1, r.started(), "Dial has not been called")
		holder.release()
		assert.Equal(t, 1, waiting.got().n)
		s := r.Stats()
		assert.EqualValues(t, 1, s.DialsCanceled, "nobody needs it, and none is kept idle")
		assert.Zero(t, s.Dialing, "a dial that is held up ends at once")
		assert.Equal(t, 1, r.started())
	})
}

// The dial takes the oldest waiter when its turn comes, not the one it was
// started for.
func TestHeldUpDialServesWhoeverIsOldestThen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := make(gate)
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, DialRate: g})
		first, second := r.acquire(), r.acquire()
		first.leave()
		g <- nil
		r.dial(1).ok()
		second.got()
	})
}

// An error of the Limiter is a failed dial, and a panic of it too.
func TestErrorOfTheLimiterFailsTheDial(t *testing.T) {
	errRate := errors.New("the burst is 0")
	bubble(t, func(t *testing.T) {
		g := make(gate)
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, DialRate: g})
		c := r.acquire()
		g <- errRate
		var failure *pool.DialError
		require.ErrorAs(t, c.failed(), &failure)
		assert.ErrorIs(t, failure, errRate)
		s := r.Stats()
		assert.EqualValues(t, 1, s.DialErrors)
		assert.Zero(t, s.Dialing)
		assert.Zero(t, r.started())
	})
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{DialRate: panicLimiter{}})
		assert.ErrorContains(t, r.acquire().failed(), "no rate today")
		assert.Zero(t, r.Stats().Dialing)
	})
}

type panicLimiter struct{}

func (panicLimiter) Wait(context.Context) error { panic("no rate today") }

// Shutdown ends dials that are held up.
func TestShutdownEndsDialsThatAreHeldUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{DialRate: make(gate)})
		c := r.acquire()
		require.NoError(t, r.Shutdown(t.Context()))
		assert.ErrorIs(t, c.failed(), pool.ErrClosed)
		assert.Zero(t, r.started())
	})
}

// A dial that ended as its Limiter let it start is not made.
func TestDialThatEndsAsItMayStartIsNotMade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{DialRate: dullLimiter{}})
		c := r.acquire()
		require.NoError(t, r.Close())
		require.ErrorIs(t, c.failed(), pool.ErrClosed)
		pass(time.Second)
		assert.Zero(t, r.started())
		assert.EqualValues(t, 1, r.Stats().DialsCanceled)
	})
}

// A dullLimiter lets a dial start after a second, also one whose context has ended.
type dullLimiter struct{}

func (dullLimiter) Wait(context.Context) error {
	<-time.After(time.Second)
	return nil
}

// MaxDials and MaxOpen count dials that are held up; DialTimeout and the dial
// times in Stats and in the hook do not.
func TestHeldUpDialCountsAsADialButNotItsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := make(gate)
		var took []time.Duration
		r := newManual(t, pool.Config[*thing]{
			MaxDials: 1, DialTimeout: time.Second, DialRate: g,
			Hooks: &pool.Hooks{Dialed: func(e pool.DialEvent) { took = append(took, e.Took) }},
		})
		first, second := r.acquire(), r.acquire()
		pass(time.Minute)
		assert.Equal(t, 1, r.Stats().Dialing)
		g <- nil
		d := r.dial(1)
		pass(time.Second / 2)
		d.ok()
		first.got()
		assert.Equal(t, time.Second/2, r.Stats().DialTimes.Sum)
		assert.Equal(t, []time.Duration{time.Second / 2}, took)
		g <- nil
		synctest.Wait()
		r.dial(2).ok()
		second.got()
	})
}

// A dial that DialRate holds up has not started: a dial that fails holds it up as well.
func TestBackoffHoldsUpDialsThatDialRateHoldsUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const base, limit = time.Second, 8 * time.Second
		r := newManual(t, pool.Config[*thing]{MaxOpen: 10, BackoffBase: base, BackoffMax: limit, DialRate: newTicker(10 * time.Millisecond)})
		calls := r.acquireAll(10)
		for n := 1; n <= 4; n++ {
			r.passUntilStarted(n)
			r.dial(n).fail(errDial)
			require.ErrorIs(t, calls[n-1].failed(), errDial)
			least, most := backoffBounds(base, limit, n)
			pass(least - 1)
			require.Equal(t, n, r.started(), "the pause has not passed")
			pass(most - least + 11*time.Millisecond)
			require.Equal(t, n+1, r.started())
		}
		r.dial(5).ok()
		calls[4].got()
		r.passUntilStarted(10)
	})
}
