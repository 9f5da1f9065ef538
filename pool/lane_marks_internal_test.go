package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/lane"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// beside returns another pool of the same Budget.
func beside(t *testing.T, b *Budget) *Pool[*int] {
	q, err := New(Config[*int]{Budget: b, Dial: func(context.Context) (*int, error) { return new(int), nil }})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, q.Shutdown(context.Background())) })
	return q
}

// takeAll has q take both slots of the Budget, of which another pool has idle
// resources.
func takeAll(t *testing.T, q *Pool[*int], between func()) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	first, err := q.Acquire(ctx)
	require.NoError(t, err)
	between()
	second, err := q.Acquire(ctx)
	require.NoError(t, err, "a waiter sleeps while another pool has an idle resource (I2)")
	first.Release()
	second.Release()
}

// Within a tick the Budget's order of idle resources may differ from the pool's.
// Whichever it picks, each of the others can still be asked for.
func TestBudgetFindsEveryIdleResourceWhateverTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		p, _ := newLane(t, 2, func(c *Config[*int]) { c.Budget = b })
		x, y := mustAcquire(t, p), mustAcquire(t, p)
		require.True(t, x.fast() && y.fast())
		x.Release()
		y.Release()
		time.Sleep(time.Second) // the lane is given up
		takeAll(t, beside(t, b), func() {})
	})
}

// A resource that the Budget picked while it was checked, when another was there to
// go, can be asked for again after its Check.
func TestBudgetFindsAResourceAfterItsCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		word := make(chan error)
		p, err := New(Config[*int]{
			Budget: b, Reuse: ReuseOldest, CheckEvery: time.Minute, CheckAfter: 1000 * time.Hour,
			Check: func(context.Context, *int) error { return <-word },
			Dial:  func(context.Context) (*int, error) { return new(int), nil },
		})
		require.NoError(t, err)
		x, y := mustAcquire(t, p), mustAcquire(t, p)
		x.Release()
		time.Sleep(time.Second)
		y.Release()
		time.Sleep(59 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, p.Stats().Dialing)
		takeAll(t, beside(t, b), func() {
			word <- nil
			synctest.Wait()
		})
		close(word)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// A resource that dies while it is checked leaves nothing behind.
func TestResourceThatDiesDuringItsCheckLeavesTheIdleLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 4})
		require.NoError(t, err)
		word, capacity, changed := make(chan error), 5, func() {}
		p, err := New(Config[*int]{
			Budget: b, CheckEvery: time.Minute, CheckAfter: 1000 * time.Hour,
			Check:    func(context.Context, *int) error { return <-word },
			Capacity: func(*int) int { return capacity },
			Watch:    func(_ *int, c func()) { changed = c },
			Dial:     func(context.Context) (*int, error) { return new(int), nil },
		})
		require.NoError(t, err)
		mustAcquire(t, p).Release()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, p.Stats().Dialing)
		capacity = Dead
		changed()
		synctest.Wait()
		word <- errors.New("dead")
		synctest.Wait()
		assert.Zero(t, p.mu.idle.Len())
		assert.Zero(t, b.Stats().Idle)
		assert.Same(t, &b.mu.idle.root, b.mu.idle.root.next, "the list of the Budget")
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// A lane that was to open, and had nothing to lend, takes a new time when it opens.
func TestLaneOpensWithThePresentTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config[*int]{
			CheckAfter: time.Second, Check: func(context.Context, *int) error { return nil },
			Dial: func(context.Context) (*int, error) { return new(int), nil },
		})
		require.NoError(t, err)
		a, due, c := mustAcquire(t, p), mustAcquire(t, p), mustAcquire(t, p)
		due.Release()
		time.Sleep(2 * time.Second)
		a.Release()
		c.Release()
		time.Sleep(2 * laneTick)
		x, y := mustAcquire(t, p), mustAcquire(t, p) // only the one that is due is left
		time.Sleep(time.Hour)
		x.Release()
		l := mustAcquire(t, p)
		time.Sleep(2 * laneTick)
		l.Release()
		h := p.Stats().LeaseTimes
		assert.InDelta(t, time.Hour, h.Sum, float64(time.Minute), "not twice")
		y.Release()
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// A lease that the pool reclaims as it begins has begun a tick ago at most.
func TestLeaseReclaimedAsItBeginsIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 1, nil)
		time.Sleep(time.Hour)
		reopen(t, p)
		ln := p.open.Load()
		var c *cell[*int]
		for _, s := range ln.Seats() {
			c = cellOf[*int](s)
		}
		now := c.Turn.Load()
		require.True(t, c.Turn.Take(now))
		p.Reset()
		Lease[*int]{cell: c, turn: now.Taken()}.Release()
		h := p.Stats().LeaseTimes
		assert.Less(t, h.Sum, time.Second)
	})
}

// Leases that last do not keep others out of the lane.
func TestLongLeasesLeaveTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 1, nil)
		require.NoError(t, p.Warm(t.Context(), lane.Max+4))
		reopen(t, p)
		var long []Lease[*int]
		for range lane.Max - 1 {
			long = append(long, mustAcquire(t, p))
		}
		for range 10 {
			mustAcquire(t, p).Release()
			time.Sleep(laneTick / 3)
		}
		x, y := mustAcquire(t, p), mustAcquire(t, p)
		assert.True(t, x.fast() && y.fast())
		for _, l := range append(long, x, y) {
			l.Release()
		}
	})
}

// A few lost swaps in a long time are no reason to give up the order of reuse.
func TestClashesAreCountedByTheTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 2, nil)
		for range 2 * lane.ManyClashes / lane.LostSwap {
			reopen(t, p)
			p.open.Load().Clash(lane.LostSwap)
			time.Sleep(time.Hour)
		}
		reopen(t, p)
		assert.False(t, p.open.Load().Spread())
		for range 20 { // also where the lane stays open
			p.open.Load().Clash(lane.ManyClashes / 4)
			use(t, p, 1)
		}
		assert.False(t, p.open.Load().Spread())
	})
}

// The lane's times are by both clocks: a machine that slept since the pool was made
// does not make what was just used look idle.
func TestResourceOfTheLaneIsNotIdleAfterTheMachineSlept(t *testing.T) {
	p, _ := newLane(t, 1, nil)
	p.start = sleptSince(p.start, time.Hour)
	reopen(t, p)
	mustAcquire(t, p).Release()
	p.lock()
	defer p.unlock()
	assert.Less(t, elapsed(p.mu.idle.Newest().idleSince, time.Now()), time.Minute)
}
