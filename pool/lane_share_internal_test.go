package pool

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/lane"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// A wire is a shareable resource whose peer says how many leases it carries.
type wire struct {
	n        int
	capacity atomic.Int32 // the pool may be reading it
	changed  func()
	closes   int
}

// set changes the capacity, and returns when the pool knows.
func (w *wire) set(capacity int) {
	w.capacity.Store(int32(capacity)) //nolint:gosec // small
	w.changed()
	synctest.Wait()
}

// wires is a pool of wires and what it has dialled.
type wires struct {
	*Pool[*wire]
	t       *testing.T
	dialing sync.Mutex
	all     []*wire
}

// newWires returns a pool whose wires carry so many leases each.
func newWires(t *testing.T, capacity int, change func(*Config[*wire])) *wires {
	ws := &wires{t: t}
	cfg := Config[*wire]{
		Dial: func(context.Context) (*wire, error) {
			ws.dialing.Lock() // two may be dialled at once
			defer ws.dialing.Unlock()
			w := &wire{n: len(ws.all) + 1}
			w.capacity.Store(int32(capacity)) //nolint:gosec // small
			ws.all = append(ws.all, w)
			return w, nil
		},
		Close:    func(w *wire) error { w.closes++; return nil },
		Capacity: func(w *wire) int { return int(w.capacity.Load()) },
		Watch:    func(w *wire, changed func()) { w.changed = changed },
	}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	require.NoError(t, err)
	ws.Pool = p
	t.Cleanup(func() {
		assert.NoError(t, p.Close())
		if t.Failed() {
			return // leases may be out
		}
		assert.NoError(t, p.Shutdown(context.Background()))
		for _, w := range ws.all {
			assert.Equal(t, 1, w.closes, "wire %d", w.n)
		}
	})
	return ws
}

// warm uses the pool until its lane is open.
func (ws *wires) warm() *wires {
	ws.t.Helper()
	for range maxStreak {
		ws.take().Release()
		if ws.resting() > 0 {
			return ws
		}
	}
	require.Fail(ws.t, "the lane stays closed")
	return ws
}

func (ws *wires) take() Lease[*wire] {
	ws.t.Helper()
	return mustAcquire(ws.t, ws.Pool)
}

// fromLane takes from the lane, or fails the test.
func (ws *wires) fromLane() Lease[*wire] {
	ws.t.Helper()
	l := ws.take()
	require.True(ws.t, l.fast(), "not from the lane")
	return l
}

// locked takes past the lane, under the lock.
func (ws *wires) locked() Lease[*wire] {
	ws.t.Helper()
	l, err := ws.acquire(ws.t.Context(), Request{}, 0)
	require.NoError(ws.t, err)
	return l
}

func release(all ...Lease[*wire]) {
	for _, l := range all {
		l.Release()
	}
	synctest.Wait()
}

func TestLaneLendsTheRoomOfTheOldestShareableResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 3, nil)
		first := []Lease[*wire]{ws.locked(), ws.locked(), ws.locked()}
		second := ws.locked()
		require.Len(t, ws.all, 2)
		ws.warm()
		require.Equal(t, 2, ws.resting(), "what the second has left")
		a := ws.fromLane()
		assert.Same(t, ws.all[1], a.Value())

		first[0].Release() // the first is the oldest with room again
		require.Equal(t, 1, ws.resting())
		b := ws.fromLane()
		assert.Same(t, ws.all[0], b.Value())
		c := ws.take()
		assert.Same(t, ws.all[1], c.Value())
		assert.Len(t, ws.all, 2)
		release(first[1], first[2], second, a, b, c)
		s := ws.Stats()
		assert.Equal(t, []int{2, 2, 0}, []int{s.Open, s.Idle, s.Leases})
	})
}

// A lane has so many seats at first; who comes beyond them goes to the lock, to the same
// resource.
func TestShareableResourceHasMoreLeasesThanTheLaneHasSeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 100, nil)
		l := ws.take()
		for range maxStreak {
			if ws.resting() > 0 {
				break
			}
			l.Release()
			l = ws.take()
		}
		assert.Equal(t, lane.Max, ws.resting())
		l.Release()
		var all []Lease[*wire]
		for range 100 {
			all = append(all, ws.take())
		}
		assert.Len(t, ws.all, 1)
		s := ws.Stats()
		assert.Equal(t, []int{1, 0, 1, 100}, []int{s.Open, s.Idle, s.InUse, s.Leases})
		release(all...)
		s = ws.Stats()
		assert.Equal(t, []int{1, 1, 0, 0}, []int{s.Open, s.Idle, s.InUse, s.Leases})
		assert.EqualValues(t, s.Hits+s.Waits, s.Acquires)
		assert.EqualValues(t, s.Acquires, s.LeaseTimes.Count())
	})
}

// Info counts all leases of the resource, whichever seats they had, and says the
// same when the lease has left the lane.
func TestInfoOfSharedLeasesInTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil).warm()
		time.Sleep(time.Second) // given up: nobody uses it
		require.Zero(t, ws.resting())
		ws.warm()
		uses := ws.Stats().Acquires
		for range 3 {
			ws.fromLane().Release()
		}
		l := ws.fromLane()
		want := LeaseInfo{Reused: true, Uses: uses + 4, Age: time.Second}
		assert.Equal(t, want, l.Info())
		m := ws.fromLane()
		assert.Equal(t, uses+5, m.Info().Uses)
		m.Release()
		want = l.Info()
		ws.Reset() // takes it out of the lane
		require.False(t, l.fast())
		assert.Equal(t, want, l.Info())
		l.Release()
		assert.Zero(t, l.Info())
	})
}

// A lease of the lane on what another lease keeps busy has not found it idle.
func TestSharedLeaseBesideAnotherWasNeverIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil)
		ws.locked().Release()
		time.Sleep(time.Hour)
		a := ws.locked()
		assert.Equal(t, time.Hour, a.Info().IdleFor)
		for range minStreak {
			ws.locked().Release()
		}
		b := ws.fromLane()
		assert.Zero(t, b.Info().IdleFor)
		release(a)
		assert.Zero(t, b.Info().IdleFor, "also when the other has ended")
		b.Release()
	})
}

// The first lease after a rest has found the resource idle.
func TestFirstSharedLeaseKnowsHowLongTheResourceWasIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil).warm()
		time.Sleep(laneTick / 2)
		ws.rebalance() // closes the lane and opens it again, with the same time
		l := ws.fromLane()
		assert.Less(t, l.Info().IdleFor, laneTick)
		l.Release()
		time.Sleep(time.Hour)
		l = ws.take()
		assert.InDelta(t, time.Hour, l.Info().IdleFor, float64(laneTick))
		l.Release()
	})
}

// Take refuses. The caller keeps its place, is counted once, and the resource is
// judged as under the lock.
func TestRefusedTakeOfTheLaneIsNoHit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refuse func(*wire) error
		ws := newWires(t, 4, func(c *Config[*wire]) {
			c.Take = func(w *wire) error {
				if refuse == nil {
					return nil
				}
				return refuse(w)
			}
		}).warm()
		s := ws.Stats()
		times := 0
		refuse = func(*wire) error {
			if times++; times == 1 {
				assert.Equal(t, s.Hits+1, ws.Stats().Hits, "the lease has begun")
				return errors.New("busy")
			}
			return nil
		}
		last := ws.lastTicket()
		l := ws.take()
		assert.Equal(t, 2, times)
		assert.Equal(t, last, l.Ticket())
		assert.Equal(t, s.Acquires+1, ws.Stats().Acquires)
		assert.Same(t, ws.all[0], l.Value())
		l.Release()

		refuse = func(w *wire) error {
			if w.n == 1 {
				return errors.New("broken")
			}
			return nil
		}
		ws.warm()
		synctest.Wait()
		assert.Equal(t, 1, ws.all[0].closes, "refused too often without other leases")
		assert.EqualValues(t, 1, ws.Stats().Closes.Of(ReasonTake))
		assert.EqualValues(t, ws.Stats().Hits+ws.Stats().Waits, ws.Stats().Acquires)
	})
}

// A Take that refuses although Capacity says that there is room makes the resource
// full until one of its leases ends. That one was in the lane, and ends under the
// lock, where Capacity is read again.
func TestResourceThatRefusedHasItsRoomAgainWhenALeaseOfTheLaneEnds(t *testing.T) {
	for _, recycling := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			refuse, during := false, func() {}
			ws := newWires(t, 3, func(c *Config[*wire]) {
				c.MaxOpen = 1
				c.Take = func(*wire) error {
					if refuse {
						refuse = false
						return errors.New("busy")
					}
					return nil
				}
				if recycling {
					c.Recycle = func(*wire) error { during(); return nil }
				}
			}).warm()
			x := ws.fromLane()
			got := make(chan Lease[*wire], 2)
			more := func() {
				refuse = true
				for range 2 {
					go func() { got <- ws.take() }()
					synctest.Wait()
				}
				assert.Empty(t, got, "the resource is full")
			}
			if recycling {
				during = func() { during = func() {}; more() } // x has ended, and is not settled yet
			} else {
				more()
			}
			release(x)
			require.Len(t, got, 2, "a waiter sleeps beside room (I2)")
			release(<-got, <-got)
		})
	}
}

// Times shorter than the lane's own keep a resource out of it, in use or not: it may
// come to rest there and be due at once.
func TestShareableResourceThatIsSoonDueIsNotLent(t *testing.T) {
	for name, change := range map[string]func(*Config[*wire]){
		"MaxIdleTime": func(c *Config[*wire]) { c.MaxIdleTime = laneTick / 2 },
		"MaxLifetime": func(c *Config[*wire]) { c.MaxLifetime = time.Minute },
		"CheckAfter": func(c *Config[*wire]) {
			c.CheckAfter, c.Check = laneTick/2, func(context.Context, *wire) error { return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ws := newWires(t, 4, change)
				x := ws.locked()
				time.Sleep(time.Minute - laneTick/2)
				for range 10 {
					ws.take().Release()
				}
				assert.Zero(t, ws.resting())
				release(x)
				if ws.cfg.MaxLifetime == 0 {
					ws.take().Release()
					assert.Zero(t, ws.resting())
				}
			})
		})
	}
}

// The lane does not keep what has left the pool.
func TestLaneForgetsAClosedResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil).warm()
		require.NotNil(t, ws.mu.share)
		ws.CloseIdle()
		assert.Nil(t, ws.mu.share)
		for range ws.mu.lane.Seats() {
			assert.Fail(t, "a seat is left")
		}
		ws.warm()
		assert.Same(t, ws.all[1], ws.mu.share.value)
	})
}

// Of the resources idle beyond MinIdle the lane has one, and of MaxIdle no more are
// idle when all that is lent has come to rest.
func TestSharedLaneKeepsToTheLimitsOfIdleResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 2, func(c *Config[*wire]) { c.MinIdle, c.MaxIdle = 1, 2 })
		ws.take().Release()
		synctest.Wait()
		idle := func() int { synctest.Wait(); return ws.Stats().Idle }
		for range 50 {
			ws.take().Release()
		}
		kept := idle()
		assert.Len(t, ws.all, kept)
		x, y, z := ws.take(), ws.take(), ws.take()
		assert.GreaterOrEqual(t, idle(), 1, "MinIdle")
		release(x, y, z)
		assert.LessOrEqual(t, idle(), 2, "MaxIdle")
		time.Sleep(time.Second)
		assert.LessOrEqual(t, idle(), 2)
		assert.GreaterOrEqual(t, idle(), 1)
	})
}

// The last leases of two resources come to rest in the lane and beside it, and one of
// the two is too many.
func TestWhatComesToRestInTheSharedLaneKeepsToMaxIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 2, func(c *Config[*wire]) { c.MaxIdle = 1 })
		a, b, c := ws.locked(), ws.locked(), ws.locked()
		require.Len(t, ws.all, 2)
		for range maxStreak {
			if ws.take().Release(); ws.resting() > 0 {
				break
			}
		}
		x := ws.fromLane() // of the second
		release(a, b)      // the first is idle
		c.Release()
		x.Release()
		synctest.Wait()
		s := ws.Stats()
		assert.Equal(t, []int{1, 1, 0}, []int{s.Open, s.Idle, s.InUse})
	})
}
