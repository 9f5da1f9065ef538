package pool

import "time"

// listLocked puts an idle slot into the pool's list, and its mark into the
// Budget's, where its idleSince belongs: last, unless it comes back from
// something that was no use, or others have become idle while its dial ended.
func (p *Pool[R]) listLocked(s *slot[R]) {
	older := p.mu.idle.Newest()
	if older != nil && s.idleSince.Before(older.idleSince) {
		older = p.idleBeforeLocked(s.idleSince)
	}
	p.listNextLocked(s, older)
}

// idleBeforeLocked returns the slot that became idle last of those before that time, or nil.
// There is at least one idle slot. The one sought is near the newest or near the oldest.
func (p *Pool[R]) idleBeforeLocked(since time.Time) *slot[R] {
	for o, n := p.mu.idle.Oldest(), p.mu.idle.Newest(); ; o, n = o.idleLink.Newer(), n.idleLink.Older() {
		if !o.idleSince.Before(since) {
			return o.idleLink.Older()
		}
		if n.idleSince.Before(since) {
			return n
		}
	}
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
