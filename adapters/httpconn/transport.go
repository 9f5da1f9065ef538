package httpconn

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/berth-go/berth/adapters/internal/memory"
	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// A Transport is an [http.RoundTripper] on a fair pool of connections. Make one
// with [New]; it is safe for concurrent use and meant to be shared.
//
// The caller must close every response's body, or read it to its end: until then, or the
// end of the request's context, the response holds its connection, or its place on one.
type Transport struct {
	wire    *settings
	names   *wire.Names
	memory  *memory.Memory[Host]
	schemes schemes
	pool    *keyed.Pool[Host, *conn]

	maxStreams      int  // of an HTTP/2 connection. 0: the server's number
	single          bool // one request per connection: Base.DisableKeepAlives
	keepAliveMargin time.Duration
	idleTime        time.Duration // of a connection. 0: no limit
	leakAfter       time.Duration // 0: leaks are not reported

	closeSerial bool // one request per HTTP/1 connection, without telling the server

	panicked func(any) // Hooks.Panic
	closed   *exchange.Closed
}

// New returns a Transport that has no connections yet. The error names the field
// of Config that is wrong.
func New(cfg Config) (*Transport, error) {
	base := cfg.Base
	if base == nil {
		var ok bool
		if base, ok = http.DefaultTransport.(*http.Transport); !ok {
			return nil, errors.New("httpconn: Config.Base is nil and http.DefaultTransport is not an *http.Transport: set Base")
		}
	}
	l, err := cfg.limits(base)
	if err != nil {
		return nil, err
	}
	t := &Transport{
		wire: newSettings(base, l), names: wire.NewNames(), memory: memory.New[Host](h2.InitialStreams),
		maxStreams:  pick(cfg.MaxStreamsPerConn, 0),
		single:      base.DisableKeepAlives,
		closeSerial: l.closeSerial,
		closed:      exchange.NewClosed(),

		keepAliveMargin: cfg.KeepAliveMargin,
		idleTime:        l.idleTime,
		leakAfter:       noLimitIsZero(cfg.LeakAfter),
	}
	if t.keepAliveMargin == 0 {
		t.keepAliveMargin = defaultKeepAliveMargin
	}
	if t.single {
		t.maxStreams = 1
	}
	if cfg.Hooks != nil {
		t.panicked = cfg.Hooks.Panic
	}
	t.pool, err = keyed.New(t.poolConfig(&cfg, l))
	if err != nil {
		return nil, ownWords(err)
	}
	return t, nil
}

// made returns the pool of a Transport that New has made.
func (t *Transport) made() *keyed.Pool[Host, *conn] {
	if t.pool == nil {
		panic("httpconn: this is the zero Transport: make it with New")
	}
	return t.pool
}

// RoundTrip sends the request on a connection of the pool, for which it waits if
// it must, and returns the response. It does not change the request, and it
// closes the request's body in every case, maybe after it has returned.
//
// If the connection proves to be stale, the request is sent again on another one,
// provided that the server cannot have acted on it, or that acting twice is
// harmless: GET, HEAD, OPTIONS, TRACE, or an Idempotency-Key or X-Idempotency-Key
// header, and a body that is empty or has GetBody. It is sent seven times at most, and
// four where each new connection says goodbye (GOAWAY).
//
// The end of the request's context ends the request wherever it is, also while
// the response's body is being read.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	_ = t.made()
	x := t.newExchanging(req)
	call := &x.call
	if begun, resp, err := t.begin(call, req); !begun {
		return resp, err
	}
	defer call.Done()
	defer x.giveUp()
	if err := exchange.ErrorOf(call.Context()); err != nil {
		return nil, call.Fail(err)
	}
	host, err := t.host(req)
	if err != nil {
		return nil, call.Fail(err)
	}
	var place pool.Request // the end of the queue, and after a stale connection the front
	for {
		lease, err := x.acquire(host, place)
		if err != nil {
			return nil, call.Fail(err)
		}
		resp, failure := x.attempt(lease)
		if failure == nil {
			return resp, nil
		}
		if err := call.Again(failure, t.closed.Done()); err != nil {
			return nil, call.Fail(err)
		}
		// Where one HTTP/1 connection was stale, so are most likely the others
		// that lay idle beside it. Of an HTTP/2 connection that was lost the pool
		// knows it, and the requests in flight on it must not dial one each.
		place = pool.Request{Place: lease.Ticket(), Fresh: !x.conn.shareable()}
	}
}

// acquire waits for a connection, with the traces that callers expect. If the last
// one was stale, the place of the request in the queue is taken before its lease
// ends, so that nobody comes between.
func (x *exchanging) acquire(h Host, r pool.Request) (lease pool.Lease[*conn], err error) {
	t, trace := x.t, exchange.TraceOf(&x.call)
	trace.GetConn(func() string { return t.dialAddr(h) })
	if lease, err = x.wait(h, r); err != nil {
		return lease, wire.LimitsError("httpconn", "Config.PerHost", err)
	}
	c := lease.Value()
	trace.GotConn(wire.Given(c.raw), lease.Info, c.alone, func() {
		c.drop()
		lease.Release()
	})
	return lease, nil
}

// wait is the part of acquire without the traces, which may take long.
func (x *exchanging) wait(h Host, r pool.Request) (lease pool.Lease[*conn], err error) {
	t, ctx := x.t, x.call.Context()
	if t.wire.maybeHTTP2(h) && exchange.IsLast(x.call.Request()) {
		t.memory.Last(h, 1)
		defer t.memory.Last(h, -1)
	}
	if x.stale == nil {
		return exchange.Acquire(ctx, t.pool, h, r)
	}
	lease, err = exchange.AcquireInstead(ctx, t.pool, h, x.lease, x.stale, r)
	x.stale = nil
	return lease, err
}

// dialAddr is the address that a dial for h goes to: the proxy's where there is one.
func (t *Transport) dialAddr(h Host) string {
	if u, err := url.Parse(h.Proxy); err == nil && h.Proxy != "" {
		if addr, err := t.names.Addr(u); err == nil {
			return addr
		}
	}
	return h.Addr
}

// exchanging is a RoundTrip that is going on: the call, and the lease of its last
// attempt. They are one, to save allocations.
type exchanging struct {
	t    *Transport
	call exchange.Call

	lease pool.Lease[*conn]
	conn  *conn // the lease's
	last  bool  // it is to carry no request after this one
	stale error // not nil: the connection was of no use, and the lease has not ended
}

// newExchanging returns what a RoundTrip of req needs. Where the connection may turn out
// to be HTTP/2, which others use too, that is a little more.
func (t *Transport) newExchanging(req *http.Request) *exchanging {
	if req.URL == nil || !t.wire.mayShare(req.URL.Scheme) {
		return &exchanging{t: t}
	}
	x := &struct {
		exchanging
		sending exchange.Sending
	}{exchanging: exchanging{t: t}}
	x.call.Keep(&x.sending)
	return &x.exchanging
}

// giveUp ends the lease of a stale connection for which there will be no other.
func (x *exchanging) giveUp() {
	if x.stale != nil {
		x.lease.Discard(x.stale)
	}
}

// attempt sends the request once. The lease ends here if that fails, or, where it
// can be sent again, with the next acquire, unless GetBody is called before that;
// else it ends with the response.
func (x *exchanging) attempt(lease pool.Lease[*conn]) (*http.Response, *exchange.Failure) {
	c := lease.Value()
	x.lease, x.conn, x.last = lease, c, x.t.isLast(x.call.Request(), c)
	if err := exchange.ErrorOf(x.call.Context()); err != nil {
		// Delivered just before the context ended. net/http would kill the
		// connection; it is as good as new.
		c.drop()
		lease.Release()
		return nil, &exchange.Failure{Err: err}
	}
	how := exchange.Attempt{
		Used:      c.used(lease),
		Shared:    c.shareable(),
		Keep:      !x.last && !c.shareable(),
		Tidy:      c.shareable(),
		Delivered: &c.delivered,
		End:       x,
	}
	if !c.shareable() {
		how.Cut = c.serial.cut // the end of the request is that of its connection
	}
	resp, failure := x.call.Attempt(c, how)
	switch {
	case failure == nil:
	case failure.Retry && !c.shareable() && !x.call.Rewinds():
		x.stale = failure.Err
	default:
		c.fail(lease, failure)
	}
	return resp, failure
}

// End ends the lease of an attempt that had a response.
func (x *exchanging) End(e exchange.Ending) {
	if e.Aside {
		defer exchange.Aside(x.t.panicked)
	}
	x.conn.finish(x.lease, e, x.last)
}

// isLast reports whether the connection is to carry no request after this one.
func (t *Transport) isLast(req *http.Request, c *conn) bool {
	return req.Close || t.single || t.closeSerial && !c.shareable()
}

// dial makes a connection for the pool.
func (t *Transport) dial(ctx context.Context, h Host) (*conn, error) {
	made, isHTTP2, err := t.wire.dial(ctx, h)
	if err != nil {
		return nil, err
	}
	cc := made.ClientConn
	c := &conn{cc: cc, raw: made.Raw}
	if !isHTTP2 {
		c.serial = newSerial(cc, t.keepAliveMargin, t.idleTime, c.delivered.EndDone)
		if t.wire.maybeHTTP2(h) {
			t.memory.LearnHTTP1(h)
		}
		return c, nil
	}
	t.memory.LearnHTTP2(h)
	c.streams = h2.NewResource(cc, h2.Options{
		MaxStreams: t.maxStreams,
		Streams:    t.shared(h),
		Limit:      func(streams int, sure bool) { t.memory.LearnStreams(h, streams, sure) },
		Stray:      func() int { return c.delivered.EndArrived(cc.InFlight, t.leakAfter) },
		Panic:      t.panicked,
	})
	return c, nil
}

// shared returns how many requests a connection to h, not yet dialled, is
// expected to carry at once.
func (t *Transport) shared(h Host) int {
	if !t.wire.maybeHTTP2(h) {
		return 1
	}
	return t.memory.PerDial(h, t.maxStreams, func() int {
		stats, _ := t.pool.StatsFor(h)
		return stats.Waiting
	})
}
