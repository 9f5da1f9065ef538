package waitq

import "sync/atomic"

// state is how far a wait has come:
//
//	waiting -> delivered | failed | canceled -> waiting, the next one
//
// A node that nobody uses is at the start of its next wait, as a new one is of its
// first.
type state uint64

const (
	waiting   state = iota // in the queue, or about to be
	delivered              // value is on its way to the waiter, or there
	failed                 // err is on its way to the waiter, or there
	canceled               // the waiter gets nothing; the node may still be linked
)

// A word says which wait of its node it speaks of, and how far that has come:
//
//	bits 0-1   state
//	bits 2-63  turn: how many waits of this node are over
//
// The two are one word so that a Waiter kept for too long cannot end the wait of
// the next one to use its node: the turn it names has passed.
type word uint64

const stateBits = 2

func pack(turn uint64, s state) word { return word(turn<<stateBits) | word(s) }

func (w word) turn() uint64 { return uint64(w >> stateBits) }
func (w word) state() state { return state(w & (1<<stateBits - 1)) }

// progress is a word that both sides share. Any goroutine may call end at any time,
// and whoever does it for a turn that is over changes nothing.
//
// The 64-bit types of sync/atomic are aligned on every platform.
type progress struct{ bits atomic.Uint64 }

func (p *progress) load() word { return word(p.bits.Load()) }

// end is the one place where it is decided how a wait ends. It reports whether
// the caller decided it; otherwise it changed nothing.
func (p *progress) end(turn uint64, to state) bool {
	return p.bits.CompareAndSwap(uint64(pack(turn, waiting)), uint64(pack(turn, to)))
}

// finish makes every Waiter of a wait that has ended worthless, and reports whether
// it was the caller who did: then the node is the caller's.
func (p *progress) finish(w word) bool {
	return p.bits.CompareAndSwap(uint64(w), uint64(pack(w.turn()+1, waiting)))
}
