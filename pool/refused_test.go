package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/pool"
)

// shy makes Take fail, but for the first time, while refuses is set, and counts its calls.
func shy(cfg *pool.Config[*thing]) (refuses *atomic.Bool, calls *atomic.Int32) {
	refuses, calls = atomic.NewBool(true), atomic.NewInt32(0)
	cfg.MaxOpen = 1
	cfg.Take = counted(calls, func(_ *thing, n int32) error {
		if n > 1 && refuses.Load() {
			return errBroken
		}
		return nil
	})
	return refuses, calls
}

// slowly makes Capacity take so long while slow is set.
func slowly(cfg *pool.Config[*thing], d time.Duration) (slow *atomic.Bool) {
	slow = atomic.NewBool(false)
	read := cfg.Capacity
	cfg.Capacity = func(x *thing) int {
		if slow.Load() {
			<-time.After(d)
		}
		return read(x)
	}
	return slow
}

// What was in the way of Take may be gone when Capacity is asked, and be no change of Capacity
// that anybody tells of. No lease may end for long: the resource is looked at again all the
// same (I2), now and then.
func TestSharedResourceThatRefusedIsTriedAgainThoughNoLeaseEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		refuses, n := shy(&cfg)
		r := newRig(t, cfg)
		r.capacity = 5
		r.acquire().got()
		second, third := r.acquire(), r.acquire()
		second.waits()
		third.waits()
		assert.EqualValues(t, 2, n.Load())
		pass(9 * time.Millisecond)
		assert.EqualValues(t, 2, n.Load(), "not at once")
		pass(time.Millisecond)
		assert.Greater(t, n.Load(), int32(2))
		pass(time.Minute)
		second.waits()
		assert.InDelta(t, 150, n.Load(), 50, "less and less often, and several at a time")
		refuses.Store(false)
		pass(1280 * time.Millisecond)
		assert.Equal(t, 1, second.got().n)
		assert.Equal(t, 1, third.got().n)
		r.acquire().got()
		tried := n.Load()
		pass(time.Minute)
		assert.Equal(t, tried, n.Load(), "it has room, and that is known")
		refuses.Store(true)
		late := r.acquire()
		refuses.Store(false)
		late.waits()
		pass(10 * time.Millisecond)
		late.got() // it is long ago that one was refused
		assert.EqualValues(t, 1, r.Stats().Dials)
	})
}

// The end of a lease may be what makes room: that is tried at once, however many were refused.
func TestSharedResourceThatRefusedManyIsTriedAtOnceWhenALeaseEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		refuses, _ := shy(&cfg)
		r := newRig(t, cfg)
		r.capacity = 5
		first := r.acquire()
		second, third := r.acquire(), r.acquire()
		pass(200 * time.Millisecond)
		refuses.Store(false)
		second.waits()
		first.release()
		second.got()
		third.got()
	})
}

// Nothing of it is left when the resource goes.
func TestSharedResourceThatRefusedAndIsClosedIsNotLookedAtAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		var n, looks atomic.Int32
		cfg.Take = counted(&n, func(x *thing, n int32) error {
			if x.n == 1 && n > 1 {
				return errBroken
			}
			return nil
		})
		read := cfg.Capacity
		cfg.Capacity = func(x *thing) int {
			looks.Add(1)
			return read(x)
		}
		r := newRig(t, cfg)
		r.capacity = 5
		first := r.acquire()
		assert.Equal(t, 2, r.acquire().got().n)
		require.Equal(t, 1, pool.Deadlines(r.Pool))
		first.discard()
		assert.Zero(t, pool.Deadlines(r.Pool))
		before := looks.Load()
		pass(time.Minute)
		assert.Equal(t, before, looks.Load())
	})
}

// A resource that refused some, and told of room by itself, may refuse again long after.
func TestSharedResourceThatToldOfRoomIsLookedAtWhenItRefusesAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		refuses, _ := shy(&cfg)
		r := newRig(t, cfg)
		r.capacity = 5
		x := r.acquire().got()
		second, third := r.acquire(), r.acquire()
		pass(10 * time.Millisecond) // both are refused at once
		refuses.Store(false)
		x.set(5)
		pass(time.Second)
		second.got()
		third.got()

		refuses.Store(true)
		late := r.acquire()
		late.waits()
		refuses.Store(false)
		pass(1280 * time.Millisecond)
		late.got()
	})
}

// The time of the look may come while Capacity is read because of another refusal.
func TestLookComesWhileARefusalIsLookedAt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		slow := slowly(&cfg, 30*time.Millisecond)
		refuses, _ := shy(&cfg)
		r := newRig(t, cfg)
		r.capacity = 5
		r.acquire().got()
		second, third := r.acquire(), r.acquire()
		pass(10 * time.Millisecond) // both are refused at once
		slow.Store(true)
		pass(220 * time.Millisecond)
		slow.Store(false)
		refuses.Store(false)
		pass(2 * time.Second)
		second.got()
		third.got()
	})
}

// What has died under Take is not looked at again.
func TestNoLookAtWhatHasDiedUnderTake(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		gate := make(chan struct{})
		var n atomic.Int32
		cfg.MaxOpen = 1
		cfg.Take = counted(&n, func(_ *thing, n int32) error {
			if n == 1 {
				return nil
			}
			<-gate
			return errBroken
		})
		r := newRig(t, cfg)
		r.capacity = 5
		x := r.acquire().got()
		r.acquire()
		x.set(pool.Dead)
		require.NoError(t, r.Close())
		close(gate)
		pass(0)
		assert.Zero(t, pool.Deadlines(r.Pool))
	})
}

// A resource may tell of a change whenever it is asked or refuses (one of package h2 does so if
// two requests come at once): it is not tried again and again at once for that, and when it has
// room, that is soon seen.
func TestSharedResourceThatTellsOfAChangeAsItRefusesIsNotTriedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		refuses, n := shy(&cfg)
		refusing := cfg.Take
		cfg.Take = func(x *thing) error {
			err := refusing(x)
			if err != nil {
				x.changed()
				refuses.Store(n.Load() < 10_000) // the test is to end when it fails
			}
			return err
		}
		r := newRig(t, cfg)
		r.capacity = 5
		x := r.acquire().got()
		second, third := r.acquire(), r.acquire()
		second.waits()
		third.waits()
		assert.Less(t, n.Load(), int32(20))
		pass(time.Second)
		second.waits()
		assert.Less(t, n.Load(), int32(1000))
		refuses.Store(false)
		x.set(5)
		pass(10 * time.Millisecond)
		second.got()
		third.got()
	})
}

// Whoever was refused is older than those who wait: what room the look at the resource finds is
// for that one first (I3).
func TestRefusedCallerIsNotOvertakenForTheRoomThatItsLookFinds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, capacity := range []int32{1, 2, 3} {
			cfg := shareable()
			cfg.MaxOpen = 1
			var n atomic.Int32
			cfg.Take = counted(&n, func(x *thing, n int32) error {
				if n == 2 {
					x.capacity.Store(capacity)
					return errBroken
				}
				return nil
			})
			r := newRig(t, cfg)
			r.capacity = 1
			holder := r.acquire()
			older := r.acquire()
			younger := r.acquire()
			holder.release()
			assert.Equal(t, 1, older.got().n)
			if capacity == 1 {
				younger.waits()
				older.release()
			}
			assert.Equal(t, 1, younger.got().n)
			assert.EqualValues(t, 1, r.Stats().Dials)
		}
	})
}

// Capacity of an exclusive resource may be read already when Take fails: what that says counts,
// and not what it said before.
func TestExclusiveResourceThatRefusesWhileItsCapacityIsReadStays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		cfg.Shareable = func(*thing) bool { return false }
		slow := slowly(&cfg, time.Second)
		refuse := make(chan error)
		var n atomic.Int32
		cfg.Take = counted(&n, func(_ *thing, n int32) error {
			if n == 2 {
				return <-refuse
			}
			return nil
		})
		r := newRig(t, cfg)
		r.acquire().release()
		c := r.acquire() // in Take
		slow.Store(true)
		r.things[0].set(0)
		c.waits() // Capacity is being read
		refuse <- errBroken
		pass(2 * time.Second)
		c.waits()
		slow.Store(false)
		r.things[0].set(1)
		assert.Equal(t, 1, c.got().n)
		assert.Zero(t, r.Stats().Closes.Total())
	})
}

// Who comes while a resource that has refused is looked at counts on it: nothing is dialled that
// it makes needless.
func TestCallerCountsOnTheRoomOfAResourceThatIsLookedAt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 2
		slow := slowly(&cfg, time.Second)
		var n atomic.Int32
		cfg.Take = counted(&n, func(_ *thing, n int32) error {
			if n == 2 {
				return errBroken
			}
			return nil
		})
		r := newRig(t, cfg)
		r.capacity = 5
		r.acquire().release()
		slow.Store(true)
		older := r.acquire()
		younger := r.acquire()
		younger.waits()
		assert.Len(t, r.things, 1)
		pass(time.Second)
		slow.Store(false)
		assert.Equal(t, 1, older.got().n)
		assert.Equal(t, 1, younger.got().n)
	})
}

// Nor does a newcomer get in the lane what is released while the resource is looked at.
func TestRefusedCallerIsNotOvertakenInTheLane(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		var refuse, slow atomic.Bool
		gate := make(chan struct{})
		read := cfg.Capacity
		cfg.Capacity = func(x *thing) int {
			if slow.CompareAndSwap(true, false) {
				<-gate
			}
			return read(x)
		}
		cfg.Take = func(*thing) error {
			if refuse.CompareAndSwap(true, false) {
				return errBroken
			}
			return nil
		}
		r := newRig(t, cfg)
		r.capacity = 2
		for range 20 { // the lane opens
			r.acquire().release()
		}
		holder := r.acquire()
		refuse.Store(true)
		slow.Store(true)
		older := r.acquire() // its Take has failed, and Capacity is read
		older.waits()
		require.NoError(t, r.SetLimits(r.Limits())) // any change of the pool
		holder.release()
		younger := r.acquire()
		younger.waits()
		close(gate)
		assert.Equal(t, 1, older.got().n)
		assert.Equal(t, 1, younger.got().n)
	})
}
