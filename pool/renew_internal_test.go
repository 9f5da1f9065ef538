package pool

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/lane"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// use takes and releases over n ticks, several times in each, and fails the test
// unless the lane stays open all the while.
func use(t *testing.T, p *Pool[*int], n int) {
	t.Helper()
	const times = 4
	ln := p.open.Load()
	require.NotNil(t, ln)
	for range n * times {
		l := mustAcquire(t, p)
		require.True(t, l.fast())
		l.Release()
		time.Sleep(laneTick / times)
		synctest.Wait() // for the tick
		require.Same(t, ln, p.open.Load())
	}
}

// A tick does not close a lane that is in use: what is out stays in it, ends with the
// real time, and rests there again.
func TestTickLeavesTheLaneOpen(t *testing.T) {
	for name, recycle := range map[string]func(*int) error{"": nil, "with Recycle": func(*int) error { return nil }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := newLane(t, 2, func(c *Config[*int]) { c.Recycle = recycle })
				use(t, p, 1)
				before := p.Stats()
				use(t, p, 1)
				l := mustAcquire(t, p)
				time.Sleep(laneTick / 8) // no lease begins at the time of a tick
				use(t, p, 1)
				require.True(t, l.fast(), "it is in the lane, a tick later")
				assert.InDelta(t, laneTick, p.oldestInTheLane(), float64(laneTick))
				assert.Equal(t, 1, p.resting())
				l.Release()
				assert.Equal(t, 2, p.resting(), "it rests in the lane")
				l.Release()
				assert.Zero(t, l.Info())
				require.NotNil(t, p.open.Load())

				h := p.Stats().LeaseTimes
				assert.EqualValues(t, 9, h.Count()-before.LeaseTimes.Count())
				assert.EqualValues(t, 1, h.Count()-h.Counts[0]-(before.LeaseTimes.Count()-before.LeaseTimes.Counts[0]), "one that lasted")
				assert.InDelta(t, laneTick, h.Sum-before.LeaseTimes.Sum, float64(laneTick))
				assert.EqualValues(t, 9, p.Stats().Hits-before.Hits)
				use(t, p, 3)
			})
		})
	}
}

// oldestInTheLane is oldest without the lock's closing the lane.
func (p *Pool[R]) oldestInTheLane() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.oldestBeginLocked())
}

// A lease that settles at a tick comes to the lock once, and the leases of its seat after
// that do not.
func TestSeatIsRenewedByALeaseThatSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		close(hold)
		p, _ := newLane(t, 1, func(c *Config[*int]) {
			c.Recycle = func(*int) error { <-hold; return nil }
		})
		use(t, p, 1)
		hold = make(chan struct{})
		done := make(chan struct{})
		l := mustAcquire(t, p)
		began := l.cell.Began()
		go func() { l.Release(); close(done) }()
		time.Sleep(laneTick + 1) // it settles
		close(hold)
		<-done
		require.Equal(t, 1, p.resting())
		l = mustAcquire(t, p)
		assert.Greater(t, l.cell.Began(), began)
		l.Release()
		use(t, p, 3)
	})
}

// However many ticks there are, a resource has no more leases than MaxUses, and knows
// how many it has had.
func TestUsesAreCountedAcrossTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, all := newLane(t, 1, func(c *Config[*int]) { c.MaxUses = 20 }) // three by now
		use(t, p, 2)
		mustAcquire(t, p).Release() // or the lane would be given up at the tick
		l := mustAcquire(t, p)
		time.Sleep(laneTick)
		synctest.Wait()
		require.True(t, l.fast())
		l.Release()
		require.Equal(t, 1, p.resting())
		use(t, p, 1)
		for range 2 {
			mustAcquire(t, p).Release()
		}
		l = mustAcquire(t, p)
		require.Same(t, all[0], l.Value())
		assert.Zero(t, p.Stats().Closes.Of(ReasonUses))
		time.Sleep(laneTick) // the last one is out at a tick
		synctest.Wait()
		assert.EqualValues(t, 20, l.Info().Uses)
		l.Release()
		assert.EqualValues(t, 1, p.Stats().Closes.Of(ReasonUses))
		l = mustAcquire(t, p)
		require.NotSame(t, all[0], l.Value())
		l.Release()
	})
}

// What nobody uses in a lane that is in use idles out in time, and what is used does
// not.
func TestUnusedResourceOfALaneInUseIdlesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 20 * laneTick
		var mu sync.Mutex // two may be closed at once
		closed := map[*int]time.Duration{}
		start := time.Now()
		p, all := newLane(t, 3, func(c *Config[*int]) {
			c.MaxIdleTime = limit
			c.Close = func(v *int) error {
				mu.Lock()
				defer mu.Unlock()
				closed[v] = time.Since(start)
				return nil
			}
		})
		for range 100 {
			mustAcquire(t, p).Release()
			time.Sleep(laneTick / 2)
			synctest.Wait()
		}
		require.Len(t, closed, 2)
		assert.Zero(t, closed[all[2]])
		for _, v := range all[:2] {
			assert.InDelta(t, limit, closed[v], float64(laneTick))
		}
		l := mustAcquire(t, p)
		assert.LessOrEqual(t, l.Info().IdleFor, 2*laneTick)
		l.Release()
		time.Sleep(2 * limit)
		synctest.Wait()
		assert.InDelta(t, 50*laneTick+limit, closed[all[2]], float64(2*laneTick))
	})
}

// What is due for its Check leaves the lane by then, however busy that is.
func TestUnusedResourceOfALaneInUseIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checked := map[*int]int{}
		p, all := newLane(t, 2, func(c *Config[*int]) {
			c.CheckAfter = 20 * laneTick
			c.Check = func(_ context.Context, v *int) error { checked[v]++; return nil }
		})
		for range 100 {
			mustAcquire(t, p).Release()
			time.Sleep(laneTick / 2)
			synctest.Wait()
		}
		require.Empty(t, checked, "that which is used is known to be well")
		a, b := mustAcquire(t, p), mustAcquire(t, p)
		assert.Equal(t, map[*int]int{all[0]: 1}, checked)
		a.Release()
		b.Release()
	})
}

// A resource that is used in a lane all the time is not the least recently used of
// its Budget, although it never leaves the lane.
func TestBudgetKnowsWhatIsUsedInALane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		in := func(c *Config[*int]) { c.Budget = b }
		busy, _ := newLane(t, 1, in)
		use(t, busy, 1)
		time.Sleep(laneTick / 3)
		idle, _ := newLane(t, 1, in)
		ln := busy.open.Load()
		for range 40 {
			mustAcquire(t, busy).Release()
			time.Sleep(laneTick / 4)
			synctest.Wait()
		}
		require.Same(t, ln, busy.open.Load())
		third, err := New(Config[int]{Dial: func(context.Context) (int, error) { return 0, nil }, Budget: b})
		require.NoError(t, err)
		l := mustAcquire(t, third)
		assert.Equal(t, []int{1, 0}, []int{busy.Stats().Open, idle.Stats().Open}, "what was idle longest goes")
		l.Release()
		require.NoError(t, third.Shutdown(t.Context()))
	})
}

// A lease that ends under the lock while it stays in the lane counts for the Budget's
// order too.
func TestBudgetKnowsOfALeaseThatLastedATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 3})
		require.NoError(t, err)
		in := func(c *Config[*int]) { c.Budget = b }
		p, all := newLane(t, 2, in)
		use(t, p, 1)
		top, long := mustAcquire(t, p), mustAcquire(t, p)
		require.Same(t, all[0], long.Value())
		top.Release()
		use(t, p, 1)
		require.True(t, long.fast())
		long.Release()
		assert.Equal(t, 2, p.resting())
		assert.Equal(t, 2, b.Stats().Idle)
		p.lock()
		assert.Same(t, all[0], p.mu.idle.Newest().value)
		assert.Same(t, &p.mu.idle.Newest().mark, b.mu.idle.root.prev)
		p.unlock()
	})
}

// After the machine slept the lane is closed at its tick, and what is in it is looked
// at by the wall clock.
func TestTickClosesTheLaneAfterTheMachineSlept(t *testing.T) {
	p, _ := newLane(t, 1, nil)
	due := func() bool {
		reopen(t, p)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.mu.now = p.mu.tick
		if !p.goesOnLocked() {
			return false // a real tick came first: no bubble has a clock that sleeps
		}
		p.mu.openedAt = sleptSince(p.mu.openedAt, time.Hour)
		assert.False(t, p.goesOnLocked())
		return true
	}
	for range 100 {
		if due() {
			return
		}
	}
	t.Fatal("the lane never goes on")
}

// A resource whose Recycle takes ticks is counted once, and the lane goes on beside it.
func TestSeatThatSettlesAcrossTicksIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		var held *int
		p, all := newLane(t, 2, func(c *Config[*int]) {
			c.Recycle = func(v *int) error {
				if v == held {
					<-slow
				}
				return nil
			}
		})
		use(t, p, 1)
		before, top := p.Stats(), mustAcquire(t, p)
		reopen(t, p) // Stats has closed it
		held = top.Value()
		done := make(chan struct{})
		go func() { top.Release(); close(done) }()
		synctest.Wait()
		require.NotNil(t, p.open.Load())
		for range 20 {
			mustAcquire(t, p).Release()
			time.Sleep(laneTick / 4)
			synctest.Wait()
			assert.Equal(t, top.turn.Number(), top.cell.lentAt, "what settles is not in the accounts yet")
		}
		close(slow)
		<-done
		s := p.Stats()
		assert.EqualValues(t, len(all), s.Idle)
		assert.InDelta(t, 22, s.Hits-before.Hits, 2) // as many as reopen needed
		assert.Equal(t, s.Hits-before.Hits, s.LeaseTimes.Count()-before.LeaseTimes.Count())
	})
}

// A lane of leases that is mostly found empty is given up at a tick, and one that is
// found empty now and then is not.
func TestLaneThatIsMostlyEmptyIsGivenUp(t *testing.T) {
	for misses, open := range map[int]bool{1: true, 9: false} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := newLane(t, 1, func(c *Config[*int]) { c.MaxOpen = 1 })
			for range 20 {
				for range 4 {
					mustAcquire(t, p).Release()
				}
				if p.open.Load() == nil {
					break
				}
				l := mustAcquire(t, p)
				for range misses {
					_, ok := p.TryAcquire()
					require.False(t, ok)
				}
				l.Release()
				time.Sleep(laneTick)
				synctest.Wait()
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			assert.Equal(t, open, p.mu.need < 2*minStreak)
		})
	}
}

// A bell that rings for something else between two ticks is no tick of the lane, and
// each tick forgets the misses before, also one that closes the lane.
func TestEachTickIsForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 2, nil)
		use(t, p, 1)
		opened := p.mu.openedAt
		time.Sleep(laneTick / 2)
		mustAcquire(t, p).Release()
		p.tick()
		reopen(t, p)
		assert.Equal(t, opened, p.mu.openedAt)
		for _, clashes := range []uint32{0, lane.ManyClashes} {
			p.mu.misses = 1
			p.open.Load().Clash(clashes)
			mustAcquire(t, p).Release()
			time.Sleep(laneTick)
			synctest.Wait()
			assert.Zero(t, p.mu.misses)
			assert.Equal(t, clashes > 0, p.mu.lane.Spread())
		}
	})
}

// A lane of a shareable resource stays open too, although some of its seats are not
// used: the resource is.
func TestTickLeavesTheSharedLaneOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, func(c *Config[*wire]) { c.MaxIdleTime = 5 * laneTick }).warm()
		ln := ws.open.Load()
		for range 40 {
			ws.fromLane().Release()
			time.Sleep(laneTick / 2)
			synctest.Wait()
			require.Same(t, ln, ws.open.Load())
		}
		l := ws.take()
		assert.LessOrEqual(t, l.Info().IdleFor, 2*laneTick)
		release(l)
	})
}

// Cores in each other's way do not have to wait for a tick.
func TestLaneSpreadsAtOnceInAJam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 4, nil)
		first := p.open.Load()
		l := mustAcquire(t, p)
		for !first.Jammed() {
			first.Clash(lane.LostSwap)
		}
		out := mustAcquire(t, p) // the one at hand is out
		ln := p.open.Load()
		require.NotNil(t, ln)
		assert.True(t, ln.Spread() && ln != first)
		assert.False(t, ln.Crowded())
		out.Release()
		l.Release()
	})
}

// A lane whose stamps are about to wrap around opens anew.
func TestLaneWithWornStampsOpensAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 2, nil)
		for !worn(p) {
			p.open.Load().Forget()
			a, b := mustAcquire(t, p), mustAcquire(t, p)
			a.Release()
			b.Release()
		}
		time.Sleep(laneTick + 1)
		synctest.Wait()
		require.False(t, worn(p))
	})
}

func worn(p *Pool[*int]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.lane.Worn()
}
