package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"go.uber.org/atomic"
)

// A caller of the pool from inside one of the pool's own calls. None of the pool's
// locks may be held then, or it would wait for itself (I13).
type reentry struct {
	r      *rig
	calls  map[string]*atomic.Int32
	inside atomic.Bool
}

// maxReentries bounds the calls from inside one func: a lease taken in there ends
// in the same func again, so some of them would go on for ever.
const maxReentries = 20

// call does what may be done inside name: everything that does not wait for the
// call itself.
func (e *reentry) call(name string) {
	if e.calls[name].Load() >= maxReentries || !e.inside.CompareAndSwap(false, true) {
		return
	}
	defer e.inside.Store(false)
	e.calls[name].Inc()
	r := e.r
	s := r.Stats()
	assert.NoError(r.t, r.SetLimits(s.Limits))
	assert.Equal(r.t, s.Limits, r.Limits())
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := r.Acquire(done)
	assert.True(r.t, errors.Is(err, context.Canceled) || errors.Is(err, pool.ErrClosed), "%s: %v", name, err)
	if l, ok := r.TryAcquire(); ok {
		l.Release()
	}
}

func newReentry(t *testing.T, cfg pool.Config[*thing]) *reentry {
	e := &reentry{calls: map[string]*atomic.Int32{}}
	for _, name := range []string{
		"Dial", "Close", "Check", "Take", "Recycle", "Capacity", "Shareable", "Expect", "Watch", "Panic", "ctx",
	} {
		e.calls[name] = atomic.NewInt32(0)
	}
	capacity := cfg.Capacity
	cfg.Capacity = func(x *thing) int { e.call("Capacity"); return capacity(x) }
	cfg.Expect = func(x *thing) int { e.call("Expect"); return capacity(x) }
	cfg.Shareable = func(*thing) bool { e.call("Shareable"); return true }
	cfg.Watch = func(x *thing, changed func()) { e.call("Watch"); x.changed = changed }
	cfg.Take = func(*thing) error { e.call("Take"); return nil }
	cfg.Recycle = func(*thing) error { e.call("Recycle"); return nil }
	cfg.Check = func(context.Context, *thing) error { e.call("Check"); return nil }
	cfg.CheckAfter = -1
	cfg.Close = func(*thing) error { e.call("Close"); panic("boom") }
	cfg.Hooks = &pool.Hooks{Panic: func(any) { e.call("Panic") }}
	e.r = newRig(t, cfg)
	e.r.atDial = func() { e.call("Dial") }
	return e
}

// reentrantCtx calls the pool from the methods of a context, which are the
// caller's code too.
type reentrantCtx struct {
	context.Context
	call func()
}

func (c reentrantCtx) Value(key any) any { c.call(); return c.Context.Value(key) }

// In a bubble a goroutine that waits for a mutex is not seen as a deadlock, so
// this test is not in one: a lock held over a call-out hangs it.
func TestEveryCallOutMayCallThePool(t *testing.T) {
	cfg := quietly()
	cfg.MaxOpen, cfg.WaitTimeout = 2, time.Hour
	e := newReentry(t, cfg)
	r := e.r
	r.capacity = 1
	ctx := reentrantCtx{t.Context(), func() { e.call("ctx") }}
	for range 10 {
		one, err := r.Acquire(ctx)
		assert.NoError(t, err)
		two, err := r.AcquireWith(ctx, pool.Request{Fresh: true})
		assert.NoError(t, err)
		one.Release()
		two.Release()
		one, err = r.Acquire(ctx)
		assert.NoError(t, err)
		r.Reset()
		one.Discard(nil)
	}
	assert.NoError(t, r.Shutdown(t.Context()))
	for name, n := range e.calls {
		assert.NotZero(t, n.Load(), "%s was not called", name)
	}
}

// The funcs may also change the pool as a whole.
func TestCallOutsMayResetAndCloseThePool(t *testing.T) {
	for name, set := range map[string]func(cfg *pool.Config[*thing], f func()){
		"Take":    func(cfg *pool.Config[*thing], f func()) { cfg.Take = func(*thing) error { f(); return nil } },
		"Recycle": func(cfg *pool.Config[*thing], f func()) { cfg.Recycle = func(*thing) error { f(); return nil } },
		"Check": func(cfg *pool.Config[*thing], f func()) {
			cfg.Check = func(context.Context, *thing) error { f(); return nil }
		},
		"Capacity": func(cfg *pool.Config[*thing], f func()) { cfg.Capacity = func(*thing) int { f(); return 1 } },
		"Close":    func(cfg *pool.Config[*thing], f func()) { cfg.Close = func(*thing) error { f(); return nil } },
	} {
		for what, change := range map[string]func(r *rig){
			"Reset":     func(r *rig) { r.Reset() },
			"CloseIdle": func(r *rig) { r.CloseIdle() },
			"Close":     func(r *rig) { assert.NoError(r.t, r.Close()) },
		} {
			t.Run(what+" in "+name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					var r *rig
					n := 0
					cfg := pool.Config[*thing]{CheckAfter: -1}
					set(&cfg, func() {
						if n++; n <= 2 {
							change(r)
						}
					})
					r = newManual(t, cfg)
					r.manual = false
					for range 4 {
						r.acquire().release()
					}
					synctest.Wait()
					s := r.Stats()
					assert.Zero(t, s.Leases+s.InUse+s.Dialing+s.Closing+s.Waiting)
					r.acquire().discard()
					if what != "Close" {
						assert.NotZero(t, n)
					}
				})
			})
		}
	}
}
