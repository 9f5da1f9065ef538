package pool_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// runtime.Goexit ends the goroutine that a func of the Config runs in; a failed
// check of a test does that. It must cost no slot and no lock.
func TestGoexitInACallOutOfTheCallerClosesTheResource(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cfg    func(trap func()) pool.Config[*thing]
		reason pool.Reason
	}{
		{"Take", func(trap func()) pool.Config[*thing] {
			return pool.Config[*thing]{Take: func(*thing) error { trap(); return nil }}
		}, pool.ReasonTake},
		{"Check", func(trap func()) pool.Config[*thing] {
			return pool.Config[*thing]{CheckAfter: -1, Check: func(context.Context, *thing) error { trap(); return nil }}
		}, pool.ReasonCheck},
		{"Recycle", func(trap func()) pool.Config[*thing] {
			return pool.Config[*thing]{Recycle: func(*thing) error { trap(); return nil }}
		}, pool.ReasonRecycle},
		{"Capacity", func(trap func()) pool.Config[*thing] {
			return pool.Config[*thing]{Capacity: func(*thing) int { trap(); return 1 }}
		}, pool.ReasonCapacity},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var armed atomic.Bool
				cfg := tt.cfg(func() {
					if armed.CompareAndSwap(true, false) {
						runtime.Goexit()
					}
				})
				cfg.MaxOpen = 1
				r := newRig(t, cfg)
				r.acquire().release()
				armed.Store(true)
				go func() {
					l, err := r.Acquire(t.Context())
					assert.NoError(t, err)
					l.Release()
				}()
				synctest.Wait()
				require.False(t, armed.Load())
				assert.Equal(t, 2, r.acquire().got().n)
				assert.EqualValues(t, 1, r.Stats().Closes.Of(tt.reason))
			})
		})
	}
}

// The same in the pool's own goroutines: after the dial, and where a change of
// capacity is read.
func TestGoexitInACallOutOfThePoolClosesTheResource(t *testing.T) {
	for _, name := range []string{"Shareable", "Watch", "Capacity", "Expect"} {
		t.Run(name+" after the dial", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				armed := true
				r := newRig(t, exiting(name, &armed))
				first, second := r.acquire(), r.acquire()
				var failure *pool.DialError
				assert.ErrorAs(t, first.failed(), &failure)
				assert.Equal(t, 2, second.got().n)
			})
		})
	}
	for _, name := range []string{"Capacity", "Expect"} {
		t.Run(name+" after a change", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				armed := false
				r := newRig(t, exiting(name, &armed))
				holder := r.acquire()
				holder.got()
				waiting := r.acquire()
				armed = true
				r.things[0].set(1)
				assert.Equal(t, 2, waiting.got().n, "what cannot be asked is dead")
				assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonCapacity))
			})
		})
	}
}

// exiting returns a Config for one slot in which the named func ends its
// goroutine once, when armed.
func exiting(name string, armed *bool) pool.Config[*thing] {
	trap := func(here string) {
		if here == name && *armed {
			*armed = false
			runtime.Goexit()
		}
	}
	cfg := shareable()
	cfg.MaxOpen = 1
	watch, capacity := cfg.Watch, cfg.Capacity
	cfg.Shareable = func(*thing) bool { trap("Shareable"); return true }
	cfg.Watch = func(x *thing, changed func()) { trap("Watch"); watch(x, changed) }
	cfg.Capacity = func(x *thing) int { trap("Capacity"); return capacity(x) }
	cfg.Expect = func(x *thing) int { trap("Expect"); return capacity(x) }
	return cfg
}
