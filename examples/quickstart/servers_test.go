package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

func startForTest(t *testing.T, secure bool) *server {
	t.Helper()
	s, err := start(secure)
	require.NoError(t, err)
	t.Cleanup(s.stop)
	return s
}

// newestFirst is a pool of one connection that serves the newest waiter: the
// opposite of fair.
type newestFirst struct {
	inner http.RoundTripper
	turns chan chan struct{} // what a caller sends here is closed at its turn
	ended chan struct{}
}

func newNewestFirst(t *testing.T, inner http.RoundTripper) *newestFirst {
	p := &newestFirst{inner: inner, turns: make(chan chan struct{}), ended: make(chan struct{})}
	go func() {
		var stack []chan struct{}
		busy := false
		for {
			select {
			case c := <-p.turns:
				stack = append(stack, c)
			case <-p.ended:
				busy = false
			case <-t.Context().Done():
				return
			}
			if last := len(stack) - 1; !busy && last >= 0 {
				close(stack[last])
				stack, busy = stack[:last], true
			}
		}
	}()
	return p
}

func (p *newestFirst) RoundTrip(req *http.Request) (*http.Response, error) {
	// A pool says when it is asked. The one inside it says so again, too late.
	httptrace.ContextClientTrace(req.Context()).GetConn(req.URL.Host)
	turn := make(chan struct{})
	p.turns <- turn
	<-turn
	resp, err := p.inner.RoundTrip(req)
	if err != nil {
		p.ended <- struct{}{}
		return nil, err
	}
	resp.Body = endOfBody{resp.Body, p.ended}
	return resp, nil
}

type endOfBody struct {
	io.ReadCloser
	ended chan<- struct{}
}

func (b endOfBody) Close() error {
	err := b.ReadCloser.Close()
	b.ended <- struct{}{}
	return err
}

// The whole chain of measuring, from the client's header to the count, sees an
// unfair pool as unfair.
func TestServerSeesThatYoungerRequestsOvertake(t *testing.T) {
	s := startForTest(t, false)
	r := &run{ledger: newLedger(40)}
	s.run.Store(r)
	plain := wire(1, nil, nil)
	defer plain.CloseIdleConnections()

	l := load{url: s.url, requests: 40, goroutines: 8, ledger: r.ledger, ours: true}
	out := l.send(t.Context(), newNewestFirst(t, plain), new(atomic.Int32))

	require.NoError(t, out.failure)
	entries := r.ledger.served()
	require.Len(t, entries, 40)
	// Six of the first eight wait until nearly all others are done, each of which
	// asks only after the server has worked for one.
	assert.GreaterOrEqual(t, overtakings(entries, grace), 20)
	assert.Greater(t, waits(entries).longest, 20*work)
}

func TestServerCountsTheConnectionsOfTheCurrentRunOnly(t *testing.T) {
	for name, secure := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			s := startForTest(t, secure)
			for range 2 { // the second run has a new count while the first one's connection is open
				r := &run{ledger: newLedger(3)}
				s.run.Store(r)
				tr := wire(1, s.tls.Clone(), nil)
				defer tr.CloseIdleConnections()
				l := load{url: s.url, requests: 3, goroutines: 1, ledger: r.ledger, ours: true}
				out := l.send(t.Context(), tr, new(atomic.Int32))
				require.NoError(t, out.failure)
				assert.Equal(t, name, out.protocol)
				total, most := r.conns.read()
				assert.Equal(t, 1, total)
				assert.Equal(t, 1, most)
			}
		})
	}
}

func TestARoomIsNewOnlyOnAConnectionThatWasFull(t *testing.T) {
	c := &serverConn{run: &run{ledger: newLedger(0)}}
	c.mu.room = -1
	const limit = 2
	c.begin()
	c.end(limit)
	c.begin()
	assert.EqualValues(t, -1, c.begin(), "one of two was in use")
	c.end(limit)
	freed := c.begin()
	assert.Positive(t, freed, "two of two were in use")
	c.end(limit)
	c.end(limit)
	assert.Greater(t, c.begin(), freed, "and again, later")
}

func TestOwnCertificateIsVerifiedAndNotJustAccepted(t *testing.T) {
	s := startForTest(t, true)
	addr := s.http.TLSConfig.Certificates[0].Leaf.IPAddresses[0].String()
	assert.Equal(t, "127.0.0.1", addr)

	get := func(config *tls.Config) error {
		tr := wire(1, config, nil)
		defer tr.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
		require.NoError(t, err)
		resp, err := tr.RoundTrip(req)
		if err == nil {
			require.NoError(t, resp.Body.Close())
		}
		return err
	}
	require.NoError(t, get(s.tls.Clone()))
	var unknown x509.UnknownAuthorityError
	assert.ErrorAs(t, get(&tls.Config{RootCAs: x509.NewCertPool()}), &unknown)
}

func TestAStoppedServerRefusesConnections(t *testing.T) {
	s, err := start(false)
	require.NoError(t, err)
	s.stop()
	_, err = (&net.Dialer{}).DialContext(context.Background(), "tcp", s.url[len("http://"):])
	assert.Error(t, err)
}

func TestAConnectionClosedTwiceIsCountedOnce(t *testing.T) {
	var g gauge
	a, b := net.Pipe()
	defer b.Close()
	c := countConn(a, &g)
	countConn(b, &g)
	_ = c.Close()
	_ = c.Close()
	countConn(a, &g)
	total, most := g.read()
	assert.Equal(t, 3, total)
	assert.Equal(t, 2, most)
}
