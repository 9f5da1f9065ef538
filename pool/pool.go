package pool

import (
	"sync"
	"time"

	"github.com/berth-go/berth/internal/alarm"
	"github.com/berth-go/berth/internal/chain"
	"github.com/berth-go/berth/internal/crew"
	"github.com/berth-go/berth/internal/lane"
	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/waitq"
	uber "go.uber.org/atomic"
)

// maxClosers bounds the Close funcs that run at once: enough that one slow peer
// does not hold up the rest, few enough that closing a large pool is no storm.
const maxClosers = 8

// maxShared bounds what one dial is counted for, so that sums cannot overflow.
const maxShared = 1 << 16

// A Pool hands out resources of type R, oldest caller first. Make one with
// [New]. All methods may be called concurrently.
type Pool[R any] struct {
	// First what a lease of a quiet key comes by, and then the rest: with many keys a
	// lease costs mostly the memory that has to be fetched for it.

	open uber.Pointer[lane.Lane] // nil: everybody goes to the lock
	*common[R]
	member *member // the pool's side of its Budget, which is as. nil: none

	// mu guards what follows and everything in a slot that is not fixed. It is
	// taken with lock and given back with unlock, which first restores what the
	// pool promises; nothing of the user's runs under it (I13). Lock order: mu,
	// then that of the waiters, the Budget, the crew or the clock; never two pools' locks.
	mu struct {
		sync.Mutex
		limits *Limits // never changed in place: many keys have the same

		closed    bool
		finished  bool // nothing is left of the closed pool
		wasQuiet  bool // Quiet has been called since the pool last had anything
		overTotal bool // the last caller was one too many in part.Total.Waiting
		starved   bool // the Budget owes a slot
		unmarked  bool // handed is idle, and not in the Budget's list yet
		spread    bool // the last lane chose its cells by goroutine
		form      form

		slots      counts              // by state
		idle       chain.List[slot[R]] // by idleSince; also the one that is being probed
		out        chain.List[cell[R]] // leases
		generation uint32              // counts Resets (I11)
		leases     int32               // out

		now    time.Time // see nowLocked
		clock  moment    // see momentLocked
		chores *chores   // nil: nothing is to be done after this hold of the lock

		lending[R]
		count counters

		*seldom[R]             // common.none until ownLocked
		handed     *slot[R]    // released or dialled in this hold of the lock: it goes to a waiter unchecked
		bell       *alarm.Bell // rings tick. nil: it is not set
		armed      moment      // when the bell rings; 0: it is not set

		dials      chain.List[dial[R]] // in flight and not canceled
		dialNumber uint64              // of the last dial started
		shared     int32               // what a dial is expected to bring; at least 1
		canceled   int32               // dials in flight that the pool no longer wants

		promised int   // leases that slots are about to take, beyond those that they can now
		opening  int32 // slots that have had no capacity since their dial
		draining int32 // slots that drain and are not gone yet
		checks   int32 // leases of exclusive resources whose callers run Check

		telling    int32  // of the pool's goroutines: those in hooks
		uncovered  int32  // this pool's share of part.Total.Waiting
		deliveries uint32 // waits ended by the giving side
	}

	waiters waitq.Queue[Lease[R]]
	as      member
	part    part.Part[R] // nil: the pool stands alone
}

// New returns a pool that is ready for use and starts nothing yet. The error
// names the field that is wrong.
func New[R any](cfg Config[R]) (*Pool[R], error) {
	c, err := newCommon(cfg)
	if err != nil {
		return nil, err
	}
	c.crew, c.clock = crew.New(maxClosers), alarm.New()
	p := &Pool[R]{}
	l := c.cfg.limits()
	p.init(c, nil, &l)
	return p, nil
}

// Limits returns the limits in force.
func (p *Pool[R]) Limits() Limits {
	p.mustBeMade()
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.mu.limits
}

// SetLimits changes the limits. Growth serves waiters at once. After a decrease
// the number of open resources only falls: idle ones are closed, surplus dials
// canceled, surplus shareable resources drained (newest first), and exclusive
// ones closed at their release; waiters keep their places, also beyond a smaller
// MaxWaiters. The error names the field that is wrong, and then nothing has
// changed. Of a closed pool the limits have no effect any more.
func (p *Pool[R]) SetLimits(l Limits) error {
	if err := l.validate(); err != nil {
		return err
	}
	p.lock()
	defer p.unlock()
	p.mu.limits = &l
	return nil
}

// lock begins a change of the pool's state. What rests in the lane is idle again
// from here on.
func (p *Pool[R]) lock() {
	p.lockBeside()
	p.closeLaneLocked()
}

// lockBeside takes the lock and leaves the lane open: nothing but the lane's times and
// accounts may be changed before closeLaneLocked.
func (p *Pool[R]) lockBeside() {
	p.mustBeMade()
	if !p.mu.TryLock() {
		p.await()
	}
	p.forgetClockLocked()
}

// mustBeMade panics in the zero Pool, before it does something half.
func (p *Pool[R]) mustBeMade() {
	if p.common == nil {
		panic("pool: this is the zero Pool: make it with New")
	}
}

func (p *Pool[R]) closeLaneLocked() {
	if p.mu.lent > 0 {
		p.recallLocked()
	}
}

// unlock ends a change of the pool's state: it restores what must hold between
// two changes, unlocks, and then does what must be done without the lock. That
// every change ends here, but for those that give no waiter anything (in steady.go and
// calm.go, and where the lock is given back as it is), is why no event can forget to wake
// one (I2). A panic of a hook goes on to the
// caller, when all else has been done.
func (p *Pool[R]) unlock() {
	if err := p.finish(false, nil); err != nil {
		panic(err.value)
	}
}

// unlockQuietly is unlock for a goroutine of the pool, or of another pool.
func (p *Pool[R]) unlockQuietly() { _ = p.finish(true, nil) }

// finish is unlock, and returns the panic of a hook. The waiter that next is for wakes
// up when the lock is free: sooner it would come for the lock and sleep again. own says
// that it is a goroutine of the pool that finishes: the panic is raised, and not returned,
// and Shutdown waits for its hooks, as for itself.
func (p *Pool[R]) finish(own bool, next *handOff[R]) (err *panicError) {
	if p.skipLocked() {
		p.mu.Unlock()
		next.give()
		return nil
	}
	p.balanceLocked()
	p.mu.handed = nil
	p.fadeLocked()
	var c chores
	if p.mu.chores != nil {
		c, p.mu.chores = *p.mu.chores, nil
	}
	tells := own && len(c.events) > 0
	if tells {
		p.mu.telling++ // first: until they have returned the pool is not bare
	}
	bare := p.bareLocked()
	quiet := bare && !p.mu.wasQuiet && p.part != nil
	p.mu.wasQuiet = bare
	if bare && p.mu.armed != 0 && (p.mu.closed || p.part != nil) {
		p.mu.bell.Stop() // it would keep a pool alive that nobody knows any more
		p.mu.armed = 0
		if p.mu.times != nil {
			p.mu.tick = time.Time{}
		}
	}
	if bare && p.member != nil {
		p.member.stopLending()
	}
	p.openLaneLocked()
	p.dropBellLocked()
	if p.endLocked() && p.part != nil {
		quiet = true // leases on dead resources may be left, which do not keep the key
	}
	p.mu.Unlock()

	next.give()
	if tells {
		defer p.told()
	}
	if quiet {
		c.quiet = p.part
	}
	if err = c.do(); own && err != nil {
		p.raise(err) // before told: Shutdown waits for this hook as well
		return nil
	}
	return err
}

// told notes that the hooks of a finish have returned. They may have been the last thing
// that the pool had.
func (p *Pool[R]) told() {
	p.lockBeside() // of an empty pool nothing is in the lane, and else nothing changes
	p.mu.telling--
	if p.emptyLocked() {
		p.unlockQuietly()
		return
	}
	p.mu.Unlock()
}

// endLocked lets Shutdown return when nothing of a closed pool is left (I10), and reports
// whether that is so from now on.
func (p *Pool[R]) endLocked() bool {
	if !p.mu.closed || p.mu.finished || !p.emptyLocked() {
		return false
	}
	p.mu.finished = true
	if p.mu.done != nil {
		close(p.mu.done)
	}
	return true
}

// rebalance looks again at what the pool could do, after its Budget changed.
func (p *Pool[R]) rebalance() {
	p.lock()
	p.unlockQuietly()
}

// emptyLocked reports whether the pool has nothing: no slot, no waiter and no goroutine,
// those in hooks included. Leases on dead resources do not count.
func (p *Pool[R]) emptyLocked() bool { return p.holdsNothingLocked() && !p.callsOutLocked() }

func (p *Pool[R]) holdsNothingLocked() bool {
	return p.usedLocked() == 0 && p.waiters.Len() == 0 && p.mu.looks == nil
}

// callsOutLocked reports whether a goroutine of the pool is in a hook, or in the Check of
// what may be gone by now.
func (p *Pool[R]) callsOutLocked() bool { return p.mu.telling > 0 || p.mu.probes != nil }

// bareLocked reports whether nothing of the pool is left, leases included, and
// nothing will come by itself: a key that was forgotten must stay empty (I12).
func (p *Pool[R]) bareLocked() bool { return p.forsakenLocked() && !p.callsOutLocked() }

// forsakenLocked is bareLocked whatever hook still runs: that one does is no reason to dial,
// and it may be that of a dial.
func (p *Pool[R]) forsakenLocked() bool {
	return p.holdsNothingLocked() && p.mu.leases == 0 &&
		(p.mu.closed || p.mu.limits.MinIdle == 0 && !p.warmsLocked() && !p.remembersLocked())
}

// usedLocked returns how many slots are taken (I1).
func (p *Pool[R]) usedLocked() int {
	return p.mu.slots.in(dialing) + p.mu.slots.in(idle) + p.mu.slots.in(inUse) + p.mu.slots.in(closing)
}

// move puts a slot into another state. It is the only place where a slot changes
// state, and the only one that touches the counts.
func (p *Pool[R]) move(s *slot[R], to slotState) {
	if s.idleLink.In() && to != idle && !s.probed {
		p.unlistLocked(s)
	}
	if s.state != empty {
		p.mu.slots[s.state]--
	}
	if to != empty {
		p.mu.slots[to]++
	}
	s.state = to
	if to == idle && !s.idleLink.In() {
		p.listLocked(s)
	}
	p.refitLocked(s)
}

// ticket returns a new place at the end of the queue.
func (p *Pool[R]) ticket() Ticket { return Ticket(p.last.Add(1)) }

// lastTicket returns the place of a caller who is served without queueing: that
// of the last who did, so it stands in front of all who come later.
func (p *Pool[R]) lastTicket() Ticket { return Ticket(p.last.Load()) }
