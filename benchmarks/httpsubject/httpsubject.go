// Package httpsubject puts HTTP clients behind one small interface, with real
// servers on loopback, each in a process of its own.
package httpsubject

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/valyala/fasthttp"
)

// A Client sends GET requests to one server.
type Client interface {
	// Get sends one request and reads the whole answer.
	Get(ctx context.Context) error

	Close()
}

// A Subject is one client that is measured.
type Subject struct {
	Name string
	Note string
	Open func(s *Server, conns int) (Client, error) // conns: most connections at once

	HTTP1Only bool
	NoPool    bool // it cannot be asked how it pools
}

// The names that the report looks for.
const (
	Berth = "httpconn"
	Std   = "http.Transport"
	Bare  = "http.ClientConn"
)

// All returns every client.
func All() []Subject {
	return []Subject{
		{Name: Berth, Note: "`adapters/httpconn`", Open: openBerth},
		{Name: Std, Note: "`net/http.Transport`", Open: openStd},
		{Name: Bare, Note: "bare `http.ClientConn`s, or streams of them, in a channel, without a pool: the floor for `httpconn`, which runs on them", Open: openBare, NoPool: true},
		{Name: "fasthttp", Note: "`fasthttp.HostClient`, with request and response reused and contexts ignored, as it is made for", Open: openFast, HTTP1Only: true},
	}
}

// transport returns net/http's, set up for the server. Everybody gets the same
// wire settings from it.
func (s *Server) transport(conns int) *http.Transport {
	t := &http.Transport{MaxConnsPerHost: conns, MaxIdleConnsPerHost: conns, DialContext: s.dial}
	if s.roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: s.roots}
		t.ForceAttemptHTTP2 = true
	}
	return t
}

// roundTripper is a Client on an http.RoundTripper.
type roundTripper struct {
	http.RoundTripper
	url   string
	close func()
}

func (c *roundTripper) Get(ctx context.Context) error { return get(ctx, c.RoundTripper, c.url) }

func (c *roundTripper) Close() { c.close() }

// get is Client.Get over anything that carries one request.
func get(ctx context.Context, over http.RoundTripper, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := over.RoundTrip(req)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close(), check(resp.StatusCode, int(n)))
}

// check makes sure that a client is not fast because it was refused.
func check(status, n int) error {
	if status != http.StatusOK || n != len(answer) {
		return fmt.Errorf("status %d with %d bytes, not %d with %d", status, n, http.StatusOK, len(answer))
	}
	return nil
}

func openStd(s *Server, conns int) (Client, error) {
	t := s.transport(conns)
	return &roundTripper{t, s.URL, t.CloseIdleConnections}, nil
}

func openBerth(s *Server, conns int) (Client, error) {
	t, err := httpconn.New(httpconn.Config{Base: s.transport(conns)})
	if err != nil {
		return nil, err
	}
	return &roundTripper{t, s.URL, func() { _ = t.Close() }}, nil
}

// bare lends connections from a channel, in which each is as often as it carries
// requests at once, and opens them while it may.
type bare struct {
	transport *http.Transport
	scheme    string
	addr, url string
	streams   int // of a connection
	idle      chan *http.ClientConn

	opening sync.Mutex
	opened  []*http.ClientConn
}

func (c *bare) Get(ctx context.Context) error {
	conn, err := c.take(ctx)
	if err != nil {
		return err
	}
	defer func() { c.idle <- conn }() // a broken one too: nothing breaks them here but a fault
	return get(ctx, conn, c.url)
}

func (c *bare) take(ctx context.Context) (*http.ClientConn, error) {
	select {
	case conn := <-c.idle:
		return conn, nil
	default:
	}
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	select {
	case conn := <-c.idle:
		return conn, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// open opens a connection if there may be one more, and nothing is idle by then.
func (c *bare) open(ctx context.Context) error {
	c.opening.Lock()
	defer c.opening.Unlock()
	if len(c.idle) > 0 || len(c.opened)*c.streams == cap(c.idle) {
		return nil
	}
	conn, err := c.transport.NewClientConn(ctx, c.scheme, c.addr)
	if err != nil {
		return err
	}
	if err := get(ctx, conn, c.url); err != nil { // after it the server has said how many streams there may be
		return errors.Join(err, conn.Close())
	}
	c.opened = append(c.opened, conn)
	for range c.streams {
		c.idle <- conn
	}
	return nil
}

// Close closes all: no Get is in flight.
func (c *bare) Close() {
	for _, conn := range c.opened {
		_ = conn.Close()
	}
}

// openBare opens what it needs and no more, as the others do. MaxConnsPerHost
// must be 0, since a transport counts the end of such a connection though not its
// beginning.
func openBare(s *Server, conns int) (Client, error) {
	streams, scheme := 1, "http"
	if s.roots != nil {
		streams, scheme = s.streams, "https"
	}
	return &bare{
		transport: s.transport(0), scheme: scheme, addr: s.addr, url: s.URL,
		streams: streams, idle: make(chan *http.ClientConn, conns*streams),
	}, nil
}

// fast is fasthttp's client of one host. It knows no contexts.
type fast struct {
	client *fasthttp.HostClient
	url    string
}

func (c *fast) Get(context.Context) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(c.url)
	if err := c.client.Do(req, resp); err != nil {
		return err
	}
	return check(resp.StatusCode(), len(resp.Body()))
}

func (c *fast) Close() { c.client.CloseIdleConnections() }

func openFast(s *Server, conns int) (Client, error) {
	return &fast{
		&fasthttp.HostClient{
			Addr: s.addr, MaxConns: conns, MaxConnWaitTimeout: longWait,
			Dial: func(addr string) (net.Conn, error) { return s.dial(context.Background(), "tcp", addr) },
		},
		s.URL,
	}, nil
}
