package h2

import (
	"time"

	"go.uber.org/atomic"
)

// A stray is a request that has not ended, and has no stream any more: its response has
// arrived, or its context has ended, and the caller has neither read it to its end nor
// closed it. For a moment each request is one. But a caller may have dropped the response.
// net/http holds nothing for that, so here it must not hold a stream either, nor the connection
// once all that was on its way has arrived.

// strays is what a Resource knows of them.
type strays struct {
	stay atomic.Int32 // how many there are that stay
	last atomic.Int32 // how many there were at the last look
	left func() int   // Options.Stray

	timer   *time.Timer  // of the next look
	set     atomic.Bool  // it is
	slow    atomic.Bool  // for later than a new stray is to be looked at
	step    atomic.Int32 // looks with ever longer pauses
	looking atomic.Bool  // a look is going on
}

// Strays are looked at with pauses from strayTime to strayMost.
const (
	strayTime = 16 * time.Millisecond
	strayMost = time.Second
)

// strayed returns how many requests are strays at the moment. It may be off while the
// counts change.
func (r *Resource) strayed() int {
	inFlight := r.conn.InFlight()
	return max(0, int(r.ours.Load()-r.claims.Load())-inFlight)
}

// fewer is called when a request has ended, which may have been a stray: then there are fewer.
// Else what is a stray for a moment only would pass for it, until the next look, and the
// connection would get one request more than MaxStreams allows.
func (r *Resource) fewer() {
	for n := r.strays.stay.Load(); n > 0; n = r.strays.stay.Load() {
		most := int32(r.strayed()) //nolint:gosec // no more than are ours
		if n <= most || r.strays.stay.CompareAndSwap(n, most) {
			return
		}
	}
}

// straySoon has strays looked at that are not counted yet, if that is not about to happen.
func (r *Resource) straySoon() {
	switch {
	case !r.strays.set.Load() && !r.strays.set.Swap(true):
		r.strays.step.Store(0)
		r.reset(r.strays.timer, strayTime)
	case r.strays.slow.Load() && r.strays.slow.Swap(false):
		r.strays.step.Store(0) // each has a stream that others may wait for
		r.reset(r.strays.timer, strayTime)
	}
}

// stray ends the strays whose contexts have ended, and counts those that stay: their streams
// are there for others.
func (r *Resource) stray() {
	if r.broken.Load() {
		r.strayBroken()
		return
	}
	if r.strays.looking.Swap(true) {
		return // a look is going on, in a hook maybe, and sets the timer after that
	}
	stay := r.strays.last.Load()
	defer func() { r.strayLooked(stay) }() // also after runtime.Goexit in a hook: the next look goes on
	if r.strayed() > 0 && r.strays.left != nil {
		stay = int32(r.strays.left()) //nolint:gosec // no more than are ours
	}
}

// strayBroken is stray without the Conn, of which nothing is asked any more: it is closed when
// all of its requests have ended.
func (r *Resource) strayBroken() {
	if r.ours.Load() > 0 && r.strays.left != nil {
		r.strays.left()
		r.reset(r.strays.timer, strayMost)
	}
}

// strayLooked is the end of a look at which stay of the requests were there before.
func (r *Resource) strayLooked(stay int32) {
	n := int32(r.strayed()) //nolint:gosec // no more than are ours
	r.strays.last.Store(n)
	r.strays.stay.Store(min(n, stay))
	r.fewer() // what has ended meanwhile
	again := n > 0 && r.conn.Err() == nil
	pause := min(strayTime<<min(r.strays.step.Inc(), 10), strayMost)
	r.strays.slow.Store(again && pause > 2*strayTime)
	r.strays.looking.Store(false)
	if again {
		r.reset(r.strays.timer, pause)
	} else {
		r.strays.set.Store(false)
	}
	r.look()
}
