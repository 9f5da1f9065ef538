package h2

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// A connection of net/http whose server has lowered its number of streams, after a
// request has reserved one and before it has begun on it, has the request wait inside. It
// looks again when a stream ends, but not when the server raises its number, or says goodbye: if
// no stream ends, the request waits for ever, and with it those whose turn comes after it.
// (Outside of a ClientConn the connection fails such a request at once, which is then
// sent on another.) What wakes it is the end of any request on the connection, also of
// one that never begins because its context has ended.

// nudgeTime is the first of the pauses before a nudge. A request that is not asleep has begun
// long before that, on any machine that is not overloaded: a nudge costs the connection one of
// its stream numbers then.
const nudgeTime = 16 * time.Millisecond

// maySleep reports whether a request has its turn on a connection of net/http.
func (r *Resource) maySleep() bool { return r.isStd && len(r.start) > 0 }

// nudgeSoon has nudge called if the request whose turn it is may be asleep. It may also be
// about to send its header, for as long as the peer does not read: each nudge then leaves a
// goroutine in net/http that waits for that, so the pauses get longer and longer.
func (r *Resource) nudgeSoon() {
	if r.nudging.Load() || r.nudging.Swap(true) {
		return
	}
	if turn := r.turns.Load(); r.armed.Swap(turn) != turn {
		r.nudges.Store(0)
	}
	r.reset(r.nudger, min(vigilTime, nudgeTime<<min(r.nudges.Inc()-1, 11)))
}

// nudge wakes the request whose turn it is, if it is the same since nudgeSoon.
func (r *Resource) nudge() {
	r.nudging.Store(false)
	if !r.maySleep() || r.conn.Err() != nil {
		return
	}
	if r.turns.Load() != r.armed.Load() {
		r.nudgeSoon() // another's turn, and it may be that one that sleeps
		return
	}
	r.sendNothing()
}

// wake wakes an upload that waits for a window and whose context has ended. Once the response
// has come it does not see that by itself: it goes on holding a stream, until something else
// ends on the connection. So where somebody has the turn there is nothing to do.
//
// On a connection that is full, what is sent for that may itself fall asleep inside, and hold
// up whoever comes when the server raises its number: see begin.
func (r *Resource) wake() {
	if !r.isStd || r.conn.Err() != nil {
		return
	}
	select {
	case r.start <- struct{}{}:
		defer func() { <-r.start }()
		if r.conn.Reserve() != nil { // without one it would give back another's: nobody else has one
			r.woken.Store(true)
		}
		r.sendNothing()
	default:
	}
}

// sendNothing is the end of a request on the connection, which wakes all that sleep there.
func (r *Resource) sendNothing() {
	_, _ = r.conn.RoundTrip(nothing) //nolint:bodyclose // there is no response
}

// immutable: a request that is never sent, for its context has ended.
var nothing = func() *http.Request {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return (&http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "nothing.invalid"}, Header: http.Header{}}).WithContext(ctx)
}()
