package pool_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A resource whose Check runs in the background is about to be open again: Warm waits for that,
// and dials nothing in its place.
func TestWarmCountsOnTheResourceThatIsBeingChecked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		p.hold = true
		r := newRig(t, p.Config)
		calls := r.acquireAll(2)
		calls[0].release()
		calls[1].release()
		pass(time.Minute)
		require.Equal(t, 1, r.Stats().Dialing, "one is being checked")
		warmed := make(chan error, 1)
		go func() { warmed <- r.Warm(t.Context(), 2) }()
		synctest.Wait()
		assert.Len(t, r.things, 2)
		p.end(func() error { return nil })
		assert.Len(t, r.things, 2, "now it is the other one")
		p.end(func() error { return nil })
		assert.NoError(t, <-warmed)
	})
}
