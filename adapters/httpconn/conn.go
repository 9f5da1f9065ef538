package httpconn

import (
	"net"
	"net/http"

	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/berth-go/berth/pool"
)

// conn is the pool's resource: a connection to a host, of either protocol. Which
// one is known after the dial and never changes.
type conn struct {
	cc  *http.ClientConn
	raw net.Conn // under cc: what the dial func returned

	serial  *serial      // HTTP/1
	streams *h2.Resource // HTTP/2; one of the two is nil

	delivered exchange.Delivered // its exchanges

	// switched says that the net.Conn belongs to the body of a response that
	// switched protocols. To close cc then would, now and then, break it.
	switched atomic.Bool
}

// shareable reports whether several requests may use the connection at once.
func (c *conn) shareable() bool { return c.streams != nil }

// used reports whether the server may have closed the connection before it gets the
// request. The pool knows that too, but under its lock.
func (c *conn) used(l pool.Lease[*conn]) bool {
	if c.streams != nil {
		return c.streams.Served() || exchange.WasUsed(l.Info())
	}
	return c.serial.used || exchange.WasUsed(l.Info())
}

// Answered reports whether a response has come on the connection.
func (c *conn) Answered() bool {
	if c.streams != nil {
		return c.streams.Answered()
	}
	return c.serial.used
}

// alone reports whether others could use the connection and none does. (Of one that is
// exclusive the pool says whether it was idle.)
func (c *conn) alone() bool { return c.streams != nil && c.streams.Alone() }

// RoundTrip sends one request, for which take has succeeded.
func (c *conn) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.streams != nil {
		return c.streams.RoundTrip(req)
	}
	resp, err := c.cc.RoundTrip(req)
	if err == nil {
		c.serial.kept.heed(resp.Header)
	}
	return resp, err
}

// Err is not nil once the connection is of no use.
func (c *conn) Err() error { return c.cc.Err() }

func (c *conn) close() error {
	if c.switched.Load() {
		return nil
	}
	if c.streams == nil {
		return c.serial.close()
	}
	err := c.streams.Close()
	c.delivered.Lost()
	wire.CloseNet(c.raw)
	return err
}

func (c *conn) take() error {
	if c.streams != nil {
		return c.streams.Take()
	}
	return c.serial.take()
}

func (c *conn) drop() {
	if c.streams != nil {
		c.streams.Drop()
		return
	}
	c.serial.drop()
}

func (c *conn) capacity() int {
	if c.streams == nil {
		return c.serial.capacity()
	}
	return c.streams.Capacity()
}

func (c *conn) expect() int {
	if c.streams != nil {
		return c.streams.Expect()
	}
	// No more than its capacity, which must not be read here: serial keeps in mind
	// what the pool was told last.
	return 0
}

func (c *conn) watch(changed func()) {
	if c.streams != nil {
		c.streams.Watch(changed)
		return
	}
	c.serial.watch(changed)
}

// finish ends the lease of an exchange that had a response. The connection goes
// back to the pool if it can carry more.
func (c *conn) finish(l pool.Lease[*conn], e exchange.Ending, last bool) {
	if e.Upgraded {
		c.switched.Store(true)
	}
	c.end()
	switch {
	case e.Broken, e.Cut:
		l.Discard(e.Err)
	case e.Upgraded, last:
		l.Discard(nil)
	case c.Err() != nil:
		l.Discard(c.Err())
	case e.Err != nil && e.Err != exchange.ErrBodyClosed && c.streams == nil && c.cc.Available() == 0: //nolint:errorlint // our own value, never wrapped
		// Half a response was read: what follows on the connection is not the
		// beginning of the next one. A stream ends alone; and where a whole body
		// made no sense to the decompressor, the connection is free.
		l.Discard(e.Err)
	default:
		if c.serial != nil {
			c.serial.rest()
		}
		l.Release()
	}
}

// fail ends the lease of an exchange that brought no response.
func (c *conn) fail(l pool.Lease[*conn], f *exchange.Failure) {
	c.end()
	switch {
	case c.streams == nil, c.Err() != nil:
		l.Discard(f.Err)
	case f.Retry && !f.Refused && !f.Unsent:
		// The connection said that it takes no more requests.
		l.Discard(f.Err)
	default:
		l.Release() // the stream failed, not the connection
	}
}

func (c *conn) end() {
	if c.streams != nil {
		c.streams.End()
		return
	}
	c.serial.end()
}
