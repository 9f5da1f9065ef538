package model

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/berth-go/berth/pool"
)

var errStillborn = errors.New("model: Capacity of the new resource is below 0")

// dial is a call of Dial in flight.
type dial[R any] struct {
	number     uint64
	generation int
	expected   int         // leases it was thought to bring
	newest     pool.Ticket // the last one given when it began; 0: nobody waited
	cancel     context.CancelFunc
	started    time.Time
	canceled   bool // the pool does not want it any more
}

func (d *dial[R]) stop() {
	d.canceled = true
	d.cancel()
}

// startLocked starts a dial for the waiters that there are, or for none.
func (m *Pool[R]) startLocked() {
	base, newest := context.Background(), pool.Ticket(0)
	if live := m.liveLocked(); len(live) > 0 {
		base, newest = context.WithoutCancel(live[0].ctx), m.mu.ticket
	}
	ctx, cancel := context.WithCancel(base)
	m.mu.dialed++
	d := &dial[R]{
		number: m.mu.dialed, generation: m.mu.generation,
		expected: m.mu.expected, newest: newest, cancel: cancel,
		started: time.Now(),
	}
	m.mu.dials = append(m.mu.dials, d)
	if t := m.cfg.RedialAfter; t > 0 {
		time.AfterFunc(t, func() { m.change(func() {}) })
	}
	go func() {
		defer cancel()
		if t := m.cfg.DialTimeout; t > 0 {
			ctx, cancel = context.WithTimeout(ctx, t)
			defer cancel()
		}
		v, err := m.cfg.Dial(ctx)
		if err != nil {
			m.change(func() { m.failedLocked(d, err) })
			return
		}
		m.brought(d, v)
	}()
}

// brought takes in what a dial has made.
func (m *Pool[R]) brought(d *dial[R], v R) {
	s := &resource[R]{
		value: v, born: time.Now(), number: d.number, generation: d.generation,
		capacity: 1, expect: 1, shareable: m.cfg.Capacity != nil,
	}
	if m.cfg.Shareable != nil {
		s.shareable = m.cfg.Shareable(v)
	}
	if m.cfg.Watch != nil {
		m.cfg.Watch(v, func() { go m.sample(s) })
	}
	if m.cfg.Capacity != nil {
		m.sample(s)
	}
	m.change(func() {
		m.endDialLocked(d)
		m.mu.count.Dials++
		s.added = true
		m.mu.resources = append(m.mu.resources, s)
		m.idleNowLocked(s)
		switch {
		case m.mu.closed:
			s.drain(pool.ReasonClosed)
		case s.generation != m.mu.generation:
			s.drain(pool.ReasonReset)
		case s.capacity < 0:
			s.drain(pool.ReasonCapacity)
			if !d.canceled {
				m.mu.count.DialErrors++
			}
			m.failWaitersLocked(d, errStillborn)
		default:
			if s.opening = s.capacity == 0; s.opening && m.cfg.Expect == nil {
				s.expect = d.expected
			}
			if !s.opening {
				m.mu.failures, m.mu.lastDial = 0, nil
			}
			m.beBorn(s)
			m.mu.expected = 1
			if s.shareable {
				m.mu.expected = m.unspent(0, max(1, m.cfg.Shared))
			}
		}
	})
}

// failedLocked gives up the slot of a dial that made nothing.
func (m *Pool[R]) failedLocked(d *dial[R], err error) {
	m.endDialLocked(d)
	if d.canceled {
		m.mu.count.DialsCanceled++
		return
	}
	m.mu.count.DialErrors++
	m.failWaitersLocked(d, err)
}

// failWaitersLocked fails the waiters that the dial was meant for: the oldest one
// if it was meant for one, else, or if it is late, the oldest of those who were there
// when it began: if there are any, the oldest without whom each dial that began before
// others came has its waiters still, one after the other.
func (m *Pool[R]) failWaitersLocked(d *dial[R], err error) {
	if d.canceled {
		return // not a failure: the pool did not want it
	}
	if d.expected == 1 && !m.late(d) {
		m.failOldestLocked(1, err, func(*waiter[R]) bool { return true })
		return
	}
	var those, spared []*waiter[R]
	for _, w := range m.liveLocked() {
		if w.came <= d.newest {
			those = append(those, w)
		}
	}
	for range d.expected {
		one := slices.IndexFunc(those, func(w *waiter[R]) bool { return m.canSpareLocked(w, d, those) })
		if one < 0 {
			break
		}
		spared = append(spared, those[one])
		those = slices.Delete(those, one, one+1)
	}
	if len(spared) == 0 {
		spared = those
	}
	m.failOldestLocked(d.expected, err, func(w *waiter[R]) bool { return slices.Contains(spared, w) })
}

// canSpareLocked reports whether the dials that began before d have no waiter less for want
// of w, who is one of those.
func (m *Pool[R]) canSpareLocked(w *waiter[R], d *dial[R], those []*waiter[R]) bool {
	for _, at := range m.mu.dials {
		if !m.isOlder(at, d) || !at.isFor(w) {
			continue
		}
		waiting, coming := 0, 0
		for _, o := range those {
			if slices.ContainsFunc(m.mu.dials, func(o2 *dial[R]) bool { return m.isOlder(o2, d) && o2.number <= at.number && o2.isFor(o) }) {
				waiting++
			}
		}
		for _, o := range m.mu.dials {
			if m.isOlder(o, d) && o.number <= at.number {
				coming += o.expected
			}
		}
		if waiting <= coming {
			return false
		}
	}
	return true
}

// isOlder reports whether d is to leave out whom at is for: not where at is late and d is
// not, which may have been made beside it; and a dial of the background is for nobody.
func (m *Pool[R]) isOlder(at, d *dial[R]) bool {
	return !at.canceled && at.newest > 0 && at.newest < d.newest && (m.late(d) || !m.late(at))
}

// isFor reports whether w was there when d began, and can use what it brings.
func (d *dial[R]) isFor(w *waiter[R]) bool { return w.came <= d.newest && d.number > w.after }

// neverOpenedLocked makes the end of a resource that has had no capacity a failed dial.
func (m *Pool[R]) neverOpenedLocked(s *resource[R]) {
	m.mu.count.DialErrors++
	m.failOldestLocked(m.unspent(s.uses, s.promises()), errStillborn, func(w *waiter[R]) bool { return w.canUse(s) })
}

// failOldestLocked counts a failed dial, which is that of the n oldest waiters of those
// whom it was for.
func (m *Pool[R]) failOldestLocked(n int, err error, isFor func(*waiter[R]) bool) {
	m.mu.failures++
	m.mu.lastDial = err
	for _, w := range m.liveLocked() {
		if n > 0 && isFor(w) {
			n--
			m.unqueueLocked(w)
			w.ended <- outcome[R]{err: &pool.DialError{Attempt: m.mu.failures, Err: err}}
		}
	}
}

// late reports whether the dial takes longer than RedialAfter.
func (m *Pool[R]) late(d *dial[R]) bool {
	return m.cfg.RedialAfter > 0 && time.Since(d.started) >= m.cfg.RedialAfter
}

func (m *Pool[R]) endDialLocked(d *dial[R]) {
	m.mu.dials = slices.DeleteFunc(m.mu.dials, func(o *dial[R]) bool { return o == d })
}

// queueLocked puts w in its place: behind all with its ticket or an older one.
func (m *Pool[R]) queueLocked(w *waiter[R]) {
	m.mu.waiters = append(m.mu.waiters, w)
	slices.SortStableFunc(m.mu.waiters, func(a, b *waiter[R]) int { return cmp.Compare(a.ticket, b.ticket) })
}

// unqueueLocked takes w out of the queue and reports whether it was in it.
func (m *Pool[R]) unqueueLocked(w *waiter[R]) bool {
	i := slices.Index(m.mu.waiters, w)
	if i < 0 {
		return false
	}
	m.mu.waiters = slices.Delete(m.mu.waiters, i, i+1)
	return true
}
