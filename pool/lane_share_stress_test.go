package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// A cable is the shareable resource of a lane storm.
type cable struct {
	capacity atomic.Int32
	changed  func()
	held     atomic.Int32
	ends     atomic.Int32 // closed or hijacked
}

// cableStorm is a pool whose leases mostly need no lock, and what is seen of it from
// outside.
type cableStorm struct {
	t     *testing.T
	p     *pool.Pool[*cable]
	calls atomic.Int64 // of Acquire, and of TryAcquire that brought something
	takes atomic.Int64 // leases, those that Take refused too

	mu  sync.Mutex
	all []*cable // that exist
	cap int
}

const widest = 6 // the largest capacity

func newCableStorm(t *testing.T, cap int, cfg pool.Config[*cable]) *cableStorm {
	s := &cableStorm{t: t, cap: cap}
	cfg.MaxOpen = cap
	cfg.Dial = func(context.Context) (*cable, error) {
		c := &cable{}
		c.capacity.Store(rand.Int32N(widest + 1))
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = append(s.all, c)
		assert.LessOrEqual(t, len(s.all), s.cap, "more than MaxOpen (I1)")
		return c, nil
	}
	cfg.Close = func(c *cable) error {
		assert.True(t, c.held.Load() == 0 || c.capacity.Load() == pool.Dead, "closed while somebody has it")
		s.mu.Lock()
		defer s.mu.Unlock()
		s.forgetLocked(c)
		return nil
	}
	cfg.Capacity = func(c *cable) int { return int(c.capacity.Load()) }
	cfg.Watch = func(c *cable, changed func()) {
		s.mu.Lock()
		defer s.mu.Unlock()
		c.changed = changed
	}
	cfg.Take = func(*cable) error {
		s.takes.Add(1)
		if odds(50) {
			return errBroken
		}
		return nil
	}
	p, err := pool.New(cfg)
	require.NoError(t, err)
	s.p = p
	return s
}

// forgetLocked is the end of a cable.
func (s *cableStorm) forgetLocked(c *cable) {
	assert.EqualValues(s.t, 1, c.ends.Inc(), "closed twice, or after its Hijack")
	for i, o := range s.all {
		if o == c {
			s.all = append(s.all[:i], s.all[i+1:]...)
			return
		}
	}
}

// set gives some cable another capacity, which may be its end.
func (s *cableStorm) set(capacity int32) {
	changed := func() {}
	s.mu.Lock()
	if n := len(s.all); n > 0 {
		if c := s.all[rand.IntN(n)]; c.changed != nil && c.capacity.Load() >= 0 { // an end is final
			c.capacity.Store(capacity)
			changed = c.changed
		}
	}
	s.mu.Unlock()
	changed()
}

// hijack takes the cable out if this is its only lease, and it is not one that the
// pool closes all the same.
func (s *cableStorm) hijack(l pool.Lease[*cable]) {
	s.mu.Lock() // the next dial waits until it is forgotten
	defer s.mu.Unlock()
	defer func() { _ = recover() }() // others have it too
	if l.Value().capacity.Load() != pool.Dead {
		s.forgetLocked(l.Hijack())
	}
}

// use acquires and ends leases, in all the ways there are.
func (s *cableStorm) use(rounds int) {
	ctx, cancel := context.WithTimeout(context.Background(), stall)
	defer cancel()
	for i := range rounds {
		l, err := s.p.Acquire(ctx)
		s.calls.Add(1)
		if errors.Is(err, context.DeadlineExceeded) {
			assert.Fail(s.t, "forgotten", "%v: %+v", err, s.p.Stats())
			return
		}
		if err != nil {
			continue // fresh ones that Take refused, or that were dead at their dial
		}
		c := l.Value()
		assert.LessOrEqual(s.t, c.held.Inc(), int32(widest), "more leases than it ever had capacity (I9)")
		if odds(64) {
			runtime.Gosched()
		}
		c.held.Dec()
		switch {
		case i%97 == 0:
			l.Discard(nil)
		case i%61 == 0:
			s.hijack(l)
			l.Release() // nothing, if that was its end
		case i%13 == 0: // copies race to end it
			var wg sync.WaitGroup
			wg.Go(l.Release)
			l.Release()
			wg.Wait()
		default:
			l.Release()
		}
	}
}

// meddle does from outside what reaches into the lane.
func (s *cableStorm) meddle(done <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		switch i % 16 {
		case 0:
			s.p.CloseIdle()
		case 1:
			s.p.Reset()
		case 2:
			s.p.Retire(func(*cable) bool { return odds(2) })
		case 3:
			assert.NoError(s.t, s.p.SetLimits(pool.Limits{MaxOpen: s.cap - i%2, MaxIdle: i % 3}))
		case 4:
			s.set(pool.Draining)
		case 5:
			s.set(pool.Dead)
		case 6, 7, 8:
			if l, ok := s.p.TryAcquire(); ok {
				s.calls.Add(1)
				l.Release()
			}
		default:
			s.set(rand.Int32N(widest + 1))
			st := s.p.Stats()
			assert.Equal(s.t, st.Open, st.Idle+st.InUse)
			assert.GreaterOrEqual(s.t, st.Idle, 0)
			assert.GreaterOrEqual(s.t, st.Leases, 0)
		}
		for range 20 {
			runtime.Gosched()
		}
	}
}

// settled checks the accounts when all leases have ended.
func (s *cableStorm) settled() {
	t, st := s.t, s.p.Stats()
	assert.EqualValues(t, s.calls.Load(), st.Acquires)
	assert.EqualValues(t, s.takes.Load(), st.LeaseTimes.Count())
	assert.Zero(t, st.InUse+st.Leases+st.Waiting)
	ctx, cancel := context.WithTimeout(context.Background(), stall)
	defer cancel()
	require.NoError(t, s.p.Shutdown(ctx))
	st = s.p.Stats()
	assert.Equal(t, st.Dials, st.Closes.Total()+st.Hijacks)
	assert.Empty(t, s.all)
}

// Callers share what carries several leases while its capacity rises, falls and ends,
// and while everything else happens that closes the lane.
func TestSharedLaneStorms(t *testing.T) {
	recycle := func(*cable) error {
		if odds(200) {
			return errBroken
		}
		return nil
	}
	for name, tt := range map[string]struct {
		cap, callers int
		cfg          pool.Config[*cable]
	}{
		"with room to spare": {4, 6, pool.Config[*cable]{}},
		"one resource":       {2, 6, pool.Config[*cable]{}},
		"recycled":           {3, 6, pool.Config[*cable]{Recycle: recycle}},
		"kept ready":         {4, 6, pool.Config[*cable]{MinIdle: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newCableStorm(t, tt.cap, tt.cfg)
			done := make(chan struct{})
			var callers, others sync.WaitGroup
			others.Go(func() { s.meddle(done) })
			for range tt.callers {
				callers.Go(func() { s.use(3_000) })
			}
			callers.Wait()
			close(done)
			others.Wait()
			s.settled()
		})
	}
}

// Two pools of one Budget, each with a lane of a shareable resource, and too few
// slots for both.
func TestSharedLanesOfOneBudgetInAStorm(t *testing.T) {
	b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2})
	require.NoError(t, err)
	done := make(chan struct{})
	var callers, others sync.WaitGroup
	var storms []*cableStorm
	for range 2 {
		s := newCableStorm(t, 2, pool.Config[*cable]{Budget: b})
		storms = append(storms, s)
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				s.set(rand.Int32N(widest + 1))
				st := b.Stats()
				assert.LessOrEqual(t, st.Open, 2)
				assert.LessOrEqual(t, st.Idle, 2)
				for range 20 {
					runtime.Gosched()
				}
			}
		})
		for range 3 {
			callers.Go(func() { s.use(1_000) })
		}
	}
	callers.Wait()
	close(done)
	others.Wait()
	for _, s := range storms {
		s.settled()
	}
	assert.Zero(t, b.Stats().Open)
	assert.Zero(t, b.Stats().Idle)
}

// Capacity that falls while callers come and go as fast as they can. Once the pool
// knows, there are never more leases than that, or than were out just then (I9).
func TestCapacityThatFallsInAStorm(t *testing.T) {
	reads, told := atomic.NewInt32(0), make(chan struct{}, 1)
	p, err := pool.New(pool.Config[*cable]{
		MaxOpen: 1,
		Dial: func(context.Context) (*cable, error) {
			c := &cable{}
			c.capacity.Store(widest)
			return c, nil
		},
		Watch: func(c *cable, changed func()) { c.changed = changed },
		Capacity: func(c *cable) int {
			reads.Inc()
			select {
			case told <- struct{}{}:
			default:
			}
			return int(c.capacity.Load())
		},
	})
	require.NoError(t, err)
	first, err := p.Acquire(t.Context())
	require.NoError(t, err)
	c := first.Value()
	first.Release()
	set := func(capacity int32) { // and return when the pool knows: the second look begins after the first is noted
		c.capacity.Store(capacity)
		for range 2 {
			n := reads.Load()
			for c.changed(); reads.Load() == n; {
				<-told
			}
		}
	}
	var ceiling atomic.Int32
	ceiling.Store(widest)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				l, err := p.Acquire(context.Background())
				if !assert.NoError(t, err) {
					return
				}
				before := ceiling.Load() // it may fall between the count and the look
				assert.LessOrEqual(t, c.held.Inc(), max(before, ceiling.Load()), "a lease beyond the capacity")
				if odds(16) {
					runtime.Gosched()
				}
				c.held.Dec()
				l.Release()
			}
		})
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		n := 1 + rand.Int32N(widest)
		if n > ceiling.Load() {
			ceiling.Store(n)
		}
		set(n)
		out := p.Stats().Leases // what was out when it fell may be, and no more
		ceiling.Store(max(n, int32(out)))
		for range 50 {
			runtime.Gosched()
		}
	}
	close(done)
	wg.Wait()
	require.NoError(t, p.Shutdown(t.Context()))
}
