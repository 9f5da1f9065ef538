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

const (
	stormCap    = 5 // slots at most, whatever the storm sets
	stormShare  = 3 // leases at most on one shareable unit
	stormCrowd  = 16
	stormRounds = 250
	stall       = 30 * time.Second // a patient caller who waits so long was forgotten
)

// A unit is the resource of a storm. It knows whose it is.
type unit struct {
	shareable bool
	holders   atomic.Int32
	notes     int // written by its one holder without a lock: the race detector watches
	capacity  atomic.Int32
	changed   func()
	gone      atomic.Bool
	begun     int32 // Resets that had begun when its dial did
}

// A storm is a pool on which everything happens at once, and the accounts kept
// outside of it.
type storm struct {
	t *testing.T
	p *pool.Pool[*unit]

	share func() bool // the kind of the next unit
	calm  bool        // dials and call-outs do not fail, nothing is resized or reset

	peers       atomic.Int32 // units that exist, as their peer would count
	begun, done atomic.Int32 // Resets
	leases      atomic.Int32
	refused     atomic.Int32
}

func odds(n int) bool { return rand.IntN(n) == 0 }

func newStorm(t *testing.T, share func() bool, calm bool, cfg pool.Config[*unit]) *storm {
	s := &storm{t: t, share: share, calm: calm}
	cfg.Dial, cfg.Close = s.dial, s.close
	cfg.MaxOpen = stormCap
	cfg.Capacity = func(u *unit) int { return int(u.capacity.Load()) }
	cfg.Shareable = func(u *unit) bool { return u.shareable }
	cfg.Take, cfg.Recycle = s.take, s.recycle
	p, err := pool.New(cfg)
	require.NoError(t, err)
	s.p = p
	return s
}

// dial is where the cap is seen from outside (I1): the peer would have one more
// than it was promised.
func (s *storm) dial(ctx context.Context) (*unit, error) {
	u := &unit{shareable: s.share(), begun: s.begun.Load()}
	n := s.peers.Inc()
	assert.LessOrEqual(s.t, n, int32(stormCap), "more than MaxOpen at once")
	if odds(3) {
		runtime.Gosched()
	}
	if !s.calm && odds(12) || ctx.Err() != nil {
		s.peers.Dec() // before the slot is free
		if odds(4) {
			panic(errDial)
		}
		return nil, errDial
	}
	u.capacity.Store(1)
	if u.shareable {
		u.capacity.Store(stormShare)
	}
	return u, nil
}

func (s *storm) close(u *unit) error {
	assert.True(s.t, u.gone.CompareAndSwap(false, true), "closed or hijacked twice")
	s.peers.Dec()
	return nil
}

func (s *storm) take(u *unit) error {
	assert.False(s.t, u.gone.Load() && !u.shareable, "handed out after its Close")
	if !s.calm && odds(40) {
		return errBroken
	}
	return nil
}

func (s *storm) recycle(u *unit) error {
	if !s.calm && odds(40) {
		return errBroken
	}
	return nil
}

// use is what a holder does with its lease.
func (s *storm) use(l pool.Lease[*unit], done int32) {
	u := l.Value()
	s.leases.Inc()
	assert.GreaterOrEqual(s.t, u.begun, done, "of a generation that ended before the call (I11)")
	n := u.holders.Inc()
	if u.shareable {
		assert.LessOrEqual(s.t, n, int32(stormShare), "more leases than capacity (I9)")
	} else {
		assert.EqualValues(s.t, 1, n, "two owners")
		u.notes++
	}
	if odds(3) {
		runtime.Gosched()
	}
	if !s.calm && u.shareable && odds(20) {
		s.weather(u)
	}
	u.holders.Dec()
	s.end(l, u)
}

// weather changes a shareable unit's capacity under those who use it.
func (s *storm) weather(u *unit) {
	capacity := int32(rand.IntN(stormShare + 1))
	switch rand.IntN(10) {
	case 0:
		capacity = pool.Dead
	case 1:
		capacity = pool.Draining
	}
	if u.changed == nil && capacity == 0 {
		return // nobody would tell when there is some again
	}
	u.capacity.Store(capacity)
	if u.changed != nil {
		u.changed()
	}
	if capacity == 0 { // else those who wait could wait for ever, and rightly
		u.capacity.Store(1)
		u.changed()
	}
}

func (s *storm) end(l pool.Lease[*unit], u *unit) {
	switch {
	case odds(12):
		l.Discard(errBroken)
	case odds(20) && (!u.shareable || s.calm): // a rough one may be dead, and then the pool closes it
		s.hijack(l, u)
	default:
		l.Release()
	}
	if odds(4) {
		l.Release() // once too often
	}
}

// hijack tells the peer first, since the slot is free as soon as Hijack returns.
// If other leases are out, Hijack panics and the lease goes on.
func (s *storm) hijack(l pool.Lease[*unit], u *unit) {
	s.peers.Dec()
	u.gone.Store(true)
	defer func() {
		if recover() == nil {
			return
		}
		assert.True(s.t, u.shareable)
		u.gone.Store(false)
		s.peers.Inc()
		l.Release()
	}()
	l.Hijack()
}

// one is one call, of a kind drawn by lot.
func (s *storm) one(ctx context.Context) {
	done := s.done.Load()
	patience, cancel := context.WithTimeout(ctx, stall)
	defer cancel()
	var l pool.Lease[*unit]
	var err error
	switch {
	case odds(5):
		if l, ok := s.p.TryAcquire(); ok {
			s.use(l, done)
		}
		return
	case odds(5): // leaves at any moment
		go cancel()
		l, err = s.p.Acquire(patience)
		if errors.Is(err, context.Canceled) {
			return
		}
	case odds(10):
		l, err = s.p.AcquireWith(patience, pool.Request{Fresh: true})
	case odds(10):
		l, err = s.p.AcquireWith(patience, pool.Request{Place: pool.Ticket(1 + rand.IntN(50))})
	default:
		l, err = s.p.Acquire(patience)
	}
	if err == nil {
		s.use(l, done)
		return
	}
	s.refused.Inc()
	assert.NotErrorIs(s.t, err, context.DeadlineExceeded, "a waiter was forgotten (I2)")
	if s.calm {
		assert.NoError(s.t, err)
	}
}

// meddle does once in a while what concerns the pool as a whole.
func (s *storm) meddle() {
	switch {
	case !odds(25):
	case s.calm:
		st := s.p.Stats()
		assert.LessOrEqual(s.t, st.Open+st.Dialing+st.Closing, stormCap, "I1")
		assert.Equal(s.t, st.Open, st.Idle+st.InUse)
	case odds(3):
		s.begun.Inc()
		s.p.Reset()
		s.done.Inc()
	case odds(2):
		assert.NoError(s.t, s.p.SetLimits(pool.Limits{
			MaxOpen: 1 + rand.IntN(stormCap), MaxIdle: rand.IntN(4) - 1, MaxDials: rand.IntN(3),
		}))
	default:
		s.p.CloseIdle()
	}
}

func (s *storm) blow() {
	var crowd sync.WaitGroup
	for range stormCrowd {
		crowd.Go(func() {
			for range stormRounds {
				s.one(s.t.Context())
				s.meddle()
			}
		})
	}
	crowd.Wait()
}

// settle shuts the pool down and compares its accounts with the storm's.
func (s *storm) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), stall)
	defer cancel()
	require.NoError(s.t, s.p.Shutdown(ctx))
	st := s.p.Stats()
	assert.Zero(s.t, st.Open+st.Dialing+st.Closing+st.Leases+st.Waiting, "%+v", st)
	assert.Equal(s.t, st.Dials, st.Closes.Total()+st.Hijacks)
	assert.Equal(s.t, st.Acquires, st.Hits+st.Waits)
	assert.LessOrEqual(s.t, uint64(s.leases.Load()), st.Acquires)
	assert.Zero(s.t, s.peers.Load(), "units that exist and that the pool has forgotten")
	assert.NotZero(s.t, s.leases.Load())
	if !s.calm {
		assert.NotZero(s.t, s.refused.Load(), "nothing went wrong in this storm")
	}
}

func TestStorms(t *testing.T) {
	kinds := []struct {
		name  string
		share func() bool
	}{
		{"exclusive", func() bool { return false }},
		{"shareable", func() bool { return true }},
		{"mixed", func() bool { return odds(2) }},
	}
	watch := func(u *unit, changed func()) { u.changed = changed }
	for _, kind := range kinds {
		for _, weather := range []struct {
			name string
			calm bool
			cfg  pool.Config[*unit]
		}{
			{"calm", true, pool.Config[*unit]{}},
			{"rough", false, pool.Config[*unit]{Watch: watch}},
			{"rough without Watch", false, pool.Config[*unit]{Shared: 2}},
			{"rough with Check", false, pool.Config[*unit]{
				Watch: watch, CheckAfter: -1, MaxIdle: 2, MaxDials: 2, MaxIdleTime: time.Millisecond,
				Check: func(context.Context, *unit) error {
					if odds(20) {
						return errBroken
					}
					return nil
				},
			}},
		} {
			t.Run(kind.name+"/"+weather.name, func(t *testing.T) {
				s := newStorm(t, kind.share, weather.calm, weather.cfg)
				s.blow()
				s.settle()
			})
		}
	}
}

// Close in the middle of a storm: everyone returns, and everything is closed (I10).
func TestCloseInAStorm(t *testing.T) {
	for range 20 {
		s := newStorm(t, func() bool { return odds(2) }, false, pool.Config[*unit]{})
		started := make(chan struct{}, stormCrowd)
		var crowd sync.WaitGroup
		for range stormCrowd {
			crowd.Go(func() {
				for n := 0; ; n++ {
					l, err := s.p.Acquire(context.Background())
					if errors.Is(err, pool.ErrClosed) {
						return
					}
					if err == nil {
						s.use(l, 0)
					}
					if n == 10 {
						started <- struct{}{}
					}
				}
			})
		}
		for range stormCrowd / 2 {
			<-started
		}
		require.NoError(t, s.p.Close())
		crowd.Wait()
		s.refused.Inc() // each call that ended the loop was
		s.settle()
	}
}
