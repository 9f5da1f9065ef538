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
	"go.uber.org/atomic"
)

// An event is a call of a hook.
type event struct {
	hook string
	what any
}

// A recorder sets every hook and keeps what they are told.
type recorder struct {
	mu     sync.Mutex
	events []event
	then   func(hook string) // called in each hook
	panics []any             // what Hooks.Panic got
}

// seen notes an event, without its context, which must be the caller's.
func seen[E any](r *recorder, hook string) func(E) {
	return func(e E) {
		r.mu.Lock()
		r.events = append(r.events, event{hook, e})
		then := r.then
		r.mu.Unlock()
		if then != nil {
			then(hook)
		}
	}
}

func (r *recorder) hooks() *pool.Hooks {
	return &pool.Hooks{
		Acquired:    seen[pool.AcquiredEvent](r, "Acquired"),
		WaitStarted: seen[pool.WaitEvent](r, "WaitStarted"),
		WaitEnded:   seen[pool.WaitEvent](r, "WaitEnded"),
		Released:    seen[pool.ReleasedEvent](r, "Released"),
		Dialed:      seen[pool.DialEvent](r, "Dialed"),
		DialFailed:  seen[pool.DialEvent](r, "DialFailed"),
		Evicted:     seen[pool.EvictedEvent](r, "Evicted"),
		Abandoned:   seen[pool.EvictedEvent](r, "Abandoned"),
		Shed:        seen[pool.ShedEvent](r, "Shed"),
		Breaker:     seen[pool.BreakerEvent](r, "Breaker"),
		Leak:        seen[pool.LeakEvent](r, "Leak"),
		Panic: func(v any) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.panics = append(r.panics, v)
		},
	}
}

// take returns the events so far that one of the hooks was told, and forgets all.
func (r *recorder) take(hooks ...string) []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []any
	for _, e := range r.events {
		for _, h := range hooks {
			if e.hook == h {
				all = append(all, e.what)
			}
		}
	}
	r.events = nil
	return all
}

// from is the context of calls in these tests.
func from(t *testing.T) context.Context { return context.WithValue(t.Context(), valueKey{}, "here") }

// mine checks that an event has the caller's context, and returns nil in place
// of it.
func mine(ctx context.Context, t *testing.T) context.Context {
	t.Helper()
	require.NotNil(t, ctx)
	assert.Equal(t, "here", ctx.Value(valueKey{}))
	return nil
}

func TestHooksTellOfALeaseFromItsWaitToItsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rec := &recorder{}
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, Hooks: rec.hooks()})
		c := r.acquireWith(from(t), pool.Request{})
		pass(time.Second)
		r.dial(1).ok()
		c.got()
		pass(2 * time.Second)

		started := rec.events[0].what.(pool.WaitEvent) //nolint:forcetypeassert // a test
		started.Ctx = mine(started.Ctx, t)
		assert.Equal(t, pool.WaitEvent{}, started)
		assert.Equal(t, event{"Dialed", pool.DialEvent{Took: time.Second}}, rec.events[1])
		ended := rec.events[2].what.(pool.WaitEvent) //nolint:forcetypeassert // a test
		ended.Ctx = mine(ended.Ctx, t)
		assert.Equal(t, pool.WaitEvent{Waited: time.Second}, ended)
		acquired := rec.events[3].what.(pool.AcquiredEvent) //nolint:forcetypeassert // a test
		acquired.Ctx = mine(acquired.Ctx, t)
		assert.Equal(t, pool.AcquiredEvent{Waited: time.Second, Info: pool.LeaseInfo{Uses: 1}}, acquired)
		require.Len(t, rec.events, 4)
		rec.take()

		c.lease.Discard(errBroken)
		c.lease.Release() // the same lease: nothing
		synctest.Wait()
		assert.Equal(t, []event{
			{"Evicted", pool.EvictedEvent{Reason: pool.ReasonDiscard, Age: 2 * time.Second, Uses: 1}},
			{"Released", pool.ReleasedEvent{How: pool.EndDiscard, Held: 2 * time.Second, Err: errBroken}},
		}, sorted(rec.events))
	})
}

// sorted returns two events in the order of their hooks' names: which of them is
// told first says nothing.
func sorted(events []event) []event {
	if len(events) == 2 && events[0].hook > events[1].hook {
		events[0], events[1] = events[1], events[0]
	}
	return events
}

func TestHooksTellHowALeaseEnded(t *testing.T) {
	for how, end := range map[pool.End]func(*call){
		pool.EndRelease: (*call).release,
		pool.EndDiscard: (*call).discard,
		pool.EndHijack:  func(c *call) { c.hijack() },
	} {
		t.Run(how.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				rec := &recorder{}
				r := newRig(t, pool.Config[*thing]{Hooks: rec.hooks()})
				c := r.acquire()
				end(c)
				got := rec.take("Released")
				require.Len(t, got, 1)
				assert.Equal(t, how, got[0].(pool.ReleasedEvent).How) //nolint:forcetypeassert // a test
			})
		})
	}
	assert.Equal(t, "lost", pool.EndLost.String())
	assert.Equal(t, "End(?)", pool.End(99).String())
}

// A hit is told of without a wait, and TryAcquire has no context.
func TestHooksTellOfAHit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rec := &recorder{}
		r := newRig(t, pool.Config[*thing]{Hooks: rec.hooks()})
		r.acquire().release()
		pass(time.Second)
		rec.take()
		l, ok := r.TryAcquire()
		require.True(t, ok)
		assert.Equal(t, []event{{"Acquired", pool.AcquiredEvent{
			Info: pool.LeaseInfo{Reused: true, IdleFor: time.Second, Age: time.Second, Uses: 2},
		}}}, rec.events)
		l.Release()
	})
}

// A wait that ends badly is told of as well, with its error.
func TestHooksTellOfWaitsThatFail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rec := &recorder{}
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, Hooks: rec.hooks()})
		first := r.acquire()
		second := r.acquire()
		third := r.acquire()
		pass(time.Second)
		r.dial(1).fail(errDial)
		_ = first.failed()
		third.leave()
		require.NoError(t, r.Close())
		_ = second.failed()
		var errs []error
		for i, e := range rec.take("WaitEnded") {
			w := e.(pool.WaitEvent) //nolint:forcetypeassert // a test
			assert.Equal(t, []int{0, 2, 1}[i], w.Ahead)
			assert.Equal(t, time.Second, w.Waited)
			errs = append(errs, w.Err)
		}
		require.Len(t, errs, 3)
		assert.ErrorIs(t, errs[0], errDial)
		assert.ErrorIs(t, errs[1], context.Canceled)
		assert.ErrorIs(t, errs[2], pool.ErrClosed)
	})
}

// Every dial has one event, also one that was canceled and one that came too
// late to be of use.
func TestHooksTellOfEveryDialOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rec := &recorder{}
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, MaxIdle: -1, Hooks: rec.hooks()})
		r.acquire()
		pass(time.Second)
		r.dial(1).fail(errDial)
		assert.Equal(t, []any{pool.DialEvent{Took: time.Second, Err: errDial, Attempt: 1}}, rec.take("Dialed", "DialFailed"))

		r.acquire().leave()
		got := rec.take("Dialed", "DialFailed")
		require.Len(t, got, 1)
		canceled := got[0].(pool.DialEvent) //nolint:forcetypeassert // a test
		assert.True(t, canceled.Canceled)
		assert.Error(t, canceled.Err)

		old := r.acquire()
		d := r.dial(3)
		d.stubborn.Store(true)
		r.Reset()
		d.ok()
		assert.Equal(t, []event{
			{"Dialed", pool.DialEvent{Canceled: true, Attempt: 1}},
			{"Evicted", pool.EvictedEvent{Reason: pool.ReasonReset}},
		}, only(rec, "Dialed", "Evicted"))
		r.dial(4).ok()
		old.got()
	})
}

// only returns the events of some hooks.
func only(r *recorder, hooks ...string) []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []event
	for _, e := range r.events {
		for _, h := range hooks {
			if e.hook == h {
				all = append(all, e)
			}
		}
	}
	return all
}

// No lock is held in a hook: it may call what it likes.
func TestHooksMayCallThePool(t *testing.T) {
	for _, s := range hookScenes() {
		t.Run(s.hook, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				rec := &recorder{}
				cfg := s.cfg
				cfg.Hooks = rec.hooks()
				r := newManual(t, cfg)
				var inside atomic.Bool
				var calls atomic.Int32
				rec.then = func(string) {
					if !inside.CompareAndSwap(false, true) {
						return // told of what it does itself
					}
					defer inside.Store(false)
					calls.Inc()
					_ = r.Stats()
					assert.NoError(t, r.SetLimits(r.Limits()))
					if l, ok := r.TryAcquire(); ok {
						l.Release()
					}
					_, err := r.Acquire(canceled())
					assert.ErrorIs(t, err, context.Canceled)
				}
				s.play(r, func(f func()) { f() })
				assert.Positive(t, calls.Load())
				assert.Contains(t, namesOf(rec.events), s.hook)
			})
		})
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func namesOf(events []event) []string {
	var names []string
	for _, e := range events {
		names = append(names, e.hook)
	}
	return names
}
