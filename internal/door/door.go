// Package door counts the calls that are in something which is to be thrown away when
// it is empty: without a lock, so that calls do not meet at one.
//
// The word of a door:
//
//	bits   what     changed by
//	0      shut     Shut: nobody comes in any more
//	1      look     Await, Look, Enter: the last who leaves must look; Look: somebody does
//	2      looking  Look: nobody is inside, and somebody looks whether it is empty; Enter, Keep, Shut: no longer
//	3-31   calls    Enter, Leave: how many are inside
//
// Whoever empties the thing says so by Await, and whoever leaves last after that is
// told by Leave. They look under a lock of theirs: Look, then whether it is empty, and
// then Shut or Keep. A call that comes in meanwhile keeps the door open, even if it
// has left again, since it may have left something; then whoever leaves last looks.
package door

import "go.uber.org/atomic"

const (
	shut    = 1 << 0
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
		if w&shut != 0 {
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

// Look begins a look whether the thing is empty: what becomes empty from here on is
// another matter, for another Await. It reports false if the door is shut, or if
// somebody is inside; then whoever leaves last will be told to look.
func (d *Door) Look() bool {
	return d.change(func(w uint32) uint32 {
		switch {
		case w&shut != 0:
			return w
		case inside(w):
			return w | look
		}
		return w&^look | looking
	})&looking != 0
}

// Keep ends a look: the thing is not empty.
func (d *Door) Keep() { d.change(func(w uint32) uint32 { return w &^ looking }) }

// Shut ends a look: the thing was empty. It shuts the door and reports true if nobody
// has come in since; else whoever leaves last looks again. A door is shut once.
func (d *Door) Shut() bool {
	return d.change(func(w uint32) uint32 {
		if w&looking != 0 {
			return shut
		}
		return w
	}) == shut
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
