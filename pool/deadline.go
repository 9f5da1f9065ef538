package pool

import (
	"container/heap"
	"time"
)

// purpose is what a deadline is for.
type purpose uint8

const (
	toSucceed purpose = iota // dial the successor of a resource that will expire
	toRetire                 // the lifetime of a resource is over
	toKill                   // DrainTimeout of a shareable resource
	toAbandon                // CloseTimeout of a Close func
	toProbe                  // an idle resource is due for its Check
	toDoubt                  // that Check takes too long to be waited for
	toReport                 // LeakAfter of a lease
	toLook                   // Take and Capacity have disagreed
)

// deadline is a moment at which something is to be done about a slot or a lease.
type deadline[R any] struct {
	at    time.Time
	what  purpose
	slot  *slot[R]
	watch *watched[R] // the lease, for toReport
	index int         // in the heap, counted from 1; 0: not set
}

// setLocked sets a deadline, or moves it. Most slots never have one, so it is made
// when it is first set.
func (p *Pool[R]) setLocked(of **deadline[R], s *slot[R], what purpose, at time.Time) {
	d := *of
	if d == nil {
		d = &deadline[R]{slot: s}
		*of = d
	}
	d.at, d.what = at, what
	p.ownLocked()
	if d.index == 0 {
		heap.Push(&p.mu.deadlines, d)
	} else {
		heap.Fix(&p.mu.deadlines, d.index-1)
	}
}

func (p *Pool[R]) clearLocked(of **deadline[R]) {
	if d := *of; d.set() {
		heap.Remove(&p.mu.deadlines, d.index-1)
	}
}

func (d *deadline[R]) set() bool { return d != nil && d.index > 0 }

// armLocked sets the pool's bell for the next thing to do. It is not moved back
// when that thing is gone: ringing early costs a look, setting the bell on every
// use would cost more.
func (p *Pool[R]) armLocked() {
	next, ok := p.nextTimeLocked()
	if !ok || (p.mu.armed != 0 && p.momentOf(next) >= p.mu.armed) {
		return
	}
	p.mu.armed = p.momentOf(next)
	if p.mu.bell == nil {
		p.mu.bell = p.clock.Bell(p.tick)
	}
	p.mu.bell.Set(next)
}

// dropBellLocked lets a bell go that has rung, or was stopped: a quiet key has none.
func (p *Pool[R]) dropBellLocked() {
	if p.mu.armed == 0 {
		p.mu.bell = nil
	}
}

// nextTimeLocked returns when the pool must act next without being called.
func (p *Pool[R]) nextTimeLocked() (next time.Time, ok bool) {
	next, ok = p.nextButLaneLocked()
	if p.mu.times != nil && !p.mu.tick.IsZero() && (!ok || p.mu.tick.Before(next)) {
		return p.mu.tick, true
	}
	return next, ok
}

// nextButLaneLocked is nextTimeLocked without the ticks of the lane.
func (p *Pool[R]) nextButLaneLocked() (next time.Time, ok bool) {
	earlier := func(t time.Time) {
		if !ok || t.Before(next) {
			next, ok = t, true
		}
	}
	if len(p.mu.deadlines) > 0 {
		earlier(p.mu.deadlines[0].at)
	}
	if s := p.oldestUnawaitedLocked(); s != nil && p.cfg.MaxIdleTime > 0 && p.mu.slots.in(idle) > p.mu.limits.MinIdle {
		earlier(s.idleSince.Add(p.cfg.MaxIdleTime))
	}
	if o := p.mu.outage; o != nil && !o.retryAt.IsZero() {
		earlier(o.retryAt)
	}
	if w := p.mu.wilt; w != nil && !w.retryAt.IsZero() {
		earlier(w.retryAt)
	}
	if at, waits := p.overdueAtLocked(); waits {
		earlier(at)
	}
	if p.brokenLocked() {
		if at, opens := p.probeOpensUntilLocked(); opens {
			earlier(at)
		}
	}
	if p.remembersLocked() {
		earlier(p.forgetAtLocked())
	}
	return next, ok
}

// tick does what is due. It costs O(due), whatever else the pool holds.
func (p *Pool[R]) tick() {
	if p.renewed() {
		return
	}
	p.lock()
	defer p.unlockQuietly()
	p.mu.armed = 0
	now := time.Now()
	if p.mu.times != nil {
		p.tickLaneLocked(now)
	}
	if o := p.mu.outage; o != nil {
		o.rung(now)
	}
	if w := p.mu.wilt; w != nil {
		w.rung(now)
	}
	if !p.mu.closed {
		p.expireIdleLocked(now)
	}
	for len(p.mu.deadlines) > 0 && !p.mu.deadlines[0].at.After(now) {
		d := p.mu.deadlines[0]
		heap.Pop(&p.mu.deadlines)
		p.dueLocked(d, now)
	}
	if p.mu.closed {
		p.armLocked() // closed pools are not balanced, but CloseTimeout and the like go on
	}
}

func (p *Pool[R]) dueLocked(d *deadline[R], now time.Time) {
	s := d.slot
	switch d.what {
	case toSucceed:
		p.askSuccessorLocked(s)
	case toRetire:
		p.retireLocked(s, ReasonLifetime)
	case toKill:
		if !s.gone {
			p.closeLocked(s, ReasonDrain)
		}
	case toAbandon:
		p.abandonLocked(s)
	case toProbe:
		p.probeLocked(s)
	case toDoubt:
		p.doubtLocked(s)
	case toReport:
		p.reportLeakLocked(d.watch.cell, now)
	case toLook:
		s.refusedNow = 0 // also if it is not refused any more, or is being looked at: nothing else resets it
		if s.refused {
			s.looks = min(s.looks+1, maxDoublings)
			p.queueLookLocked(s)
		}
	}
}

// deadlines is a heap by time.
type deadlines[R any] []*deadline[R]

func (h deadlines[R]) Len() int           { return len(h) }
func (h deadlines[R]) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h deadlines[R]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

// Push is for package heap.
func (h *deadlines[R]) Push(x any) {
	d := x.(*deadline[R]) //nolint:forcetypeassert // only setLocked pushes
	*h = append(*h, d)
	d.index = len(*h)
}

// Pop is for package heap.
func (h *deadlines[R]) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = nil // so the GC can free it
	*h = (*h)[:last]
	d.index = 0
	return d
}
