package wire

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"sync"
	"time"
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

// dialingOf returns the dialing of ctx. There is always one: nothing but [Dial]
// uses the transports.
func dialingOf(ctx context.Context) *dialing {
	return ctx.Value(dialingKey{}).(*dialing)
}

// seen notes a connection as soon as there is one. It reports false if that came too late,
// and is closed.
func (d *dialing) seen(c net.Conn) bool {
	d.mu.Lock()
	d.mu.conn = c
	aborted := d.mu.aborted
	d.mu.Unlock()
	if aborted && c != nil { // a dial func may return nothing, and no error
		_ = c.Close()
		return false
	}
	return true
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

// abortIfOpen closes the connection if that has not been done: a second time would be one
// too many for who counts in Close.
func (d *dialing) abortIfOpen() {
	d.mu.Lock()
	c := d.mu.conn
	d.mu.Unlock()
	if c != nil && c.SetDeadline(time.Time{}) == nil { // which fails on what is closed
		d.abort()
	}
}

// handshakeDone is called after each TLS handshake of a dial. The last one is
// that with the host; one with a proxy comes before.
func (d *dialing) handshakeDone(cs tls.ConnectionState, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.handshake = err == nil
	d.mu.protocol = cs.NegotiatedProtocol
}
