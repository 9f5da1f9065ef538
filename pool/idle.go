package pool

import "time"

// listLocked puts an idle slot into the pool's list, and its mark into the
// Budget's, where its idleSince belongs: last, unless it comes back from
// something that was no use. Such slots have been idle for long, so they are
// looked for from the oldest on.
func (p *Pool[R]) listLocked(s *slot[R]) {
	older := p.mu.idle.Newest()
	if older != nil && s.idleSince.Before(older.idleSince) {
		older = nil
		for o := p.mu.idle.Oldest(); o.idleSince.Before(s.idleSince); o = o.idleLink.Newer() {
			older = o
		}
	}
	p.listNextLocked(s, older)
}

// listNextLocked is listLocked for a slot whose place is next to older, which may
// be nil.
func (p *Pool[R]) listNextLocked(s, older *slot[R]) {
	var mark *idleMark
	if older == nil {
		p.mu.idle.Insert(&s.idleLink, s, nil)
	} else {
		p.mu.idle.Insert(&s.idleLink, s, &older.idleLink)
		mark = &older.mark
	}
	if p.cfg.CheckEvery > 0 && !s.opening {
		p.setLocked(&s.probe, s, toProbe, later(s.idleSince, s.tested).Add(p.cfg.CheckEvery))
	}
	switch {
	case p.member == nil:
	case s == p.mu.handed && p.waiters.Len() > 0: // it may only pass through the list
		p.mu.unmarked, p.member.changed = true, true
	default:
		p.member.idle(&s.mark, s.idleSince, mark)
	}
}

// markHandedLocked puts a slot that has become idle in this hold of the lock, and that no
// waiter has taken, into the Budget's list. Sooner another pool's report would find one
// idle resource too many, and one would be closed for MaxIdle, though none was to stay.
func (p *Pool[R]) markHandedLocked() {
	if !p.mu.unmarked {
		return
	}
	p.mu.unmarked = false
	s := p.mu.handed
	var older *idleMark
	if o := s.idleLink.Older(); o != nil {
		older = &o.mark
	}
	p.member.idle(&s.mark, s.idleSince, older)
}

func (p *Pool[R]) unlistLocked(s *slot[R]) {
	p.mu.idle.Remove(&s.idleLink)
	if s.dates != nil {
		p.clearLocked(&s.probe)
	}
	if s == p.mu.handed {
		p.mu.unmarked = false
	}
	if p.member != nil && s.lent() == 0 { // what is lent can still be given up for others
		p.member.unidle(&s.mark)
	}
}

// oldestIdleLocked returns the slot that has been idle longest, or nil. The one
// that is being probed is in the list and not idle.
func (p *Pool[R]) oldestIdleLocked() *slot[R] { return p.newerIdle(p.mu.idle.Oldest()) }

// newerIdle returns s, or the next newer slot in the list, that is idle.
func (p *Pool[R]) newerIdle(s *slot[R]) *slot[R] {
	for s != nil && s.state != idle {
		s = s.idleLink.Newer()
	}
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
