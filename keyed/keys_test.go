package keyed_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// A map cannot find NaN again: what was kept for it would be lost.
func TestKeyThatIsNotEqualToItselfIsAnError(t *testing.T) {
	type pair struct {
		name string
		f    float64
	}
	p, err := keyed.New(keyed.Config[pair, int]{Dial: func(context.Context, pair) (int, error) { return 1, nil }})
	require.NoError(t, err)
	nan := pair{"a", math.NaN()}
	_, err = p.Acquire(t.Context(), nan)
	assert.ErrorContains(t, err, "NaN")
	assert.ErrorContains(t, p.SetLimits(nan, pool.Limits{MaxOpen: 1}), "NaN")
	assert.ErrorContains(t, p.Do(t.Context(), nan, func(pool.Lease[int]) error { return nil }), "NaN")
	_, ok := p.TryAcquire(nan)
	assert.False(t, ok)
	_, ok = p.StatsFor(nan)
	assert.False(t, ok)
	p.ResetKey(nan) // of a key that is not in use: nothing to do
	assert.Empty(t, keysOf(p))
	assert.NoError(t, p.Shutdown(t.Context()))
}

// A key of interface type may hold a value that cannot be compared. That panics in
// whoever came with it, and nobody else notices.
func TestUncomparableKeyPanicsInItsCaller(t *testing.T) {
	p, err := keyed.New(keyed.Config[any, int]{
		Dial:    func(context.Context, any) (int, error) { return 1, nil },
		MaxOpen: 1,
	})
	require.NoError(t, err)
	bad := []int{1}
	for name, call := range map[string]func(){
		"Acquire":    func() { _, _ = p.Acquire(t.Context(), bad) },
		"TryAcquire": func() { _, _ = p.TryAcquire(bad) },
		"Do":         func() { _ = p.Do(t.Context(), bad, func(pool.Lease[int]) error { return nil }) },
		"SetLimits":  func() { _ = p.SetLimits(bad, pool.Limits{MaxOpen: 1}) },
		"take back":  func() { _ = p.SetLimits(bad, pool.Limits{}) },
		"StatsFor":   func() { _, _ = p.StatsFor(bad) },
		"ResetKey":   func() { p.ResetKey(bad) },
	} {
		assert.Panics(t, call, name)
		l, err := p.Acquire(t.Context(), name) // would hang if a lock were left
		require.NoError(t, err)
		l.Release()
	}
	require.NoError(t, p.SetLimits("a", pool.Limits{MaxOpen: 1}))
	require.NoError(t, p.Shutdown(t.Context()))
	assertNothingLeft(t, p)
}

// Keys of interface type are told apart by type and value.
func TestKeysOfInterfaceTypeAreTheirValues(t *testing.T) {
	var dials atomic.Int32
	p, err := keyed.New(keyed.Config[any, int32]{Dial: func(context.Context, any) (int32, error) { return dials.Inc(), nil }})
	require.NoError(t, err)
	for _, key := range []any{1, int64(1), "1"} {
		l, err := p.Acquire(t.Context(), key)
		require.NoError(t, err)
		want := l.Value()
		l.Release()
		l, ok := p.TryAcquire(key)
		require.True(t, ok)
		assert.Equal(t, want, l.Value())
		l.Release()
	}
	assert.EqualValues(t, 3, dials.Load())
	require.NoError(t, p.Shutdown(t.Context()))
}

// explosive makes a Config whose PerKey and Shared panic for keys of their name.
func explosive() config {
	return config{
		MaxOpen: 2,
		PerKey: func(key string) pool.Limits {
			if key == "PerKey" {
				panic("in PerKey")
			}
			return pool.Limits{}
		},
		Shared: func(key string) int {
			if key == "Shared" {
				panic("in Shared")
			}
			return 1
		},
	}
}

func TestPanicOfPerKeyOrSharedReachesTheCallerAndLeavesNothingLocked(t *testing.T) {
	for _, key := range []string{"PerKey", "Shared"} {
		t.Run(key, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, explosive())
				holder := r.acquire("a")
				for range 3 {
					assert.PanicsWithValue(t, "in "+key, func() { _, _ = r.Acquire(t.Context(), key) })
				}
				assert.PanicsWithValue(t, "in "+key, func() {
					_ = r.Do(t.Context(), key, func(pool.Lease[*thing]) error { return nil })
				})
				assert.Equal(t, []string{"a"}, r.keys(), "the key is not in use (I12)")
				s := r.Stats()
				assert.Zero(t, s.Waiting+s.Dialing)
				r.acquire("b").got()
				holder.release()
				r.acquire("a").got()
			})
		})
	}
}

// After a dial Shared is asked in the background. A panic there fails those who
// wait, and what was dialled is closed.
func TestPanicOfSharedAfterADialFailsTheWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var armed atomic.Bool
		r := newManual(t, config{MaxOpen: 1, Shared: func(string) int {
			if armed.Load() {
				panic("in Shared")
			}
			return 1
		}})
		c := r.acquire("a")
		armed.Store(true)
		r.dial(1).ok()
		var failure *pool.DialError
		require.ErrorAs(t, c.failed(), &failure)
		assert.ErrorContains(t, failure, "panic in Shared")
		assert.Equal(t, "a", failure.Key)
		armed.Store(false)
		next := r.acquire("b")
		r.dial(2).ok()
		next.got()
		assert.Equal(t, []string{"b"}, r.keys())
	})
}

func TestPanicInTakeOrRecycleReachesTheCallerOfItsKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{
			MaxOpen: 1,
			Take: func(x *thing) error {
				if x.key == "Take" {
					panic("in Take")
				}
				return nil
			},
			Recycle: func(x *thing) error {
				if x.key == "Recycle" {
					panic("in Recycle")
				}
				return nil
			},
		})
		assert.PanicsWithValue(t, "in Take", func() { _, _ = r.Acquire(t.Context(), "Take") })
		c := r.acquire("Recycle")
		waiting := r.acquire("a")
		waiting.waits()
		assert.PanicsWithValue(t, "in Recycle", c.lease.Release)
		synctest.Wait()
		waiting.got()
		assert.Equal(t, []string{"a"}, r.keys())
	})
}

func TestDialErrorSaysTheKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{})
		c := r.acquire("a")
		r.dial(1).fail()
		var failure *pool.DialError
		require.ErrorAs(t, c.failed(), &failure)
		assert.Equal(t, "a", failure.Key)
		assert.ErrorIs(t, failure, errDial)
		assert.ErrorContains(t, failure, "key a")
	})
}

// endsOnTheWay ends after the first look at it: when the call is in the key's entry.
type endsOnTheWay struct {
	context.Context
	looks int
}

func (c *endsOnTheWay) Err() error {
	if c.looks++; c.looks == 1 {
		return nil
	}
	return context.Canceled
}

// A key is in use from the first call that could take something: a key with MinIdle stays, and
// would have nothing.
func TestCallThatHasEndedBringsNoKeyIntoUse(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func(r *rig) error{
		"Acquire":     func(r *rig) error { _, err := r.Acquire(done, "a"); return err },
		"AcquireWith": func(r *rig) error { _, err := r.AcquireWith(done, "a", pool.Request{Fresh: true}); return err },
		"AcquireInstead": func(r *rig) error {
			_, err := r.AcquireInstead(done, "a", pool.Lease[*thing]{}, nil, pool.Request{})
			return err
		},
		"Do":   func(r *rig) error { return r.Do(done, "a", func(pool.Lease[*thing]) error { return nil }) },
		"Warm": func(r *rig) error { return r.Warm(done, "a", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, config{MinIdlePerKey: 1})
				require.ErrorIs(t, call(r), context.Canceled)
				time.Sleep(time.Hour)
				assert.Empty(t, r.keys())
			})
		})
	}
}

// A call that has ended at once has changed nothing in the key's pool, which has a
// MinIdle to dial for and so keeps the key. When that has gone the key goes.
func TestKeyOfWhichACallTookNothingIsForgotten(t *testing.T) {
	for name, end := range map[string]func(r *rig){
		"SetLimits":   func(r *rig) { assert.NoError(r.t, r.SetLimits("a", pool.Limits{MinIdle: pool.NoLimit})) },
		"ShutdownKey": func(r *rig) { assert.NoError(r.t, r.ShutdownKey(r.t.Context(), "a")) },
		"Close":       func(r *rig) { assert.NoError(r.t, r.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, config{MinIdlePerKey: 1})
				_, err := r.Acquire(&endsOnTheWay{Context: t.Context()}, "a")
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, []string{"a"}, r.keys())
				end(r)
				assert.Empty(t, r.keys())
			})
		})
	}
}
