package httpconn

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// dialing is what one dial needs to tell net/http, and to learn from it. It
// travels in the context of the dial.
type dialing struct {
	proxy *url.URL // nil: none. Fixed before the dial

	mu struct {
		sync.Mutex
		conn      net.Conn // the last that was connected
		aborted   bool     // and whatever comes is to be closed
		handshake bool     // TLS was spoken
		protocol  string   // that TLS agreed on
	}
}

type dialingKey struct{}

// dialingOf returns the dialing of ctx. There is always one: nothing but
// [wire.dial] uses the transports.
func dialingOf(ctx context.Context) *dialing {
	return ctx.Value(dialingKey{}).(*dialing)
}

// seen notes a connection as soon as there is one.
func (d *dialing) seen(c net.Conn) {
	d.mu.Lock()
	d.mu.conn = c
	aborted := d.mu.aborted
	d.mu.Unlock()
	if aborted {
		_ = c.Close()
	}
}

// abort closes the connection, now or when there is one.
func (d *dialing) abort() {
	d.mu.Lock()
	d.mu.aborted = true
	c := d.mu.conn
	d.mu.Unlock()
	if c != nil {
		_ = c.Close()
	}
}

// result returns what a dial has found out.
func (d *dialing) result(h Host, w *wire, cc *http.ClientConn) (raw net.Conn, isHTTP2 bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !w.maybeHTTP2(h):
	case d.mu.handshake:
		isHTTP2 = d.mu.protocol == "h2"
	case h.Scheme == "http":
		isHTTP2 = true // prior knowledge
	default:
		// A dial func of the user's did TLS in a way of its own. Several requests
		// at once are possible only on HTTP/2.
		isHTTP2 = cc.Available() > 1
	}
	return d.mu.conn, isHTTP2
}
