package model

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/berth-go/berth/waitq"
)

// A Pool is the model of a pool.Pool with the same Config.
type Pool[R any] struct {
	cfg  pool.Config[R]
	done chan struct{} // closed when the pool is closed and nothing is left

	// sampling makes Capacity be read and noted by one goroutine at a time. It is
	// taken before mu.
	sampling sync.Mutex

	mu struct {
		sync.Mutex
		atDoor    *waiter[R] // in the queue, but undecided whether it may wait
		madeWay   bool       // something idle has gone for that one
		limits    pool.Limits
		waiters   []*waiter[R]   // oldest ticket first; equal ones in order of arrival
		dials     []*dial[R]     // in flight, oldest first, the canceled ones too
		resources []*resource[R] // open, in the order in which they were dialled
		closing   int            // slots whose Close has not returned

		closed     bool
		finished   bool        // done is closed
		generation int         // Resets so far
		expected   int         // leases that the next dial is thought to bring
		dialed     uint64      // dials started so far
		idled      uint64      // how often a resource became idle
		ticket     pool.Ticket // the last one given
		leases     int         // out, those on dead resources too
		failures   int         // dials failed in a row
		lastDial   error
		warmers    []*warmer // calls of Warm that wait
		count      pool.Stats
	}
}

// resource is what was dialled, from then until it is closed or hijacked.
type resource[R any] struct {
	value      R
	shareable  bool
	born       time.Time
	number     uint64 // of its dial
	generation int

	added            bool // it is in Pool.resources, or was
	capacity, expect int
	opening          bool // it has had no capacity since its dial
	leases           int
	uses             uint64
	idleSince        time.Time
	idleTurn         uint64 // orders the idle ones by the time they became so
	draining         bool
	why              pool.Reason // of draining
	gone             bool        // closing or hijacked
}

// waiter is one call of Acquire that is queued.
type waiter[R any] struct {
	ctx    context.Context
	ticket pool.Ticket
	came   pool.Ticket     // the last ticket when it came
	after  uint64          // it takes only what a dial with a larger number brought
	ended  chan outcome[R] // has room for the one outcome
}

// canUse reports whether s is not too old for w.
func (w *waiter[R]) canUse(s *resource[R]) bool { return s.number > w.after }

type outcome[R any] struct {
	lease *Lease[R]
	err   error
}

// New returns a model of the pool that cfg describes.
func New[R any](cfg pool.Config[R]) *Pool[R] {
	m := &Pool[R]{cfg: cfg, done: make(chan struct{})}
	m.mu.limits = pool.Limits{
		MaxOpen: cfg.MaxOpen, MaxIdle: cfg.MaxIdle, MinIdle: cfg.MinIdle, MaxWaiters: cfg.MaxWaiters, MaxDials: cfg.MaxDials,
	}
	m.mu.expected = m.unspent(0, max(1, cfg.Shared))
	m.mu.ticket = 1 // 0 is no place
	return m
}

// change makes one change of the state and applies the rules.
func (m *Pool[R]) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	m.settleLocked()
}

// AcquireWith is pool.Pool.AcquireWith.
func (m *Pool[R]) AcquireWith(ctx context.Context, r pool.Request) (*Lease[R], error) {
	if err := waitq.ContextError(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	if d := m.cfg.WaitTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, start.Add(d), pool.ErrWaitTimeout)
		defer cancel()
	}
	l, w, err := m.arrive(ctx, r)
	if w == nil {
		return l, err
	}
	var o outcome[R]
	select {
	case o = <-w.ended:
	case <-ctx.Done():
		if !m.leave(w) {
			o = <-w.ended // it was delivered, or failed, before
			break
		}
		o.err = &pool.WaitError{Err: waitq.ContextError(ctx), Waited: time.Since(start)}
		m.change(func() { m.mu.count.Canceled++ })
	}
	m.change(func() { m.mu.count.WaitTime += time.Since(start) })
	return o.lease, o.err
}

// arrive serves a call at once, turns it away, or queues it.
func (m *Pool[R]) arrive(ctx context.Context, r pool.Request) (*Lease[R], *waiter[R], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.closed {
		return nil, nil, pool.ErrClosed
	}
	w := &waiter[R]{ctx: ctx, ticket: r.Place, ended: make(chan outcome[R], 1)}
	if r.Fresh {
		w.after = m.mu.dialed
	}
	if len(m.mu.waiters) == 0 {
		if s := m.pickLocked(w.canUse); s != nil {
			if w.ticket == 0 {
				w.ticket = m.mu.ticket // in front of all who come later
			}
			m.mu.count.Hits++
			l := m.leaseLocked(s, w.ticket)
			m.settleLocked() // one idle resource less
			return l, nil, nil
		}
	}
	if w.ticket == 0 {
		m.mu.ticket++
		w.ticket = m.mu.ticket
		if r.Low {
			w.ticket += m.lag()
		}
		w.came = m.mu.ticket
	} else if w.came = w.ticket; w.ticket > m.mu.ticket && w.ticket >= m.lag() { // the place of a Low lease
		w.came -= m.lag()
	}
	m.queueLocked(w)
	// Who has a place was let in before.
	if limit := m.mu.limits.MaxWaiters; limit != 0 && r.Place == 0 {
		m.mu.atDoor, m.mu.madeWay = w, false
		m.settleLocked()
		m.mu.atDoor = nil
		if m.uncoveredLocked(m.flyingLocked()) > max(0, limit) && !m.mu.madeWay && m.unqueueLocked(w) {
			m.mu.count.Rejected++
			m.settleLocked()
			return nil, nil, fmt.Errorf("%w: the model's limit is %d", pool.ErrWaitLimit, limit)
		}
	}
	m.settleLocked()
	m.mu.count.Waits++
	return nil, w, nil
}

// lag is how far behind its turn a low caller stands.
func (m *Pool[R]) lag() pool.Ticket {
	if m.cfg.LowLag > 0 {
		return pool.Ticket(m.cfg.LowLag - 1)
	}
	return 63
}

// leave takes w out of the queue and reports whether it was still there.
func (m *Pool[R]) leave(w *waiter[R]) (left bool) {
	m.change(func() { left = m.unqueueLocked(w) })
	return left
}

// TryAcquire is pool.Pool.TryAcquire.
func (m *Pool[R]) TryAcquire() (l *Lease[R], ok bool) {
	m.change(func() {
		if m.mu.closed {
			return
		}
		unwanted := func(s *resource[R]) bool {
			return !slices.ContainsFunc(m.liveLocked(), func(w *waiter[R]) bool { return w.canUse(s) })
		}
		if s := m.pickLocked(unwanted); s != nil {
			l, ok = m.leaseLocked(s, m.mu.ticket), true
			m.mu.count.Hits++
		}
	})
	return l, ok
}

// Do is pool.Pool.Do.
func (m *Pool[R]) Do(ctx context.Context, f func(*Lease[R]) error) error {
	l, err := m.AcquireWith(ctx, pool.Request{})
	if err != nil {
		return err
	}
	defer l.Discard(nil) // after a panic or runtime.Goexit; else Release was first
	err = f(l)
	l.Release()
	return err
}

// SetLimits is pool.Pool.SetLimits; it takes what it is given.
func (m *Pool[R]) SetLimits(l pool.Limits) error {
	m.change(func() {
		m.mu.limits = l
		m.endWarmersLocked(func(w *warmer) bool { return tooMany(w.n, l) }, errTooMany)
	})
	return nil
}

// CloseIdle is pool.Pool.CloseIdle.
func (m *Pool[R]) CloseIdle() {
	m.change(func() {
		for _, s := range m.idleLocked() {
			s.drain(pool.ReasonCloseIdle)
		}
	})
}

// Retire is pool.Pool.Retire.
func (m *Pool[R]) Retire(f func(R) bool) {
	m.change(func() {
		for _, s := range m.mu.resources {
			if f(s.value) {
				s.drain(pool.ReasonRetire)
			}
		}
	})
}

// Reset is pool.Pool.Reset.
func (m *Pool[R]) Reset() {
	m.change(func() {
		m.mu.generation++
		m.retireLocked(pool.ReasonReset)
	})
}

// Close is pool.Pool.Close.
func (m *Pool[R]) Close() error {
	m.change(func() {
		if m.mu.closed {
			return
		}
		m.mu.closed = true
		for _, w := range m.mu.waiters {
			w.ended <- outcome[R]{err: pool.ErrClosed}
		}
		m.mu.waiters = nil
		m.endWarmersLocked(func(*warmer) bool { return true }, pool.ErrClosed)
		m.retireLocked(pool.ReasonClosed)
	})
	return nil
}

// Shutdown is pool.Pool.Shutdown.
func (m *Pool[R]) Shutdown(ctx context.Context) error {
	_ = m.Close() // always nil
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		s := m.Stats()
		return fmt.Errorf("model: %d resources in use, %d dialing and %d closing are left: %w",
			s.InUse, s.Dialing, s.Closing, waitq.ContextError(ctx))
	}
}

// Stats is pool.Pool.Stats.
func (m *Pool[R]) Stats() pool.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.mu.count
	s.Limits = m.mu.limits
	s.Acquires = s.Hits + s.Waits
	s.Open, s.Idle = len(m.mu.resources), len(m.idleLocked())
	s.InUse = s.Open - s.Idle
	s.Dialing, s.Closing = len(m.mu.dials), m.mu.closing
	s.Leases, s.Waiting = m.mu.leases, len(m.mu.waiters)
	return s
}
