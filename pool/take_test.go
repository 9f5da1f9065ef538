package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// counted returns a func that counts its calls and fails as failing says.
func counted(n *atomic.Int32, failing func(x *thing, n int32) error) func(*thing) error {
	return func(x *thing) error {
		n := n.Inc()
		if failing == nil {
			return nil
		}
		return failing(x, n)
	}
}

func TestTakeRunsForEveryLease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n atomic.Int32
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, Take: counted(&n, nil)})
		dialed := r.acquire()
		dialed.got()
		assert.EqualValues(t, 1, n.Load())
		handed := r.acquire()
		dialed.release()
		handed.got()
		assert.EqualValues(t, 2, n.Load())
		handed.release()
		r.acquire().release()
		assert.EqualValues(t, 3, n.Load())
		l, ok := r.TryAcquire()
		require.True(t, ok)
		assert.EqualValues(t, 4, n.Load())
		l.Release()
		assert.NoError(t, r.Do(t.Context(), func(pool.Lease[*thing]) error { return nil }))
		assert.EqualValues(t, 5, n.Load())
	})
}

// The resource failed and not the caller: it goes on at its first place, in
// front of those who came later (I3).
func TestFailedTakeKeepsThePlaceAndClosesAnExclusiveResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n atomic.Int32
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, Take: counted(&n, func(x *thing, n int32) error {
			if n == 2 {
				return errBroken
			}
			return nil
		})})
		holder := r.acquire()
		oldest, younger := r.acquire(), r.acquire()
		holder.release()
		assert.Equal(t, 2, oldest.got().n, "the next resource is for the same caller")
		younger.waits()
		s := r.Stats()
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonTake))
		assert.EqualValues(t, 3, s.Acquires, "a second try is no second call")
		assert.EqualValues(t, 1, s.Leases)
	})
}

// The place is that of the call, also for one that was served without queueing.
func TestFailedTakeOfACallerServedAtOnceKeepsThePlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n atomic.Int32
		word := make(chan error)
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, Take: counted(&n, func(_ *thing, n int32) error {
			if n == 2 {
				return <-word
			}
			return nil
		})})
		c := r.acquire()
		r.dial(1).ok()
		c.release()
		first := r.acquire() // in Take
		later := r.acquire()
		word <- errBroken
		r.dial(2).ok()
		assert.Equal(t, 2, first.got().n)
		later.waits()
	})
}

// Capacity says that the resource has no room after all: it stays.
func TestFailedTakeOfAFullExclusiveResourceKeepsIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shareable = func(*thing) bool { return false }
		var n atomic.Int32
		cfg.Take = counted(&n, func(x *thing, n int32) error {
			if n == 2 {
				x.capacity.Store(0) // it has noticed this very moment
				return errBroken
			}
			return nil
		})
		r := newRig(t, cfg)
		r.acquire().release()
		other := r.acquire()
		assert.Equal(t, 2, other.got().n)
		assert.Zero(t, r.Stats().Closes.Total())
		assert.Equal(t, 1, r.Stats().Idle)
		r.things[0].set(1)
		assert.Equal(t, 1, r.acquire().got().n)
	})
}

// A shareable resource whose Take fails while others use it is full for the
// moment, whatever Capacity says, and is looked at again when a lease ends.
func TestFailedTakeOfASharedResourceMakesItFullUntilALeaseEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		var n atomic.Int32
		cfg.Take = counted(&n, func(_ *thing, n int32) error {
			if n == 2 {
				return errBroken
			}
			return nil
		})
		r := newRig(t, cfg)
		r.capacity = 5
		first := r.acquire()
		second, third := r.acquire(), r.acquire()
		second.waits()
		third.waits()
		assert.EqualValues(t, 2, n.Load(), "it is not tried again and again")
		first.release()
		assert.Equal(t, 1, second.got().n)
		assert.Equal(t, 1, third.got().n)
		assert.EqualValues(t, 1, r.Stats().Dials)
	})
}

// Resources that fail as soon as they are dialled would be dialled for ever.
func TestTakeThatFailsOnFreshResourcesEndsTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n atomic.Int32
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, Take: counted(&n, func(*thing, int32) error { return errBroken })})
		oldest := r.acquire()
		err := oldest.failed()
		assert.ErrorIs(t, err, errBroken)
		assert.EqualError(t, err, "pool: Take failed on 3 resources in a row, each just dialled: broken")
		assert.EqualValues(t, 3, r.Stats().Dials)
		assert.EqualValues(t, 3, n.Load())
	})
}

// That a shareable one is tried again, or that a dial in the background brings some that
// lie idle for a moment, makes none of them better.
func TestTakeThatAlwaysFailsEndsTheCall(t *testing.T) {
	never := func(*thing) error {
		<-time.After(5 * time.Millisecond)
		return errBroken
	}
	share := shareable()
	share.Take = never
	for name, cfg := range map[string]pool.Config[*thing]{
		"shareable": share,
		"MinIdle":   {MinIdle: 3, Take: never},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, cfg)
				r.capacity = 10
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, err := r.Acquire(ctx)
				assert.ErrorIs(t, err, errBroken)
				assert.LessOrEqual(t, r.Stats().Dials, uint64(10))
			})
		})
	}
}

// Those that were used before may all have gone stale; that says nothing of the
// next dial.
func TestTakeThatFailsOnUsedResourcesIsNoReasonToGiveUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const stale = 5
		var n atomic.Int32
		r := newRig(t, pool.Config[*thing]{Take: counted(&n, func(x *thing, n int32) error {
			if n > stale && x.n <= stale {
				return errBroken
			}
			return nil
		})})
		for _, c := range r.acquireAll(stale) {
			c.release()
		}
		assert.Equal(t, stale+1, r.acquire().got().n)
		assert.EqualValues(t, stale, r.Stats().Closes.Of(pool.ReasonTake))
	})
}

// Those that were only warmed have lain idle, however new they are to callers.
func TestTakeThatFailsOnWarmedResourcesIsNoReasonToGiveUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const stale = 4
		r := newRig(t, pool.Config[*thing]{Take: func(x *thing) error {
			if x.n <= stale {
				return errBroken
			}
			return nil
		}})
		require.NoError(t, r.Warm(t.Context(), stale))
		assert.Equal(t, stale+1, r.acquire().got().n)
		assert.EqualValues(t, stale, r.Stats().Closes.Of(pool.ReasonTake))
	})
}

// In a row means that nothing else has failed in between: one that was released, and is
// handed over or found idle.
func TestTakeThatFailsOnOtherResourcesInBetween(t *testing.T) {
	for name, checked := range map[string]bool{"handed over": false, "checked": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var holder *call
				used := false
				cfg := pool.Config[*thing]{MaxOpen: 2, Take: func(x *thing) error {
					if x.n == 1 && !used || x.n == 6 {
						used = true
						return nil
					}
					if x.n == 3 && checked {
						holder.lease.Release()
					}
					return errBroken
				}}
				if checked {
					cfg.CheckAfter, cfg.Check = -1, func(context.Context, *thing) error { return errBroken }
				}
				r := newManual(t, cfg)
				holder = r.acquire()
				r.dial(1).ok()
				holder.got()
				c := r.acquire()
				for n := 2; n <= 3; n++ {
					r.dial(n).ok()
					c.waits()
				}
				if !checked {
					holder.release()
				}
				for n := 4; n <= 6; n++ {
					r.dial(n).ok()
				}
				assert.Equal(t, 6, c.got().n)
			})
		})
	}
}

func TestTryAcquireGoesOnWhenTakeFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n atomic.Int32
		r := newRig(t, pool.Config[*thing]{Take: counted(&n, func(x *thing, n int32) error {
			if n > 2 && x.n == 2 {
				return errBroken
			}
			return nil
		})})
		one, two := r.acquire(), r.acquire()
		one.release()
		two.release()
		l, ok := r.TryAcquire() // the one used last fails
		require.True(t, ok)
		assert.Equal(t, 1, l.Value().n)
		_, ok = r.TryAcquire()
		assert.False(t, ok)
		l.Release()
		assert.EqualValues(t, 2, r.Stats().Dials)
	})
}

func TestRecycleRunsForReleaseAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n atomic.Int32
		r := newRig(t, pool.Config[*thing]{Recycle: counted(&n, nil)})
		r.acquire().release()
		assert.EqualValues(t, 1, n.Load())
		r.acquire().discard()
		r.acquire().hijack()
		assert.EqualValues(t, 1, n.Load())
		c := r.acquire()
		c.release()
		c.release()
		assert.EqualValues(t, 2, n.Load())
	})
}

func TestFailedRecycleClosesTheResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{Recycle: func(*thing) error { return errBroken }})
		r.acquire().release()
		s := r.Stats()
		assert.Zero(t, s.Open+s.Leases)
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonRecycle))
	})
}

// A panic in a func that runs in the caller's goroutine reaches the caller. The
// resource is closed, and the slot serves the next.
func TestPanicReachesTheCallerWithTheCountsRight(t *testing.T) {
	boom := func() { panic("boom") }
	for _, tt := range []struct {
		name   string
		cfg    func(armed *bool) pool.Config[*thing]
		action func(r *rig, held pool.Lease[*thing])
		reason pool.Reason
	}{
		{"Take", func(armed *bool) pool.Config[*thing] {
			return pool.Config[*thing]{Take: func(*thing) error { return when(armed, boom) }}
		}, acquires, pool.ReasonTake},
		{"Take in TryAcquire", func(armed *bool) pool.Config[*thing] {
			return pool.Config[*thing]{Take: func(*thing) error { return when(armed, boom) }}
		}, func(r *rig, held pool.Lease[*thing]) { held.Release(); *r.arm = true; r.TryAcquire() }, pool.ReasonTake},
		{"Check", func(armed *bool) pool.Config[*thing] {
			return pool.Config[*thing]{CheckAfter: -1, Check: func(context.Context, *thing) error { return when(armed, boom) }}
		}, acquires, pool.ReasonCheck},
		{"Recycle", func(armed *bool) pool.Config[*thing] {
			return pool.Config[*thing]{Recycle: func(*thing) error { return when(armed, boom) }}
		}, func(r *rig, held pool.Lease[*thing]) { *r.arm = true; held.Release() }, pool.ReasonRecycle},
		{"Capacity at a release", func(armed *bool) pool.Config[*thing] {
			return pool.Config[*thing]{Capacity: func(*thing) int { _ = when(armed, boom); return 1 }}
		}, func(r *rig, held pool.Lease[*thing]) { *r.arm = true; held.Release() }, pool.ReasonCapacity},
		{"Capacity after a failed Take", func(armed *bool) pool.Config[*thing] {
			cfg := shareable()
			cfg.Take = func(*thing) error {
				if *armed {
					return errBroken
				}
				return nil
			}
			cfg.Capacity = func(*thing) int { _ = when(armed, boom); return 1 }
			return cfg
		}, acquires, pool.ReasonCapacity},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				armed := false
				cfg := tt.cfg(&armed)
				cfg.MaxOpen = 1
				r := newRig(t, cfg)
				r.arm = &armed
				held := r.acquire()
				held.got()
				assert.PanicsWithValue(t, "boom", func() { tt.action(r, held.lease) })
				armed = false
				next := r.acquire()
				assert.Equal(t, 2, next.got().n)
				s := r.Stats()
				assert.EqualValues(t, 1, s.Closes.Of(tt.reason))
				assert.Equal(t, 1, s.Leases)
				assert.Equal(t, 1, s.InUse)
			})
		})
	}
}

// when calls f if it is armed.
func when(armed *bool, f func()) error {
	if *armed {
		f()
	}
	return nil
}

// acquires releases what is held and acquires it again, with the trap armed.
func acquires(r *rig, held pool.Lease[*thing]) {
	held.Release()
	*r.arm = true
	_, _ = r.Acquire(r.t.Context())
}
