package h2_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
)

// Whoever had the response has dropped it, and the connection has done with the stream.
func TestStrayHoldsNoStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, news := ready(t, 4, h2.Options{})
		begin(t, r, 4)
		c.streamEnds()
		c.streamEnds()
		assert.Equal(t, 4, r.Capacity(), "most likely they are about to end")
		news()
		pass(time.Second)
		assert.Positive(t, news())
		assert.Equal(t, 6, r.Capacity(), "with the two that will never end")
		begin(t, r, 2)
		require.Error(t, r.Take())
		assert.Equal(t, 6, r.Capacity())

		news()
		r.End() // one did end after all
		assert.Positive(t, news())
		assert.Equal(t, 5, r.Capacity())
		r.End()
		c.streamEnds()
		r.End()
		assert.Equal(t, 4, r.Capacity())
	})
}

func TestRequestThatIsAboutToEndIsNoStray(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, news := ready(t, 4, h2.Options{Stray: func() int { return 0 }})
		begin(t, r, 1)
		for range 100 { // another one each time, and always one has no stream
			begin(t, r, 1)
			c.streamEnds()
			news()
			pass(100 * time.Millisecond)
			assert.Equal(t, 4, r.Capacity())
			assert.Zero(t, news())
			r.End()
		}
	})
}

func TestStraysAreEndedWhereSomebodyKnowsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *h2.Resource
		calls, dead := 0, 0
		c, r, _ := ready(t, 4, h2.Options{Stray: func() int {
			calls++
			for ; dead > 0; dead-- {
				r.End()
			}
			return 1
		}})
		begin(t, r, 3)
		pass(time.Minute)
		require.Zero(t, calls, "each has its stream")
		dead = 1
		c.streamEnds()
		c.streamEnds()
		pass(time.Minute)
		assert.InDelta(t, 60, calls, 10)
		assert.Equal(t, 5, r.Capacity(), "one of the two stays")
		r.End()
		pass(time.Minute)
		looks := c.looked()
		pass(time.Hour)
		assert.Less(t, c.looked()-looks, 1000, "that of each half minute only")
		assert.Equal(t, 4, r.Capacity())
	})
}

// Ours is a number of streams.
func TestStraysAreBesideMaxStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, _ := ready(t, 10, h2.Options{MaxStreams: 2})
		begin(t, r, 2)
		c.streamEnds()
		pass(time.Second)
		assert.Equal(t, 3, r.Capacity())
	})
}

// A request whose stream is gone a moment before it ends does not take the place of a stray
// that has ended: the pool would begin another one in its stead, and so on.
func TestEndOfAStrayIsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, _ := ready(t, 10, h2.Options{MaxStreams: 2})
		begin(t, r, 2)
		c.streamEnds()
		c.streamEnds()
		pass(time.Second)
		begin(t, r, 2)
		assert.Equal(t, 4, r.Capacity())
		r.End()
		r.End()
		assert.Equal(t, 2, r.Capacity())
		c.streamEnds()
		assert.Equal(t, 2, r.Capacity())
	})
}

// Capacity is no promise, and strays make it a guess.
func TestTakeKeepsMaxStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, _ := ready(t, 10, h2.Options{MaxStreams: 2})
		begin(t, r, 2)
		require.ErrorIs(t, r.Take(), h2.ErrNoStream)
		c.streamEnds()
		begin(t, r, 1)
		require.ErrorIs(t, r.Take(), h2.ErrNoStream)
	})
}

// A stray holds a stream until it is found, which must not take longer because there are
// others.
func TestStrayIsFoundSoonBesideOldOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, news := ready(t, 4, h2.Options{})
		begin(t, r, 4)
		c.streamEnds()
		for n := 5; n <= 7; n++ {
			pass(time.Minute)
			assert.Equal(t, n, r.Capacity())
			c.streamEnds()
			pass(100 * time.Millisecond)
			assert.Positive(t, news())
			assert.Equal(t, n+1, r.Capacity())
		}
		looks := c.looked()
		pass(time.Minute)
		assert.Less(t, c.looked()-looks, 1000, "and then they are looked at now and then")
	})
}

// What has strays only can be closed when its server has said goodbye: nobody knows whether
// they will ever end, and what has arrived can still be read.
func TestGoodbyeToAConnectionWithStraysOnlyIsItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, news := ready(t, 10, h2.Options{})
		begin(t, r, 2)
		c.streamEnds()
		c.streamEnds()
		pass(time.Second)
		require.Equal(t, 12, r.Capacity())
		news()
		c.set(false, func() { c.leaving = true })
		pass(time.Minute)
		assert.Positive(t, news())
		assert.Equal(t, pool.Dead, r.Capacity())
	})
}

// pass lets time go by, and what is due then be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
