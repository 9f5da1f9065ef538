package model

import (
	"slices"
	"time"

	"github.com/berth-go/berth/pool"
)

// A Lease is the model of a pool.Lease.
type Lease[R any] struct {
	m      *Pool[R]
	s      *resource[R]
	ticket pool.Ticket
	info   pool.LeaseInfo
	ended  bool // under Pool.mu
}

// leaseLocked starts a lease on s.
func (m *Pool[R]) leaseLocked(s *resource[R], t pool.Ticket) *Lease[R] {
	info := pool.LeaseInfo{Reused: s.uses > 0, Age: time.Since(s.born), Uses: s.uses + 1}
	if s.leases == 0 {
		info.IdleFor = time.Since(s.idleSince) // 0 if it became idle just now, for a waiter
	}
	s.leases++
	s.uses++
	m.mu.leases++
	return &Lease[R]{m: m, s: s, ticket: t, info: info}
}

// endLocked ends a lease and reports whether it was still going.
func (m *Pool[R]) endLocked(l *Lease[R]) bool {
	if l.ended {
		return false
	}
	l.ended = true
	m.mu.leases--
	l.s.leases--
	if l.s.leases > 0 || l.s.gone {
		return true
	}
	m.idleNowLocked(l.s)
	if m.mu.closed {
		l.s.drain(pool.ReasonClosed)
	} else if l.s.generation != m.mu.generation {
		l.s.drain(pool.ReasonReset)
	} else if m.spent(l.s) {
		l.s.drain(pool.ReasonUses)
	}
	return true
}

// spent reports whether s has had all the leases of its life.
func (m *Pool[R]) spent(s *resource[R]) bool { return m.cfg.MaxUses > 0 && s.uses >= m.cfg.MaxUses }

// unspent returns n, or how many leases of a life are left after uses, if that is less.
func (m *Pool[R]) unspent(uses uint64, n int) int {
	if m.cfg.MaxUses == 0 {
		return n
	}
	return int(min(uint64(n), m.cfg.MaxUses-uses)) //nolint:gosec // small, and not negative
}

// idleNowLocked notes that s has no lease, and sees to it that the rules run when
// MaxIdleTime has passed.
func (m *Pool[R]) idleNowLocked(s *resource[R]) {
	m.mu.idled++
	s.idleSince, s.idleTurn = time.Now(), m.mu.idled
	if d := m.cfg.MaxIdleTime; d > 0 {
		time.AfterFunc(d, func() { m.change(func() {}) })
	}
}

// beBorn gives a new resource the end of its lifetime.
func (m *Pool[R]) beBorn(s *resource[R]) {
	if d := m.cfg.MaxLifetime; d > 0 {
		time.AfterFunc(d-time.Since(s.born), func() {
			m.change(func() { s.drain(pool.ReasonLifetime) })
		})
	}
}

// Release is pool.Lease.Release.
func (l *Lease[R]) Release() {
	if l.m.cfg.Capacity != nil && l.m.cfg.Watch == nil {
		l.m.sample(l.s)
	}
	l.m.change(func() { l.m.endLocked(l) })
}

// Discard is pool.Lease.Discard.
func (l *Lease[R]) Discard(error) {
	l.m.change(func() {
		if !l.ended {
			l.s.drain(pool.ReasonDiscard)
			l.m.endLocked(l)
		}
	})
}

// Hijack is pool.Lease.Hijack.
func (l *Lease[R]) Hijack() R {
	l.m.change(func() {
		switch {
		case l.ended:
			panic("model: Hijack of a lease that has ended")
		case l.s.leases > 1:
			panic("model: Hijack with other leases out")
		case l.s.gone: // it is dead, and the pool closes it
			l.m.endLocked(l)
			return
		}
		l.ended = true
		l.m.mu.leases--
		l.m.mu.count.Hijacks++
		l.m.removeLocked(l.s)
	})
	return l.s.value
}

// Value is pool.Lease.Value.
func (l *Lease[R]) Value() R {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.ended {
		panic("model: Value of a lease that has ended")
	}
	return l.s.value
}

// Info is pool.Lease.Info.
func (l *Lease[R]) Info() pool.LeaseInfo {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.ended {
		return pool.LeaseInfo{}
	}
	return l.info
}

// Ticket is pool.Lease.Ticket.
func (l *Lease[R]) Ticket() pool.Ticket { return l.ticket }

// drain lets no new lease begin on s. The first reason stays.
func (s *resource[R]) drain(why pool.Reason) {
	if !s.draining {
		s.draining, s.why = true, why
	}
}

// retireLocked drains all that is not in exclusive use, and cancels the dials.
func (m *Pool[R]) retireLocked(why pool.Reason) {
	for _, s := range m.mu.resources {
		if s.shareable || s.leases == 0 {
			s.drain(why)
		}
	}
	for _, d := range m.mu.dials {
		d.stop()
	}
}

// removeLocked frees the slot of s without closing it.
func (m *Pool[R]) removeLocked(s *resource[R]) {
	s.gone = true
	m.mu.resources = slices.DeleteFunc(m.mu.resources, func(o *resource[R]) bool { return o == s })
}

// closeLocked closes s. Its slot is free when Close has returned.
func (m *Pool[R]) closeLocked(s *resource[R], why pool.Reason) {
	m.removeLocked(s)
	m.mu.count.Closes[why]++
	if m.cfg.Close == nil {
		return
	}
	m.mu.closing++
	go func() {
		_ = m.cfg.Close(s.value) // nobody is left to act on the error
		m.change(func() { m.mu.closing-- })
	}()
}

// sample reads Capacity of s and notes it.
func (m *Pool[R]) sample(s *resource[R]) {
	m.sampling.Lock()
	defer m.sampling.Unlock()
	capacity := m.cfg.Capacity(s.value)
	expect := capacity
	if m.cfg.Expect != nil && capacity >= 0 {
		expect = max(capacity, m.cfg.Expect(s.value))
	}
	m.change(func() {
		switch {
		case s.gone:
		case !s.added || capacity >= 0:
			if s.opening && capacity == 0 && m.cfg.Expect == nil {
				return
			}
			s.capacity, s.expect = capacity, expect
			if s.opening && capacity > 0 {
				s.opening, m.mu.failures, m.mu.lastDial = false, 0, nil
				m.idleNowLocked(s)
			}
			return
		case s.opening:
			m.neverOpenedLocked(s)
		}
		switch {
		case s.gone:
		case capacity <= pool.Dead:
			m.closeLocked(s, pool.ReasonCapacity)
		default:
			s.drain(pool.ReasonCapacity)
		}
	})
}
