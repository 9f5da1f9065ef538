package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// A transport is one of the two that are compared: how to make it for a run, and
// what to call it.
type transport struct {
	name string
	open func(wire *http.Transport, conns int) (http.RoundTripper, func() error, error)
}

// transports returns them in the order in which they run. The first one also
// pays for what a process does only once, so ours is the first.
func transports() []transport {
	return []transport{
		{name: "berth", open: openBerth},
		{name: "net/http", open: openPlain},
	}
}

// wire returns the settings that both transports get. The limits are in it too:
// at most conns connections, each of which may be kept when it is idle. With its
// defaults net/http keeps two per host and would dial all the time, which would
// show nothing but the default.
//
// If watched is not nil its connections are counted and stamped on this side, for
// servers which cannot tell.
func wire(conns int, config *tls.Config, watched *run) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	dial := dialer.DialContext
	if watched != nil {
		dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return newDialledConn(c, watched), nil
		}
	}
	return &http.Transport{
		DialContext:         dial,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: 5 * time.Second,
		ForceAttemptHTTP2:   true, // a dial function of one's own turns HTTP/2 off otherwise
		MaxConnsPerHost:     conns,
		MaxIdleConnsPerHost: conns,
		IdleConnTimeout:     time.Minute, // longer than any run: nothing may close by itself
	}
}

// openPlain is the standard library's own pool, with the limits of wire.
func openPlain(wire *http.Transport, _ int) (http.RoundTripper, func() error, error) {
	return wire, func() error { wire.CloseIdleConnections(); return nil }, nil
}
