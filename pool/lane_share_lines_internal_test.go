package pool

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// As above, where nobody waits, so that nothing else has the lane reclaimed.
func TestResourceThatRefusedATryHasItsRoomAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := false
		ws := newWires(t, 3, func(c *Config[*wire]) {
			c.MaxOpen = 1
			c.Take = func(*wire) error {
				if refuse {
					return errors.New("busy")
				}
				return nil
			}
		}).warm()
		x := ws.fromLane()
		refuse = true
		_, ok := ws.TryAcquire()
		require.False(t, ok)
		refuse = false
		release(x)
		var all []Lease[*wire]
		for range 3 {
			l, ok := ws.TryAcquire()
			require.True(t, ok, "Capacity has not been read again")
			all = append(all, l)
		}
		release(all...)
	})
}

// A caller whose Take is refused in the lane has the place that it came with, whoever
// came meanwhile.
func TestCallerRefusedInTheLaneKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		during := func() error { return nil }
		ws := newWires(t, 1, func(c *Config[*wire]) {
			c.MaxOpen = 1
			c.Take = func(*wire) error { return during() }
		}).warm()
		last := ws.lastTicket()
		during = func() error {
			during = func() error { return nil }
			go func() { ws.take().Release() }()
			synctest.Wait()
			require.Greater(t, ws.lastTicket(), last)
			return errors.New("busy")
		}
		l := ws.take()
		assert.Equal(t, last, l.Ticket())
		release(l)
	})
}

// A seat that comes to rest while somebody has the lock, and reclaims it: its slot has
// room again.
func TestSlotHasTheRoomOfASeatThatIsReclaimedAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 2, func(c *Config[*wire]) { c.MaxOpen = 1 }).warm()
		x, y := ws.fromLane(), ws.fromLane()
		ln := ws.open.Load()
		ws.lock()
		require.True(t, ln.Rest(&x.cell.Seat, x.turn))
		ws.reclaimAllLocked()
		ws.unlock()
		l, ok := ws.TryAcquire()
		require.True(t, ok)
		release(l, y)
	})
}

// What settles when the pool is closed does not come to rest.
func TestCloseWhileALeaseOfTheLaneSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		during := func() {}
		p, _ := newLane(t, 1, func(c *Config[*int]) { c.Recycle = func(*int) error { during(); return nil } })
		l := mustAcquire(t, p)
		require.True(t, l.fast())
		during = func() { require.NoError(t, p.Close()) }
		l.Release()
		assert.Zero(t, p.Stats().Open)
	})
}

// A resource in the lane is in use while another lease of it is out, whatever rests.
func TestStatsOfAShareableResourceInTheLaneAndBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil)
		a := ws.locked()
		ws.warm()
		require.Equal(t, 3, ws.resting())
		s := ws.Stats()
		assert.Equal(t, []int{1, 0, 1, 1}, []int{s.Open, s.Idle, s.InUse, s.Leases})
		release(a)
		s = ws.Stats()
		assert.Equal(t, []int{1, 1, 0, 0}, []int{s.Open, s.Idle, s.InUse, s.Leases})
	})
}

// What is used in the lane all the time has not been idle.
func TestUseInTheSharedLaneEndsIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil).warm()
		for range 200 {
			ws.fromLane().Release()
			time.Sleep(laneTick / 2)
			synctest.Wait() // for the tick
		}
		time.Sleep(time.Hour)
		l := ws.take()
		assert.InDelta(t, time.Hour, l.Info().IdleFor, float64(3*laneTick))
		release(l)
	})
}

// The last resource that MinIdle keeps is not lent: when it is taken another is
// dialled at once.
func TestMinIdleIsRefilledBesideTheSharedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, func(c *Config[*wire]) { c.MinIdle, c.MaxIdle = 1, 1 })
		for range 20 {
			l := ws.take()
			synctest.Wait()
			assert.Equal(t, 1, ws.Stats().Idle)
			release(l)
		}
	})
}

// A resource becomes idle beside one whose leases in the lane are out: when these have
// ended, one of the two is too many, and goes at once.
func TestMaxIdleReachesIntoTheSharedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 2, func(c *Config[*wire]) { c.MaxIdle = 1 })
		a, b, c := ws.locked(), ws.locked(), ws.locked()
		release(a, b)
		ws.warm()
		x := ws.fromLane()
		require.Same(t, ws.all[0], x.Value())
		release(c) // the second is idle now
		require.Len(t, ws.all, 2)
		release(x)
		assert.Equal(t, 1, ws.Stats().Idle)
	})
}
