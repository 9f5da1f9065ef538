package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/pool"
)

// Capacity is asked after Take has failed. If it says that there is room, what was
// in the way may have gone meanwhile, so the resource gets other chances, a few at once
// and a few later, but not without end.
func TestTakeIsTriedAgainOnASharedResourceThatHasRoom(t *testing.T) {
	for failures, want := range map[int]int{1: 1, 2: 1, 3: 1, 5: 1, 6: 2} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			var n atomic.Int32
			cfg.Take = counted(&n, func(_ *thing, n int32) error {
				if n > 1 && n <= int32(1+failures) {
					return errBroken
				}
				return nil
			})
			r := newRig(t, cfg)
			r.acquire().release()
			c := r.acquire()
			if failures > 2 {
				c.waits()
				pass(70 * time.Millisecond)
			}
			assert.Equal(t, want, c.got().n, "after %d failures", failures)
			assert.EqualValues(t, want-1, r.Stats().Closes.Of(pool.ReasonTake))
		})
	}
}

// It has each chance again after a lease that ended well, also where that one goes straight
// to the next waiter.
func TestGoodLeaseBringsBackTheChancesOfAResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		failures := 0
		cfg.Take = func(*thing) error {
			if failures > 0 {
				failures--
				return errBroken
			}
			return nil
		}
		r := newRig(t, cfg)
		r.capacity = 1
		holder := r.acquire()
		for range 5 {
			next := r.acquire()
			failures = 2
			holder.release()
			assert.Equal(t, 1, next.got().n)
			holder = next
		}
		assert.Zero(t, r.Stats().Closes.Of(pool.ReasonTake))
	})
}

// Of an exclusive resource whose Take fails Capacity may say that it has none just now: it is
// waited for.
func TestExclusiveResourceThatCannotBeTakenNowIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		cfg.Shareable = func(*thing) bool { return false }
		cfg.Take = func(x *thing) error {
			if x.capacity.CompareAndSwap(1, 0) {
				return errBroken
			}
			return nil
		}
		r := newRig(t, cfg)
		r.capacity = 1
		c := r.acquire()
		c.waits()
		r.things[0].set(2)
		assert.Equal(t, 1, c.got().n)
	})
}
