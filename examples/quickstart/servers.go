package main

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"go.uber.org/atomic"
)

const (
	// work is what a request costs its server. It is waiting, not computing, so
	// that the connections are what is scarce and not the processor.
	work = 4 * time.Millisecond

	// streams is how many requests one HTTP/2 connection of our server carries at
	// once. It is what Go's server allows by default, said aloud because the order
	// of turns is judged by it.
	streams = 250

	// numberHeader carries a request's number to our servers.
	numberHeader = "Berth-Request"
)

// A server is one of our own, on loopback. It sees what a client's pool really
// does, whatever that pool says of itself: which connections come, how many are
// open at once, and when each request arrives.
type server struct {
	name   string // the protocol it is made for
	url    string
	tls    *tls.Config // for its clients; nil for plain HTTP
	http   *http.Server
	limit  int // requests that one connection carries at once
	run    atomic.Pointer[run]
	served sync.WaitGroup // the goroutine in Serve
}

// A run is one load on one server through one transport, as both sides see it.
type run struct {
	conns  gauge
	ledger *ledger
}

// A serverConn is a connection that the server has accepted. It knows its run,
// so that one left over from an earlier run does not count in a later one.
type serverConn struct {
	*countedConn
	run *run

	mu struct {
		sync.Mutex
		busy int           // requests on it now
		room time.Duration // when it last came to have room for one more request
	}
}

// begin notes a request that has arrived and returns since when the connection
// had room for it. Before that moment the request was certainly still waiting:
// the client had nothing to send it on.
func (c *serverConn) begin() (room time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.busy++
	return c.mu.room
}

// end notes that a request is answered. It is called before the answer leaves,
// so the client cannot use the room before it is written down.
func (c *serverConn) end(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.busy >= limit {
		c.mu.room = c.run.ledger.now()
	}
	c.mu.busy--
}

// A countingListener turns each accepted connection into a serverConn.
type countingListener struct {
	net.Listener
	run *atomic.Pointer[run]
}

// Accept stamps the connection before the server knows it: before that no request
// can have been sent on it.
func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	r := l.run.Load()
	sc := &serverConn{countedConn: countConn(c, &r.conns), run: r}
	sc.mu.room = r.ledger.now()
	return sc, nil
}

// connKey is the key under which a request's context holds its serverConn.
type connKey struct{}

// start starts a server on loopback: HTTPS with HTTP/2 if secure, else plain
// HTTP/1.1. The caller must stop it.
func start(secure bool) (*server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{name: "HTTP/1.1", url: "http://" + ln.Addr().String(), limit: 1}
	s.run.Store(&run{ledger: newLedger(0)}) // for whoever connects before the first load
	s.http = &http.Server{
		Handler:     http.HandlerFunc(s.handle),
		ConnContext: withConn,
		ErrorLog:    discardLog(),
	}
	counting := countingListener{Listener: ln, run: &s.run}
	if !secure {
		s.served.Go(func() { _ = s.http.Serve(counting) })
		return s, nil
	}
	cert, roots, err := selfMade(ln.Addr().(*net.TCPAddr).IP)
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	s.name, s.url, s.limit = "HTTP/2", "https://"+ln.Addr().String(), streams
	s.tls = &tls.Config{RootCAs: roots}
	// HTTP/2 needs no word here: Go's server offers it wherever it speaks TLS.
	s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.http.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams}
	s.served.Go(func() { _ = s.http.ServeTLS(counting, "", "") })
	return s, nil
}

// discardLog is for servers: a client that closes a connection during the
// handshake is no news here.
func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

// stop closes the listener and every connection, and returns when the server's
// accepting goroutine has ended.
func (s *server) stop() {
	_ = s.http.Close()
	s.served.Wait()
}

// withConn finds our connection below TLS, if there is TLS.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// handle stamps the arrival, works, and answers.
func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*serverConn)
	arrived := c.run.ledger.now()
	room := c.begin()
	defer c.end(s.limit)
	if i, err := strconv.Atoi(r.Header.Get(numberHeader)); err == nil {
		c.run.ledger.serve(i, room, arrived)
	}
	timer := time.NewTimer(work)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done(): // the client has given up
		return
	}
	_, _ = io.WriteString(w, "moored\n")
}
