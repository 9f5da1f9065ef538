package h2

import "github.com/berth-go/berth/adapters/internal/exchange"

// begin waits for the turn of the request and reserves a stream. The turn ends when
// the request has begun on the stream, or with s.Begun.
//
// A connection of net/http sends one header at a time, and the request whose turn
// it is waits until there are fewer streams in flight than the server allows. If
// the server has lowered its number, and the streams in flight are those which
// others have reserved and not begun, because it is not their turn, they all wait
// for one another until their contexts end (go.dev/issue/70809). So at no time has
// more than one reserved and not begun.
func (r *Resource) begin(s *exchange.Sending) error {
	select {
	case r.start <- struct{}{}:
	case <-s.Done():
		r.claims.Dec()
		return s.Err()
	}
	s.Hold(r.start)
	return r.reserve()
}

// reserve reserves the stream that was claimed.
func (r *Resource) reserve() error {
	r.claims.Dec()
	f := r.conn.Reserve
	if r.isStd {
		f = r.vacant
	}
	if r.patiently(f, 1) != nil {
		return ErrNoStream
	}
	return nil
}

// vacant is Reserve for a connection of net/http, whose RoundTrip goes without: nobody
// else begins a stream before this request has, since it has the turn. Reserve would tell
// of itself twice, to no use, and what that costs is a good part of a request.
func (r *Resource) vacant() error {
	if !r.served.Load() { // see readAll
		if err := r.conn.Err(); err != nil {
			return err
		}
	}
	if r.conn.Available() < 1 {
		return ErrNoStream
	}
	return nil
}
