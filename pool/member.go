package pool

import "go.uber.org/atomic"

// member is a pool as its Budget sees it. The pool reports where it stands at the
// end of every change of its state; the Budget leaves orders.
type member struct {
	budget  *Budget
	ordered atomic.Bool // there are orders to fetch

	// Under the pool's lock, but for the two that say something else: where they stand
	// they take no room of their own, and there are many keys.
	changed  bool   // the next report matters even if it is the same
	lends    bool   // it was among the lenders, at the last report
	recalled bool   // under the Budget's lock: it is to close its lane, and has not said yet that nothing is in it
	blind    bool   // under the Budget's lock: it wants more than the places it has told
	coming   int32  // slots on their way to this pool, at the last report
	sent     *wants // those of the last report, whose standing is last's

	// Under the Budget's lock, but for what never changes.
	last   account         // the report as it stands, less what has been granted since; the standing is changed under both locks
	place  int32           // in the heap of starving pools, which is for those with known tickets, counted from 1; 0: not in it
	in     [numLists]int32 // in the Budget's lists, counted from 1; 0: not in it
	wishes *wishes         // nil: neither overdue nor hopeful
	passed int32           // times in a row that it served its own past an older waiter
	orders *orders         // nil: none
	handed *orders         // fetched: the next report includes what came of them. nil: none
	of     reporter        // fixed
}

// reporter is a pool, whatever the type of its resources.
type reporter interface {
	rebalance()    // makes the pool report; called without locks
	lessIdle() int // of the pool's lane, than the Budget believes; it takes no lock
}

// maxTickets is how many of a pool's waiting places its Budget knows. They are
// compared with the slots that are about to become free, of which there are
// rarely more at once.
const maxTickets = 8

// standing is what a pool has.
type standing struct {
	used, dialing int32
	canceled      int32 // of dialing: dials that the pool has canceled and that have not returned
	ending        int32 // of used: slots that will be free soon
	draining      int32 // of used: slots that will be free when their leases end
	withholds     bool  // callers wait for what opens: see withholdOpeningLocked
	warms         bool  // calls of Warm wait, which new limits may end
}

// report says where a pool stands and what it wants.
type report struct {
	standing
	wants
	lent bool // something is in its lane
}

// account is a report that is kept. Of the pools few want anything at a time, so
// what they want is apart; those that want nothing have that of the Budget.
type account struct {
	standing
	*wants
}

// wants are what a pool would do if it might.
type wants struct {
	want    int // dials it would start if it had slots
	orphans int // dials that no waiter needs
	kept    int // beside them, those that only make room for who needs it
	redial  int // dials it would start beside late ones
	spare   int // dials it would start in the background
	known   int
	tickets [maxTickets]Ticket // places of the waiters it wants dials for, oldest first
}

// orders say what a pool is to do for its Budget.
type orders struct {
	grants  int // dials it may start
	spares  int // of them, those granted for the background
	evict   int // idle resources to close for others
	shrink  int // idle resources to close because MaxOpen was lowered
	idleOut int // idle resources to close because of MaxIdle
	cancel  int // dials without a waiter to cancel
	surplus int // dials to cancel because MaxOpen was lowered

	cancelKept int // dials that were kept
}

func (o orders) any() bool {
	return o.grants|o.evict|o.shrink|o.idleOut|o.cancel|o.cancelKept|o.surplus != 0
}

// cancels returns how many dials are to be canceled.
func (o orders) cancels() int { return o.cancel + o.cancelKept + o.surplus }

// dialsLeftLocked returns how many dials of the pool go on when it has done what it was
// told.
func (m *member) dialsLeftLocked() int {
	o, done := m.orders.copied(), m.handed.copied()
	return int(m.last.dialing-m.last.canceled) - o.cancels() - done.cancels()
}

// join makes m the member for a pool.
func (m *member) join(b *Budget, of reporter) {
	m.budget, m.of = b, of
	m.sent, m.last.wants = &b.none, &b.none
}

// noted returns a note of now, in the place of w unless that is the Budget's.
func (w *wants) noted(b *Budget, now *wants) *wants {
	switch {
	case *now == (wants{}):
		return &b.none
	case w == &b.none:
		w = &wants{}
	}
	*w = *now
	return w
}

// toOrders returns the orders of m, to add to them.
func (m *member) toOrders() *orders {
	if m.orders == nil {
		m.orders = &orders{}
	}
	return m.orders
}

// copied returns the orders, which may be nil.
func (o *orders) copied() orders {
	if o == nil {
		return orders{}
	}
	return *o
}

// mayLend reports whether the pool may open its lane. From then on the Budget will
// wake it if it must close it. An order that comes after the look wakes the pool
// as well, when its lock is free.
func (m *member) mayLend() bool {
	b := m.budget
	if b.hungry.Load() || m.ordered.Load() {
		return false
	}
	if m.lends {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hungry.Load() {
		return false
	}
	b.putLocked(m, lenders, true)
	m.lends = true
	return true
}

// stopLending says that the pool's lane is closed for long.
func (m *member) stopLending() {
	if !m.lends {
		return
	}
	b := m.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.putLocked(m, lenders, false)
	m.lends = false
}

// report tells the Budget where the pool stands and returns its orders, and
// other pools that have new ones. The caller holds the pool's lock.
func (m *member) report(r report) (o orders, wake []*member) {
	if !m.changed && !m.ordered.Load() && r.standing == m.last.standing && r.wants == *m.sent {
		return orders{}, nil
	}
	b := m.budget
	m.sent = m.sent.noted(b, &r.wants)
	b.mu.Lock()
	defer b.mu.Unlock()
	o = m.orders.copied()
	done := m.handed.copied()
	b.mu.open += int(r.used-m.last.used) - done.grants
	b.mu.dials += int(r.dialing-m.last.dialing) - done.grants
	b.mu.ending += int(r.ending - m.last.ending)
	b.mu.draining += int(r.draining - m.last.draining)
	b.mu.canceled += int(r.canceled - m.last.canceled)
	b.mu.evictions -= done.evict + done.shrink
	b.mu.cancels -= done.cancels()
	b.mu.spares -= done.spares
	m.handed = nil       // settled: it is in r
	for range o.grants { // granted since the pool counted what it wants
		switch {
		case r.want > 0:
			r.want--
			r.forgetTicket()
		case r.redial > 0:
			r.redial--
		case r.spare > 0:
			r.spare--
		}
	}
	r.orphans, r.kept = max(0, r.orphans-o.cancel), max(0, r.kept-o.cancelKept)
	b.mu.want += r.want - m.last.want
	b.mu.norphans += r.orphans - m.last.orphans
	m.last = account{r.standing, m.last.wants.noted(b, &r.wants)}
	if m.recalled && !r.lent {
		m.recalled = false
		b.mu.recalled--
	}
	b.queueLocked(m)
	b.listLocked(m)
	wake = b.settleLocked(m, nil)

	m.orders, m.handed = nil, m.orders // settleLocked may have given some
	o = m.handed.copied()
	m.ordered.Store(false)
	m.lends = m.in[lenders] > 0
	m.changed = o.any() || m.recalled   // then the pool acts on it, and the next report settles the account
	m.coming = int32(b.comingLocked(m)) //nolint:gosec // no pool has billions of slots
	return o, wake
}

// unmoved reports whether a pool that stands so and wants nothing has just that to
// report that it reported last, and no orders to fetch.
func (m *member) unmoved(s standing) bool {
	return !m.changed && !m.ordered.Load() && m.last.standing == s && *m.sent == wants{}
}

// forgetTicket takes the oldest ticket out of the report.
func (w *wants) forgetTicket() {
	if w.known > 0 {
		copy(w.tickets[:], w.tickets[1:w.known])
		w.known--
		w.tickets[w.known] = 0
	}
}

// order notes that m has orders, and appends it to wake unless it is self or will
// be woken already.
func (m *member) order(self *member, wake []*member) []*member {
	if m.ordered.Swap(true) || m == self {
		return wake
	}
	return append(wake, m)
}

// comingLocked returns how many of the slots that are about to become free will
// go to m: what older wants of others leave, and a decrease of MaxOpen.
func (b *Budget) comingLocked(m *member) int {
	if m.last.want == 0 {
		return 0
	}
	supply := b.mu.ending + b.mu.evictions + b.mu.cancels
	if limit := b.mu.limits.MaxOpen; limit > 0 {
		supply -= max(0, b.mu.open-limit)
	}
	permits := room(b.mu.limits.MaxDials, b.mu.dials-b.mu.canceled-b.mu.cancels)
	return max(0, min(m.last.want, supply-(b.mu.want-m.last.want), permits))
}

// older reports whether the capacity that m is about to give to a waiter with
// ticket t is due to an older waiter of another pool, or to nobody, because the
// Budget has shrunk. shared says that the resource has leases out: it could only
// be drained, which is not done while enough others drain. now is what m has,
// which it has not reported yet.
func (m *member) older(t Ticket, shared bool, now standing) bool {
	b := m.budget
	if !b.hungry.Load() {
		return false // no pool is short of slots, and the Budget has not shrunk
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.olderLocked(m, t, shared, now)
}

func (b *Budget) olderLocked(m *member, t Ticket, shared bool, now standing) bool {
	l := &b.mu.limits
	if l.MaxOpen == 0 {
		return false
	}
	was, done := &m.last, m.handed.copied()
	open := b.mu.open + int(now.used-was.used) - done.grants
	dials := b.mu.dials + int(now.dialing-was.dialing) - done.grants
	supply := l.MaxOpen - open + // below 0 after a decrease
		b.mu.ending + int(now.ending-was.ending) +
		b.mu.evictions - done.evict - done.shrink + b.mu.cancels - done.cancels()
	if shared {
		supply += b.mu.draining + int(now.draining-was.draining)
	}
	if supply < 0 {
		return true
	}
	// First the number that costs nothing: where permits are short, very many may starve.
	return room(l.MaxDials, dials) > supply && b.mu.starving.older(0, m, t, supply+1) > supply
}

// hasRoom reports whether one more dial than those that pools starve for could begin soon,
// in the place of what is idle or about to be free.
func (m *member) hasRoom() bool {
	b := m.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &b.mu.limits
	slots := room(l.MaxOpen, b.mu.open-b.mu.ending-b.mu.evictions-b.mu.nidle)
	return min(slots, room(l.MaxDials, b.mu.dials)) > b.mu.want
}

// mayKeep reports whether nobody else is due what m is about to give to a waiter with
// ticket t. If it reports false, mustYield decides.
func (m *member) mayKeep(t Ticket, shared bool, now standing) bool {
	b := m.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.olderLocked(m, t, shared, now) {
		return false
	}
	m.passed = 0
	return true
}

// mustYield is older, with Affinity taken into account: the pool must let the
// resource go rather than hand it to the waiter with ticket t, and why.
func (m *member) mustYield(t Ticket, shared bool, now standing) (why Reason, must bool) {
	b := m.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.olderLocked(m, t, shared, now) {
		m.passed = 0
		return 0, false
	}
	if b.mu.open > b.mu.limits.MaxOpen {
		m.passed = 0
		return ReasonLimits, true
	}
	if int(m.passed) < b.mu.limits.Affinity {
		m.passed++
		return 0, false
	}
	m.passed = 0
	return ReasonEvict, true
}
