package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/turn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// afterASecondRelease calls f with a pool of two resources, of which the second was used
// last, and the first was released once more than it had been acquired.
func afterASecondRelease(t *testing.T, tune func(*Config[*int]), f func(t *testing.T, p *Pool[*int], all []*int)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, all := newLane(t, 2, tune)
		y, x := mustAcquire(t, p), mustAcquire(t, p)
		require.True(t, x.fast() && y.fast())
		require.Same(t, all[1], y.Value())
		x.Release()
		y.Release()
		x.Release() // does nothing
		f(t, p, all)
	})
}

// useFor uses a resource again and again.
func useFor(t *testing.T, p *Pool[*int], span time.Duration) {
	t.Helper()
	for start := time.Now(); time.Since(start) < span; time.Sleep(laneTick / 3) {
		mustAcquire(t, p).Release()
	}
}

// `defer l.Release()` beside a Release in the middle is right, and changes nothing.
func TestSecondReleaseDoesNothing(t *testing.T) {
	t.Run("to the order", func(t *testing.T) {
		afterASecondRelease(t, nil, func(t *testing.T, p *Pool[*int], all []*int) {
			l := mustAcquire(t, p)
			assert.Same(t, all[1], l.Value(), "the one used last")
			l.Release()
		})
	})
	t.Run("to the idle time", func(t *testing.T) {
		limit := func(c *Config[*int]) { c.MaxIdleTime = time.Second }
		afterASecondRelease(t, limit, func(t *testing.T, p *Pool[*int], _ []*int) {
			useFor(t, p, 1100*time.Millisecond)
			assert.Equal(t, 1, p.Stats().Open, "one has been idle for MaxIdleTime")
		})
	})
	t.Run("to the time of the next Check", func(t *testing.T) {
		checked := 0
		check := func(c *Config[*int]) {
			c.Check = func(context.Context, *int) error { checked++; return nil }
			c.CheckAfter = time.Second
		}
		afterASecondRelease(t, check, func(t *testing.T, p *Pool[*int], _ []*int) {
			useFor(t, p, 1500*time.Millisecond)
			a, b := mustAcquire(t, p), mustAcquire(t, p)
			assert.Equal(t, 1, checked, "one of them was idle for longer than CheckAfter")
			a.Release()
			b.Release()
		})
	})
}

// Nor does who recycles let something rest beside a lane that was closed meanwhile, and
// cannot open again.
func TestRecyclerWhoFindsTheLaneClosedLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		during := func() {}
		p, _ := newLane(t, 2, func(c *Config[*int]) { c.Recycle = func(*int) error { during(); return nil } })
		x, y := mustAcquire(t, p), mustAcquire(t, p)
		require.True(t, x.fast() && y.fast())
		during = func() {
			during = func() {}
			p.lock()
			p.mu.streak = 0 // so that it does not open again; what is out stays lent
			p.unlock()
			require.Nil(t, p.open.Load())
		}
		x.Release()
		assert.NotEqual(t, turn.Resting, x.cell.Turn.Load().State())
		y.Release()
	})
}
