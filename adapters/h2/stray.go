package h2

import "time"

// A stray is a request that has not ended, and has no stream any more: its response has
// arrived, or its context has ended, and the caller has neither read it to its end nor
// closed it. For a moment each request is one. But a caller may have dropped the response.
// net/http holds nothing for that, so here it must not hold a stream either.

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
	for n := r.strays.Load(); n > 0; n = r.strays.Load() {
		most := int32(r.strayed()) //nolint:gosec // no more than are ours
		if n <= most || r.strays.CompareAndSwap(n, most) {
			return
		}
	}
}

// straySoon has strays looked at that are not counted yet, if that is not about to happen.
func (r *Resource) straySoon() {
	switch {
	case !r.straying.Load() && !r.straying.Swap(true):
		r.strayStep.Store(0)
		r.reset(r.strayer, strayTime)
	case r.straySlow.Load() && r.straySlow.Swap(false):
		r.strayStep.Store(0) // each has a stream that others may wait for
		r.reset(r.strayer, strayTime)
	}
}

// stray ends the strays whose contexts have ended, and counts those that stay: their streams
// are there for others.
func (r *Resource) stray() {
	if r.strayLooks.Swap(true) {
		return // a look is going on, in a hook maybe, and sets the timer after that
	}
	stay := r.strayLast.Load()
	defer func() { r.strayLooked(stay) }() // also after runtime.Goexit in a hook: the next look goes on
	if r.strayed() > 0 && r.straysLeft != nil {
		stay = int32(r.straysLeft()) //nolint:gosec // no more than are ours
	}
}

// strayLooked is the end of a look at which stay of the requests were there before.
func (r *Resource) strayLooked(stay int32) {
	n := int32(r.strayed()) //nolint:gosec // no more than are ours
	r.strayLast.Store(n)
	r.strays.Store(min(n, stay))
	r.fewer() // what has ended meanwhile
	again := n > 0 && r.conn.Err() == nil
	pause := min(strayTime<<min(r.strayStep.Inc(), 10), strayMost)
	r.straySlow.Store(again && pause > 2*strayTime)
	r.strayLooks.Store(false)
	if again {
		r.reset(r.strayer, pause)
	} else {
		r.straying.Store(false)
	}
	r.look()
}
