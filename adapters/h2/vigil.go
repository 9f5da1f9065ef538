package h2

import "time"

// vigil looks at the connection now and then, for what it does not tell of: that
// its server has said goodbye. Then nothing is available any more. That there
// never will be shows at once if nothing is in flight; otherwise in this, that
// the streams in flight get fewer and none becomes available. A server that
// lowers its number looks the same until it has room again, hence two looks.
//
// A connection may also be full of streams that were canceled, and about whose end its
// server says nothing. If no request of ours has a stream, nor had one since the last
// look, it is left as well.
func (r *Resource) vigil(interval time.Duration) {
	if r.closed.Load() {
		return
	}
	if r.conn.Err() != nil {
		r.look()
		return
	}
	inFlight := r.conn.InFlight()
	switch {
	case r.maySleep():
		r.nudgeSoon() // a goodbye is not told
	case inFlight > 0:
		r.wake() // what is left of an upload can pass for the stream of a stray
	}
	switch {
	case r.conn.Available() > 0 || inFlight == 0 || (inFlight >= int(r.limit.Load()) && r.isUsed()):
		r.silent.Store(0)
	case r.silent.Inc() >= 2 && interval == vigilTime:
		r.leaving.Store(true)
	}
	r.look()
	r.reset(r.watch, interval)
}

// isUsed reports whether a request of ours has a stream, or had one since the last time
// that this was asked and nothing had.
func (r *Resource) isUsed() bool {
	taken := r.taken.Load()
	return r.ours.Load() > 0 || r.seen.Swap(taken) != taken
}
