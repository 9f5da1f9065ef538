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

// straySoon has strays looked at, if that is not about to happen.
func (r *Resource) straySoon() {
	if r.straying.Load() || r.straying.Swap(true) {
		return
	}
	r.pause = strayTime
	r.reset(r.strayer, r.pause)
}

// stray ends the strays whose contexts have ended, and counts those that stay: their streams
// are there for others.
func (r *Resource) stray() {
	stay := r.last
	if r.strayed() > 0 && r.straysLeft != nil {
		stay = r.straysLeft()
	}
	r.last = r.strayed()
	r.strays.Store(int32(min(r.last, stay))) //nolint:gosec // no more than are ours
	if r.last > 0 && r.conn.Err() == nil {
		r.pause = min(2*r.pause, strayMost)
		r.reset(r.strayer, r.pause)
	} else {
		r.straying.Store(false)
	}
	r.look()
}
