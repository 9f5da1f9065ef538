// Package lane is the way to a resource without its pool's lock. It holds the seats
// that a pool has put into it; package turn decides who has which.
//
// Nothing here depends on the type of the resources, so that it is compiled once. The
// steps of the common case are small enough for the compiler to put them where they are
// called, in code that is generic.
//
// Callers of [Lane.Take], [Lane.Rest], [Lane.Settle] and [Lane.Settled], and of the steps
// [Lane.Top], [Lane.Spot], [Lane.RestsAgain] and [Lane.SettledAgain], hold no lock;
// everything else is for the pool, under its lock, unless it says otherwise.
package lane

import (
	"iter"
	"math"
	"sync/atomic"
	"time"

	"github.com/berth-go/berth/internal/turn"
	uber "go.uber.org/atomic"
)

const (
	// Max is how many seats a lane is lent at most when it opens, and all that one of
	// exclusive resources ever has: finding one that rests costs a look at each in the
	// worst case.
	Max = 1 << topBits

	// Many is how many seats one lane can have, if they are those of one resource. It is
	// some of them that a caller looks at, for one that rests: see takeOther.
	Many = 128

	topBits = 4 // of Lane.top: the index

	// ManyClashes is how many clashes in a tick are too many: see Lane.Crowded. To
	// find the seat at hand taken is one, and costs little; a swap that is lost to
	// another core counts as LostSwap.
	ManyClashes = 4096

	// LostSwap is the weight of a swap that is lost.
	LostSwap = ManyClashes / 16

	// jam is how many clashes are too many to wait for the tick: those of some hundred
	// lost swaps.
	jam = 16 * ManyClashes
)

// A Lane holds the seats that are lent. Whoever takes one has its lease until it
// rests again: one compare and swap each, no lock, no clock and no allocation.
//
// There is no clock in it: the pool tells it the time now and then, and sees to it
// that a lease which began before that does not end here.
type Lane struct {
	now    atomic.Int64 // what the pool has told: nanoseconds since its start
	spans  bool         // seats are chosen by goroutine, to spread cores; else by stamp, the last one used first
	shared bool         // all seats are those of one shareable resource
	width  uber.Uint32  // seats are lent below this index
	salt   uber.Uint32  // another one spreads the goroutines anew
	listed uber.Bool    // shared: see SetListed
	alone  uber.Bool    // shared: see SetAlone

	// Under the pool's lock.
	first uint32  // the stamp at the opening
	hole  uint32  // below it all places are taken
	lent  []*Seat // what is in it, in no order

	_       [64]byte    // what follows is written by callers: not on the line that all read
	clashes uber.Uint32 // how often callers were in each other's way, since the last tick
	_       [64]byte
	top     uber.Uint32 // index and stamp of the seat that came to rest last
	_       [64]byte

	seats [Many]uber.Pointer[Seat] // that are lent; set under the pool's lock
}

// A Seat is the right to one lease of a resource. The pool keeps it, and lends it.
type Seat struct {
	Turn  turn.Word
	began atomic.Int64  // the lane's time when it was put there or renewed: as good as that when the lease began
	last  atomic.Uint64 // from this turn on leases must end under the lock
	at    uber.Uint32   // the index in the lane
	nth   uint32        // the index in what is lent; under the pool's lock
}

// New returns an empty lane that hands out the seat that came to rest last, first.
func New() *Lane { return &Lane{} }

// NewSpread returns an empty lane in which each goroutine mostly finds a seat of
// its own, so that cores do not write to the same memory.
func NewSpread() *Lane { return &Lane{spans: true} }

// NewShared returns NewSpread for the seats of one shareable resource.
func NewShared() *Lane { return &Lane{spans: true, shared: true} }

// Top returns the seat that came to rest last, if it is still there: the one to try first
// in a lane that is not spread. It and [Lane.Spot], and [Lane.RestsAgain] for the other end
// of a lease, are the common cases of Take and of Rest in steps so small that the compiler
// puts them in place.
func (l *Lane) Top() *Seat { return l.seats[l.top.Load()&(Max-1)].Load() }

// Spot returns the seat to try first in a lane that is spread, which is mostly another for
// another goroutine. nil: none.
func (l *Lane) Spot() *Seat {
	return l.seats[spot(l.salt.Load(), l.width.Load())&(Many-1)].Load()
}

// Take begins a lease and returns its seat and its turn. It returns nil if no seat
// rests.
func (l *Lane) Take() (*Seat, turn.Turn) {
	at := l.top.Load() & (Max - 1)
	if l.spans {
		at = spot(l.salt.Load(), l.width.Load())
	}
	if s := l.seats[at&(Many-1)].Load(); s != nil {
		t := s.Turn.Load()
		if t.State() == turn.Resting {
			if s.Turn.Take(t) {
				return s, t.Taken()
			}
			l.Clash(LostSwap)
		} else {
			l.Clash(1)
		}
	}
	return l.takeOther(at)
}

// takeOther begins a lease of another seat than the one at hand, or of that if it
// rests by now. In a jam it does not: the pool will do something about that. Nor does it
// look at more than Max seats: of many, one of the first few rests unless nearly all are out.
func (l *Lane) takeOther(at uint32) (*Seat, turn.Turn) {
	if l.spans {
		width := l.width.Load()
		for range min(width, Max) {
			if at++; at >= width {
				at = 0
			}
			if s, t := l.tryTake(int(at)); s != nil {
				return s, t
			}
		}
		return nil, 0
	}
	if l.Jammed() {
		return nil, 0
	}
	for at := l.lastRested(); at >= 0; at = l.lastRested() {
		if s, t := l.tryTake(at); s != nil {
			return s, t
		}
	}
	return nil, 0
}

func (l *Lane) tryTake(at int) (*Seat, turn.Turn) {
	s := l.seats[at].Load()
	if s == nil {
		return nil, 0
	}
	t := s.Turn.Load()
	if t.State() != turn.Resting {
		return nil, 0
	}
	if !s.Turn.Take(t) {
		l.Clash(LostSwap)
		return nil, 0
	}
	return s, t.Taken()
}

// lastRested returns the index of the seat that rests and came to rest last, or
// -1.
func (l *Lane) lastRested() int {
	best, found := turn.Turn(0), -1
	for at, s := range l.Seats() {
		t := s.Turn.Load()
		if t.State() == turn.Resting && (found < 0 || NewerStamp(t.Stamp(), best.Stamp())) {
			best, found = t, at
		}
	}
	return found
}

// NewerStamp compares stamps, which wrap around.
func NewerStamp(a, b uint32) bool { return (a-b)&turn.StampMask < turn.StampMask/2 && a != b }

// Rest ends a lease, and its seat rests. t is the turn with which the lease began: that
// it still is so says all there is to know. If it reports false it has done nothing:
// the lease has ended, or began under the lock, or must end there, or the pool has
// taken its seat back. Afterwards the caller must look whether the lane is still open,
// or nobody may know of what rests (I4).
func (l *Lane) Rest(s *Seat, t turn.Turn) bool {
	return s.endsHere(t) && s.Turn.Rest(t, l.stamp(s, t, t))
}

// RestsAgain is Rest where the seat keeps its stamp. If it reports false it has done
// nothing, and Rest may be right.
func (l *Lane) RestsAgain(s *Seat, t turn.Turn) bool {
	return s.endsHere(t) && (l.spans || s.at.Load() == l.top.Load()&(Max-1)) && s.Turn.RestAgain(t)
}

// endsHere reports whether a lease that began with t may end without the lock.
func (s *Seat) endsHere(t turn.Turn) bool {
	return t.State() == turn.Out && uint64(t) < s.last.Load()
}

// Settle is the first half of Rest, for a caller who has something to do before
// the seat may rest.
func (l *Lane) Settle(s *Seat, t turn.Turn) bool {
	return s.endsHere(t) && s.Turn.Settle(t)
}

// Settled is the second half. It reports false if the pool has taken the seat back
// meanwhile, or marked it.
func (l *Lane) Settled(s *Seat, t turn.Turn) bool {
	return uint64(t) < s.last.Load() && s.Turn.Settled(t, l.stamp(s, t, t.Settling()))
}

// SettledAgain is Settled as RestsAgain is Rest.
func (l *Lane) SettledAgain(s *Seat, t turn.Turn) bool {
	return uint64(t) < s.last.Load() && (l.spans || s.at.Load() == l.top.Load()&(Max-1)) && s.Turn.SettledAgain(t)
}

// stamp returns the stamp of a seat that is about to rest, if its turn is still now. The
// one that rested last before keeps its own: it does so again without a write to what all
// share.
func (l *Lane) stamp(s *Seat, t, now turn.Turn) uint32 {
	if l.spans || s.at.Load() == l.top.Load()&(Max-1) || s.Turn.Load() != now {
		return t.Stamp()
	}
	return l.overtop(s)
}

// overtop makes s, which is about to rest, the top, and returns its stamp. It is not for a
// seat that rests: what comes to rest as the top keeps its stamp.
func (l *Lane) overtop(s *Seat) uint32 {
	stamp := l.top.Load()>>topBits + 1
	l.top.Store(stamp<<topBits | s.at.Load())
	return stamp
}

// Open sets the time of a lane in which there is nothing.
func (l *Lane) Open(now time.Duration) {
	l.SetNow(now)
	l.first = l.top.Load() >> topBits
}

// SetNow sets the time of a lane in which all is renewed then.
func (l *Lane) SetNow(now time.Duration) { l.now.Store(int64(now)) }

// Worn reports whether so many stamps have been given since the lane was opened that
// they may soon not tell what is older.
func (l *Lane) Worn() bool {
	const all = math.MaxUint32 >> topBits // of which a seat keeps the lower ones
	return (l.top.Load()>>topBits-l.first)&all > turn.StampMask/4
}

// Renew gives a seat that rests, or did in turn t, the lane's time. It is good for so
// many leases after that turn.
func (l *Lane) Renew(s *Seat, t turn.Turn, leases uint64) {
	s.began.Store(l.now.Load())
	last := uint64(math.MaxUint64)
	if leases <= turn.MaxNumber-t.Number() {
		last = uint64(turn.First(t.Number() + leases - 1))
	}
	s.last.Store(last)
}

// Mark makes the lease that has a seat end under the lock, or the next one if that
// has ended by now, and all after it until the seat is renewed.
func (s *Seat) Mark() { s.last.Store(0) }

// Return lets a seat of the lane whose lease has ended under the lock rest again, as
// the one that came to rest last. It is good for so many leases.
func (l *Lane) Return(s *Seat, leases uint64) {
	l.Renew(s, s.Turn.Load(), leases)
	stamp := uint32(0)
	if !l.spans {
		stamp = l.overtop(s)
	}
	s.Turn.Lend(stamp)
}

// Shared reports whether all seats are those of one shareable resource.
func (l *Lane) Shared() bool { return l.shared }

// Spread reports whether seats are chosen by goroutine.
func (l *Lane) Spread() bool { return l.spans }

// Clash notes that a caller was in the way of another. It needs no lock.
func (l *Lane) Clash(weight uint32) { l.clashes.Add(weight) }

// Crowded reports whether callers were too often in each other's way since Forget was
// called last.
func (l *Lane) Crowded() bool { return l.clashes.Load() >= ManyClashes }

// Jammed reports whether callers are so much in each other's way that the next one to
// have the lock must let them spread. Where they do nothing more can be done at once.
func (l *Lane) Jammed() bool { return !l.spans && l.clashes.Load() >= jam }

// Forget forgets the clashes so far.
func (l *Lane) Forget() { l.clashes.Store(0) }

// SpreadAnew changes which goroutine finds which seat.
func (l *Lane) SpreadAnew() {
	const step = 0x85EBCA6B // changes all bits of a salt in the course of a few steps
	l.salt.Add(step)
}

// Put adds a seat, which rests from now on as the one that came to rest last. It
// is good for so many leases.
func (l *Lane) Put(s *Seat, leases uint64) {
	at := l.hole
	for l.seats[at].Load() != nil {
		at++
	}
	l.hole = at + 1
	s.at.Store(at)
	l.seats[at].Store(s)
	if l.width.Load() <= at {
		l.width.Store(at + 1)
	}
	s.nth = uint32(len(l.lent)) //nolint:gosec // below Many
	l.lent = append(l.lent, s)
	l.Return(s, leases)
}

// Drop removes a seat, which does not rest any more.
func (l *Lane) Drop(s *Seat) {
	at := s.at.Load()
	l.seats[at].Store(nil)
	l.hole = min(l.hole, at)
	last := len(l.lent) - 1
	l.lent[s.nth], l.lent[last].nth = l.lent[last], s.nth
	l.lent[last] = nil // so the GC can free it
	l.lent = l.lent[:last]
	w := l.width.Load()
	for w > 0 && l.seats[w-1].Load() == nil {
		w--
	}
	l.width.Store(w)
}

// Seats yields the seats in the lane with their indexes. It needs no lock.
func (l *Lane) Seats() iter.Seq2[int, *Seat] {
	return func(yield func(int, *Seat) bool) {
		for at := range int(l.width.Load()) {
			if s := l.seats[at].Load(); s != nil && !yield(at, s) {
				return
			}
		}
	}
}

// Lent returns the seats in the lane, in no order. The slice is the lane's: to drop one
// puts the last one in its place, so who drops some goes through them backwards.
func (l *Lane) Lent() []*Seat { return l.lent }

// SetListed notes whether the resource of a shared lane was idle when it was lent, and
// has had no lease since but from the lane.
func (l *Lane) SetListed(listed bool) { l.listed.Store(listed) }

// Listed reports whether what is in use of the lane was idle when it was lent: what
// is exclusive always was.
func (l *Lane) Listed() bool { return !l.shared || l.listed.Load() }

// SetAlone notes whether the resource of a shared lane has no leases but the lane's.
func (l *Lane) SetAlone(alone bool) { l.alone.Store(alone) }

// LessIdle returns how many fewer resources of the lane are idle now than were when
// they were lent. It needs no lock.
func (l *Lane) LessIdle() int {
	n := 0
	for _, s := range l.Seats() {
		if s.Turn.Load().State() != turn.Resting {
			n++
		}
	}
	switch {
	case !l.shared:
		return n
	case l.Listed():
		return min(n, 1)
	case n == 0 && l.alone.Load():
		return -1
	}
	return 0
}

// SetBegan notes the time of a lease that began under the lock.
func (s *Seat) SetBegan(t time.Duration) { s.began.Store(int64(t)) }

// Began returns when the lease of a seat began, in the lane's time.
func (s *Seat) Began() time.Duration { return time.Duration(s.began.Load()) }
