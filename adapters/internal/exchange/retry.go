package exchange

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// maxAttempts bounds the attempts of a call. A stale connection costs one and is
// followed by a fresh one, so only a server that refuses stream after stream gets
// this far, with the pauses of [Call.Again] between.
const maxAttempts = 7

// maxGoodbyes is how many goodbyes on new connections are each followed by another attempt.
const maxGoodbyes = 3

// maxUnsent bounds the times that a call is given a connection which then has no
// room for it. One that goes on like this does not count its streams.
const maxUnsent = 100

// Failure is an attempt that brought no response.
type Failure struct {
	Err     error // what the caller of RoundTrip is to see, if this was the last attempt
	Retry   bool  // the request can and may be sent again
	Refused bool  // the server refused the stream: the connection itself is well
	Unsent  bool  // the connection had no room after all, and is well too
	left    bool  // a connection said goodbye before it answered anybody: the next one may do so too
}

// judge says what to make of err, the error of an attempt on conn.
func (c *Call) judge(conn Conn, how Attempt, err error) *Failure {
	bodyFailed := c.body != nil && c.body.failed.Load()
	f := &Failure{Err: unwrapInternal(err), Refused: !bodyFailed && Refused(err), Unsent: errors.Is(err, ErrNoStream)}
	if saidGoodbye(err) {
		f.left = !how.Used || !conn.Answered()
		if !how.Used {
			c.goodbyes++
		}
	}
	if c.ctx.Err() != nil {
		// Whatever happened to the connection, and whatever the closed request
		// body made of it, happened because of this.
		f.Err = ErrorOf(c.ctx)
		return f
	}
	if f.Unsent {
		c.attempts--
		c.unsent++
		f.Retry = c.unsent < maxUnsent
		return f
	}
	f.Retry = c.attempts < maxAttempts && c.mayRepeat(conn, how, err)
	if f.Retry && !c.rewindable() {
		f.Retry = false
		if how.Shared {
			f.Err = fmt.Errorf("%w (the request could be sent again, but its body was read, or closed, and GetBody is not set)", f.Err)
		}
	}
	return f
}

// mayRepeat reports whether sending the request again is safe, and has a better
// chance than this time.
func (c *Call) mayRepeat(conn Conn, how Attempt, err error) bool {
	if c.body != nil && c.body.failed.Load() {
		return false // it would fail again
	}
	if notSent(err) {
		// Safe for any method. On a connection that never worked it is most
		// likely of no use, so it gets one more attempt; a refusal says that the
		// connection works, and a goodbye that the server does. Back ends that are
		// being replaced say it one after the other.
		switch {
		case how.Used || Refused(err):
			return true
		case saidGoodbye(err):
			return c.goodbyes <= maxGoodbyes
		}
		return c.attempts == 1 && (how.Shared || ofConnection(err))
	}
	// A new connection that fails has been closed because of the request, or the
	// server is down. Only of one that was used, or lay idle, is it likely that
	// it was closed before the request came, by a server which did not see it.
	if !how.Used || !c.replayable {
		return false
	}
	if conn.Err() == nil {
		return false
	}
	if c.asksFirstByte(how) && c.sending.firstByte.Load() {
		return false
	}
	if how.Shared {
		// What one side made nothing of may be this very request, or its answer, and the next
		// connection, with all that is on it, would end the same way.
		return !ofStream(err) && !isTimeout(err) && (c.attempts == 1 || !madeNothingOf(err))
	}
	return endedUnanswered(err)
}

// isReplayable reports whether doing req twice does what doing it once does, by
// its method or because the caller says so with a header.
func isReplayable(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return !hasBody(req) || req.GetBody != nil
	}
	_, key := req.Header["Idempotency-Key"]
	_, xkey := req.Header["X-Idempotency-Key"]
	return (key || xkey) && (!hasBody(req) || req.GetBody != nil)
}

// Again prepares the call for another attempt after f, or returns the error to
// give up with. When closed is closed, it does not pause.
func (c *Call) Again(f *Failure, closed <-chan struct{}) error {
	if !f.Retry {
		return f.Err
	}
	if err := c.Rewind(); err != nil {
		return err
	}
	if f.Refused || f.left {
		return c.pause(f.Err, closed)
	}
	return nil
}

// pause waits before a request is sent again that was refused, or met a goodbye on a
// connection that had not answered anybody: not at all the first time, then 1, 2, 4, ...
// seconds and up to a tenth more, so that the callers a server has refused together do not
// come back together. It returns an error if the context ends first, and refusal if closed
// does.
func (c *Call) pause(refusal error, closed <-chan struct{}) error {
	c.refusals++
	if c.refusals == 1 {
		return nil
	}
	d := time.Second << (c.refusals - 2)
	t := time.NewTimer(d + rand.N(d/10)) //nolint:gosec // spreads load, guards nothing
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.ctx.Done():
		return ErrorOf(c.ctx)
	case <-closed:
		return refusal
	}
}
