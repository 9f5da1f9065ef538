package h2

import (
	"math"

	"github.com/berth-go/berth/pool"
)

// read returns the capacity as of now, from three numbers that change at any
// time: what is available, what is in flight, and what of that is ours. It calls
// nothing that runs the state hook.
//
// The capacity is what is available plus what our requests have taken of it. Streams in
// flight that are nobody's request any more count only while at least as many are
// available: a stream can be read to its end, or reset, a moment before the
// connection has done with it, and until then Reserve would fail if there were no
// other; but where there are, that every request lowers the capacity and raises it
// again would be no news worth telling. And what our requests hold is no more than
// what is in flight: a stream can be gone a moment before its request has ended, and
// is available again by then. Requests that stay so hold nothing: see stray.go.
func (r *Resource) read() int {
	n, _ := r.readAll()
	return n
}

// readAll is read, and reports whether every stream in flight counts: if not, the
// capacity will rise when the connection has done with those that no request of ours
// holds.
func (r *Resource) readAll() (n int, settled bool) {
	if r.broken.Load() {
		return pool.Draining, true
	}
	// Err first: a closed connection that never carried a request says that it
	// has streams available.
	if r.conn.Err() != nil {
		return pool.Dead, true
	}
	if r.refused.Load() >= maxRefused {
		return pool.Draining, true
	}
	taken, ours, claims := r.taken.Load(), int(r.ours.Load()), int(r.claims.Load())
	inFlight := r.conn.InFlight()
	available := r.available(inFlight)

	if available == 0 && inFlight == 0 && ours <= int(r.strays.stay.Load()) && r.none() && r.taken.Load() == taken {
		// No stream, and none that could end and make room: the server has said
		// goodbye, or the stream numbers are used up. The connection will not
		// close by itself. If a Take had come between the two looks, both zeros
		// could be true of a healthy connection; hence taken, which Take changes
		// after ours: whose count is seen here is seen in ours, until it has ended.
		// The stream of a nudge is in no count, and could come between the first two
		// looks, but not between the next two as well.
		if r.conn.Err() != nil || ours > 0 { // strays can be read when it is closed, and may never end
			return pool.Dead, true
		}
		return pool.Draining, true
	}
	if available > 0 {
		if r.maySleep() {
			r.nudgeSoon()
		}
		r.room(available, inFlight)
	} else if r.leaving.Load() {
		return pool.Draining, true
	}
	held := max(0, ours-claims)
	strays := 0
	if held > inFlight {
		strays = min(held-inFlight, int(r.strays.stay.Load()))
		if strays < held-inFlight {
			r.straySoon()
		}
	}
	n, settled = r.atMost(available+min(held, inFlight))+strays, inFlight <= held
	if left := inFlight - held; left > 0 && left <= available && r.conn.InFlight() == inFlight {
		n, settled = r.atMost(available+inFlight), true // the two are of one moment
	}
	switch {
	case r.proven.Load():
		return n, settled
	case available+inFlight != InitialStreams && r.taken.Load() == taken && r.conn.InFlight() == inFlight:
		r.provenBy(available, inFlight) // the server's number has come, unless the two are of different moments
		return n, settled
	case r.ramping.Load():
		return min(n, 1), settled
	}
	return n, settled
}

// available is what the connection says, within what can be added to inFlight: of a Conn that
// has no limit that may be the largest int, and less than nothing of one whose limit was
// lowered below what is in flight, which is not its end.
func (r *Resource) available(inFlight int) int {
	return min(max(0, r.conn.Available()), math.MaxInt-inFlight)
}

// none looks again whether there is no stream, neither one in flight nor one to be had.
func (r *Resource) none() bool { return r.conn.InFlight() == 0 && r.conn.Available() <= 0 }

// provenBy ends the ramp because of a sum that is the server's number, and tells of it.
func (r *Resource) provenBy(available, inFlight int) {
	ramps := r.ramping.Load()
	r.provenNow()
	if available > 0 {
		r.room(available, inFlight)
	} else if ramps && inFlight > 0 && !r.lasts.Load() && r.conn.Err() == nil {
		// Mostly what is in flight is all that the server allows. After a goodbye it is not: one so
		// soon looks the same; later, InitialStreams was the server's number, and this is none.
		r.limited(min(inFlight, math.MaxInt32), false)
	}
}

// room keeps what the connection can carry, as long as it has room.
func (r *Resource) room(available, inFlight int) {
	if r.silent.Load() != 0 {
		r.silent.Store(0)
	}
	sum := int32(min(available+inFlight, math.MaxInt32))                           //nolint:gosec // bounded
	if r.proven.Load() && r.limit.Load() != sum && r.conn.InFlight() == inFlight { // the two are of one moment
		r.limit.Store(sum)
		r.tellLimit(sum)
	}
}

// atMost applies the limit of ours to n, and keeps n within what told holds.
func (r *Resource) atMost(n int) int {
	if r.max > 0 {
		n = min(n, r.max)
	}
	return min(n, math.MaxInt32)
}
