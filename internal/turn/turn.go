// Package turn is the word that decides who has a resource: one lease after
// another, each ended once, with or without the pool's lock. It is the only place
// of the pool that compares and swaps.
//
// The word of an exclusive resource:
//
//	bits   what      changed by
//	0-1    state     every transition
//	2-17   stamp     Lend, Rest, Settled: larger ones came to rest later
//	18-63  number    End, Rest, Settle: how many leases have ended
//
// Who may do what:
//
//	state     owner                      transitions
//	held      the pool, under its lock   Lend -> resting; End (a lease under the lock) -> held
//	resting   nobody                     Take -> out; Reclaim -> held
//	out       the holder of the lease    Rest -> resting; Settle -> settling; End, Reclaim -> held
//	settling  whoever ended the lease    Settled -> resting; Reclaim -> held
//
// A lease knows its number. When that has passed, nothing its copies do has any
// effect, so ending a lease twice is harmless by construction. A number of 46 bits
// comes again after 70 trillion leases of one resource: to be ended by a stale
// copy, a lease would have to have exactly that number at that moment.
package turn

import (
	"math"
	"sync/atomic"
)

// State is who owns the resource.
type State uint8

// The states of a Word.
const (
	Held State = iota
	Resting
	Out
	Settling
)

const (
	stateBits  = 2
	stampBits  = 16
	stampShift = stateBits
	turnShift  = stateBits + stampBits
	stateMask  = 1<<stateBits - 1

	// StampMask is what of a stamp is kept.
	StampMask = 1<<stampBits - 1

	// MaxNumber is the largest Number.
	MaxNumber = math.MaxUint64 >> turnShift
)

// A Turn is the value of a Word at one moment.
type Turn uint64

// State returns who owns the resource.
func (t Turn) State() State { return State(t & stateMask) }

// Stamp returns the stamp with which it came to rest last.
func (t Turn) Stamp() uint32 { return uint32(t>>stampShift) & StampMask }

// Number returns how many leases have ended.
func (t Turn) Number() uint64 { return uint64(t) >> turnShift }

// Taken returns the Turn of a lease that [Word.Take] began where it found t.
func (t Turn) Taken() Turn { return t.with(Out) }

// Settling returns the Turn after [Word.Settle] of t, which is out.
func (t Turn) Settling() Turn { return t.ended() + (Turn(Settling) - Turn(Out)) }

// First returns the smallest Turn with the given Number.
func First(number uint64) Turn { return Turn(number << turnShift) }

func (t Turn) with(s State) Turn { return t&^stateMask | Turn(s) }

func (t Turn) rested(stamp uint32) Turn {
	return t>>turnShift<<turnShift | Turn(stamp&StampMask)<<stampShift | Turn(Resting)
}

// restedAgain is what t, which is out, becomes when it ends and keeps its stamp.
func (t Turn) restedAgain() Turn { return t.ended() - (Turn(Out) - Turn(Resting)) }

func (t Turn) ended() Turn { return t + 1<<turnShift }

// A Word holds a Turn. The zero Word is held, with no lease ended.
type Word struct{ v atomic.Uint64 }

// Load returns the present Turn.
func (w *Word) Load() Turn { return Turn(w.v.Load()) }

func (w *Word) swap(from, to Turn) bool { return w.v.CompareAndSwap(uint64(from), uint64(to)) }

// Take begins a lease without the lock. It fails if t, which rests, has passed.
func (w *Word) Take(t Turn) bool { return w.swap(t, t.Taken()) }

// Rest ends a lease, and the resource rests: one step, so nobody sees one without
// the other. It fails if t, which is out, has passed.
func (w *Word) Rest(t Turn, stamp uint32) bool { return w.swap(t, t.ended().rested(stamp)) }

// RestAgain is Rest with the stamp of t.
func (w *Word) RestAgain(t Turn) bool { return w.swap(t, t.restedAgain()) }

// Settle ends a lease for somebody who has something to do before the resource
// rests. It fails if t, which is out, has passed.
func (w *Word) Settle(t Turn) bool { return w.swap(t, t.Settling()) }

// Settled lets the resource rest after Settle(t). It fails if the pool has
// reclaimed it meanwhile.
func (w *Word) Settled(t Turn, stamp uint32) bool {
	return w.swap(t.Settling(), t.ended().rested(stamp))
}

// SettledAgain is Settled with the stamp of t.
func (w *Word) SettledAgain(t Turn) bool { return w.swap(t.Settling(), t.restedAgain()) }

// Lend lets a held resource rest. The caller has the lock, and no lease is out.
func (w *Word) Lend(stamp uint32) { w.v.Store(uint64(w.Load().rested(stamp))) }

// End ends lease number for somebody who will go to the lock, and reports whether
// it was still going. Of all that race here one wins.
func (w *Word) End(number uint64) bool {
	for {
		t := w.Load()
		if t.Number() != number || t.State() == Resting {
			return false
		}
		if w.swap(t, t.ended().with(Held)) {
			return true
		}
	}
}

// Reclaim makes a resource held, whoever has it, and returns what it was before.
// A lease that is out goes on, and will end under the lock.
func (w *Word) Reclaim() Turn {
	for {
		t := w.Load()
		if t.State() == Held || w.swap(t, t.with(Held)) {
			return t
		}
	}
}

// ReclaimResting is Reclaim for a resource that rests; others stay as they are.
func (w *Word) ReclaimResting() (Turn, bool) {
	for {
		t := w.Load()
		if t.State() != Resting {
			return t, false
		}
		if w.swap(t, t.with(Held)) {
			return t, true
		}
	}
}
