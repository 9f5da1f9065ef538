package pool

import (
	"time"

	"github.com/berth-go/berth/internal/chain"
)

// slotState is where a slot stands. Every slot is in exactly one state, and
// Pool.move is the only way from one to another, so the counts by state are
// right by construction (I1).
//
//	empty -> dialing -> idle <-> inUse -> closing -> empty
//
// A shareable slot that is being checked is dialing: it is about to be usable
// and carries nothing yet.
type slotState uint8

const (
	empty slotState = iota
	dialing
	idle
	inUse
	closing
	numStates
)

// slot is a unit of capacity and the resource in it. It lives from the start of
// a dial until the resource is closed or hijacked.
type slot[R any] struct {
	pool *Pool[R]

	// Fixed when the dial has ended, before anyone else sees the slot.
	value     R
	shareable bool
	born      moment

	number uint64 // counts the pool's dials: a larger one began later

	// Everything below is under the pool's lock.

	state      slotState
	generation uint64 // of the pool when the dial began (I11)
	leases     int    // out, or lent
	lent       int    // of them, in the lane
	uses       uint64 // leases so far
	idleSince  time.Time

	joined   uint64 // counts the resources of the pool: a larger one came later
	adopted  bool   // its dial has ended and the pool knows it
	capacity int    // what Capacity said last: leases at once
	expect   int    // the capacity it is about to have; never less than capacity
	draining bool   // gets no new leases, closes when the last one ends
	reason   Reason // why it drains
	gone     bool   // closing or hijacked: no longer the pool's to hand out
	checking bool   // shareable, and its one lease is running Check
	opening  bool   // has had no capacity since its dial: callers count on it all the same

	dirty    bool // Capacity may have changed since it was read
	sampling bool // a goroutine is reading Capacity
	queued   bool // waits for the dispatcher
	refused  bool // Take failed though Capacity said room: read again at the next release
	refusals int  // Takes failed in a row though Capacity said room

	life, probe deadline[R] // the next thing in its life; its next check in the background
	expires     time.Time   // the end of its lifetime
	tested      time.Time   // the last check in the background, or the birth of a successor
	abandoned   bool        // its Close func has not returned in time
	liveIndex   int         // in Pool.live

	idleLink  chain.Link[slot[R]] // in Pool.idle
	shareLink chain.Link[slot[R]] // in Pool.shares
	heirLink  chain.Link[slot[R]] // in Pool.heirs
	mark      idleMark            // the slot's place in the Budget's idle list
	roomIndex int                 // in Pool.roomy, counted from 1; 0: not in it
	promised  int                 // what it adds to Pool.promised

	probed   bool // is being checked in the background, and keeps its place in the idle lists
	doubted  bool // that check takes so long that nobody counts on it any more
	probeDue bool // waits in Pool.toProbe

	own  cell[R]  // the cell of the first lease, and of all of an exclusive slot
	free *cell[R] // further cells of a shareable slot, not out
}

// room reports whether the slot can take a lease now (I9).
func (s *slot[R]) room() bool {
	if s.gone || s.draining || s.checking || s.state == dialing || s.spent() {
		return false
	}
	if s.shareable {
		return s.leases < s.capacity
	}
	// While Capacity of an exclusive slot is being read, what is known of it is
	// from before its last lease.
	return s.leases == 0 && s.capacity > 0 && !s.sampling
}

// spent reports whether the slot has had all the leases of its life.
func (s *slot[R]) spent() bool { m := s.pool.cfg.MaxUses; return m > 0 && s.uses >= m }

// promises returns how many leases beyond its present ones the slot is about to
// take, though it cannot now.
func (s *slot[R]) promises() int {
	if s.gone || s.draining || s.doubted || s.spent() {
		return 0
	}
	if s.opening {
		return max(1, min(s.expect, maxShared))
	}
	if !s.shareable {
		return btoi(s.checking)
	}
	if s.checking || s.expect > s.capacity {
		return min(max(0, s.expect-s.leases), maxShared)
	}
	return 0
}

// takeCell returns a cell that no lease has.
func (s *slot[R]) takeCell() *cell[R] {
	if s.own.slot == nil {
		s.own.slot = s
		return &s.own
	}
	if c := s.free; c != nil {
		s.free, c.next = c.next, nil
		return c
	}
	return &cell[R]{slot: s}
}

// putCell takes back the cell of a lease that has ended.
func (s *slot[R]) putCell(c *cell[R]) { c.next, s.free = s.free, c }

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
