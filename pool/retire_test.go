package pool_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetireClosesIdleResourcesAtOnceAndOthersAtTheirRelease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{})
		calls := []*call{r.acquire(), r.acquire(), r.acquire(), r.acquire()}
		calls[2].release()
		calls[3].release()
		r.Retire(func(x *thing) bool { return x.n%2 == 0 })
		s := r.Stats()
		assert.Equal(t, 1, s.Idle)
		assert.Equal(t, 2, s.InUse)
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonRetire))
		assert.Zero(t, calls[1].got().closes.Load(), "its holder keeps it")

		calls[0].release()
		calls[1].release()
		s = r.Stats()
		assert.Equal(t, 2, s.Idle)
		assert.EqualValues(t, 2, s.Closes.Of(pool.ReasonRetire))
		assert.Zero(t, r.things[0].closes.Load()+r.things[2].closes.Load())
	})
}

func TestRetireDrainsShareableResources(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		r := newRig(t, cfg)
		r.capacity = 3
		first, second := r.acquire(), r.acquire()
		r.Retire(func(*thing) bool { return true })
		assert.Equal(t, 2, r.acquire().got().n)
		first.release()
		assert.Zero(t, r.things[0].closes.Load())
		second.release()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
	})
}

// f is asked about each open resource, once. It may call the pool, also to retire
// more.
func TestRetireAsksOnceAboutEachOpenResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		idle, used, gone := r.acquire(), r.acquire(), r.acquire()
		r.dial(1).ok()
		r.dial(2).ok()
		r.dial(3).ok()
		used.got()
		idle.release()
		gone.discard()
		r.warm(t.Context(), 3) // its dial is in flight
		var asked []int
		r.Retire(func(x *thing) bool {
			asked = append(asked, x.n)
			r.Retire(func(*thing) bool { return false })
			r.CloseIdle()
			assert.Positive(t, r.Stats().Dials)
			return true
		})
		assert.ElementsMatch(t, []int{1, 2}, asked)
		s := r.Stats()
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonCloseIdle), "what CloseIdle has closed is not closed again")
		assert.Equal(t, 1, s.InUse)
	})
}

// A resource that was retired twice, and then reset, has one end.
func TestRetiredResourceEndsOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		all := func(*thing) bool { return true }
		r := newRig(t, pool.Config[*thing]{MaxLifetime: time.Minute})
		c := r.acquire()
		r.Retire(all)
		r.Retire(all)
		r.Reset()
		pass(time.Hour)
		c.release()
		s := r.Stats()
		assert.EqualValues(t, 1, s.Closes.Total())
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonRetire), "the first reason counts")
	})
}

// The slot goes to a waiter, and the retired resource does not (I2).
func TestWaiterGetsTheSlotOfARetiredResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		c := r.acquire()
		waiting := r.acquire()
		r.Retire(func(*thing) bool { return true })
		waiting.waits()
		c.release()
		assert.Equal(t, 2, waiting.got().n)
	})
}

func TestHijackTakesARetiredResourceOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		c := r.acquire()
		r.Retire(func(*thing) bool { return true })
		assert.Zero(t, c.hijack().closes.Load())
		assert.Zero(t, r.Stats().Closes.Total())
		assert.Equal(t, 2, r.acquire().got().n)
	})
}

// A panic of f reaches the caller, and what was retired until then is.
func TestPanicOfRetiresFuncReachesTheCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{})
		require.NoError(t, r.Warm(t.Context(), 3))
		asked := 0
		assert.PanicsWithValue(t, "boom", func() {
			r.Retire(func(*thing) bool {
				if asked++; asked == 3 {
					panic("boom")
				}
				return true
			})
		})
		assert.Equal(t, 1, r.Stats().Idle)
		r.acquire().got()
	})
}
