package pool

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/lane"
	"github.com/berth-go/berth/internal/turn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newLane returns a pool whose lane is open, with n resources resting in it, the
// oldest first.
func newLane(t *testing.T, n int, change func(*Config[*int])) (*Pool[*int], []*int) {
	cfg := Config[*int]{Dial: func(context.Context) (*int, error) { return new(int), nil }}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	require.NoError(t, err)
	var all []*int
	var leases []Lease[*int]
	for range n {
		l := mustAcquire(t, p)
		leases = append(leases, l)
		all = append(all, l.Value())
	}
	for _, l := range leases {
		l.Release()
	}
	reopen(t, p)
	require.Equal(t, n, p.resting(), "the lane is open")
	t.Cleanup(func() { assert.NoError(t, p.Shutdown(context.Background())) })
	return p, all
}

func mustAcquire[R any](t *testing.T, p *Pool[R]) Lease[R] {
	t.Helper()
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	return l
}

// resting returns how many leases rest in the lane.
func (p *Pool[R]) resting() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ln := p.open.Load(); ln != nil {
		for _, s := range ln.Seats() {
			n += btoi(s.Turn.Load().State() == turn.Resting)
		}
	}
	return n
}

// reopen uses the pool until its lane is open.
func reopen(t *testing.T, p *Pool[*int]) {
	for range maxStreak {
		mustAcquire(t, p).Release()
		if p.resting() > 0 {
			return
		}
	}
	t.Fatal("the lane stays closed")
}

// fast reports whether a lease began and is in the lane.
func (l Lease[R]) fast() bool { return l.cell.Turn.Load().State() == turn.Out }

func TestLaneHandsOutWhatWasUsedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, all := newLane(t, 3, nil)
		c, b := mustAcquire(t, p), mustAcquire(t, p)
		require.True(t, b.fast() && c.fast())
		assert.Same(t, all[2], c.Value())
		assert.Same(t, all[1], b.Value())
		c.Release()
		b.Release()
		for _, want := range []*int{all[1], all[2], all[0]} {
			l := mustAcquire(t, p)
			assert.Same(t, want, l.Value())
			defer l.Release()
		}
		require.Equal(t, 3, p.Stats().InUse)
	})
}

func TestStatsCountWhatTheLaneDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 2, nil)
		l := mustAcquire(t, p)
		mustAcquire(t, p).Release()
		mustAcquire(t, p).Release()
		s := p.Stats()
		assert.Equal(t, []int{2, 1, 1, 1}, []int{s.Open, s.Idle, s.InUse, s.Leases})
		assert.EqualValues(t, 2+3, s.Hits)
		assert.EqualValues(t, s.Hits+s.Waits, s.Acquires)
		assert.EqualValues(t, 6, s.LeaseTimes.Count())
		p.lock() // what the accounts say when the lane has been closed
		s = p.statsLocked()
		p.unlock()
		assert.Equal(t, []int{2, 1, 1, 1}, []int{s.Open, s.Idle, s.InUse, s.Leases})
		assert.EqualValues(t, 2+3, s.Hits)
		assert.EqualValues(t, 6, s.LeaseTimes.Count())
		l.Release()
		s = p.Stats()
		assert.EqualValues(t, 7, s.LeaseTimes.Count())
	})
}

func TestInfoOfALeaseInTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 1, nil)
		time.Sleep(time.Second) // the lane closes: nobody uses it
		require.Zero(t, p.resting())
		reopen(t, p)
		l := mustAcquire(t, p)
		require.True(t, l.fast())
		assert.Equal(t, LeaseInfo{Reused: true, IdleFor: 1, Age: time.Second, Uses: 8}, l.Info())
		l.Release()
		assert.Zero(t, l.Info())
	})
}

// A lease that lasts is measured, however busy the lane is.
func TestLeaseTimesOfTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 2, nil)
		l := mustAcquire(t, p)
		require.True(t, l.fast())
		time.Sleep(laneTick / 20) // never at the time of a tick, when the lane is closed for a moment
		for range 1000 {
			time.Sleep(laneTick / 10)
			mustAcquire(t, p).Release()
		}
		require.NotNil(t, p.open.Load())
		require.False(t, l.fast(), "its cell is of use to others")
		assert.InDelta(t, 100*laneTick, p.oldest(), float64(laneTick))
		l.Release()
		h := p.Stats().LeaseTimes
		assert.GreaterOrEqual(t, h.Quantile(1), 100*laneTick)
		assert.Less(t, h.Mean(), laneTick)
	})
}

func (p *Pool[R]) oldest() time.Duration {
	p.lock()
	defer p.unlock()
	return p.oldestLeaseLocked()
}

// A pool whose callers wait again and again does without the lane: to open it
// each time would cost more than it brings.
func TestLaneThatBringsLittleOpensSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 1, func(c *Config[*int]) { c.MaxOpen = 1 })
		opened := 0
		for range 100 {
			reopen(t, p)
			opened++
			l := mustAcquire(t, p)
			var wg sync.WaitGroup
			wg.Go(func() { mustAcquire(t, p).Release() })
			synctest.Wait()
			l.Release()
			wg.Wait()
			p.mu.Lock()
			need := p.mu.need
			p.mu.Unlock()
			if need == maxStreak {
				break
			}
		}
		assert.Less(t, opened, 20)

		reopen(t, p) // and when it brings much, it is open at once again
		for range worthHits {
			mustAcquire(t, p).Release()
		}
		time.Sleep(3 * laneTick)
		require.Nil(t, p.open.Load())
		for range minStreak {
			mustAcquire(t, p).Release()
		}
		assert.NotNil(t, p.open.Load())
	})
}

// A quiet pool has no timer, and every time is exact again.
func TestLaneIsGivenUpWhenNobodyUsesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 2, nil)
		time.Sleep(3 * laneTick)
		assert.Nil(t, p.open.Load())
		p.mu.Lock()
		assert.Zero(t, p.mu.armed, "no bell is set")
		p.mu.Unlock()
		time.Sleep(time.Hour)
		l := mustAcquire(t, p)
		assert.GreaterOrEqual(t, l.Info().IdleFor, time.Hour)
		l.Release()
	})
}

// Nobody overtakes a waiter through the lane, and what is released goes to it.
func TestLaneIsClosedWhileSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 1, func(c *Config[*int]) { c.MaxOpen = 1 })
		l := mustAcquire(t, p)
		require.True(t, l.fast())
		got := make(chan Lease[*int])
		go func() {
			w, _ := p.Acquire(context.Background())
			got <- w
		}()
		synctest.Wait()
		assert.Nil(t, p.open.Load())
		_, ok := p.TryAcquire()
		assert.False(t, ok)
		l.Release()
		(<-got).Release()
	})
}

// Cores that get into each other's way spread over the cells.
func TestLaneSpreadsAfterClashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 4, nil)
		p.open.Load().Clash(lane.ManyClashes)
		mustAcquire(t, p).Release()
		time.Sleep(laneTick + 1)
		synctest.Wait()
		require.True(t, p.open.Load().Spread())
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					l, err := p.Acquire(t.Context())
					assert.NoError(t, err)
					l.Release()
				}
			})
		}
		wg.Wait()
		s := p.Stats()
		assert.EqualValues(t, 800, s.Acquires-7)
		assert.Equal(t, s.Open, s.Idle)
	})
}
