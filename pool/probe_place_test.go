package pool_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Check in the background is no use: the resource stays where it was in the
// order of reuse, however many were used meanwhile.
func TestCheckInTheBackgroundKeepsTheResourcesPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		p.hold = true
		r := newRig(t, p.Config)
		calls := []*call{r.acquire(), r.acquire(), r.acquire()}
		for _, c := range calls {
			c.release()
			pass(time.Second)
		}
		pass(time.Minute - 3*time.Second)
		require.Equal(t, []int{1}, p.checked(), "the one idle longest")
		p.end(passes)
		require.Equal(t, 3, r.Stats().Idle)
		for _, want := range []int{3, 2, 1} {
			assert.Equal(t, want, r.acquire().got().n, "last used, first out")
		}
	})
}

// What a Budget counts on cannot be had while it is checked; it goes when its
// Check has returned, and no other dial exceeds the limit meanwhile.
func TestResourceGivenUpForAnotherPoolWhileCheckedGoesAfterItsCheck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 1})
		require.NoError(t, err)
		p := newProber()
		p.hold = true
		p.Budget = b
		r := newRig(t, p.Config)
		other := newRig(t, pool.Config[*thing]{Budget: b})
		r.acquire().release()
		pass(time.Minute)
		require.Equal(t, 1, r.Stats().Dialing)
		c := other.acquire()
		c.waits()
		p.end(passes)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonEvict))
		c.got()
	})
}

// A Check that does not return, and heeds no context, costs callers the time that
// it may take at most; then they count on what else there is.
func TestHungCheckInTheBackgroundHoldsNobodyForLong(t *testing.T) {
	for name, cfg := range map[string]pool.Config[*thing]{
		"bounded by DialTimeout": {DialTimeout: 10 * time.Second},
		"bounded by CheckEvery":  {},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProber()
				p.DialTimeout = cfg.DialTimeout
				hung := make(chan struct{})
				var ended error
				p.Check = func(ctx context.Context, _ *thing) error {
					<-hung
					ended = context.Cause(ctx)
					return nil
				}
				r := newRig(t, p.Config)
				r.acquire().release()
				pass(time.Minute)
				require.Equal(t, 1, r.Stats().Dialing)
				c := r.acquire()
				bound := time.Minute
				if cfg.DialTimeout > 0 {
					bound = cfg.DialTimeout
				}
				pass(bound - 1)
				c.waits()
				pass(1)
				assert.Equal(t, 2, c.got().n)
				close(hung)
				c.release()
				assert.ErrorContains(t, ended, "DialTimeout")
				assert.Equal(t, 2, r.Stats().Idle, "it is well after all")
			})
		})
	}
}

// A resource that is closed while others are asked about is not asked about: Close
// may have been called on it.
func TestRetireAsksNotAboutWhatIsClosedMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{})
		a, b := r.acquire(), r.acquire()
		a.release()
		b.release()
		asked := 0
		r.Retire(func(x *thing) bool {
			assert.Zero(t, x.closes.Load())
			asked++
			r.CloseIdle()
			pass(1) // Close runs
			return true
		})
		assert.Equal(t, 1, asked)
	})
}

// A caller whose resource was checked has not waited in the queue, and is told of
// like that.
func TestHitWithACheckIsNoWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rec := &recorder{}
		check, word := gated()
		r := newRig(t, pool.Config[*thing]{CheckAfter: -1, Check: check, Hooks: rec.hooks()})
		r.acquire().release()
		rec.take()
		c := r.acquire()
		pass(time.Second)
		word <- nil
		c.got()
		c.release()
		events := rec.take("Acquired")
		require.Len(t, events, 1)
		assert.Zero(t, events[0].(pool.AcquiredEvent).Waited) //nolint:forcetypeassert // a test
		assert.Equal(t, r.Stats().Hits, uint64(1))

		ctx, cancel := context.WithCancel(t.Context())
		c = r.acquireAs(ctx)
		cancel()
		var wait *pool.WaitError
		err := c.failed()
		require.ErrorIs(t, err, context.Canceled)
		assert.NotErrorAs(t, err, &wait, "it had no place to tell of")
	})
}

// Hooks are called one after the other in the goroutine in which the thing
// happened. One that ends it does not keep the others from being called.
func TestHookThatCallsGoexitHoldsUpNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		evicted := 0
		r := newRig(t, pool.Config[*thing]{Hooks: &pool.Hooks{Evicted: func(pool.EvictedEvent) {
			evicted++
			runtime.Goexit()
		}}})
		calls := []*call{r.acquire(), r.acquire(), r.acquire()}
		for _, c := range calls {
			c.release()
		}
		_ = try(r.CloseIdle)
		assert.Equal(t, 3, evicted)
		assert.EqualValues(t, 3, r.Stats().Closes.Total())
	})
}

// The value of a Hijack that panics reaches nobody, so the pool closes it.
func TestPanicOfAHookInHijackLeaksNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{Hooks: &pool.Hooks{Released: func(pool.ReleasedEvent) { panic("boom") }}})
		c := r.acquire()
		x := c.got()
		assert.Equal(t, "boom", try(func() { c.lease.Hijack() }))
		pass(1)
		assert.EqualValues(t, 1, x.closes.Load())
		assert.Zero(t, r.Stats().Open)
		assert.EqualValues(t, 1, r.Stats().Hijacks)
	})
}

// Nobody has that value but the Close func.
func TestShutdownWaitsForTheCloseAfterAPanicInHijack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{
			Close: func(*thing) error { <-time.After(5 * time.Second); return nil },
			Hooks: &pool.Hooks{Released: func(pool.ReleasedEvent) { panic("boom") }},
		})
		c := r.acquire()
		c.got()
		assert.Equal(t, "boom", try(func() { c.lease.Hijack() }))
		began := time.Now()
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, 5*time.Second, time.Since(began))
	})
}

// What rests in the lane, and is not used, is idle as well: it is checked each CheckEvery.
func TestIdleInABusyPoolIsCheckedInTheBackground(t *testing.T) {
	bubble(t, func(t *testing.T) {
		checks := map[int]int{}
		r := newRig(t, pool.Config[*thing]{
			MaxOpen: 4, CheckEvery: 10 * time.Second, CheckAfter: time.Hour,
			Check: func(_ context.Context, x *thing) error { checks[x.n]++; return nil },
		})
		for _, c := range r.acquireAll(4) {
			c.release()
		}
		for begin := time.Now(); time.Since(begin) < 61*time.Second; {
			l, ok := r.TryAcquire()
			if !assert.True(t, ok) {
				return
			}
			<-time.After(500 * time.Microsecond)
			l.Release()
			<-time.After(500 * time.Microsecond)
		}
		pass(0)
		often := 0
		for _, n := range checks {
			if n >= 5 {
				often++
			}
		}
		assert.GreaterOrEqual(t, often, 3, "of those that nobody uses, in a minute")
	})
}
