package pool

import (
	"math/rand/v2"
	"time"

	"github.com/berth-go/berth/internal/all"
)

// elapsed returns the time from since to now by the monotonic or by the wall
// clock, whichever shows more: the monotonic clock stands still while a laptop
// sleeps, and the peers of its resources do not.
func elapsed(since, now time.Time) time.Duration {
	return max(now.Sub(since), now.Round(0).Sub(since.Round(0)))
}

// age returns the time since a resource was dialled.
func (p *Pool[R]) age(s *slot[R]) time.Duration {
	return time.Duration(p.momentOf(time.Now()) - s.born)
}

// beBornLocked gives a resource that joins the pool the end of its life: drawn
// once, so that resources dialled together do not expire together.
func (p *Pool[R]) beBornLocked(s *slot[R]) {
	if p.cfg.MaxLifetime == 0 {
		return
	}
	life := p.cfg.MaxLifetime
	if j := p.cfg.LifetimeJitter; j > 0 {
		life -= time.Duration(rand.Int64N(int64(j) + 1)) //nolint:gosec // spread, not secrecy
	}
	s.expires = s.expires.Add(life)
	if p.cfg.Overlap > 0 {
		p.setLocked(&s.life, s, toSucceed, s.expires.Add(-p.cfg.Overlap))
	} else {
		p.setLocked(&s.life, s, toRetire, s.expires)
	}
}

// expired returns why a slot must not be handed out any more although its timer
// has not rung: on waking from sleep a laptop's callers may come before it does.
func (p *Pool[R]) expired(s *slot[R], now time.Time) (Reason, bool) {
	if p.cfg.MaxLifetime > 0 && now.Round(0).After(s.expires.Round(0)) {
		return ReasonLifetime, true
	}
	if p.cfg.MaxIdleTime > 0 && s.state == idle && s != p.mu.handed && elapsed(s.idleSince, now) > p.cfg.MaxIdleTime &&
		p.mu.slots.in(idle) > p.mu.limits.MinIdle {
		return ReasonIdleTime, true
	}
	return 0, false
}

// expireIdleLocked closes what has been idle for MaxIdleTime, but keeps MinIdle.
func (p *Pool[R]) expireIdleLocked(now time.Time) {
	limit := p.cfg.MaxIdleTime
	if limit == 0 {
		return
	}
	for s := p.oldestUnawaitedLocked(); s != nil && p.mu.slots.in(idle) > p.mu.limits.MinIdle && elapsed(s.idleSince, now) >= limit; s = p.oldestUnawaitedLocked() {
		p.closeLocked(s, ReasonIdleTime)
	}
}

// askSuccessorLocked asks for the successor of a resource whose life is about to
// end. It is dialled if a slot is free and nobody waits for it; with or without
// it the resource goes when its time has come.
func (p *Pool[R]) askSuccessorLocked(s *slot[R]) {
	if s.gone || s.draining {
		return
	}
	p.mu.heirs.Push(&s.heirLink, s)
	p.setLocked(&s.life, s, toRetire, s.expires)
}

// joinLocked adds a resource that has been dialled.
func (p *Pool[R]) joinLocked(s *slot[R]) {
	if s.share != nil {
		p.mu.joined++
		s.joined = p.mu.joined
		p.mu.shares.Push(&s.shareLink, s)
	}
	p.settleInLocked(s)
}

// settleInLocked makes a resource idle that has just been dialled, or has got capacity
// since. If it has some and nobody waits for it, it is the successor of the resource that
// has waited longest for one, which retires.
func (p *Pool[R]) settleInLocked(s *slot[R]) {
	old := p.mu.heirs.Oldest()
	if old == nil || old == s || s.opening || p.waiters.Len() > 0 {
		p.move(s, idle)
		return
	}
	if old.state == idle || old.probed {
		s.tested = s.idleSince
		s.idleSince = old.idleSince // so that what nobody uses still idles out
		p.listNextLocked(s, old)
	}
	p.move(s, idle)
	p.retireLocked(old, ReasonLifetime)
}

// abandonLocked frees the slot of a resource whose Close func does not return.
func (p *Pool[R]) abandonLocked(s *slot[R]) {
	s.abandoned = true
	p.mu.count.rare().Abandoned++
	p.move(s, empty)
	p.crew.Grow() // the stuck one still takes a place
	if h := p.cfg.Hooks.Abandoned; h != nil {
		e := EvictedEvent{Key: p.key(), Reason: s.reason, Age: p.age(s), Uses: s.uses}
		p.laterLocked(func() { h(e) })
	}
}

// Retire lets go of every resource for which f returns true: at once if it is
// idle, else when its leases end. f is called without a lock, once for each
// resource that is open when Retire is called, unless it is closed before its turn. So
// an f that always returns false is a way to look at all of them; some are in use meanwhile.
// A panic of f or of a hook reaches the caller when all else has been done.
func (p *Pool[R]) Retire(f func(R) bool) {
	all.Each(p.openSlots(), func(s *slot[R]) { p.retireIf(s, f) })
}

func (p *Pool[R]) retireIf(s *slot[R], f func(R) bool) {
	if p.isGone(s) || !f(s.value) {
		return // Close may have been called on it meanwhile
	}
	p.lock()
	defer p.unlock()
	p.retireLocked(s, ReasonRetire)
}

// openSlots returns every slot that is idle or in use, once.
func (p *Pool[R]) openSlots() []*slot[R] {
	p.mustBeMade()
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*slot[R]
	for s := p.mu.idle.Oldest(); s != nil; s = s.idleLink.Newer() {
		all = append(all, s)
	}
	seen := map[*slot[R]]struct{}{} // shareable ones may have several leases
	add := func(s *slot[R]) {
		if _, again := seen[s]; !again && !s.gone {
			seen[s] = struct{}{}
			all = append(all, s)
		}
	}
	for c := range p.mu.out.All() {
		add(c.slot)
	}
	if p.mu.lent > 0 {
		for _, seat := range p.mu.lane.Lent() {
			add(cellOf[R](seat).slot)
		}
	}
	return all
}

func (p *Pool[R]) isGone(s *slot[R]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.gone
}
