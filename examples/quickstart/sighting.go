package main

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// A dialledConn is a connection to a user's server. That server does not tell
// what it sees, so the client's side has to do: it knows when it heard from the
// server last.
type dialledConn struct {
	*countedConn
	ledger *ledger
	opened time.Duration
	heard  atomic.Int64 // a time.Duration; opened, if nothing was heard yet
}

// newDialledConn wraps a connection that is connected and, with TLS, not yet
// agreed on: what the handshake brings counts as heard, which is right, since no
// request can have its turn before.
func newDialledConn(c net.Conn, r *run) *dialledConn {
	d := &dialledConn{countedConn: countConn(c, &r.conns), ledger: r.ledger, opened: r.ledger.now()}
	d.heard.Store(int64(d.opened))
	return d
}

// Read stamps after it has read: the reader passes on what it got only then, and
// with it the connection.
func (c *dialledConn) Read(p []byte) (int, error) {
	n, err := c.countedConn.Read(p)
	if n > 0 {
		c.heard.Store(int64(c.ledger.now()))
	}
	return n, err
}

// A sighting is what the client sees of the turn of one request.
type sighting struct {
	ledger *ledger

	mu struct {
		sync.Mutex
		seen                bool
		turn, opened, heard time.Duration
	}
}

// gotConn is a trace hook and notes the first turn. It runs after the transport
// has got the connection and before it sends the request on it.
func (s *sighting) gotConn(info httptrace.GotConnInfo) {
	now := s.ledger.now()
	c := info.Conn
	if t, ok := c.(*tls.Conn); ok { // net/http shows what is above TLS, Berth what is below
		c = t.NetConn()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.seen {
		return
	}
	s.mu.seen, s.mu.turn = true, now
	if d, ok := c.(*dialledConn); ok {
		s.mu.opened, s.mu.heard = d.opened, time.Duration(d.heard.Load())
	}
}

// note writes the turn of request i to the ledger, once it is known whether its
// connection carries one request at a time. If it does, the request was certainly
// still waiting when the answer to the one before came in. If it carries many,
// answers say nothing, and the request was certainly waiting only until there was
// a connection.
func (s *sighting) note(i int, many bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mu.seen {
		return
	}
	waiting := s.mu.heard
	if many {
		waiting = s.mu.opened
	}
	s.ledger.serve(i, waiting, s.mu.turn)
}
