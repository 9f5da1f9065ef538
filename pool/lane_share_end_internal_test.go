package pool

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever ends a resource finds all of its leases in the lane: those that rest, and
// those that are out, which must not come to rest again. The next caller gets
// another resource, or what the ending has left of this one.
func TestEndOfAShareableResourceReachesIntoTheLane(t *testing.T) {
	dead := func(ws *wires, _ Lease[*wire]) { ws.all[0].set(Dead) }
	for name, tt := range map[string]struct {
		end    func(ws *wires, x Lease[*wire])
		before int // how often it is closed while x and y are out
		after  int // and when they have ended
	}{
		"Dead":      {dead, 1, 1},
		"Draining":  {func(ws *wires, _ Lease[*wire]) { ws.all[0].set(Draining) }, 0, 1},
		"Reset":     {func(ws *wires, _ Lease[*wire]) { ws.Reset() }, 0, 1},
		"Retire":    {func(ws *wires, _ Lease[*wire]) { ws.Retire(func(*wire) bool { return true }) }, 0, 1},
		"Discard":   {func(_ *wires, x Lease[*wire]) { x.Discard(nil) }, 0, 1},
		"CloseIdle": {func(ws *wires, _ Lease[*wire]) { ws.CloseIdle() }, 0, 0},
		"Lifetime":  {func(*wires, Lease[*wire]) { time.Sleep(time.Hour) }, 0, 1},
		"DrainTimeout": {func(ws *wires, _ Lease[*wire]) {
			ws.all[0].set(Draining)
			time.Sleep(time.Minute)
		}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ws := newWires(t, 4, func(c *Config[*wire]) {
					c.DrainTimeout, c.MaxLifetime = time.Minute, 50*time.Minute
					if name == "Lifetime" {
						c.DrainTimeout = 0
					}
				}).warm()
				x, y := ws.fromLane(), ws.fromLane()
				require.Equal(t, 2, ws.resting())
				tt.end(ws, x)
				synctest.Wait()
				assert.Equal(t, tt.before, ws.all[0].closes)
				release(x, y)
				assert.Equal(t, tt.after, ws.all[0].closes)
				ws.warm()
				z := ws.fromLane()
				assert.Same(t, ws.all[tt.after], z.Value())
				z.Release()
				s := ws.Stats()
				assert.Equal(t, []int{1, 1, 0, 0}, []int{s.Open, s.Idle, s.InUse, s.Leases})
				assert.EqualValues(t, s.Acquires, s.LeaseTimes.Count())
			})
		})
	}
}

func TestCloseReachesIntoTheSharedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil).warm()
		x, y := ws.fromLane(), ws.fromLane()
		require.NoError(t, ws.Close())
		_, err := ws.Acquire(t.Context())
		require.ErrorIs(t, err, ErrClosed)
		x.Release()
		synctest.Wait()
		assert.Zero(t, ws.all[0].closes)
		release(y)
		assert.Equal(t, 1, ws.all[0].closes)
	})
}

// Capacity that falls while leases are out: these stay, and no new one begins before
// enough of them have ended (I9).
func TestCapacityThatFallsReachesIntoTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, func(c *Config[*wire]) { c.MaxOpen = 1 }).warm()
		x, y, z := ws.fromLane(), ws.fromLane(), ws.fromLane()
		ws.all[0].set(1)
		assert.Zero(t, ws.resting())
		none := func() {
			t.Helper()
			_, ok := ws.TryAcquire()
			assert.False(t, ok, "a lease beyond the capacity")
		}
		none()
		x.Release()
		none()
		y.Release()
		none()
		z.Release()
		ws.warm()
		assert.Equal(t, 1, ws.resting())
		x = ws.fromLane()
		none()
		ws.all[0].set(3)
		assert.Equal(t, 2, ws.resting(), "it opens again with what has been added")
		y, z = ws.fromLane(), ws.fromLane()
		none()
		release(x, y, z)
	})
}

// Capacity 0 with all at rest: the resource stays, and is idle.
func TestResourceOfTheLaneWithoutCapacityStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, func(c *Config[*wire]) { c.MaxOpen = 1 }).warm()
		ws.all[0].set(0)
		assert.Nil(t, ws.open.Load())
		_, ok := ws.TryAcquire()
		assert.False(t, ok)
		assert.Equal(t, 1, ws.Stats().Idle)
		got := make(chan Lease[*wire])
		go func() { got <- ws.take() }()
		synctest.Wait()
		ws.all[0].set(4)
		release(<-got)
	})
}

// Less MaxOpen drains the newest shareable resource, also when it is the lane's.
func TestMaxOpenDrainsTheResourceOfTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 2, nil)
		a, b, c := ws.locked(), ws.locked(), ws.locked()
		for range maxStreak {
			if ws.take().Release(); ws.resting() > 0 {
				break
			}
		}
		x := ws.fromLane() // of the second
		require.Same(t, ws.all[1], x.Value())
		c.Release()
		require.NoError(t, ws.SetLimits(Limits{MaxOpen: 1}))
		x.Release()
		synctest.Wait()
		assert.Equal(t, 1, ws.all[1].closes)
		assert.Zero(t, ws.resting())
		assert.Zero(t, ws.all[0].closes)
		release(a, b)
	})
}

// A lease of the lane can be hijacked if it is the only one that is out, whatever
// rests beside it.
func TestHijackOfASharedLeaseInTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil).warm()
		x, y := ws.fromLane(), ws.fromLane()
		assert.Panics(t, func() { x.Hijack() })
		assert.NotPanics(t, func() { x.Value() }, "it keeps its lease")
		y.Release()
		w := x.Hijack()
		assert.Same(t, ws.all[0], w)
		assert.Zero(t, w.closes)
		w.closes++ // by the caller
		ws.warm()
		assert.Len(t, ws.all, 2)
		s := ws.Stats()
		assert.EqualValues(t, 1, s.Hijacks)
		assert.Equal(t, []int{1, 1, 0}, []int{s.Open, s.Idle, s.Leases})
	})
}

// The lane goes over to another resource. What is out of the first one's leases ends
// under the lock, and that one has its room again.
func TestLaneThatGoesToAnotherResourceForgetsNoneOfTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 2, func(c *Config[*wire]) { c.MaxOpen = 2 }).warm()
		a, b := ws.fromLane(), ws.fromLane() // all of the first
		c := ws.take()
		require.Len(t, ws.all, 2)
		for range maxStreak {
			if ws.take().Release(); ws.resting() > 0 {
				break
			}
		}
		require.Same(t, ws.all[1], ws.mu.share.value)
		assert.False(t, a.fast() || b.fast())
		release(a, b)
		s := ws.Stats()
		assert.Equal(t, []int{2, 1, 1, 1}, []int{s.Open, s.Idle, s.InUse, s.Leases})
		d, e := ws.take(), ws.take()
		assert.Same(t, ws.all[0], d.Value())
		assert.Same(t, ws.all[0], e.Value())
		f := ws.take()
		assert.Same(t, ws.all[1], f.Value())
		release(c, d, e, f)
	})
}

// Take panics in the lane: the lease is discarded, and the accounts are right.
func TestTakeThatPanicsInTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		during := func() error { return nil }
		ws := newWires(t, 4, func(c *Config[*wire]) { c.Take = func(*wire) error { return during() } }).warm()
		x := ws.fromLane()
		during = func() error { panic("boom") }
		assert.PanicsWithValue(t, "boom", func() { _, _ = ws.Acquire(t.Context()) })
		assert.Equal(t, 1, ws.Stats().Leases)
		release(x)
		assert.Equal(t, 1, ws.all[0].closes)
		assert.Zero(t, ws.Stats().Open)
		during = func() error { return nil }
		ws.warm()

		during = func() error { // the lane is closed, and the lease reclaimed, while Take runs
			during = func() error { return nil }
			ws.Reset()
			return errors.New("refused")
		}
		y := ws.take()
		assert.Same(t, ws.all[2], y.Value())
		release(y)
		s := ws.Stats()
		assert.Equal(t, s.Hits+s.Waits, s.Acquires)
		assert.Equal(t, []int{1, 1, 0}, []int{s.Open, s.Idle, s.Leases})
	})
}

func TestTryAcquireOpensTheSharedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil)
		require.NoError(t, ws.Warm(t.Context(), 1))
		for range minStreak {
			l, ok := ws.TryAcquire()
			require.True(t, ok)
			l.Release()
		}
		assert.Equal(t, 4, ws.resting())
		l, ok := ws.TryAcquire()
		require.True(t, ok)
		assert.True(t, l.fast())
		l.Release()
	})
}
