package h2_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A look may find no room each time, and there was some between the looks.
func TestConnectionThatHasRoomNowAndThenIsNotTakenForOneThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, _ := ready(t, 10, h2.Options{})
		begin(t, r, 3)
		for range 5 {
			c.set(false, func() { c.max = 2 })
			time.Sleep(30 * time.Second)
			synctest.Wait()
			require.Equal(t, 3, r.Capacity())
			c.set(true, func() { c.max = 10 })
			require.Equal(t, 10, r.Capacity())
		}
	})
}

// What a connection says before it has heard from the server is not the server's number.
func TestConnectionThatIsFullFromTheBeginningIsNotTakenForOneThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConn()
		r, _ := watched(t, c, h2.Options{})
		take(t, r, 1)
		c.set(false, func() { c.max, c.inFlight = 10, 9 })
		send(t, r)
		time.Sleep(time.Hour)
		assert.NotEqual(t, pool.Draining, r.Capacity())
	})
}

// Between the looks at two numbers a stream may end and another begin.
func TestStreamsThatComeAndGoBetweenLooksAreNotTakenForAGoodbye(t *testing.T) {
	c, r, _ := ready(t, 1, h2.Options{})
	c.afterInFlight = func() {
		begin(t, r, 1)
		c.afterAvailable = func() {
			c.streamEnds()
			r.End()
			c.afterInFlight = func() { begin(t, r, 1) }
		}
	}
	assert.NotEqual(t, pool.Draining, r.Capacity())
	c.streamEnds()
	r.End()
	assert.Equal(t, 1, r.Capacity())
}

func TestRefusalsWithAnAnswerBetweenThemAreAMatterOfTiming(t *testing.T) {
	c, r, _ := ready(t, 10, h2.Options{})
	for range 3 {
		take(t, r, 1)
		c.roundTrip = refusal{}
		_, err := r.RoundTrip(&http.Request{}) //nolint:bodyclose // there is none
		require.Error(t, err)
		r.End()
		c.roundTrip = nil
		begin(t, r, 1)
		c.streamEnds()
		r.End()
	}
	assert.Equal(t, 10, r.Capacity())
}

// The stream that is in the way of a request may be about to end.
func TestRequestWaitsAMomentForAStreamThatEnds(t *testing.T) {
	c, r, _ := ready(t, 1, h2.Options{})
	take(t, r, 1)
	c.set(false, func() { c.inFlight = 1 }) // nobody's
	c.afterInFlight = c.streamEnds
	send(t, r)
}
