package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// heldProbe returns a pool, of both kinds of resources, whose Checks in the background are held.
func heldProbe(t *testing.T, shared bool) (*prober, pool.Config[*thing]) {
	t.Helper()
	p := newProber()
	p.hold = true
	cfg := p.Config
	cfg.MaxOpen = 2
	if shared {
		s := shareable()
		cfg.Capacity, cfg.Watch = s.Capacity, s.Watch
	}
	return p, cfg
}

// What is being checked when Reset is called is closed after its Check: nobody counts on it.
func TestNobodyWaitsForTheCheckOfWhatWasReset(t *testing.T) {
	for name, shared := range map[string]bool{"exclusive": false, "shareable": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p, cfg := heldProbe(t, shared)
				cfg.MaxOpen = 3
				r := newRig(t, cfg)
				r.acquire().release()
				pass(time.Minute)
				require.Equal(t, 1, r.Stats().Dialing, "the Check has begun")
				before := r.acquire()
				before.waits()
				r.Reset()
				assert.Equal(t, 2, before.got().n)
				if !shared {
					assert.Equal(t, 3, r.acquire().got().n)
				}
				p.end(passes)
				assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonReset))
			})
		})
	}
}

// MinIdle does not count it either.
func TestMinIdleDoesNotCountTheCheckOfWhatWasReset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, cfg := heldProbe(t, false)
		cfg.MinIdle = 1
		r := newRig(t, cfg)
		require.NoError(t, r.Warm(t.Context(), 1))
		pass(time.Minute)
		require.Equal(t, 1, r.Stats().Dialing)
		r.Reset()
		pass(0)
		assert.Equal(t, 1, r.Stats().Idle)
		p.end(passes)
	})
}

// A resource without capacity serves nobody when its Check has passed.
func TestNobodyWaitsForTheCheckOfWhatHasNoCapacity(t *testing.T) {
	for name, exclusive := range map[string]bool{"exclusive": true, "shareable": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p, cfg := heldProbe(t, true)
				if exclusive {
					cfg.Shareable = func(*thing) bool { return false }
				}
				r := newRig(t, cfg)
				c := r.acquire()
				c.got().set(0)
				c.release()
				require.Equal(t, 1, r.Stats().Idle)
				pass(time.Minute)
				require.Equal(t, 1, r.Stats().Dialing)
				assert.Equal(t, 2, r.acquire().got().n)
				p.end(passes)
			})
		})
	}
}

// What takes the place of a resource that nobody uses has its idle time too, also if that one
// was being checked when it came.
func TestSuccessorOfWhatIsCheckedInheritsItsIdleTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, cfg := heldProbe(t, false)
		cfg.MaxLifetime, cfg.Overlap, cfg.MaxIdleTime = 70*time.Second, 10*time.Second, 90*time.Second
		r := newManual(t, cfg)
		c := r.acquire()
		r.dial(1).ok()
		c.release()
		pass(time.Minute)
		require.Equal(t, 2, r.Stats().Dialing, "its Check and the dial of its successor")
		r.dial(2).ok()
		p.end(passes)
		require.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonLifetime))
		require.Equal(t, 1, r.Stats().Idle)
		pass(30 * time.Second)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonIdleTime))
		assert.Zero(t, r.Stats().Idle)
	})
}

// So a pool that nobody uses is empty in the end.
func TestUnusedPoolWithChecksAndOverlapBecomesEmpty(t *testing.T) {
	for _, check := range []time.Duration{0, 100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second} {
		t.Run(check.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, pool.Config[*thing]{
					MaxLifetime: 5 * time.Minute, Overlap: time.Minute, MaxIdleTime: 10 * time.Minute,
					CheckEvery: 4 * time.Minute, Check: func(context.Context, *thing) error { <-time.After(check); return nil },
				})
				r.atDial = func() { <-time.After(50 * time.Millisecond) }
				c := r.acquire()
				pass(time.Second)
				c.release()
				pass(3 * time.Hour)
				s := r.Stats()
				assert.Zero(t, s.Open)
				assert.LessOrEqual(t, s.Dials, uint64(4))
			})
		})
	}
}
