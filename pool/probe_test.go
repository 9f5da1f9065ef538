package pool_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// A prober is a Config with a background Check each minute, and a record of it.
type prober struct {
	pool.Config[*thing]
	hold bool // each Check waits for a word
	word chan func() error
	out  atomic.Int32

	mu     sync.Mutex
	things []int // in order of their Check
}

func newProber() *prober {
	p := &prober{word: make(chan func() error)}
	p.CheckEvery = time.Minute
	p.CheckAfter = 1000 * time.Hour // no other Check than those
	p.Check = func(_ context.Context, x *thing) error {
		defer p.out.Dec()
		if p.out.Inc() > 1 {
			return errBroken // one too many at once
		}
		p.mu.Lock()
		p.things = append(p.things, x.n)
		p.mu.Unlock()
		if !p.hold {
			return nil
		}
		return (<-p.word)()
	}
	return p
}

// checked returns the things that have been checked, in that order.
func (p *prober) checked() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.things)
}

// end lets the Check that waits return.
func (p *prober) end(f func() error) {
	p.word <- f
	synctest.Wait()
}

func passes() error { return nil }

func TestIdleResourcesAreCheckedInTheBackground(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		r := newRig(t, p.Config)
		require.NoError(t, r.Warm(t.Context(), 3))
		pass(time.Minute - 1)
		assert.Empty(t, p.checked())
		pass(1)
		assert.ElementsMatch(t, []int{1, 2, 3}, p.checked())
		pass(10 * time.Minute)
		assert.Len(t, p.checked(), 33)
		assert.Equal(t, 3, r.Stats().Idle)
		assert.Zero(t, r.Stats().Closes.Total(), "never two at once")
	})
}

// A resource that is in use shows every day that it works.
func TestResourceInUseIsNotChecked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		r := newRig(t, p.Config)
		c := r.acquire()
		pass(time.Hour)
		c.release()
		pass(time.Minute - 1)
		r.acquire().release()
		pass(time.Minute - 1)
		assert.Empty(t, p.checked())
		pass(1)
		assert.Equal(t, []int{1}, p.checked())
	})
}

// While one is out, callers have the others, at once.
func TestCheckInTheBackgroundTakesOneAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		p.hold = true
		r := newRig(t, p.Config)
		require.NoError(t, r.Warm(t.Context(), 3))
		pass(time.Hour)
		s := r.Stats()
		assert.Equal(t, 1, s.Dialing)
		assert.Equal(t, 2, s.Idle)
		first, second := r.acquire(), r.acquire()
		assert.NotEqual(t, p.checked()[0], first.got().n)
		assert.NotEqual(t, p.checked()[0], second.got().n)
		first.release()
		second.release()
		p.end(passes)
		assert.Equal(t, 3, r.Stats().Idle, "the others have been used since they were due")
		assert.Len(t, p.checked(), 1)
		pass(time.Minute)
		p.end(passes)
		p.end(passes)
		p.end(passes)
		assert.Len(t, p.checked(), 4)
	})
}

// A caller who finds none but the one that is being checked waits for it and
// causes no dial. It needs no second Check.
func TestCallerWaitsForTheResourceThatIsBeingChecked(t *testing.T) {
	for name, cfg := range map[string]pool.Config[*thing]{"exclusive": {}, "shareable": shareable()} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newProber()
				p.hold = true
				p.Capacity, p.Watch = cfg.Capacity, cfg.Watch
				r := newRig(t, p.Config)
				r.acquire().release()
				pass(time.Minute)
				c := r.acquire()
				c.waits()
				assert.EqualValues(t, 1, r.Stats().Dials)
				assert.Zero(t, r.Stats().Idle)
				p.end(passes)
				assert.Equal(t, 1, c.got().n)
				assert.Len(t, p.checked(), 1)
			})
		})
	}
}

func TestFailedCheckInTheBackgroundClosesTheResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		p.hold = true
		p.MaxOpen = 1
		r := newRig(t, p.Config)
		r.acquire().release()
		pass(time.Minute)
		c := r.acquire()
		p.end(func() error { return errBroken })
		assert.Equal(t, 2, c.got().n, "its slot is the caller's")
		s := r.Stats()
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonCheck))
		assert.Zero(t, s.DialErrors)
	})
}

// The pool keeps MinIdle by dialling, whatever the checks find.
func TestFailedChecksInTheBackgroundDoNotEmptyThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		p.MinIdle = 3
		fails := p.Check
		p.Check = func(ctx context.Context, x *thing) error {
			_ = fails(ctx, x)
			return errBroken
		}
		r := newRig(t, p.Config)
		r.start()
		least := 3
		for range 600 {
			pass(time.Second)
			least = min(least, r.Stats().Idle)
		}
		assert.Equal(t, 3, least)
		assert.Len(t, p.checked(), 30)
	})
}

// Its place in the idle list is that of its last use: a check is none.
func TestCheckInTheBackgroundIsNoUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		p.MaxIdleTime = 10 * time.Minute
		r := newRig(t, p.Config)
		first, second := r.acquire(), r.acquire()
		first.got()
		second.release()
		pass(time.Second)
		first.release()
		pass(5 * time.Minute)
		c := r.acquire()
		assert.Equal(t, 1, c.got().n, "still the one used last")
		assert.Equal(t, 5*time.Minute, c.lease.Info().IdleFor)
		assert.EqualValues(t, 2, c.lease.Info().Uses)
		c.release()
		pass(5*time.Minute - time.Second)
		assert.EqualValues(t, 1, r.things[1].closes.Load(), "it idled out all the same")
	})
}

// A Check in the background is as good as one before the hand-out.
func TestCheckBeforeTheHandOutIsLeftOutAfterOneInTheBackground(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		p.CheckAfter = time.Minute
		r := newRig(t, p.Config)
		r.acquire().release()
		pass(time.Hour + 30*time.Second)
		n := len(p.checked())
		r.acquire().release()
		l, ok := r.TryAcquire()
		assert.True(t, ok)
		l.Release()
		assert.Len(t, p.checked(), n)
	})
}

// The context of a background Check ends with the pool, so that a Check which
// hangs holds up no Shutdown.
func TestCloseEndsTheCheckInTheBackground(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cause := make(chan error, 1)
		p := newProber()
		p.Check = func(ctx context.Context, _ *thing) error {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return ctx.Err()
		}
		r := newRig(t, p.Config)
		r.acquire().release()
		pass(time.Minute)
		require.Equal(t, 1, r.Stats().Dialing)
		require.NoError(t, r.Shutdown(t.Context()))
		assert.ErrorIs(t, <-cause, pool.ErrClosed)
		assert.EqualValues(t, 1, r.things[0].closes.Load())
	})
}

// A Check that hangs is one on which callers hang, as they would on a dial.
func TestDialTimeoutEndsTheCheckInTheBackground(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		p.DialTimeout = 3 * time.Second
		p.Check = func(ctx context.Context, _ *thing) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		r := newRig(t, p.Config)
		r.acquire().release()
		pass(time.Minute)
		c := r.acquire()
		pass(3*time.Second - 1)
		c.waits()
		pass(1)
		assert.Equal(t, 2, c.got().n)
	})
}

// Nothing is closed under a Check's hands: what comes meanwhile takes effect when
// it has returned.
func TestResourceGoesAfterItsCheckWhenSomethingCameMeanwhile(t *testing.T) {
	for name, tt := range map[string]struct {
		comes  func(r *rig)
		reason pool.Reason
	}{
		"Reset":    {func(r *rig) { r.Reset() }, pool.ReasonReset},
		"Close":    {func(r *rig) { _ = r.Close() }, pool.ReasonClosed},
		"Retire":   {func(r *rig) { r.Retire(func(*thing) bool { return true }) }, pool.ReasonRetire},
		"lifetime": {func(*rig) { pass(time.Hour) }, pool.ReasonLifetime},
	} {
		for kind, cfg := range map[string]pool.Config[*thing]{"exclusive": {}, "shareable": shareable()} {
			t.Run(name+" "+kind, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					p := newProber()
					p.hold = true
					p.Capacity, p.Watch = cfg.Capacity, cfg.Watch
					p.MaxLifetime = time.Hour
					r := newRig(t, p.Config)
					r.acquire().release()
					pass(time.Minute)
					require.Equal(t, 1, r.Stats().Dialing)
					tt.comes(r)
					synctest.Wait()
					assert.Zero(t, r.things[0].closes.Load())
					p.end(passes)
					assert.EqualValues(t, 1, r.things[0].closes.Load())
					assert.EqualValues(t, 1, r.Stats().Closes.Of(tt.reason))
				})
			})
		}
	}
}

// A panic has no caller to go to here, so it goes to Hooks.Panic.
func TestPanicOfACheckInTheBackgroundGoesToTheHook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		panics := make(chan any, 2)
		p := newProber()
		p.hold = true
		p.Hooks = &pool.Hooks{Panic: func(v any) { panics <- v }}
		r := newRig(t, p.Config)
		require.NoError(t, r.Warm(t.Context(), 2))
		pass(time.Minute)
		p.end(func() error { panic("boom") })
		assert.Equal(t, "boom", <-panics)
		p.end(func() error {
			runtime.Goexit()
			return nil
		})
		s := r.Stats()
		assert.Zero(t, s.Open+s.Dialing)
		assert.EqualValues(t, 2, s.Closes.Of(pool.ReasonCheck))
		assert.Empty(t, panics)
	})
}

// A resource that is taken while it waits for its turn is not checked at once
// when it comes back.
func TestResourceThatWasUsedWhileItWaitedForItsCheckIsDueLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		p.hold = true
		r := newRig(t, p.Config)
		require.NoError(t, r.Warm(t.Context(), 2))
		pass(time.Minute)
		c := r.acquire()
		used := c.got().n
		c.release()
		p.end(passes)
		pass(time.Minute - 1)
		assert.NotContains(t, p.checked(), used)
		assert.Len(t, p.checked(), 1)
		pass(1)
		p.end(passes)
		p.end(passes)
		assert.Contains(t, p.checked(), used)
	})
}

// A Check sets the deadline of its connection from its ctx.
func TestBackgroundCheckHasADeadline(t *testing.T) {
	for limit, dialTimeout := range map[time.Duration]time.Duration{time.Minute: 0, time.Second: time.Second} {
		bubble(t, func(t *testing.T) {
			var left time.Duration
			var cause error
			r := newRig(t, pool.Config[*thing]{
				CheckEvery: time.Minute, CheckAfter: 1000 * time.Hour, DialTimeout: dialTimeout,
				Check: func(ctx context.Context, _ *thing) error {
					d, _ := ctx.Deadline()
					left = time.Until(d)
					<-ctx.Done()
					cause = context.Cause(ctx)
					return ctx.Err()
				},
			})
			r.acquire().release()
			pass(time.Minute)
			assert.Equal(t, limit, left)
			pass(limit)
			assert.ErrorContains(t, cause, "DialTimeout passed")
			assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonCheck))
		})
	}
}
