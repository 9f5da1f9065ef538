package exchange

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The names and texts of errors.go are net/http's own affair. These tests fail on
// a version of Go that changes them.

func TestErrorsOfHTTP1AreKnown(t *testing.T) {
	t.Run("nothing written", func(t *testing.T) {
		addr := start(t, func(*http.Protocols) {})
		// Now and then the write comes first and its failure is reported, hence
		// the loop.
		for range 100 {
			cc := connect(t, new(http.Transport), addr)
			require.NoError(t, cc.Reserve())
			require.NoError(t, cc.Close())
			_, err := cc.RoundTrip(get(t, addr))
			require.Error(t, err)
			if isHTTPType(err, nameNothingWritten) {
				assert.True(t, notSent(err))
				assert.False(t, isHTTPType(unwrapInternal(err), nameNothingWritten))
				return
			}
		}
		assert.Fail(t, "never seen")
	})
	t.Run("read by a server that closes", func(t *testing.T) {
		err := afterOneRequest(t)
		assert.True(t, isHTTPType(err, nameReadFailed), "%T %v", err, err)
		assert.False(t, isHTTPType(unwrapInternal(err), nameReadFailed))
		assert.False(t, notSent(err))
	})
}

func TestErrorsOfHTTP2AreKnown(t *testing.T) {
	addr := start(t, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	for _, used := range []bool{false, true} {
		cc := connect(t, &http.Transport{Protocols: &p}, addr)
		want := textNotEstablished
		if used {
			require.NoError(t, cc.Reserve())
			resp, err := cc.RoundTrip(get(t, addr))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			want = textUnusable
		}
		require.NoError(t, cc.Reserve())
		require.NoError(t, cc.Close())
		_, err := cc.RoundTrip(get(t, addr))
		require.EqualError(t, err, want)
		assert.True(t, notSent(err))
	}
}

func start(t *testing.T, tune func(*http.Protocols)) (addr string) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	tune(s.Config.Protocols)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func connect(t *testing.T, tr *http.Transport, addr string) *http.ClientConn {
	cc, err := tr.NewClientConn(t.Context(), "http", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

func get(t *testing.T, addr string) *http.Request {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr, nil)
	require.NoError(t, err)
	return req
}

// afterOneRequest returns the error of a second request on a connection whose
// server has read it and reset the connection.
func afterOneRequest(t *testing.T) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, 4096)
		_, _ = c.Read(buf)
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		_, _ = c.Read(buf)
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}()
	defer func() { _ = ln.Close(); <-done }()
	cc := connect(t, new(http.Transport), ln.Addr().String())
	var last error
	for range 2 {
		require.NoError(t, cc.Reserve())
		_, last = cc.RoundTrip(get(t, ln.Addr().String()))
	}
	require.Error(t, last)
	return last
}
