package waitq

import "sync/atomic"

// state is how far a wait has come:
//
//	unused -> waiting -> delivered | failed | canceled -> unused
type state uint64

const (
	unused    state = iota // the node is free, or new
	waiting                // in the queue
	delivered              // value is on its way to the waiter, or there
	failed                 // err is on its way to the waiter, or there
	canceled               // the waiter gets nothing; the node may still be linked
)

// A word says which wait of its node it speaks of, and how far that has come:
//
//	bits 0-2   state
//	bits 3-63  turn: how many waits of this node are over
//
// The two are one word so that a Waiter kept for too long cannot end the wait of
// the next one to use its node: the turn it names has passed.
type word uint64

const stateBits = 3

func pack(turn uint64, s state) word { return word(turn<<stateBits) | word(s) }

func (w word) turn() uint64 { return uint64(w >> stateBits) }
func (w word) state() state { return state(w & (1<<stateBits - 1)) }

// progress is a word that both sides share. Between begin and finish any
// goroutine may call end; begin and finish need the queue's lock.
//
// The 64-bit types of sync/atomic are aligned on every platform.
type progress struct{ bits atomic.Uint64 }

func (p *progress) load() word { return word(p.bits.Load()) }

// begin starts the node's next wait and returns its turn.
func (p *progress) begin() uint64 {
	turn := p.load().turn()
	p.bits.Store(uint64(pack(turn, waiting)))
	return turn
}

// end is the one place where it is decided how a wait ends. It reports whether
// the caller decided it; otherwise it changed nothing.
func (p *progress) end(turn uint64, to state) bool {
	return p.bits.CompareAndSwap(uint64(pack(turn, waiting)), uint64(pack(turn, to)))
}

// finish makes the node free for another wait, and every Waiter of the present
// one worthless.
func (p *progress) finish() {
	p.bits.Store(uint64(pack(p.load().turn()+1, unused)))
}
