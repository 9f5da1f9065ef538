// Package door counts the calls that are in something which is to be thrown away when
// it is empty: without a lock, so that calls do not meet at one.
//
// The word of a door:
//
//	bits   what     changed by
//	0      shut     shut: nobody comes in any more
//	1      look     Await, begin, Enter: the last who leaves must look; begin: somebody does
//	2      looking  begin: nobody is inside, and somebody looks whether it is empty; Enter, keep, shut: no longer
//	3-31   calls    Enter, Leave: how many are inside
//
// Whoever empties the thing says so by Await, and whoever leaves last after that is
// told by Leave. They look by Look, under a lock of theirs. A call that comes in
// meanwhile keeps the door open, even if it has left again, since it may have left
// something; then whoever leaves last looks.
package door

import "go.uber.org/atomic"

const (
	isShut  = 1 << 0
	look    = 1 << 1
	looking = 1 << 2
	one     = 1 << 3 // a call
)

// A Door counts calls. The zero Door is open and nobody is inside.
type Door struct{ word atomic.Uint32 }

func inside(w uint32) bool { return w >= one }

// Enter counts a call. It fails if the door is shut.
func (d *Door) Enter() bool {
	for {
		w := d.word.Load()
		if w&isShut != 0 {
			return false
		}
		next := w + one
		if w&looking != 0 {
			next = next&^looking | look
		}
		if d.word.CompareAndSwap(w, next) {
			return true
		}
	}
}

// Leave ends a call, and reports whether the caller must look: nobody else will.
func (d *Door) Leave() bool {
	w := d.word.Sub(one)
	return !inside(w) && w&look != 0
}

// Await is called when the thing has become empty. It reports whether the caller must
// look; else whoever leaves last will be told to.
func (d *Door) Await() bool {
	return !inside(d.change(func(w uint32) uint32 {
		if inside(w) {
			w |= look
		}
		return w
	}))
}

// Look shuts the door if the thing is empty, as empty says, and nobody is inside or
// comes in meanwhile, and reports whether it has done that: a door is shut once. If
// somebody is inside, whoever leaves last will be told to look.
func (d *Door) Look(empty func() bool) bool {
	if !d.begin() {
		return false
	}
	if !empty() {
		d.keep()
		return false
	}
	return d.shut()
}

// begin comes before the look: what becomes empty from here on is another matter, for
// another Await.
func (d *Door) begin() bool {
	return d.change(func(w uint32) uint32 {
		switch {
		case w&isShut != 0:
			return w
		case inside(w):
			return w | look
		}
		return w&^look | looking
	})&looking != 0
}

func (d *Door) keep() { d.change(func(w uint32) uint32 { return w &^ looking }) }

func (d *Door) shut() bool {
	return d.change(func(w uint32) uint32 {
		if w&looking != 0 {
			return isShut
		}
		return w
	}) == isShut
}

// change makes one step of the word and returns what it is then.
func (d *Door) change(to func(uint32) uint32) uint32 {
	for {
		w := d.word.Load()
		if next := to(w); d.word.CompareAndSwap(w, next) {
			return next
		}
	}
}
