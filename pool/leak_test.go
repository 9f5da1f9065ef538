package pool_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// stackOf returns the names of the funcs in a stack.
func stackOf(pcs []uintptr) []string {
	var names []string
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		names = append(names, f.Function)
		if !more {
			return names
		}
	}
}

// leaky returns a Config that watches leases, and what the hook was told.
func leaky(after time.Duration, sample int) (pool.Config[*thing], *recorder) {
	rec := &recorder{}
	return pool.Config[*thing]{LeakAfter: after, LeakSample: sample, Hooks: rec.hooks()}, rec
}

// leaks returns the events of Hooks.Leak so far, and forgets them.
func (r *recorder) leaks() []pool.LeakEvent {
	var all []pool.LeakEvent
	for _, e := range r.take("Leak") {
		all = append(all, e.(pool.LeakEvent)) //nolint:forcetypeassert // a test
	}
	return all
}

func acquireAndForgetToRelease(r *rig) pool.Lease[*thing] {
	l, err := r.Acquire(r.t.Context())
	require.NoError(r.t, err)
	return l
}

// A lease held too long is reported once, with the place where it was acquired,
// and goes on.
func TestLeaseHeldTooLongIsReportedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, rec := leaky(time.Minute, 0)
		r := newRig(t, cfg)
		l := acquireAndForgetToRelease(r)
		pass(time.Minute - 1)
		require.Empty(t, rec.leaks())
		pass(1)
		got := rec.leaks()
		require.Len(t, got, 1)
		assert.Equal(t, time.Minute, got[0].Held)
		assert.False(t, got[0].Lost)
		names := stackOf(got[0].Stack)
		assert.Contains(t, names[0], "Acquire", "the stack begins with the pool's method")
		assert.Contains(t, strings.Join(names, "\n"), "acquireAndForgetToRelease")

		pass(time.Hour)
		assert.Empty(t, rec.leaks())
		s := r.Stats()
		assert.EqualValues(t, 1, s.Leaks)
		assert.Zero(t, s.Lost)
		assert.Equal(t, 1, l.Value().n)
		l.Release()
		assert.Equal(t, 1, r.Stats().Idle)
	})
}

// Whichever method the lease is from, its report begins with that method.
func TestLeakReportBeginsWithTheMethodThatWasCalled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, rec := leaky(time.Minute, 0)
		r := newRig(t, cfg)
		ctx := t.Context()
		for method, f := range map[string]func() (pool.Lease[*thing], error){
			"Acquire":     func() (pool.Lease[*thing], error) { return r.Acquire(ctx) },
			"AcquireWith": func() (pool.Lease[*thing], error) { return r.AcquireWith(ctx, pool.Request{Low: true}) },
			"AcquireInstead": func() (pool.Lease[*thing], error) {
				return r.AcquireInstead(ctx, r.acquire().lease, errBroken, pool.Request{})
			},
			"TryAcquire": func() (pool.Lease[*thing], error) {
				l, ok := r.TryAcquire()
				assert.True(t, ok)
				return l, nil
			},
		} {
			idle := r.acquire()
			idle.got()
			idle.release()
			had := len(rec.leaks())
			l, err := f()
			require.NoError(t, err)
			pass(time.Minute)
			got := rec.leaks()
			require.Len(t, got, had+1, method)
			names := stackOf(got[had].Stack)
			assert.True(t, strings.HasSuffix(names[0], "."+method), "%s: %s", method, names[0])
			l.Release()
		}
	})
}

// A lease that ends in time is not reported, nor is the next one on the same
// resource charged for it.
func TestLeaseThatEndsInTimeIsNotReported(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, rec := leaky(time.Minute, 0)
		r := newRig(t, cfg)
		for range 5 {
			c := r.acquire()
			pass(40 * time.Second)
			c.release()
		}
		c := r.acquire()
		pass(time.Hour)
		assert.Len(t, rec.leaks(), 1)
		c.release()
		pass(time.Hour)
		assert.EqualValues(t, 1, r.Stats().Leaks)
	})
}

// TryAcquire, Do and AcquireWith are watched like Acquire.
func TestEveryWayToALeaseIsWatched(t *testing.T) {
	for name, get := range map[string]func(r *rig) pool.Lease[*thing]{
		"Acquire": acquireAndForgetToRelease,
		"AcquireWith": func(r *rig) pool.Lease[*thing] {
			l, err := r.AcquireWith(r.t.Context(), pool.Request{Fresh: true})
			require.NoError(r.t, err)
			return l
		},
		"TryAcquire": func(r *rig) pool.Lease[*thing] {
			l, ok := r.TryAcquire()
			require.True(r.t, ok)
			return l
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg, rec := leaky(time.Minute, 0)
				r := newRig(t, cfg)
				r.acquire().release()
				l := get(r)
				pass(time.Minute)
				got := rec.leaks()
				require.Len(t, got, 1)
				assert.Contains(t, strings.Join(stackOf(got[0].Stack), "\n"), "TestEveryWayToALeaseIsWatched")
				l.Release()
			})
		})
	}
}

// One of LeakSample leases is watched.
func TestOneOfASampleIsWatched(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg, rec := leaky(time.Minute, 10)
		r := newRig(t, cfg)
		r.acquireAll(100)
		pass(time.Minute)
		assert.Len(t, rec.leaks(), 10)
		assert.EqualValues(t, 10, r.Stats().Leaks)
	})
}

// Each lease of a shareable resource is one of its own.
func TestLeasesOfASharedResourceAreReportedEach(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		watched, rec := leaky(time.Minute, 0)
		cfg.LeakAfter, cfg.Hooks = watched.LeakAfter, watched.Hooks
		r := newRig(t, cfg)
		r.capacity = 3
		first := r.acquire()
		first.got()
		pass(30 * time.Second)
		second := r.acquire()
		second.got()
		pass(30 * time.Second)
		assert.Len(t, rec.leaks(), 1)
		pass(30 * time.Second)
		assert.Len(t, rec.leaks(), 1)
		first.release()
		second.release()
	})
}

// lose acquires a lease and drops every copy of it.
//
//go:noinline
func lose(t *testing.T, p *pool.Pool[*thing]) {
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	require.NotNil(t, l.Value())
}

// collected runs the garbage collector until told has something, and returns it.
func collected[E any](t *testing.T, told <-chan E) E {
	t.Helper()
	deadline := time.After(30 * time.Second)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		runtime.GC()
		select {
		case e := <-told:
			return e
		case <-again.C:
		case <-deadline:
			require.Fail(t, "the lost lease is not found")
		}
	}
}

// lossy makes a pool, outside a bubble since the garbage collector is no part of
// one, and a channel that is told of leaks.
func lossy(t *testing.T, cfg pool.Config[*thing]) (*pool.Pool[*thing], chan pool.LeakEvent) {
	t.Helper()
	told := make(chan pool.LeakEvent, 10)
	var n atomic.Int32
	cfg.LeakAfter = time.Hour
	cfg.Hooks = &pool.Hooks{Leak: func(e pool.LeakEvent) { told <- e }}
	cfg.Dial = func(context.Context) (*thing, error) {
		x := &thing{n: int(n.Inc())}
		x.set(2)
		return x, nil
	}
	p, err := pool.New(cfg)
	require.NoError(t, err)
	return p, told
}

// A lease that nobody can end any more is found by the garbage collector: the
// waiter behind it gets its slot, and a resource of which nobody knows whether it
// is still used is closed.
func TestLostLeaseGivesItsSlotToTheNextWaiter(t *testing.T) {
	closed := make(chan int, 1)
	p, told := lossy(t, pool.Config[*thing]{MaxOpen: 1, Close: func(x *thing) error { closed <- x.n; return nil }})
	lose(t, p)
	got := make(chan pool.Lease[*thing])
	go func() {
		l, err := p.Acquire(t.Context())
		assert.NoError(t, err)
		got <- l
	}()
	e := collected(t, told)
	assert.True(t, e.Lost)
	assert.Contains(t, strings.Join(stackOf(e.Stack), "\n"), "pool_test.lose")
	assert.Equal(t, 1, <-closed)
	l := <-got
	assert.Equal(t, 2, l.Value().n)
	s := p.Stats()
	assert.EqualValues(t, 1, s.Lost)
	assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonLost))
	assert.Equal(t, 1, s.Leases)
	l.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// Of what was to be closed at the end of the lease anyway the reason is that.
func TestLostLeaseOfWhatIsToGoIsNotTheReason(t *testing.T) {
	for why, tt := range map[pool.Reason]struct {
		cfg pool.Config[*thing]
		let func(*pool.Pool[*thing])
	}{
		pool.ReasonReset:  {let: (*pool.Pool[*thing]).Reset},
		pool.ReasonClosed: {let: func(p *pool.Pool[*thing]) { assert.NoError(t, p.Close()) }},
		pool.ReasonRetire: {let: func(p *pool.Pool[*thing]) { p.Retire(func(*thing) bool { return true }) }},
		pool.ReasonUses:   {cfg: pool.Config[*thing]{MaxUses: 1}, let: func(*pool.Pool[*thing]) {}},
		pool.ReasonLost:   {let: func(*pool.Pool[*thing]) {}},
	} {
		t.Run(why.String(), func(t *testing.T) {
			p, told := lossy(t, tt.cfg)
			lose(t, p)
			tt.let(p)
			assert.True(t, collected(t, told).Lost)
			require.NoError(t, p.Shutdown(t.Context()))
			assert.Equal(t, why.String()+": 1", p.Stats().Closes.String())
		})
	}
}

// A shareable resource stays, with one lease less: other holders use it.
func TestLostLeaseOfASharedResourceOnlyEnds(t *testing.T) {
	p, told := lossy(t, pool.Config[*thing]{MaxOpen: 1, Capacity: quietly().Capacity})
	keep, err := p.Acquire(t.Context())
	require.NoError(t, err)
	lose(t, p)
	require.Equal(t, 2, p.Stats().Leases)
	assert.True(t, collected(t, told).Lost)
	require.Eventually(t, func() bool { return p.Stats().Leases == 1 }, 10*time.Second, time.Millisecond)
	assert.Equal(t, 1, keep.Value().n)
	assert.Zero(t, p.Stats().Closes.Total())
	other, err := p.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, other.Value().n)
	keep.Release()
	other.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// A lease that ended is not lost, whatever is collected, and one that is held is
// not collected.
func TestHeldAndEndedLeasesAreNotLost(t *testing.T) {
	p, told := lossy(t, pool.Config[*thing]{MaxOpen: 3})
	held, err := p.Acquire(t.Context())
	require.NoError(t, err)
	ended := func() {
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		copied := l
		copied.Release()
	}
	ended()
	lose(t, p) // so that there is something to wait for
	assert.True(t, collected(t, told).Lost)
	for range 3 {
		runtime.GC()
	}
	assert.Empty(t, told)
	assert.EqualValues(t, 1, p.Stats().Lost)
	assert.NotPanics(t, func() { held.Value() })
	held.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// A copy of a lease is the lease: it is not lost while one is left.
func TestLeaseIsNotLostWhileACopyIsLeft(t *testing.T) {
	p, told := lossy(t, pool.Config[*thing]{MaxOpen: 2})
	var kept []pool.Lease[*thing]
	func() {
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		kept = append(kept, l)
	}()
	lose(t, p)
	collected(t, told)
	for range 3 {
		runtime.GC()
	}
	assert.Equal(t, 1, p.Stats().Leases)
	kept[0].Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// Off, it costs nothing: no allocation and no stack.
func TestLeakDetectionCostsNothingWhenOff(t *testing.T) {
	ctx := t.Context()
	cost := func(cfg pool.Config[int]) float64 {
		cfg.Dial = dialOne
		p, err := pool.New(cfg)
		require.NoError(t, err)
		defer func() { require.NoError(t, p.Shutdown(context.Background())) }()
		return testing.AllocsPerRun(200, func() {
			l, err := p.Acquire(ctx)
			if err != nil {
				t.Error(err)
			}
			l.Release()
		})
	}
	assert.Zero(t, cost(pool.Config[int]{}))
	assert.Zero(t, cost(pool.Config[int]{Hooks: &pool.Hooks{}}), "hooks that are nil cost nothing either")
	assert.Positive(t, cost(pool.Config[int]{LeakAfter: time.Hour}), "the yardstick")
	assert.Less(t, cost(pool.Config[int]{LeakAfter: time.Hour, LeakSample: 1000}), 1.0, "sampled, little is left of that")
}

// Without Watch, Capacity is read again after each lease, also after one that was lost.
func TestCapacityIsReadAfterALostLease(t *testing.T) {
	p, told := lossy(t, pool.Config[*thing]{MaxOpen: 1, Capacity: quietly().Capacity})
	first, err := p.Acquire(t.Context())
	require.NoError(t, err)
	x := first.Value()
	lose(t, p)
	x.set(0)
	first.Release()
	x.set(2)
	assert.True(t, collected(t, told).Lost)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	l, err := p.Acquire(ctx)
	require.NoError(t, err)
	l.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}
