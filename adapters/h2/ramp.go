package h2

import "time"

// rampTime ends the ramp of a connection whose server's number happens to be
// InitialStreams, which looks like no number at all. It is several round
// trips on most networks, and little beside the dial that came before. Where
// it is too short, nothing breaks: see Resource.proven.
const rampTime = 100 * time.Millisecond

// rampLook is the first of the pauses between the looks at a connection that ramps. Each of
// the next is as long as all before it. net/http tells of a number above InitialStreams, but
// not of one below; nor that a connection takes no more, after a goodbye or for
// [http.Request.Close].
const rampLook = time.Millisecond

// prove ends the ramp because the server's number is known.
func (r *Resource) prove() {
	if !r.proven.Load() && r.provenNow() {
		r.look()
	}
}

func (r *Resource) provenNow() bool {
	if r.proven.Swap(true) {
		return false
	}
	r.ramping.Store(false)
	r.timer.Stop()
	r.told.Store(unknown) // news even where the capacity is the same: Expect is not
	return true
}

// rampOn looks at a connection that ramps, and ends the ramp when it has lasted long enough.
func (r *Resource) rampOn() {
	if !r.ramping.Load() {
		return
	}
	r.look()
	if r.ramped == rampTime {
		r.ramping.Store(false)
		r.look()
		return
	}
	next := min(r.ramped, rampTime-r.ramped)
	r.ramped += next
	r.reset(r.timer, next)
}
