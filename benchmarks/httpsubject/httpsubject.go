// Package httpsubject puts HTTP clients behind one small interface, with real
// servers on loopback in the same process.
package httpsubject

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"

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
	Floor     bool // a single connection without a pool, for one caller at a time
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
		{Name: Bare, Note: "one `http.ClientConn`, no pool: the floor for `httpconn`, which runs on it", Open: openBare, HTTP1Only: true, Floor: true},
		{Name: "fasthttp", Note: "`fasthttp.HostClient`, with request and response reused and contexts ignored, as it is made for", Open: openFast, HTTP1Only: true},
	}
}

// transport returns net/http's, set up for the server. Everybody gets the same
// wire settings from it.
func (s *Server) transport(conns int) *http.Transport {
	t := &http.Transport{MaxConnsPerHost: conns, MaxIdleConnsPerHost: conns}
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

func (c *roundTripper) Get(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return err
	}
	resp, err := c.RoundTrip(req)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close(), check(resp.StatusCode, int(n)))
}

func (c *roundTripper) Close() { c.close() }

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

// openBare ignores conns: it has one. MaxConnsPerHost must be 0, since a transport
// counts the end of such a connection though not its beginning.
func openBare(s *Server, _ int) (Client, error) {
	c, err := s.transport(0).NewClientConn(context.Background(), "http", s.addr)
	if err != nil {
		return nil, err
	}
	return &roundTripper{c, s.URL, func() { _ = c.Close() }}, nil
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
		&fasthttp.HostClient{Addr: s.addr, MaxConns: conns, MaxConnWaitTimeout: longWait},
		s.URL,
	}, nil
}
