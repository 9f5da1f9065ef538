package pool_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The prober dials again when what it has dialled has taken longer than any backoff to
// open, also if nobody calls the pool meanwhile.
func TestBreakerProbesBesideWhatNeverOpensWithoutACall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.BreakAfter, cfg.BackoffBase, cfg.BackoffMax = 1, 10*time.Millisecond, time.Second
		r := newManual(t, cfg)
		r.born(0)
		c := r.acquire()
		r.dial(1).fail(errDial)
		assert.Error(t, c.failed())
		done := make(chan error, 1)
		go func() { done <- r.Warm(t.Context(), 1) }()
		pass(50 * time.Millisecond)
		require.Equal(t, 2, r.started())
		r.dial(2).ok() // and never opens
		pass(990 * time.Millisecond)
		assert.Equal(t, 2, r.started(), "it may open yet")
		pass(20 * time.Millisecond)
		require.Equal(t, 3, r.started())
		r.born(1)
		r.dial(3).ok()
		assert.NoError(t, <-done)
		assert.EqualValues(t, 1, r.Stats().Breaks)
	})
}

// A dial that the pool has canceled, and that brought what is of no use all the same, is
// counted once, as it is told of.
func TestCanceledDialOfWhatIsOfNoUseIsCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		var told, canceled uint64
		cfg.MaxIdle = -1
		cfg.Hooks = &pool.Hooks{DialFailed: func(e pool.DialEvent) {
			told++
			if e.Canceled {
				canceled++
			}
		}}
		r := newManual(t, cfg)
		r.born(pool.Dead)
		c := r.acquire()
		r.dial(1).stubborn.Store(true)
		c.leave()
		r.dial(1).ok()
		s := r.Stats()
		assert.EqualValues(t, 1, told)
		assert.EqualValues(t, 1, canceled)
		assert.EqualValues(t, 1, s.DialErrors+s.DialsCanceled)
		assert.EqualValues(t, 1, s.DialsCanceled)
	})
}
