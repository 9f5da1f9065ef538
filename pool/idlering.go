package pool

import "time"

// idleMark is the place of an idle slot in its Budget's list of all idle slots.
// It names the pool and not the slot: the Budget tells a pool to give one up, and
// the pool chooses its least recently used, which is this one unless that was
// just taken.
type idleMark struct {
	m          *member       // nil: not in the list
	since      time.Duration // by the monotonic clock, of the Budget
	prev, next *idleMark
}

// idleRing is a list of marks, least recently used first.
type idleRing struct{ root idleMark }

func (r *idleRing) init() { r.root.prev, r.root.next = &r.root, &r.root }

// add puts k where its time belongs: last, unless it comes back from something
// that was no use. older is a mark of the list next to which it belongs, if that
// is known. Times are those of coarse clocks: what is less than a tick apart is
// taken for the same, and costs no search.
func (r *idleRing) add(k, older *idleMark) {
	next := &r.root
	newest := r.root.prev
	if newest != next && newest.since-k.since <= 2*laneTick {
		k.since = max(k.since, newest.since)
	}
	if newest != next && k.since < newest.since {
		next = r.root.next
		if older != nil && older.m != nil {
			next = older.next
		}
		for next != &r.root && next.since < k.since {
			next = next.next
		}
	}
	r.insert(k, next)
}

// addLast is add for a mark whose time is known to the tick only that has just ended: in
// that it was used, and so were those behind which it does not belong. To search for its
// place would cost a look at each of them.
func (r *idleRing) addLast(k *idleMark) {
	if newest := r.root.prev; newest != &r.root {
		k.since = max(k.since, newest.since)
	}
	r.insert(k, &r.root)
}

func (r *idleRing) insert(k, next *idleMark) {
	k.prev, k.next = next.prev, next
	k.prev.next, next.prev = k, k
}

func (r *idleRing) remove(k *idleMark) {
	k.prev.next, k.next.prev = k.next, k.prev
	k.m, k.prev, k.next = nil, nil, nil
}

// idle notes a slot of the pool that has become idle: it may be what another pool
// waits for, or one too many. The next report settles that.
// older is the mark of the pool's own slot that became idle just before, or nil.
func (m *member) idle(k *idleMark, at time.Time, older *idleMark) {
	b := m.budget
	since := at.Sub(b.start)
	b.mu.Lock()
	defer b.mu.Unlock()
	if k.m != nil { // it was in the lane
		if since <= k.since {
			return
		}
		b.mu.idle.remove(k)
		b.mu.nidle--
	}
	k.m, k.since = m, since
	if b.hungry.Load() {
		m.changed = true // the Budget is to settle with this slot in its list
	}
	b.mu.idle.add(k, older)
	b.mu.nidle++
}

// reidle notes that a slot in the lane was idle later than its mark says, if it has one.
func (m *member) reidle(k *idleMark, at time.Time) {
	b := m.budget
	since := at.Sub(b.start)
	b.mu.Lock()
	defer b.mu.Unlock()
	if k.m == nil || since <= k.since {
		return
	}
	b.mu.idle.remove(k)
	k.m, k.since = m, since
	b.mu.idle.addLast(k)
}

// unidle notes that the slot is no longer idle.
func (m *member) unidle(k *idleMark) {
	b := m.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if k.m != nil { // else it has been picked to be given up
		b.mu.idle.remove(k)
		b.mu.nidle--
		if b.hungry.Load() && b.mu.hopeful.Len() > 0 {
			m.changed = true // there may be room for what another pool wants in the background
		}
	}
}

// popIdleLocked takes the least recently used slot out of the list and returns
// its pool.
func (b *Budget) popIdleLocked() *member {
	k := b.mu.idle.root.next
	m := k.m
	b.mu.idle.remove(k)
	b.mu.nidle--
	return m
}

// givenUpLocked returns an idle slot that the Budget has picked to be given up, or
// nil. It is among those idle longest: the Budget's order is that of the pool, but
// for what is less than a tick apart.
func (p *Pool[R]) givenUpLocked() *slot[R] {
	b := p.member.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := p.oldestIdleLocked(); s != nil; s = p.newerIdle(s.idleLink.Newer()) {
		if s.mark.m == nil && !s.withheld {
			return s
		}
	}
	return nil
}

// hasPicked reports whether the Budget has picked the slot, which was in its list, to be
// given up.
func (m *member) hasPicked(k *idleMark) bool {
	b := m.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return k.m == nil
}
