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

			p.mu.Lock()
			s := p.mu.idle.Newest()
			s.idleSince, s.expires = sleptSince(s.idleSince, time.Hour), sleptSince(s.expires, time.Hour)
			p.mu.Unlock()
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
