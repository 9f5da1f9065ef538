package pool

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/berth-go/berth/internal/chain"
	uber "go.uber.org/atomic"
)

// BudgetLimits are limits over all pools that share a Budget.
type BudgetLimits struct {
	MaxOpen  int // slots. 0: no limit
	MaxIdle  int // idle resources; the least recently used of all pools is closed. 0: no limit
	MaxDials int // dials in flight. 0: no limit

	// Affinity is how many times in a row a pool may serve its own waiters past
	// an older waiter of another pool, rather than close a resource to make room
	// for that one. 0: never; capacity goes to the oldest waiter, in strict order.
	Affinity int
}

func (l BudgetLimits) validate() error {
	for _, f := range []struct {
		name string
		v    int
	}{{"MaxOpen", l.MaxOpen}, {"MaxIdle", l.MaxIdle}, {"MaxDials", l.MaxDials}} {
		if f.v < 0 {
			return fieldError("BudgetLimits."+f.name, fmt.Sprintf("is %d", f.v), "use 0 for no limit")
		}
	}
	if l.Affinity < 0 {
		return fieldError("BudgetLimits.Affinity", fmt.Sprintf("is %d", l.Affinity), "use 0 for strict order")
	}
	return nil
}

// BudgetStats are the numbers of a Budget at one moment.
type BudgetStats struct {
	BudgetLimits
	Open    int // slots taken: dialling, idle, in use or closing
	Dialing int // of them, those being dialled, for which MaxDials is the limit
	Idle    int // idle resources that may be closed for another pool: also one in a Check in the background, but none that callers wait for to open
	Waiting int // pools that wait for a slot, or for one of MaxDials
}

// A Budget is capacity that several pools share, of whatever resource types. A
// pool that needs a slot when all are taken waits for one, in the order in which
// the callers came that it needs it for; another pool's idle resource, the one
// used least recently, is closed to make room. Make one with [NewBudget] and put
// it into each pool's Config.
type Budget struct {
	tickets atomic.Uint64 // the last one given; one sequence for all pools (I3)
	hungry  uber.Bool     // some pool is short of slots, or what is idle may be too much: no pool may open its lane; written under mu
	affine  uber.Bool     // Affinity is set; written under mu
	start   time.Time     // 0 of the times in idle
	none    wants         // of pools that want nothing; never changed

	// mu is taken with a pool's lock held, or alone. The Budget never calls a
	// pool: it leaves orders with the pool's member, and whoever gave them cause
	// wakes that pool when all locks are released.
	mu struct {
		sync.Mutex
		limits BudgetLimits

		open, dials int // slots and dials of all pools, and those granted and not yet begun
		ending      int // slots that will be free soon
		draining    int // slots that will be free when their leases end
		canceled    int // dials that have been canceled and have not returned
		want        int // dials that pools would start if they could
		starving    starvingHeap
		blind       int // pools that want more than the places they have told
		norphans    int // dials that no waiter needs
		spares      int // dials in the background granted and not yet begun
		lists       [numLists]memberList
		overdue     chain.List[member] // pools that would dial beside late dials, in the order in which they came
		hopeful     chain.List[member] // that would dial in the background; they take turns

		evictions, cancels int // idle slots and dials that pools have been told to give up and have not yet

		idle     idleRing // of all pools, least recently used first; also all that is lent to a lane
		nidle    int
		recalled int // pools that are to close their lanes and have not yet: of what they have lent some is counted as idle and in use
	}
}

// NewBudget returns a Budget. The error names the field that is wrong.
func NewBudget(l BudgetLimits) (*Budget, error) {
	if err := l.validate(); err != nil {
		return nil, err
	}
	b := &Budget{start: time.Now()}
	b.tickets.Store(1) // 0 is no place, and a caller served at once has the last one given
	b.mu.limits = l
	b.affine.Store(l.Affinity > 0)
	b.mu.idle.init()
	return b, nil
}

// SetLimits changes the limits. Growth lets waiting pools dial at once. After a
// decrease of MaxOpen or MaxIdle idle resources are closed, least recently used first;
// if that is not enough for MaxOpen, dials are canceled, then resources closed that callers
// wait for because they have had no capacity yet, and others at their release, until the
// new limits hold. Calls of Warm that ask for more than that end at once.
func (b *Budget) SetLimits(l BudgetLimits) error {
	if b.start.IsZero() {
		return fieldError("Budget", "is the zero Budget", "make it with NewBudget")
	}
	if err := l.validate(); err != nil {
		return err
	}
	b.mu.Lock()
	b.mu.limits = l
	b.affine.Store(l.Affinity > 0)
	wake := b.settleLocked(nil, nil)
	for _, which := range [...]int{warming, dialers} { // a call of Warm may hope in vain, and what opens may have to go
		for _, m := range b.mu.lists[which] {
			wake = m.order(nil, wake)
		}
	}
	b.mu.Unlock()
	if err := (&chores{wake: wake}).do(); err != nil {
		panic(err.value)
	}
	return nil
}

// limits returns the limits in force.
func (b *Budget) limits() BudgetLimits {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.limits
}

// Stats returns the numbers of the Budget. It takes time in proportion to the
// pools that have been used in the last few milliseconds.
func (b *Budget) Stats() BudgetStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := BudgetStats{BudgetLimits: b.mu.limits, Open: b.mu.open, Dialing: b.mu.dials, Idle: b.mu.nidle, Waiting: len(b.mu.starving)}
	for _, m := range b.mu.lists[lenders] {
		s.Idle -= m.of.lessIdle()
	}
	s.Idle = max(0, s.Idle)
	return s
}

// settleLocked decides what the pools are to do, now that something changed: who
// gets free slots, and what must be given up for those who need one. It appends
// the pools with new orders to wake, except self, which fetches its own.
func (b *Budget) settleLocked(self *member, wake []*member) []*member {
	// A pool that has been granted all it told of may have older waiters than the
	// next in line. It has its orders to fetch, and tells more then.
	for b.mu.blind == 0 && len(b.mu.starving) > 0 && b.mayGrantLocked() {
		m := b.mu.starving[0] // with the oldest waiter (I3)
		b.grantLocked(m)
		wake = m.order(self, wake)
	}
	wake = b.grantRedialsLocked(self, wake)
	wake = b.grantSpareLocked(self, wake)
	wake = b.recallLocked(self, wake)
	need := b.needLocked()
	for ; need > 0 && b.mu.nidle > 0; need-- {
		over := b.overLocked() > 0
		m := b.popIdleLocked()
		if o := m.toOrders(); over {
			o.shrink++
		} else {
			o.evict++
		}
		b.mu.evictions++
		wake = m.order(self, wake)
	}
	for b.idleOverLocked(0) > 0 {
		m := b.popIdleLocked()
		m.toOrders().idleOut++
		wake = m.order(self, wake)
	}
	wake = b.cancelOrphansLocked(max(need, b.permitsNeededLocked(), b.idleOverLocked(b.mu.norphans)), self, wake) // they would not be kept (I8)
	wake = b.cancelKeptLocked(max(b.needLocked(), b.permitsNeededLocked()), self, wake)
	return b.cancelSurplusLocked(self, wake)
}

// overLocked returns how many slots are beyond MaxOpen, after a decrease, and will not be
// free soon.
func (b *Budget) overLocked() int {
	l := &b.mu.limits
	if l.MaxOpen == 0 {
		return 0
	}
	return b.mu.open - b.mu.ending - b.mu.evictions - b.mu.cancels - l.MaxOpen
}

// excess returns how many more must go because MaxOpen was lowered; at most 0: none.
func (b *Budget) excess() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.overLocked()
}

// cancelSurplusLocked has dials canceled that MaxOpen, after a decrease, does not allow,
// whoever waits for them.
func (b *Budget) cancelSurplusLocked(self *member, wake []*member) []*member {
	l := b.mu.lists[dialers]
	over := b.overLocked()
	for i := len(l) - 1; i >= 0 && over > 0; i-- {
		m := l[i]
		k := min(over, m.dialsLeftLocked())
		if k <= 0 {
			continue
		}
		m.toOrders().surplus += k
		b.mu.cancels += k
		over -= k
		wake = m.order(self, wake)
	}
	return wake
}

// idleOverLocked returns how many idle resources are beyond MaxIdle, with so many more;
// but 0 while some that are counted as idle may be in use: the last pool to close its
// lane has the Budget look again.
func (b *Budget) idleOverLocked(more int) int {
	l := &b.mu.limits
	if l.MaxIdle == 0 || b.mu.recalled > 0 {
		return 0
	}
	return b.mu.nidle + more - l.MaxIdle
}

// tightLocked reports whether it matters for MaxIdle which of the resources that are
// lent to lanes are in use. Where so few are open that all may be idle, it does not; what
// is about to be free will not be.
func (b *Budget) tightLocked() bool {
	l := &b.mu.limits
	if l.MaxIdle == 0 {
		return false
	}
	return b.mu.open-b.mu.ending > l.MaxIdle || b.mu.hopeful.Len() > 0 && b.idleToComeLocked() >= l.MaxIdle
}

// idleToComeLocked returns how many resources are idle, or will be if no waiter takes
// them.
func (b *Budget) idleToComeLocked() int { return b.mu.nidle + b.mu.norphans + b.mu.spares }

// recallLocked has all lanes closed while a slot or an idle resource of any pool
// may have to go to another: the Budget must see what is idle, and everybody's
// release must look at whose turn it is (I4).
func (b *Budget) recallLocked(self *member, wake []*member) []*member {
	l := &b.mu.limits
	hungry := b.mu.want > 0 || b.tightLocked() || (l.MaxOpen > 0 && b.mu.open > l.MaxOpen)
	b.hungry.Store(hungry)
	for hungry && len(b.mu.lists[lenders]) > 0 {
		m := b.mu.lists[lenders][0]
		b.putLocked(m, lenders, false)
		m.recalled = true
		b.mu.recalled++
		wake = m.order(self, wake)
	}
	return wake
}

// grantRedialsLocked lets pools dial beside late dials, while no pool has waiters
// without a dial and for what is free only. To make room for that would be to end a dial of
// another pool that may be late as well, which would then do the same.
func (b *Budget) grantRedialsLocked(self *member, wake []*member) []*member {
	for b.mu.want == 0 && b.mu.overdue.Len() > 0 && b.mayGrantLocked() {
		m := b.mu.overdue.Oldest()
		b.countGrantLocked(m)
		m.last.redial--
		b.listLocked(m)
		wake = m.order(self, wake)
	}
	return wake
}

// grantSpareLocked gives what is left to pools that would dial in the background,
// while no pool has waiters for it.
func (b *Budget) grantSpareLocked(self *member, wake []*member) []*member {
	// What MaxIdle would not keep is not dialled, else it would be canceled and
	// wanted again without end.
	idle := b.idleToComeLocked()
	for b.mu.want == 0 && b.mu.hopeful.Len() > 0 && b.mayGrantLocked() && room(b.mu.limits.MaxIdle, idle) > 0 {
		idle++
		m := b.mu.hopeful.Oldest()
		b.mu.hopeful.Remove(&m.wishes.spare) // if it wants more, the others come first
		b.countGrantLocked(m)
		b.mu.spares++
		m.last.spare--
		m.toOrders().spares++
		b.listLocked(m)
		wake = m.order(self, wake)
	}
	return wake
}

// needLocked returns how many slots must be given up beyond those that will be
// free soon: for pools that starve, as far as dial permits would let them use a
// slot, and because of a lowered limit.
func (b *Budget) needLocked() int {
	l := &b.mu.limits
	if l.MaxOpen == 0 {
		return 0
	}
	free := l.MaxOpen - b.mu.open // below 0 after a decrease
	return min(b.mu.want, room(l.MaxDials, b.mu.dials)) - free - b.mu.ending - b.mu.evictions - b.mu.cancels
}

// permitsNeededLocked returns how many dials must be given up so that pools that
// starve can dial, beyond those that are canceled already.
func (b *Budget) permitsNeededLocked() int {
	l := &b.mu.limits
	if l.MaxDials == 0 {
		return 0
	}
	return b.mu.want - room(l.MaxDials, b.mu.dials) - b.mu.canceled - b.mu.cancels
}

// cancelOrphansLocked tells pools to cancel n of the dials that no waiter needs.
func (b *Budget) cancelOrphansLocked(n int, self *member, wake []*member) []*member {
	for n > 0 && len(b.mu.lists[orphaned]) > 0 {
		l := b.mu.lists[orphaned]
		m := l[len(l)-1]
		k := min(n, m.last.orphans)
		m.last.orphans -= k
		m.toOrders().cancel += k
		b.mu.norphans -= k
		b.mu.cancels += k
		n -= k
		b.listLocked(m)
		wake = m.order(self, wake)
	}
	return wake
}

// cancelKeptLocked tells pools to cancel n of the dials that were kept beside late
// ones or are late, and that no waiter needs.
func (b *Budget) cancelKeptLocked(n int, self *member, wake []*member) []*member {
	for n > 0 && len(b.mu.lists[keeping]) > 0 {
		l := b.mu.lists[keeping]
		m := l[len(l)-1]
		k := min(n, m.last.kept)
		m.last.kept -= k
		m.toOrders().cancelKept += k
		b.mu.cancels += k
		n -= k
		b.listLocked(m)
		wake = m.order(self, wake)
	}
	return wake
}

// mayGrantLocked reports whether there is a slot and a dial permit to give.
func (b *Budget) mayGrantLocked() bool {
	l := &b.mu.limits
	return room(l.MaxOpen, b.mu.open) > 0 && room(l.MaxDials, b.mu.dials) > 0
}

// countGrantLocked gives a slot and a dial permit to m. They count from now on.
func (b *Budget) countGrantLocked(m *member) {
	b.mu.open++
	b.mu.dials++
	m.toOrders().grants++
}

// grantLocked does so for a waiter of m.
func (b *Budget) grantLocked(m *member) {
	b.countGrantLocked(m)
	b.mu.want--
	m.last.want--
	m.last.forgetTicket()
	b.queueLocked(m)
}
