package pool

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pool may be busy for hours while its lane must stay closed, as while another pool of its
// Budget starves. However many hits that are, the lane opens when it may.
func TestHitsBesideAClosedLaneDoNotWrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config[int]{Dial: numbered()})
		require.NoError(t, err)
		mustAcquire(t, p).Release()
		for range 2 * maxStreak {
			p.mu.Lock()
			p.noteHitLocked()
			p.mu.Unlock()
		}
		assert.EqualValues(t, maxStreak, p.mu.streak)
		mustAcquire(t, p).Release()
		assert.NotNil(t, p.open.Load())
		require.NoError(t, p.Shutdown(t.Context()))
	})
}
