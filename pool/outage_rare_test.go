package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/pool"
)

// Callers fail at once while the prober's dial hangs: it has taken longer than any backoff.
func TestOpenBreakerFailsCallersWhileTheProberHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{BreakAfter: 1})
		c := r.acquire()
		r.dial(1).fail(errDial)
		assert.Error(t, c.failed())
		pass(time.Minute)
		require.Equal(t, 2, r.started())
		var dial *pool.DialError
		require.ErrorAs(t, r.acquire().failed(), &dial)
		assert.True(t, dial.FailFast)
	})
}

// After a failure the background dials one at a time, whatever MinIdle lacks.
func TestBackgroundDialsOneAtATimeInAnOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MinIdle: 3})
		r.start()
		require.Equal(t, 3, r.started())
		for n := 1; n <= 3; n++ {
			r.dial(n).fail(errDial)
		}
		pass(100 * time.Millisecond)
		assert.Equal(t, 4, r.started())
	})
}

// Where the prober has no slot the caller who finds one probes, and the dial after that
// keeps the backoff.
func TestCallerWhoProbesForAPoolWithoutASlotKeepsTheBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{BreakAfter: 1})
		x, c := r.acquire(), r.acquire()
		r.dial(1).ok()
		r.dial(2).fail(errDial)
		assert.Error(t, c.failed())
		require.NoError(t, r.SetLimits(pool.Limits{MaxOpen: 1}))
		pass(time.Minute)
		require.Equal(t, 2, r.started())
		c = r.acquire()
		c.waits()
		x.discard()
		require.Equal(t, 3, r.started())
		r.Reset()
		assert.Equal(t, 3, r.started())
		pass(time.Minute)
		r.dial(4).ok()
		c.got()
	})
}
