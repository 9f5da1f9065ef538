package h2

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/berth-go/berth/adapters/internal/memory"
	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// A Transport is an [http.RoundTripper] for hosts that are known to speak HTTP/2:
// with TLS, and without it by prior knowledge. A host that does not is an error.
// Make one with [New]; it is safe for concurrent use and meant to be shared.
//
// The caller must close every response's body, or read it to its end: until then
// the response holds its stream.
type Transport struct {
	names  *wire.Names
	memory *memory.Memory[Host]
	make   func(context.Context, Host) (Conn, error)
	max    int // streams of a connection. 0: no limit of ours
	pool   *keyed.Pool[Host, *Resource]

	panicked func(any) // Hooks.Panic
	closed   *exchange.Closed
}

// New returns a Transport that has no connections yet. The error names the field
// of Config that is wrong.
func New(cfg Config) (*Transport, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	t := &Transport{
		names: wire.NewNames(), memory: memory.New[Host](InitialStreams),
		make: cfg.Dial, max: cfg.MaxStreamsPerConn, closed: exchange.NewClosed(),
	}
	if t.make == nil {
		t.make = cfg.dialer()
	}
	if cfg.Hooks != nil {
		t.panicked = cfg.Hooks.Panic
	}
	var err error
	if t.pool, err = keyed.New(cfg.poolConfig(t)); err != nil {
		return nil, ownWords(err)
	}
	return t, nil
}

// ownWords returns an error of keyed.New about a field under the name that it has
// here.
func ownWords(err error) error {
	text := strings.NewReplacer("keyed: ", "h2: Config.", "MaxOpenPerKey", "MaxConnsPerHost", "MaxOpen", "MaxConns",
		"LifetimeJitter", "ConnLifetimeJitter", "MaxLifetime", "MaxConnLifetime", "MaxIdleTime", "IdleConnTimeout").Replace(err.Error())
	return errors.New(text)
}

// made returns the pool of a Transport that New has made.
func (t *Transport) made() *keyed.Pool[Host, *Resource] {
	if t.pool == nil {
		panic("h2: this is the zero Transport: make it with New")
	}
	return t.pool
}

// RoundTrip sends the request on a connection of the pool, for which it waits if
// it must, and returns the response. It does not change the request, and it
// closes the request's body in every case, maybe after it has returned.
//
// A request that its server has not acted on is sent again: one on a connection
// that takes no more requests, or whose stream was refused. One that was lost with
// the connection before the response began is too, if that is harmless: GET, HEAD,
// OPTIONS, TRACE, or an Idempotency-Key or X-Idempotency-Key header, and a body
// that is empty or has GetBody.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	_ = t.made()
	x := &exchanging{t: t}
	call := &x.call
	call.Keep(&x.sending)
	if err := call.Begin(req); err != nil {
		return nil, err
	}
	defer call.Done()
	if err := exchange.ErrorOf(call.Context()); err != nil {
		return nil, call.Fail(err)
	}
	host, err := t.host(req)
	if err != nil {
		return nil, call.Fail(err)
	}
	var place pool.Request // the end of the queue, and after a lost connection the front
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
		place = pool.Request{Place: lease.Ticket()}
	}
}

// exchanging is a RoundTrip that is going on: the call, and the lease of its last
// attempt. They are one, to save allocations.
type exchanging struct {
	t       *Transport
	call    exchange.Call
	sending exchange.Sending // of the first attempt

	lease    pool.Lease[*Resource]
	resource *Resource // the lease's
	last     bool      // it is to carry no request after this one
}

// acquire waits for a connection, with the traces that callers expect.
func (x *exchanging) acquire(h Host, r pool.Request) (pool.Lease[*Resource], error) {
	trace := exchange.TraceOf(&x.call)
	trace.GetConn(func() string { return h.Addr })
	lease, err := x.wait(h, r)
	if err != nil {
		return lease, err
	}
	resource := lease.Value()
	var raw net.Conn
	if w, ok := resource.conn.(*wired); ok {
		raw = wire.Given(w.Raw)
	}
	trace.GotConn(raw, lease.Info, resource.Alone, func() {
		resource.Drop()
		lease.Release()
	})
	return lease, nil
}

// wait is the part of acquire without the traces, which may take long.
func (x *exchanging) wait(h Host, r pool.Request) (pool.Lease[*Resource], error) {
	if exchange.IsLast(x.call.Request()) {
		x.t.memory.Last(h, 1)
		defer x.t.memory.Last(h, -1)
	}
	return exchange.Acquire(x.call.Context(), x.t.pool, h, r)
}

// attempt sends the request once. The lease ends here if that fails, else with
// the response.
func (x *exchanging) attempt(lease pool.Lease[*Resource]) (*http.Response, *exchange.Failure) {
	r, returned := lease.Value(), false
	x.lease, x.resource, x.last = lease, r, x.call.Request().Close
	defer x.discardUnless(&returned)
	if err := exchange.ErrorOf(x.call.Context()); err != nil {
		r.Drop() // delivered just before the context ended
		lease.Release()
		returned = true
		return nil, &exchange.Failure{Err: err}
	}
	resp, failure := x.call.Attempt(r, exchange.Attempt{
		Used:      r.Served() || exchange.WasUsed(lease.Info()),
		Shared:    true,
		Tidy:      r.isStd,
		Delivered: r.delivered,
		End:       x,
	})
	if failure != nil {
		r.End()
		if r.Err() != nil || failure.Retry && !failure.Refused && !failure.Unsent {
			lease.Discard(failure.Err) // it takes no more requests
		} else {
			lease.Release() // the stream failed, not the connection
		}
	}
	returned = true
	return resp, failure
}

// discardUnless ends the lease where the Conn has panicked. It is to be deferred.
func (x *exchanging) discardUnless(returned *bool) {
	if !*returned {
		x.lease.Discard(nil)
	}
}

// End ends the lease of an attempt that had a response.
func (x *exchanging) End(e exchange.Ending) {
	if e.Aside {
		defer exchange.Aside(x.t.panicked)
	}
	r, returned := x.resource, false
	defer x.discardUnless(&returned)
	r.End()
	switch err := r.Err(); {
	case e.Broken:
		x.lease.Discard(e.Err)
	case err != nil || x.last:
		x.lease.Discard(err)
	default:
		x.lease.Release()
	}
	returned = true
}

// dial makes a connection for the pool.
func (t *Transport) dial(ctx context.Context, h Host) (*Resource, error) {
	c, err := t.make(ctx, h)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, errors.New("h2: Config.Dial returned neither a Conn nor an error: return one of them")
	}
	d, made := &exchange.Delivered{}, false
	defer func() {
		if !made {
			_ = c.Close() // it has panicked, and nobody else knows of it
		}
	}()
	r := NewResource(c, Options{
		MaxStreams: t.max,
		Streams:    t.shared(h),
		Limit:      func(streams int, sure bool) { t.memory.LearnStreams(h, streams, sure) },
		Stray:      straysOf(c, d),
		Panic:      t.panicked,
	})
	r.delivered, made = d, true
	return r, nil
}

// shared returns how many requests a connection to h, not yet dialled, is expected to
// carry at once.
func (t *Transport) shared(h Host) int {
	return t.memory.PerDial(h, t.max, func() int {
		stats, _ := t.pool.StatsFor(h)
		return stats.Waiting
	})
}

// straysOf returns the Options.Stray of a connection. Another than net/http's may be needed
// to read what has arrived.
func straysOf(c Conn, d *exchange.Delivered) func() int {
	switch c.(type) {
	case *http.ClientConn, *wired:
		return func() int { return d.EndArrived(c.InFlight, 0) }
	}
	return d.EndDone
}
