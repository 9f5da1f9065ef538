package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/pool"
)

// What is in the way of Take, though no lease is out and Capacity says that there is room, may
// take a moment to go, as what is left of a request that was canceled does on an HTTP/2
// connection: a resource that has served is not closed for that. Nothing is dialled in its place
// meanwhile, nor is it tried all the time.
func TestLoneSharedResourceThatRefusedIsTriedAgainBeforeItIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		refuses, n := shy(&cfg)
		cfg.MaxOpen = 2
		r := newRig(t, cfg)
		r.capacity = 5
		r.acquire().release()
		c := r.acquire()
		c.waits()
		assert.EqualValues(t, 4, n.Load(), "three times at once")
		_, ok := r.TryAcquire()
		assert.False(t, ok)
		pass(9 * time.Millisecond)
		assert.EqualValues(t, 4, n.Load())
		pass(time.Millisecond)
		assert.EqualValues(t, 5, n.Load())
		pass(19 * time.Millisecond)
		assert.EqualValues(t, 5, n.Load())
		pass(time.Millisecond)
		assert.EqualValues(t, 6, n.Load())
		refuses.Store(false)
		c.waits()
		pass(40 * time.Millisecond)
		assert.Equal(t, 1, c.got().n)
		assert.EqualValues(t, 1, r.Stats().Dials)
		assert.EqualValues(t, 0, r.Stats().Closes.Total())

		refuses.Store(true) // a lease that ends well has it be trusted as before
		c.release()
		late := r.acquire()
		late.waits()
		refuses.Store(false)
		pass(10 * time.Millisecond)
		assert.Equal(t, 1, late.got().n)
	})
}

// For those whom it could not serve if it did not refuse, others are dialled.
func TestLoneSharedResourceThatRefusedHoldsUpNoDialForMoreThanOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		var n atomic.Int32
		cfg.MaxOpen = 2
		cfg.Take = counted(&n, func(x *thing, n int32) error {
			if x.n == 1 && n > 1 {
				return errBroken
			}
			return nil
		})
		r := newRig(t, cfg)
		r.capacity = 1
		r.acquire().release()
		c := r.acquire()
		c.waits()
		d := r.acquire()
		assert.Equal(t, 2, c.got().n, "the oldest one has what comes first")
		d.waits()
		pass(30 * time.Millisecond)
		assert.EqualValues(t, 2, r.Stats().Dials)
		c.release()
		assert.Equal(t, 2, d.got().n)
	})
}

// It may tell of a change whenever it refuses, and is closed all the same if it goes on.
func TestLoneSharedResourceThatTellsOfChangesAndRefusesIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		var n atomic.Int32
		cfg.MaxOpen = 1
		cfg.Take = counted(&n, func(x *thing, n int32) error {
			if x.n > 1 || n == 1 || n > 10_000 { // the test is to end when it fails
				return nil
			}
			x.changed()
			return errBroken
		})
		r := newRig(t, cfg)
		r.capacity = 5
		r.acquire().release()
		c := r.acquire()
		c.waits()
		assert.Less(t, n.Load(), int32(10))
		pass(70 * time.Millisecond)
		assert.Equal(t, 2, c.got().n)
		assert.Less(t, n.Load(), int32(20))
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonTake))
		assert.Zero(t, pool.Deadlines(r.Pool))
	})
}

// Its caller may give up: it is there for the next one when its time has come.
func TestLoneSharedResourceThatRefusedIsThereForTheNextCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		refuses, n := shy(&cfg)
		r := newRig(t, cfg)
		r.capacity = 5
		r.acquire().release()
		c := r.acquire()
		c.leave()
		var waited *pool.WaitError
		if assert.ErrorAs(t, c.failed(), &waited) {
			assert.Equal(t, pool.ForCapacity, waited.For)
		}
		pass(time.Minute)
		assert.EqualValues(t, 4, n.Load(), "nobody wants it")
		assert.Equal(t, 1, r.Stats().Idle)
		refuses.Store(false)
		assert.Equal(t, 1, r.acquire().got().n)
	})
}

// It is closed in the end, however long Take and Capacity take, and however seldom and for how
// short a time it is asked: no lease of it has ended well.
func TestLoneSharedResourceThatRefusesIsClosedInTheEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		take, capacity, wait, every time.Duration
	}{
		"slow Take":         {take: 100 * time.Millisecond},
		"slower Take":       {take: time.Second},
		"slow Capacity":     {capacity: 100 * time.Millisecond},
		"short waits":       {wait: 25 * time.Millisecond, every: 100 * time.Millisecond},
		"one call per hour": {wait: 25 * time.Millisecond, every: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				var n atomic.Int32
				cfg.MaxOpen, cfg.WaitTimeout = 1, tt.wait
				read := cfg.Capacity
				cfg.Capacity = func(x *thing) int {
					if n.Load() > 1 {
						<-time.After(tt.capacity)
					}
					return read(x)
				}
				cfg.Take = counted(&n, func(x *thing, n int32) error {
					if x.n > 1 || n == 1 || n > 1000 { // the test is to end when it fails
						return nil
					}
					<-time.After(tt.take)
					return errBroken
				})
				r := newRig(t, cfg)
				r.capacity = 5
				r.acquire().release()
				for range 50 {
					c := r.acquire()
					pass(10*time.Second + tt.every)
					require.True(t, c.ended())
					if c.err == nil {
						c.release()
						break
					}
				}
				assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonTake))
				assert.EqualValues(t, 8, n.Load(), "one that is good, three at once, and three later")
			})
		})
	}
}
