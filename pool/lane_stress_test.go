package pool_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// A hull is the resource of a lane storm. Its note is written by its one holder,
// without a lock: the race detector watches.
type hull struct {
	held    atomic.Int32
	closes  atomic.Int32
	note    int
	resting atomic.Bool // by its own word: it has no capacity
	changed func()      // with watched
}

// rest leaves the hull without capacity for a while.
func (h *hull) rest(all *sync.WaitGroup) {
	h.resting.Store(true)
	h.changed()
	all.Go(func() {
		runtime.Gosched()
		h.resting.Store(false)
		h.changed()
	})
}

// watched makes hulls rest now and then, and tell of it.
func watched() pool.Config[*hull] {
	return pool.Config[*hull]{
		Shareable: func(*hull) bool { return false },
		Watch:     func(h *hull, changed func()) { h.changed = changed },
		Capacity: func(h *hull) int {
			if h.resting.Load() {
				return 0
			}
			return 1
		},
	}
}

// recycled is watched, with hulls that rest while they are recycled as well.
func recycled() pool.Config[*hull] {
	cfg := watched()
	cfg.Recycle = func(h *hull) error {
		if h.note++; h.note%5 == 0 {
			h.rest(&sync.WaitGroup{}) // whoever waits for it: not the caller
		}
		return nil
	}
	return cfg
}

// laneStorm is a pool that callers use without its lock, mostly, and what is seen
// of it from outside.
type laneStorm struct {
	t    *testing.T
	p    *pool.Pool[*hull]
	open atomic.Int32 // as the peer counts
	cap  int32        // of it
	made atomic.Int32
	uses atomic.Int32
}

func newLaneStorm(t *testing.T, cap int, cfg pool.Config[*hull]) *laneStorm {
	s := &laneStorm{t: t, cap: int32(cap)} //nolint:gosec // small
	cfg.MaxOpen = cap
	cfg.Dial = func(context.Context) (*hull, error) {
		s.made.Inc()
		assert.LessOrEqual(t, s.open.Inc(), s.cap, "more than MaxOpen (I1)")
		return &hull{}, nil
	}
	cfg.Close = func(h *hull) error {
		s.open.Dec()
		assert.EqualValues(t, 1, h.closes.Inc(), "closed once")
		assert.Zero(t, h.held.Load(), "closed while somebody has it")
		return nil
	}
	p, err := pool.New(cfg)
	require.NoError(t, err)
	s.p = p
	return s
}

// use acquires and ends leases, in all the ways there are.
func (s *laneStorm) use(rounds int) {
	var resting sync.WaitGroup
	defer resting.Wait()
	for i := range rounds {
		l, err := s.p.Acquire(context.Background())
		if !assert.NoError(s.t, err) {
			return
		}
		s.uses.Add(1)
		h := l.Value()
		assert.EqualValues(s.t, 1, h.held.Inc(), "two have it at once")
		assert.False(s.t, h.resting.Load(), "it had told that it rests")
		h.note++
		if odds(64) {
			runtime.Gosched()
		}
		h.held.Dec()
		switch {
		case i%97 == 0:
			l.Discard(nil)
		case i%211 == 0:
			s.open.Dec() // before the slot is free
			l.Hijack()
		case i%13 == 0: // copies race to end it
			var wg sync.WaitGroup
			wg.Go(l.Release)
			l.Release()
			wg.Wait()
		case h.changed != nil && i%7 == 0:
			h.rest(&resting)
			l.Release()
		default:
			l.Release()
		}
	}
}

// meddle does from outside what closes the lane.
func (s *laneStorm) meddle(done <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		switch i % 8 {
		case 0:
			s.p.CloseIdle()
		case 1:
			s.p.Reset()
		case 2:
			s.p.Retire(func(*hull) bool { return odds(2) })
		case 3:
			assert.NoError(s.t, s.p.SetLimits(pool.Limits{MaxOpen: int(s.cap) - i%3, MaxIdle: i % 4}))
		default:
			st := s.p.Stats()
			assert.Equal(s.t, st.Open, st.Idle+st.InUse)
			assert.Equal(s.t, st.Acquires, st.Hits+st.Waits)
			assert.GreaterOrEqual(s.t, st.Idle, 0)
			if l, ok := s.p.TryAcquire(); ok {
				s.uses.Add(1)
				l.Release()
			}
		}
		for range 50 {
			runtime.Gosched()
		}
	}
}

// Callers use the lane while everything happens that closes it: each resource has
// one holder, the cap holds, nothing is closed in use or twice, nobody is
// forgotten, and the accounts are right in the end.
func TestLaneStorms(t *testing.T) {
	for name, tt := range map[string]struct {
		cap, callers int
		cfg          pool.Config[*hull]
	}{
		"with idle to spare":  {8, 4, pool.Config[*hull]{}},
		"one too few":         {3, 4, pool.Config[*hull]{}},
		"uses and recycling":  {6, 4, pool.Config[*hull]{MaxUses: 50, Recycle: func(h *hull) error { h.note++; return nil }}},
		"some are kept ready": {8, 4, pool.Config[*hull]{MinIdle: 1}},
		"some rest":           {6, 4, watched()},
		"some rest, recycled": {6, 4, recycled()},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLaneStorm(t, tt.cap, tt.cfg)
			done := make(chan struct{})
			var callers, others sync.WaitGroup
			if tt.cfg.MinIdle == 0 { // SetLimits would take it back
				others.Go(func() { s.meddle(done) })
			}
			for range tt.callers {
				callers.Go(func() { s.use(4_000) })
			}
			callers.Wait()
			close(done)
			others.Wait()
			st := s.p.Stats()
			assert.EqualValues(t, s.uses.Load(), st.Acquires)
			assert.EqualValues(t, s.uses.Load(), st.LeaseTimes.Count())
			assert.Zero(t, st.InUse+st.Leases+st.Waiting)
			require.NoError(t, s.p.Shutdown(context.Background()))
			st = s.p.Stats()
			assert.EqualValues(t, s.made.Load(), st.Dials)
			assert.Equal(t, st.Dials, st.Closes.Total()+st.Hijacks)
			assert.Zero(t, s.open.Load())
		})
	}
}

// Two pools of one Budget, each with a lane, and too few slots for both.
func TestLanesOfOneBudgetInAStorm(t *testing.T) {
	b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 4})
	require.NoError(t, err)
	storms := []*laneStorm{newLaneStorm(t, 4, pool.Config[*hull]{Budget: b}), newLaneStorm(t, 4, pool.Config[*hull]{Budget: b})}
	var wg sync.WaitGroup
	for _, s := range storms {
		for range 3 {
			wg.Go(func() { s.use(3_000) })
		}
	}
	wg.Wait()
	for _, s := range storms {
		require.NoError(t, s.p.Shutdown(context.Background()))
		assert.Zero(t, s.open.Load())
	}
	assert.Zero(t, b.Stats().Open)
}
