package pool_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// leaving is a Config whose things die a millisecond after they were dialled, as long as
// the peer is draining.
func leaving(shareableThings bool, draining *atomic.Bool) pool.Config[*thing] {
	cfg := shareable()
	cfg.Shareable = func(*thing) bool { return shareableThings }
	watch := cfg.Watch
	cfg.Watch = func(x *thing, changed func()) {
		watch(x, changed)
		if draining.Load() {
			time.AfterFunc(time.Millisecond, func() {
				x.capacity.Store(pool.Dead)
				changed()
			})
		}
	}
	cfg.MinIdle = 2
	return cfg
}

// A peer that accepts and then leaves is not dialled without end for MinIdle, and is
// dialled again when it may be well.
func TestMinIdleStormsNoPeerThatLeaves(t *testing.T) {
	for name, tt := range map[string]struct {
		share       bool
		base, limit time.Duration
		pause       time.Duration // the longest
		budget      bool
	}{
		"exclusive":    {pause: 10 * time.Second},
		"shareable":    {share: true, pause: 10 * time.Second},
		"with backoff": {base: time.Second, limit: 8 * time.Second, pause: 8 * time.Second},
		"in a Budget":  {budget: true, pause: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				draining := atomic.NewBool(true)
				cfg := leaving(tt.share, draining)
				cfg.BackoffBase, cfg.BackoffMax = tt.base, tt.limit
				if tt.budget {
					b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 5})
					require.NoError(t, err)
					cfg.Budget = b
				}
				r := newRig(t, cfg)
				r.start()
				pass(time.Hour)
				n := r.Stats().Dials
				assert.LessOrEqual(t, n, uint64(2*2*time.Hour/tt.pause), "two at a time, each half of the longest pause at the most often")
				assert.GreaterOrEqual(t, n, uint64(2*time.Hour/tt.pause), "but the peer may be well by now")

				draining.Store(false)
				pass(tt.pause)
				synctest.Wait()
				n = r.Stats().Dials
				assert.Equal(t, 2, r.Stats().Idle)
				pass(time.Hour)
				assert.Equal(t, n, r.Stats().Dials, "they are there")
			})
		})
	}
}

// The pauses are for what nobody waits for.
func TestCallersDoNotWaitWhereMinIdlePauses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		draining := atomic.NewBool(true)
		cfg := leaving(false, draining)
		cfg.MinIdle = 1
		r := newRig(t, cfg)
		r.start()
		pass(time.Minute)
		require.Zero(t, r.Stats().Idle, "it pauses")
		draining.Store(false)
		start := time.Now()
		r.acquire().got()
		assert.Equal(t, start, time.Now())
	})
}

// What dies after a lease, or has lived for long, was worth its dial, and so is the next.
func TestMinIdleIsRefilledAtOnceForWhatWasOfUse(t *testing.T) {
	for name, use := range map[string]func(r *rig){
		"used":     func(r *rig) { c := r.acquire(); c.got(); c.release() },
		"long ago": func(*rig) { pass(10 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg := leaving(false, atomic.NewBool(false))
				cfg.MinIdle, cfg.MaxOpen = 1, 1
				r := newRig(t, cfg)
				r.start()
				for n := range 20 {
					require.Len(t, r.things, n+1)
					use(r)
					r.things[n].set(pool.Dead)
					synctest.Wait()
					require.Equal(t, 1, r.Stats().Idle, "at once")
				}
			})
		})
	}
}

// Those that die together are one setback, after which there is no pause yet; and what
// was long ago does not count.
func TestFirstSetbackIsFollowedByNoPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := leaving(false, atomic.NewBool(false))
		cfg.MinIdle = 3
		r := newRig(t, cfg)
		r.start()
		for range 5 {
			things := len(r.things)
			for _, x := range r.things[things-3:] {
				x.set(pool.Dead)
			}
			synctest.Wait()
			require.Equal(t, 3, r.Stats().Idle)

			// A second one is, of 100 ms at the most.
			for _, x := range r.things[things:] {
				x.set(pool.Dead)
			}
			synctest.Wait()
			require.Zero(t, r.Stats().Idle)
			pass(100 * time.Millisecond)
			require.Equal(t, 3, r.Stats().Idle)
			pass(21 * time.Second)
			r.CloseIdle() // those are old by now
			synctest.Wait()
			require.Equal(t, 3, r.Stats().Idle)
		}
	})
}

// Under a Budget with MaxIdle, what one pool takes from its idle resources is room for
// what another one wants in the background.
func TestMinIdleIsFilledWhenAnotherPoolTakesAnIdleResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxIdle: 1, MaxOpen: 10})
		require.NoError(t, err)
		one, other := newRig(t, pool.Config[*thing]{Budget: b}), newRig(t, pool.Config[*thing]{Budget: b, MinIdle: 1})
		c := one.acquire()
		c.got()
		c.release()
		other.start()
		require.Zero(t, other.Stats().Idle, "the Budget has one")
		c = one.acquire()
		c.got()
		synctest.Wait()
		assert.Equal(t, 1, other.Stats().Idle)
		c.release()
	})
}
