package model

import (
	"cmp"
	"slices"
	"time"

	"github.com/berth-go/berth/pool"
)

// settleLocked applies the rules until none applies. Their order is their rank.
func (m *Pool[R]) settleLocked() {
	for m.closeRetiredLocked() || !m.mu.closed &&
		(m.shrinkLocked() || m.makeWayLocked() || m.serveLocked() ||
			m.trimLocked() || m.expireLocked() || m.cancelLocked() || m.dialLocked()) {
	}
	ready := 0
	for _, s := range m.mu.resources {
		if !s.opening {
			ready++
		}
	}
	m.endWarmersLocked(func(w *warmer) bool { return ready >= w.n }, nil)
	if m.mu.closed && !m.mu.finished && m.slotsLocked() == 0 {
		m.mu.finished = true
		close(m.done)
	}
}

// closeRetiredLocked closes a draining resource on which no lease is left.
func (m *Pool[R]) closeRetiredLocked() bool {
	for _, s := range m.idleLocked() {
		if s.draining {
			m.closeLocked(s, s.why)
			return true
		}
	}
	return false
}

// shrinkLocked gives up a slot beyond MaxOpen: an idle resource, else a dial,
// else a shareable resource. Exclusive ones in use are met again as idle ones, at
// their release. What is on its way out already does not count.
func (m *Pool[R]) shrinkLocked() bool {
	staying := len(m.flyingLocked())
	for _, s := range m.mu.resources {
		if !s.draining {
			staying++
		}
	}
	if limit := m.mu.limits.MaxOpen; limit == 0 || staying <= limit {
		return false
	}
	if idle := m.idleLocked(); len(idle) > 0 {
		m.closeLocked(idle[0], pool.ReasonLimits)
		return true
	}
	if flying := m.flyingLocked(); len(flying) > 0 {
		flying[len(flying)-1].stop()
		return true
	}
	for _, s := range slices.Backward(m.mu.resources) {
		if s.shareable && !s.draining {
			s.drain(pool.ReasonLimits)
			return true
		}
	}
	return false
}

// makeWayLocked gives up a resource for the oldest waiter, or a dial that nobody needs,
// if that waiter wants a fresh one, no dial can begin, and nothing that is about to happen
// will help. What goes is too old for it; what only has no capacity now stays.
func (m *Pool[R]) makeWayLocked() bool {
	live := m.liveLocked()
	if len(live) == 0 || live[0].after == 0 || m.pickLocked(live[0].canUse) != nil || m.mayDialLocked() || m.mu.closing > 0 {
		return false
	}
	canceled := false
	for _, d := range m.mu.dials {
		if !d.canceled && d.number > live[0].after {
			return false
		}
		canceled = canceled || d.canceled
	}
	if m.uncoveredLocked(m.flyingLocked()) == 0 &&
		slices.ContainsFunc(m.comingLocked(nil), func(c supply) bool { return c.number > live[0].after && c.leases > 0 }) {
		return false
	}
	spare := m.spareLocked()
	if m.mu.atDoor != nil || canceled {
		spare = nil
	}
	if !m.permitLocked() {
		return stopFirst(spare)
	}
	for _, s := range m.idleLocked() {
		if !live[0].canUse(s) {
			m.closeLocked(s, pool.ReasonEvict)
			m.mu.madeWay = live[0] == m.mu.atDoor
			return true
		}
	}
	if stopFirst(spare) {
		return true
	}
	if m.mu.atDoor != nil || canceled || slices.ContainsFunc(m.mu.resources, func(s *resource[R]) bool { return s.draining }) {
		return false
	}
	for _, s := range m.mu.resources {
		if s.shareable && !live[0].canUse(s) {
			s.drain(pool.ReasonEvict)
			return true
		}
	}
	return false
}

// stopFirst cancels the first of the dials, and reports whether there is one.
func stopFirst[R any](dials []*dial[R]) bool {
	if len(dials) == 0 {
		return false
	}
	dials[0].stop()
	return true
}

// serveLocked leases a resource to the oldest waiter for whom there is one.
func (m *Pool[R]) serveLocked() bool {
	for _, w := range m.liveLocked() {
		if s := m.pickLocked(w.canUse); s != nil {
			m.unqueueLocked(w)
			w.ended <- outcome[R]{lease: m.leaseLocked(s, w.ticket)}
			return true
		}
	}
	return false
}

// trimLocked closes an idle resource beyond MaxIdle.
func (m *Pool[R]) trimLocked() bool {
	idle, limit := m.unawaitedLocked(), m.mu.limits.MaxIdle
	if limit == 0 || len(idle) <= max(0, limit) {
		return false
	}
	m.closeLocked(idle[0], pool.ReasonIdleLimit)
	return true
}

// expireLocked closes a resource that has been idle for MaxIdleTime, beyond
// MinIdle.
func (m *Pool[R]) expireLocked() bool {
	idle, limit := m.unawaitedLocked(), m.cfg.MaxIdleTime
	if limit == 0 || len(idle) == 0 || len(m.idleLocked()) <= m.mu.limits.MinIdle || time.Since(idle[0].idleSince) < limit {
		return false
	}
	m.closeLocked(idle[0], pool.ReasonIdleTime)
	return true
}

// cancelLocked cancels a dial that no waiter needs, unless its result may become
// idle or is wanted in the background.
func (m *Pool[R]) cancelLocked() bool {
	limit := m.mu.limits.MaxIdle
	if limit == 0 {
		return false
	}
	if slices.ContainsFunc(m.flyingLocked(), m.late) && m.waitedForLocked() {
		return false // or slow dials would end one another
	}
	spare := m.spareLocked()
	if len(spare) <= max(limit-len(m.idleLocked()), m.wantedLocked(), 0) {
		return false
	}
	spare[0].stop()
	return true
}

// spareLocked returns the dials that no waiter needs, newest first.
func (m *Pool[R]) spareLocked() (spare []*dial[R]) {
	flying := m.flyingLocked()
	uncovered := m.uncoveredLocked(flying)
	for _, d := range slices.Backward(m.flyingLocked()) {
		rest := slices.DeleteFunc(slices.Clone(flying), func(o *dial[R]) bool { return o == d })
		if m.uncoveredLocked(rest) == uncovered {
			flying, spare = rest, append(spare, d)
		}
	}
	return spare
}

// wantedLocked returns how many dials are wanted in the background: as many as
// MinIdle or a call of Warm lacks, but none while a waiter lacks one.
func (m *Pool[R]) wantedLocked() int {
	if m.uncoveredLocked(m.flyingLocked()) > 0 {
		return 0
	}
	n := m.mu.limits.MinIdle - len(m.idleLocked())
	for _, w := range m.mu.warmers {
		n = max(n, w.n-len(m.mu.resources))
	}
	return max(0, n)
}

// dialLocked starts a dial if a waiter has none on its way to it, or one is wanted
// in the background.
func (m *Pool[R]) dialLocked() bool {
	if !m.mayDialLocked() {
		return false
	}
	if m.uncoveredLocked(m.flyingLocked()) == 0 && !m.overdueLocked() && m.wantedLocked() <= len(m.spareLocked()) {
		return false
	}
	m.startLocked()
	return true
}

// overdueLocked reports whether callers wait for dials of which the newest is late.
func (m *Pool[R]) overdueLocked() bool {
	flying := m.flyingLocked()
	return len(flying) > 0 && m.late(flying[len(flying)-1]) && m.waitedForLocked()
}

// waitedForLocked reports whether callers wait for dials: no resource that is there
// is about to have room for all of them.
func (m *Pool[R]) waitedForLocked() bool { return m.uncoveredLocked(nil) > 0 }

// uncoveredLocked returns how many waiters nothing is on its way to, if these
// dials are in flight. Beside dials, shareable resources that are about to have
// more room count.
func (m *Pool[R]) uncoveredLocked(flying []*dial[R]) int {
	coming := m.comingLocked(flying)
	uncovered := 0
	choosy := m.liveLocked() // who can use the least has the first choice
	slices.SortStableFunc(choosy, func(a, b *waiter[R]) int { return cmp.Compare(b.after, a.after) })
	for _, w := range choosy {
		i := slices.IndexFunc(coming, func(c supply) bool { return c.number > w.after && c.leases > 0 })
		if i < 0 {
			uncovered++
		} else {
			coming[i].leases--
		}
	}
	return uncovered
}

// supply is what a dial or a resource is about to have room for.
type supply struct {
	number uint64
	leases int
}

// comingLocked returns what these dials, and the resources that are there, are about to
// bring.
func (m *Pool[R]) comingLocked(flying []*dial[R]) (coming []supply) {
	for _, d := range flying {
		coming = append(coming, supply{d.number, m.mu.expected})
	}
	for _, s := range m.mu.resources {
		switch {
		case s.draining || m.spent(s):
		case s.opening: // to dial again would bring the like
			coming = append(coming, supply{s.number, m.unspent(s.uses, s.promises())})
		case s.shareable && s.expect > s.capacity:
			coming = append(coming, supply{s.number, m.unspent(s.uses, s.expect-s.leases)})
		}
	}
	return coming
}

// promises returns how many leases a resource that opens is about to take.
func (s *resource[R]) promises() int {
	if !s.shareable {
		return 1
	}
	return max(1, s.expect)
}

// pickLocked returns the resource to lease next, of those that suit: the oldest
// shareable one with room, else the exclusive one that became idle last.
func (m *Pool[R]) pickLocked(suits func(*resource[R]) bool) *resource[R] {
	fits := func(s *resource[R]) bool {
		return suits(s) && !s.draining && !m.spent(s) && s.leases < s.capacity && (s.shareable || s.leases == 0)
	}
	for _, s := range m.mu.resources {
		if s.shareable && fits(s) {
			return s
		}
	}
	for _, s := range slices.Backward(m.idleLocked()) {
		if !s.shareable && fits(s) {
			return s
		}
	}
	return nil
}

// idleLocked returns the resources without a lease, least recently used first.
func (m *Pool[R]) idleLocked() []*resource[R] {
	var idle []*resource[R]
	for _, s := range m.mu.resources {
		if s.leases == 0 {
			idle = append(idle, s)
		}
	}
	slices.SortFunc(idle, func(a, b *resource[R]) int { return cmp.Compare(a.idleTurn, b.idleTurn) })
	return idle
}

// unawaitedLocked is idleLocked without the resources that callers wait for to open.
func (m *Pool[R]) unawaitedLocked() []*resource[R] {
	idle := m.idleLocked()
	if len(m.liveLocked()) > 0 {
		idle = slices.DeleteFunc(idle, func(s *resource[R]) bool { return s.opening })
	}
	return idle
}

// liveLocked returns the waiters whose contexts are not done, oldest first.
func (m *Pool[R]) liveLocked() []*waiter[R] {
	return slices.DeleteFunc(slices.Clone(m.mu.waiters), func(w *waiter[R]) bool { return w.ctx.Err() != nil })
}

// flyingLocked returns the dials that the pool wants, oldest first.
func (m *Pool[R]) flyingLocked() []*dial[R] {
	return slices.DeleteFunc(slices.Clone(m.mu.dials), func(d *dial[R]) bool { return d.canceled })
}

// slotsLocked returns how many slots are taken.
func (m *Pool[R]) slotsLocked() int { return len(m.mu.resources) + len(m.mu.dials) + m.mu.closing }

func (m *Pool[R]) freeLocked() bool {
	return m.mu.limits.MaxOpen == 0 || m.slotsLocked() < m.mu.limits.MaxOpen
}

// permitLocked reports whether MaxDials allows one more dial.
func (m *Pool[R]) permitLocked() bool {
	return m.mu.limits.MaxDials == 0 || len(m.mu.dials) < m.mu.limits.MaxDials
}

func (m *Pool[R]) mayDialLocked() bool { return m.freeLocked() && m.permitLocked() }
