package h2

import (
	"math"

	"github.com/berth-go/berth/pool"
)

// read returns the capacity as of now, from three numbers that change at any
// time: what is available, what is in flight, and what of that is ours. It calls
// nothing that runs the state hook.
//
// The capacity is what is available plus what our requests hold. Streams in
// flight that are nobody's request any more do not count: a stream can be read to
// its end, or reset, a moment before the connection has done with it, and until
// then Reserve would fail. And what our requests hold is no more than what is in
// flight: a stream can be gone a moment before its request has ended, and is
// available again by then.
func (r *Resource) read() int {
	// Err first: a closed connection that never carried a request says that it
	// has streams available.
	if r.conn.Err() != nil {
		return pool.Dead
	}
	if r.refused.Load() >= maxRefused {
		return pool.Draining
	}
	taken, ours := r.taken.Load(), int(r.ours.Load())
	inFlight := r.conn.InFlight()
	available := r.conn.Available()

	if available == 0 && inFlight == 0 && ours == 0 && r.taken.Load() == taken {
		// No stream, and none that could end and make room: the server has said
		// goodbye, or the stream numbers are used up. The connection will not
		// close by itself. If a Take had come between the two looks, both zeros
		// could be true of a healthy connection; hence taken.
		if r.conn.Err() != nil {
			return pool.Dead
		}
		return pool.Draining
	}
	n := r.atMost(available + min(ours, inFlight))
	switch {
	case r.proven.Load():
		return n
	case available+inFlight != InitialStreams && r.taken.Load() == taken && r.conn.InFlight() == inFlight:
		r.prove() // the server's number has come, unless the two are of different moments
		return n
	case r.ramping.Load():
		return min(n, 1)
	}
	// One more than have begun, but none while one is starting.
	return min(n, max(1, ours-int(r.starting.Load())+1))
}

// atMost applies the limit of ours to n, and keeps n within what told holds.
func (r *Resource) atMost(n int) int {
	if r.max > 0 {
		n = min(n, r.max)
	}
	return min(n, math.MaxInt32)
}
