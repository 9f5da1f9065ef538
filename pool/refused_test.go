package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/atomic"
)

// What was in the way of Take may be gone when Capacity is asked, and be no change of Capacity
// that anybody tells of. No lease may end for long: the resource is looked at again all the
// same (I2), now and then.
func TestSharedResourceThatRefusedIsTriedAgainThoughNoLeaseEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		var n atomic.Int32
		refuses := true
		cfg.Take = counted(&n, func(_ *thing, n int32) error {
			if n > 1 && refuses {
				return errBroken
			}
			return nil
		})
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
		refuses = false
		pass(1280 * time.Millisecond)
		assert.Equal(t, 1, second.got().n)
		assert.Equal(t, 1, third.got().n)
		r.acquire().got()
		tried := n.Load()
		pass(time.Minute)
		assert.Equal(t, tried, n.Load(), "it has room, and that is known")
		refuses = true
		late := r.acquire()
		refuses = false
		late.waits()
		pass(10 * time.Millisecond)
		late.got() // it is long ago that one was refused
		assert.EqualValues(t, 1, r.Stats().Dials)
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
		first.discard()
		before := looks.Load()
		pass(time.Minute)
		assert.Equal(t, before, looks.Load())
	})
}
