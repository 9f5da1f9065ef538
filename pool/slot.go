package pool

import (
	"math"
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
	dialing slotState = iota
	idle
	inUse
	closing
	empty
	numStates = empty
)

// counts are numbers of slots by state; there is none for empty.
type counts [numStates]int32

func (c *counts) in(s slotState) int { return int(c[s]) }

// slot is a unit of capacity and the resource in it. It lives from the start of
// a dial until the resource is closed or hijacked. A pool of a quiet key is mostly
// this, so what only some slots need is behind a pointer, nil where it is not
// needed.
type slot[R any] struct {
	value  R      // fixed when the dial has ended, before anyone else sees the slot
	born   moment // likewise
	number uint64 // counts the pool's dials: a larger one began later

	// Everything below is under the pool's lock, but for share, which is fixed like value.

	state     slotState
	reason    Reason // why it drains
	adopted   bool   // its dial has ended and the pool knows it
	draining  bool   // gets no new leases, closes when the last one ends
	gone      bool   // closing or hijacked: no longer the pool's to hand out
	abandoned bool   // its Close func has not returned in time
	checking  bool   // shareable, and its one lease is running Check
	opening   bool   // has had no capacity since its dial: callers count on it all the same

	dirty    bool // Capacity may have changed since it was read
	sampling bool // a goroutine is reading Capacity
	queued   bool // waits for the dispatcher
	refused  bool // Take failed though Capacity said room: read again at the next release

	withheld bool // opening, and not in the Budget's idle list since callers wait: see withholdOpeningLocked
	probed   bool // is being checked in the background, and keeps its place in the idle lists
	probeDue bool // waits for its turn to be

	refusals uint8 // Takes failed in a row though Capacity said room

	promised   int32     // what it adds to Pool.promised
	generation uint32    // of the pool when the dial began (I11)
	capacity   int32     // what Capacity said last: leases at once
	expect     int32     // the capacity it is about to have; never less than capacity
	leases     int       // out, or lent
	uses       uint64    // leases so far
	idleSince  time.Time // from its birth on

	*share[R]              // nil: not shareable
	*dates[R]              // nil: the Config has neither MaxLifetime nor Check
	life      *deadline[R] // the next thing in its life. nil: it never had any

	idleLink chain.Link[slot[R]] // in Pool.idle
	mark     idleMark            // the slot's place in the Budget's idle list
	own      cell[R]             // the cell of the first lease, and of all of an exclusive slot
}

// share is what only a shareable slot has.
type share[R any] struct {
	joined    uint64              // counts the shareable resources of the pool: a larger one came later
	shareLink chain.Link[slot[R]] // in Pool.shares
	roomIndex int                 // in Pool.roomy, counted from 1; 0: not in it
	seats     int                 // leases in the lane
	free      []*cell[R]          // cells that are not out
	look      *deadline[R]        // of Capacity, after Take has failed
	failing   int                 // leases whose Take has failed, and whose callers have not queued again: nobody else gets one meanwhile
	doubts
}

// doubts are what is known of a resource that refuses leases though Capacity says room.
type doubts struct {
	refusedNow uint8 // Takes failed since the last look that was not for one of them, up to maxRefusals
	looks      uint8 // such looks in a row, up to maxDoublings
}

// dates are those of a resource that does not live for ever unseen.
type dates[R any] struct {
	expires  time.Time           // the end of its lifetime; at first its birth
	tested   time.Time           // the last check in the background, or the birth of a successor
	probe    *deadline[R]        // its next check in the background
	heirLink chain.Link[slot[R]] // in Pool.heirs
}

// clamped returns what Capacity or Expect said as what a slot keeps of it.
func clamped(n int) int32 { return int32(max(math.MinInt32, min(n, math.MaxInt32))) } //nolint:gosec // it fits

// room reports whether the slot can take a lease now (I9).
func (s *slot[R]) room() bool {
	if s.gone || s.draining || s.checking || s.state == dialing || s.spent() {
		return false
	}
	if s.share != nil {
		return s.leases < int(s.capacity) && s.failing == 0
	}
	// While Capacity of an exclusive slot is being read, what is known of it is
	// from before its last lease.
	return s.leases == 0 && s.capacity > 0 && !s.sampling
}

// spent reports whether the slot has had all the leases of its life.
func (s *slot[R]) spent() bool { m := s.own.pool.cfg.MaxUses; return m > 0 && s.uses >= m }

// unspent returns n, or how many leases are left of the slot's life, if that is less.
func (s *slot[R]) unspent(n int) int {
	m := s.own.pool.cfg.MaxUses
	if m == 0 {
		return n
	}
	return int(min(uint64(n), m-s.uses)) //nolint:gosec // n is not negative, and the slot not spent
}

// doubted reports whether a check in the background takes so long that nobody
// counts on the slot any more.
func (s *slot[R]) doubted() bool {
	return s.probed && s.own.pool.mu.probes != nil && s.own.pool.mu.probes.doubted
}

// promises returns how many leases beyond its present ones the slot is about to
// take, though it cannot now.
func (s *slot[R]) promises() int {
	if s.gone || s.draining || s.doubted() || s.spent() {
		return 0
	}
	if s.share == nil {
		return btoi(s.checking && s.capacity > 0 || s.opening)
	}
	if s.opening {
		return s.unspent(max(1, min(int(s.expect), maxShared)))
	}
	if s.checking || s.failing > 0 || s.expect > s.capacity {
		return s.unspent(min(max(0, int(s.expect)-s.leases), maxShared))
	}
	return 0
}

// lent returns how many leases of the slot are in the lane.
func (s *slot[R]) lent() int {
	if s.share == nil {
		return btoi(s.own.lent)
	}
	return s.seats
}

// takeCell returns a cell that no lease has.
func (s *slot[R]) takeCell() *cell[R] {
	if s.share == nil {
		return &s.own
	}
	last := len(s.free) - 1
	if last < 0 {
		return &cell[R]{slot: s, pool: s.own.pool}
	}
	c := s.free[last]
	s.free = s.free[:last]
	return c
}

// putCell takes back the cell of a lease that has ended.
func (s *slot[R]) putCell(c *cell[R]) {
	if s.share != nil {
		s.free = append(s.free, c)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
