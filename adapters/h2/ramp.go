package h2

import "time"

// rampTime ends the ramp of a connection whose server's number happens to be
// InitialStreams, which looks like no number at all. It is several round
// trips on most networks, and little beside the dial that came before. Where
// it is too short, nothing breaks: see Resource.proven.
const rampTime = 100 * time.Millisecond

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

// rampOver ends the ramp because it has lasted long enough.
func (r *Resource) rampOver() {
	if r.ramping.Swap(false) {
		r.look()
	}
}
