package exchange

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/berth-go/berth/internal/chain"
)

// Conn is what a call needs of a connection.
type Conn interface {
	RoundTrip(*http.Request) (*http.Response, error)
	Err() error     // not nil once the connection is of no use
	Answered() bool // a response has come on it
}

// A Call is one RoundTrip as its caller sees it: one request, in as many attempts
// as it takes, until the response has been read. Its methods are called by the
// goroutine of RoundTrip, one after the other; what happens later, with the
// response's body, is the Call's own business.
type Call struct {
	req    *http.Request   // the caller's; it is never changed
	ctx    context.Context // the request's, or the call's own under it
	cancel func(error)     // of the call's own; nil: it has none. See ownContext
	body   *requestBody    // of the current attempt; nil: the request has none

	attempts   int8 // begun
	refusals   int8 // of Again, that paused or would have: see pause
	unsent     int8 // attempts for which the connection had no room
	goodbyes   int8 // on new connections
	replayable bool
	returned   bool     // a response, or the error of Fail
	kept       bool     // sending is for the first attempt on a connection that is shared
	sending    *Sending // else that of the last one; nil: there was none

	out http.Request // of the first attempt. It is a field to save an allocation

	// Of the attempt that succeeded. They are fields to save allocations.
	resp     switchedBody
	how      Attempt
	stopCut  func() bool      // see watchConn. nil: nothing will cut the connection
	link     chain.Link[Call] // in how.Delivered
	listed   uint32           // when Delivered first listed it, as list has it. 0: not yet
	settled  bool             // Delivered's
	cut      bool             // the connection has been, by giveUp
	upgraded bool
	drain    bool // a response that is not read to its end is worth reading for the connection's sake
}

// An Attempt says on what terms a connection is used.
//
// Cut is called when the context has ended, or a draining takes too long, in a goroutine
// that is nobody's. The [Ending], if there is one, says Cut then. It may come before Cut
// has returned, or is called. Where Cut is the connection's for good, it costs no
// allocation.
type Attempt struct {
	Used   bool // the connection has carried a request before, or lay idle
	Shared bool // others use it at the same time: the end of this exchange is not the connection's
	Keep   bool // the connection is wanted after this exchange, and Shared is not set
	Tidy   bool // the connection is done with a request that failed, or whose response was read or closed, though its context goes on; Keep is not set

	Cut       func()     // not nil: ends the connection, which does not see the context. Shared and Tidy are not set
	Delivered *Delivered // not nil: where the exchange is, from its response to its end. EndDone is called when its context may have ended: by Cut, if that is set
	End       Ender      // is called exactly once for each Attempt that succeeds, maybe before it returns, or in which RoundTrip panics
}

// An Ender hears of the end of an exchange. It is no func, so that what holds the
// Call can be it, without an allocation.
type Ender interface{ End(e Ending) }

// Begin makes c, the zero Call but for Keep, the call for req. If it returns what is
// wrong with req, it has closed req's body, and there is no call.
func (c *Call) Begin(req *http.Request) error {
	if err := Validate(req); err != nil {
		closeBody(req)
		return err
	}
	c.req, c.replayable = req, isReplayable(req)
	c.ctx = req.Context()
	if hasBody(req) {
		c.body = &requestBody{src: req.Body}
	}
	if canceled := req.Cancel; canceled != nil { //nolint:staticcheck // deprecated, but http.Client.Timeout sets it for any RoundTripper that is not net/http's own
		c.ownContext()
		select {
		case <-canceled: // before anything is dialled for it
			c.cancel(errCanceled)
		default:
			go c.awaitCancel(canceled)
		}
	}
	return nil
}

// Keep gives a call that may be on a connection which others use its first [Sending]:
// where both are part of one piece of memory, that saves an allocation. It comes before
// Begin.
func (c *Call) Keep(s *Sending) { c.sending, c.kept = s, true }

// ownContext gives the call a context of its own, which ends with it at the
// latest. That costs some allocations, and the lock of the request's context.
func (c *Call) ownContext() {
	if c.cancel == nil {
		c.ctx, c.cancel = context.WithCancelCause(c.ctx)
	}
}

// endContext ends the call's own context.
func (c *Call) endContext() {
	if c.cancel != nil {
		c.cancel(errDone)
	}
}

// awaitCancel turns Request.Cancel into the end of the context. It ends with the
// call at the latest.
func (c *Call) awaitCancel(canceled <-chan struct{}) {
	select {
	case <-canceled:
		if d, ok := c.ctx.Deadline(); ok && time.Until(d) <= 0 {
			<-c.ctx.Done() // http.Client sets both, and it is the time that is over
		}
		c.cancel(errCanceled)
	case <-c.ctx.Done():
	}
}

// grace is how long awaitClient waits. It is for a goroutine that is about to run.
const grace = 5 * time.Millisecond

// awaitClient waits, before the caller hears of the end of the context, until an
// http.Client knows of it. The Client's timeout ends the context and, by a timer
// of its own, closes Request.Cancel; only after that does the Client know that it
// was its timeout, and say so.
func (c *Call) awaitClient() {
	canceled := c.req.Cancel //nolint:staticcheck // deprecated, but http.Client.Timeout sets it
	if canceled == nil || c.ctx.Err() != context.DeadlineExceeded {
		return
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-canceled:
	case <-t.C:
	}
}

// Context is the context of the call, to wait for a connection with.
func (c *Call) Context() context.Context { return c.ctx }

// Request is the caller's request.
func (c *Call) Request() *http.Request { return c.req }

// Fail ends a call that has no response and returns err, for RoundTrip to return.
// It closes the request's body.
func (c *Call) Fail(err error) error {
	c.returned = true
	if c.body != nil {
		_ = c.body.Close()
	}
	c.awaitClient()
	c.endContext()
	return err
}

// Done is to be deferred by RoundTrip: it ends a call in which something of the
// caller's has panicked.
func (c *Call) Done() {
	if !c.returned {
		_ = c.Fail(errNoReturn)
	}
}

// Attempt sends the request on conn. It returns either a response, which ends the
// call when it has been read or closed, or a failure: then conn is no longer
// used, and the call goes on with another Attempt, after [Call.Rewind], or with
// [Call.Fail].
func (c *Call) Attempt(conn Conn, how Attempt) (*http.Response, *Failure) {
	c.attempts++
	if !how.Tidy && how.Cut == nil {
		c.ownContext()
	}
	c.watchBody()
	c.watchConn(how.Cut)
	resp, err := c.send(conn, how)
	if c.upgraded {
		c.spareConn() // it is the body's from here on; if it was cut before, the next line sees why
	}
	if err == nil && c.ctx.Err() != nil {
		// The end of the context closes the connection, and a server that sees
		// that coming may answer in haste, even half a request.
		_ = resp.Body.Close()
		err = ErrorOf(c.ctx)
	}
	if err != nil {
		c.unwatchBody()
		c.spareConn()
		return nil, c.judge(conn, how, err)
	}
	resp.Request = c.req
	c.returned = true
	return c.deliver(resp, how), nil
}

// send is conn.RoundTrip with an end of the attempt also where that panics.
func (c *Call) send(conn Conn, how Attempt) (*http.Response, error) {
	returned := false
	defer func() {
		if !returned {
			defer how.End.End(Ending{Err: errNoReturn, Broken: true}) // also if closing the body panics
			c.unwatchBody()
			c.spareConn()
			_ = c.Fail(errNoReturn)
		}
	}()
	resp, err := conn.RoundTrip(c.outgoing(how))
	returned = true
	switch {
	case err != nil:
		return nil, err
	case resp == nil:
		return nil, errNoResponse
	case resp.Body == nil:
		resp.Body = http.NoBody
	}
	_, raw := resp.Body.(io.Writer)
	c.upgraded = raw && resp.StatusCode == http.StatusSwitchingProtocols
	return resp, nil
}

// watchBody closes the request's body when the context ends, until unwatchBody is called:
// an HTTP/1 connection does not come back from RoundTrip while a Read of the body blocks.
func (c *Call) watchBody() {
	if b := c.body; b != nil {
		b.unwatch = context.AfterFunc(c.ctx, b.giveUp)
	}
}

func (c *Call) unwatchBody() {
	if c.body != nil {
		c.body.unwatch()
	}
}

// watchConn has the connection cut when the context ends, until spareConn is called.
// That takes the place of a context which the connection sees: net/http leaves one
// of its own registered with that, for each request that fails, until it ends; so it
// would have to be the call's own.
func (c *Call) watchConn(cut func()) {
	if cut != nil && c.ctx.Done() != nil {
		c.stopCut = context.AfterFunc(c.ctx, cut)
	}
}

// spareConn reports whether the connection has not been cut, and will not be.
func (c *Call) spareConn() bool {
	stop := c.stopCut
	c.stopCut = nil
	return stop == nil || stop()
}

// outgoing returns the request as the connection gets it: a shallow copy, since
// a RoundTripper must not change the caller's. Each attempt has one of its own: a
// connection may look at it when RoundTrip has returned.
func (c *Call) outgoing(how Attempt) *http.Request {
	ctx := c.ctx
	if how.Cut != nil {
		ctx = (*unwatched)(c)
	}
	if how.Shared || c.asksFirstByte(how) {
		if !c.kept {
			c.sending = &Sending{}
		}
		c.kept = false
		c.sending.begin(ctx, c.asksFirstByte(how))
		ctx = c.sending
	}
	req := &c.out
	if req.URL != nil {
		req = new(http.Request)
	}
	*req = *c.req.WithContext(ctx)
	if c.body != nil {
		req.Body = c.body.outgoing(how, c.req.GetBody != nil)
	}
	// The context has it already. Left in place it would cost a second goroutine.
	req.Cancel = nil //nolint:staticcheck // deprecated, which is why it goes
	return req
}

// asksFirstByte reports whether it is of interest if a byte of a response has come. On a used
// connection the attempt can be repeated once it was written, but only while none has. Where
// the connection is not shared the error says so, unless it is that of writing the body:
// net/http keeps an answer back while the request is written, and then drops it.
func (c *Call) asksFirstByte(how Attempt) bool {
	return c.replayable && how.Used && (how.Shared || c.body != nil)
}

// deliver arranges for how.End to hear when resp has been read, and returns what the
// caller gets.
func (c *Call) deliver(resp *http.Response, how Attempt) *http.Response {
	c.how = how
	c.drain = drains && how.Keep && !c.upgraded && !resp.Close && c.req.Method != http.MethodConnect && resp.ContentLength <= maxDrain
	b := &c.resp
	b.src, b.call = resp.Body, c
	switch {
	case stateless(resp.Body):
		b.finish(nil, false)
	case c.upgraded:
		resp.Body = b
	default:
		if c.drain && resp.ContentLength < 0 {
			b.trailers = apart(resp)
			resp = &b.trailers.own
		}
		resp.Body = &b.responseBody
	}
	if how.Tidy && c.body != nil && b.ended.Load() == going {
		c.body.answered(b.src)
	}
	if d := how.Delivered; d != nil && !c.upgraded && b.ended.Load() == going {
		d.add(c)
		if c.ctx.Err() != nil {
			b.abandon() // EndDone may have come before
		}
	}
	return resp
}

// received is called once, when the response has been read or given up.
func (c *Call) received(err error, aside bool) {
	if err == nil && c.how.Shared && c.body != nil {
		// The server may answer in full before it has read the request, and the
		// rest of the request is still the server's to read. On a stream of its
		// own it goes on being sent; the end of the context would reset the
		// stream. The connection closes the body at the end of it.
		c.body.whenClosed(func() { c.end(nil, true) })
		return
	}
	c.end(err, aside)
}

// end ends a call that had a response.
func (c *Call) end(err error, aside bool) {
	if d := c.how.Delivered; d != nil {
		d.remove(c)
	}
	c.unwatchBody()
	if c.body != nil && !c.how.Shared {
		c.body.leave()
	}
	spared := c.spareConn()
	c.endContext()
	c.how.End.End(Ending{Err: err, Upgraded: c.upgraded, Aside: aside, Cut: c.cut || !spared})
}

// unwatched is the context of a call for a connection that must not see its end.
type unwatched Call

func (u *unwatched) Deadline() (time.Time, bool) { return u.ctx.Deadline() }
func (u *unwatched) Done() <-chan struct{}       { return nil }
func (u *unwatched) Err() error                  { return nil }
func (u *unwatched) Value(key any) any           { return u.ctx.Value(key) }
