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
	r.turns.Inc()
	s.Hold(r.start)
	err := r.reserve()
	if err == nil && r.woken.Load() {
		r.nudgeSoon()
	}
	return err
}

// reserve reserves the stream that was claimed.
func (r *Resource) reserve() error {
	r.claims.Dec()
	if r.patiently(r.conn.Reserve, 1) != nil {
		return ErrNoStream
	}
	return nil
}
