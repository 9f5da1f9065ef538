package pool_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A hookScene makes a hook be called.
type hookScene struct {
	hook   string
	caller bool // in the goroutine of a caller, and not in one of the pool
	cfg    pool.Config[*thing]
	play   func(r *rig, call func(func())) // on a rig with manual dials; call runs what a caller does
	after  func(t *testing.T, s pool.Stats)
}

func hookScenes() []hookScene {
	stuck := make(chan struct{})
	return []hookScene{
		{"Acquired", true, pool.Config[*thing]{}, oneLease, func(t *testing.T, s pool.Stats) {
			assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonDiscard), "the caller has not got the lease, so it has ended")
		}},
		{"WaitStarted", true, pool.Config[*thing]{}, oneLease, func(t *testing.T, s pool.Stats) {
			assert.EqualValues(t, 1, s.Waits)
			assert.EqualValues(t, 1, s.Canceled, "a wait that has no waiter has ended")
			assert.Equal(t, 1, s.Idle+s.Dialing, "the dial goes on for others")
		}},
		{"WaitEnded", true, pool.Config[*thing]{}, oneLease, func(t *testing.T, s pool.Stats) {
			assert.EqualValues(t, 1, s.WaitTimes.Count())
			assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonDiscard))
		}},
		{"Released", true, pool.Config[*thing]{}, oneLease, func(t *testing.T, s pool.Stats) {
			assert.Equal(t, 1, s.Idle, "the resource is well")
			assert.EqualValues(t, 1, s.LeaseTimes.Count())
		}},
		{"Dialed", false, pool.Config[*thing]{}, oneLease, func(t *testing.T, s pool.Stats) {
			assert.Equal(t, 1, s.Idle, "the lease was given all the same")
		}},
		{"DialFailed", false, pool.Config[*thing]{}, oneFailure, func(t *testing.T, s pool.Stats) {
			assert.EqualValues(t, 1, s.DialErrors)
			assert.Zero(t, s.Dialing+s.Waiting, "the waiter has its error")
		}},
		{"Evicted", true, pool.Config[*thing]{MaxIdle: -1}, oneLease, func(t *testing.T, s pool.Stats) {
			assert.EqualValues(t, 1, s.Closes.Total())
			assert.Zero(t, s.Open+s.Closing, "Close has run")
		}},
		{
			"Abandoned", false,
			pool.Config[*thing]{MaxIdle: -1, CloseTimeout: time.Second, Close: func(*thing) error {
				<-stuck
				return nil
			}},
			func(r *rig, call func(func())) {
				stuck = make(chan struct{})
				oneLease(r, call)
				pass(time.Second)
				close(stuck)
				synctest.Wait()
			},
			func(t *testing.T, s pool.Stats) {
				assert.EqualValues(t, 1, s.Abandoned)
				assert.Zero(t, s.Closing)
			},
		},
		{"Shed", true, pool.Config[*thing]{MaxOpen: 1, ShedLate: pool.ShedOn}, oneShed, func(t *testing.T, s pool.Stats) {
			assert.EqualValues(t, 1, s.Shed)
			assert.Zero(t, s.Waiting)
		}},
		{"Breaker", false, pool.Config[*thing]{BreakAfter: 1}, oneFailure, func(t *testing.T, s pool.Stats) {
			assert.EqualValues(t, 1, s.Breaks)
		}},
		{"Leak", false, pool.Config[*thing]{LeakAfter: time.Second}, oneLeak, func(t *testing.T, s pool.Stats) {
			assert.EqualValues(t, 1, s.Leaks)
			assert.Equal(t, 1, s.Idle, "the lease went on and ended well")
		}},
	}
}

// try calls f as a caller of the pool, and returns its panic.
func try(f func()) (v any) {
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { v = recover() }()
		f()
	})
	synctest.Wait()
	wg.Wait()
	return v
}

// dialsOK lets all dials of the rig succeed as they come, until the test ends.
func (r *rig) dialsOK() { r.manual = false }

func oneLease(r *rig, call func(func())) {
	r.dialsOK()
	r.atDial = func() { <-time.After(1) } // the caller waits by then, or a hook has panicked and it is gone
	call(func() {
		l, err := r.Acquire(r.t.Context())
		require.NoError(r.t, err)
		defer l.Release()
	})
	synctest.Wait()
}

func oneFailure(r *rig, _ func(func())) {
	c := r.acquire()
	r.dial(1).fail(errDial)
	assert.ErrorIs(r.t, c.failed(), errDial)
}

func oneShed(r *rig, call func(func())) {
	r.dialsOK()
	c := r.acquire()
	pass(time.Second)
	c.release()
	c = r.acquire()
	call(r.shedNow)
	c.release()
}

func (r *rig) shedNow() {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Millisecond)
	defer cancel()
	_, err := r.Acquire(ctx)
	var shed *pool.ShedError
	assert.ErrorAs(r.t, err, &shed)
}

func oneLeak(r *rig, _ func(func())) {
	r.dialsOK()
	c := r.acquire()
	pass(2 * time.Second)
	c.release()
}

// A panic in a hook reaches the caller whose goroutine it runs in, or Panic, and
// nothing is lost with it: no lease, no waiter and no slot. (The rig checks that
// at its end.)
func TestPanicInAHookLosesNothing(t *testing.T) {
	for _, s := range hookScenes() {
		t.Run(s.hook, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				rec := &recorder{}
				cfg := s.cfg
				cfg.Hooks = rec.hooks()
				r := newManual(t, cfg)
				rec.then = func(hook string) {
					if hook == s.hook {
						panic("in " + hook)
					}
				}
				var panicked []any
				s.play(r, func(f func()) {
					if v := try(f); v != nil {
						panicked = append(panicked, v)
					}
				})
				rec.mu.Lock()
				rec.then = nil
				panics := rec.panics
				rec.mu.Unlock()
				if s.caller {
					assert.Equal(t, []any{"in " + s.hook}, panicked, "it reaches the caller")
					assert.Empty(t, panics)
				} else {
					assert.Equal(t, []any{"in " + s.hook}, panics, "it goes to Hooks.Panic")
					assert.Empty(t, panicked)
				}
				assert.Contains(t, namesOf(rec.events), s.hook)
				stats := r.Stats()
				assert.Zero(t, stats.Leases+stats.Waiting)
				s.after(t, stats)
			})
		})
	}
}

// Two hooks that panic at once: the first reaches the caller, and both run.
func TestPanicsInTwoHooksLoseNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rec := &recorder{}
		r := newRig(t, pool.Config[*thing]{MaxIdle: -1, Hooks: rec.hooks()})
		c := r.acquire()
		c.got()
		rec.then = func(hook string) { panic("in " + hook) }
		rec.take()
		v := try(c.lease.Release)
		assert.Contains(t, []any{"in Released", "in Evicted"}, v)
		assert.ElementsMatch(t, []string{"Released", "Evicted"}, namesOf(rec.events))
		rec.then = nil
		assert.Zero(t, r.Stats().Leases+r.Stats().Open)
	})
}
