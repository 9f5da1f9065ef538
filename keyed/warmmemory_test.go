package keyed_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A call of Warm asks for its key: the failures are remembered after it as after any other.
func TestFailuresOfAKeyAreRememberedAfterACallOfWarm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpen: 1, BackoffBase: time.Second, BackoffMax: time.Second})
		c := r.acquire("a")
		r.dial(1).fail()
		<-c.done
		require.ErrorIs(t, c.err, errDial)
		r.acquire("b") // has the only slot
		pass(1500 * time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = r.Warm(ctx, "a", 1) }()
		pass(time.Second)
		cancel()
		synctest.Wait()
		_, ok := r.StatsFor("a")
		assert.True(t, ok, "two backoffs after the failure, and one after the call")
		pass(2 * time.Second)
		_, ok = r.StatsFor("a")
		assert.False(t, ok)
	})
}
