package pool

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sleptSince returns t as a machine would see it that slept for d after t: the
// wall clock has moved on, the monotonic clock has not. No test can make a
// machine sleep, so this sets the wall clock's part of t back. A Time with a
// monotonic reading keeps its wall seconds in the bits from 30 on.
func sleptSince(t time.Time, d time.Duration) time.Time {
	wall := (*uint64)(unsafe.Pointer(&t))
	if *wall>>63 == 0 {
		return t // no monotonic reading, as in a bubble and for the zero Time
	}
	*wall -= uint64(d/time.Second) << 30 //nolint:gosec // a test's own numbers
	return t
}

// sleepThrough makes what is idle look as after a sleep of d. The pool's own timers
// have not rung, so it does not look at its state here.
func sleepThrough(p *Pool[int], d time.Duration) {
	p.lock() // what rests in the lane is idle again
	defer p.mu.Unlock()
	for s := p.mu.idle.Newest(); s != nil; s = s.idleLink.Older() {
		s.sleep(d)
	}
	for _, s := range p.mu.roomy {
		if s.state != idle {
			s.sleep(d)
		}
	}
}

func (s *slot[R]) sleep(d time.Duration) {
	s.idleSince = sleptSince(s.idleSince, d)
	if s.dates != nil {
		s.tested, s.expires = sleptSince(s.tested, d), sleptSince(s.expires, d)
	}
}

func TestSleptSinceMovesTheWallClockOnly(t *testing.T) {
	now := time.Now()
	then := sleptSince(now, time.Hour)
	require.Zero(t, now.Sub(then), "by the monotonic clock")
	require.Equal(t, time.Hour, now.Round(0).Sub(then.Round(0)), "by the wall clock")
	assert.Equal(t, time.Hour, elapsed(then, now))
	assert.Equal(t, time.Minute, elapsed(now.Add(-time.Minute), now))
	back := sleptSince(now, -time.Hour)
	assert.Equal(t, time.Second, elapsed(back.Add(-time.Second), now), "a clock that was set back makes nothing younger")
}

// After a laptop's sleep its timers have not rung, and its peers have long closed
// what it takes for idle since a moment.
func TestResourceThatExpiredWhileTheMachineSleptIsNotHandedOut(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg    Config[int]
		reason Reason
	}{
		"idle time": {Config[int]{MaxIdleTime: time.Minute}, ReasonIdleTime},
		"lifetime":  {Config[int]{MaxLifetime: time.Minute}, ReasonLifetime},
	} {
		t.Run(name, func(t *testing.T) {
			dials := 0
			tt.cfg.Dial = func(context.Context) (int, error) { dials++; return dials, nil }
			p, err := New(tt.cfg)
			require.NoError(t, err)
			l, err := p.Acquire(t.Context())
			require.NoError(t, err)
			l.Release()

			sleepThrough(p, time.Hour)
			expired, ok := p.TryAcquire()
			assert.False(t, ok)
			expired.Release() // nothing, unless it was handed out
			l, err = p.Acquire(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 2, l.Value())
			assert.EqualValues(t, 1, p.Stats().Closes.Of(tt.reason))
			l.Release()
			require.NoError(t, p.Shutdown(t.Context()))
		})
	}
}

// MaxIdleTime leaves MinIdle alone, after a sleep too.
func TestSleepLeavesMinIdle(t *testing.T) {
	p, err := New(Config[int]{
		Dial:        func(context.Context) (int, error) { return 1, nil },
		MaxIdleTime: time.Minute, MinIdle: 1,
	})
	require.NoError(t, err)
	require.NoError(t, p.Warm(t.Context(), 1))
	sleepThrough(p, time.Hour)
	l, ok := p.TryAcquire()
	assert.True(t, ok)
	assert.Zero(t, p.Stats().Closes.Total())
	l.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// A sleep makes a resource as stale as idleness does: it is checked before it is
// handed out, and a call that cannot check passes over it.
func TestCheckIsDueAfterTheMachineSlept(t *testing.T) {
	for name, tt := range map[string]struct {
		slept time.Duration
		due   bool
	}{
		"for less than CheckAfter": {50 * time.Second, false},
		"for more than CheckAfter": {time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			dials, checks := 0, 0
			p, err := New(Config[int]{
				Dial:       func(context.Context) (int, error) { dials++; return dials, nil },
				Check:      func(context.Context, int) error { checks++; return nil },
				CheckAfter: time.Minute,
			})
			require.NoError(t, err)
			l, err := p.Acquire(t.Context())
			require.NoError(t, err)
			l.Release()

			sleepThrough(p, tt.slept)
			tried, ok := p.TryAcquire()
			assert.Equal(t, !tt.due, ok, "TryAcquire")
			assert.Zero(t, checks, "TryAcquire checks nothing")
			tried.Release()

			l, err = p.Acquire(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tt.due, checks == 1, "Acquire")
			l.Release()
			l, err = p.Acquire(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tt.due, checks == 1, "what was used since then is fresh")
			l.Release()
			assert.Equal(t, 1, dials)
			require.NoError(t, p.Shutdown(t.Context()))
		})
	}
}

// A check in the background that was made before the sleep says nothing about the
// time after it.
func TestCheckInTheBackgroundBeforeTheMachineSleptDoesNotCount(t *testing.T) {
	checks := 0
	p, err := New(Config[int]{
		Dial:       func(context.Context) (int, error) { return 1, nil },
		Check:      func(context.Context, int) error { checks++; return nil },
		CheckAfter: time.Minute,
	})
	require.NoError(t, err)
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	l.Release()
	p.lock()
	p.mu.idle.Newest().tested = time.Now()
	p.mu.Unlock()

	sleepThrough(p, time.Hour)
	l, err = p.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, checks)
	l.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}
