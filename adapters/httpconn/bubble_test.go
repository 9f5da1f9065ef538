package httpconn_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/adapters/internal/memnet"
)

// bubble is a network in memory and a time that passes when everybody waits. In
// it a test says exactly when something happens. On a real network, tests with
// times in them say only that it does.
type bubble struct {
	*testing.T
	net     *memnet.Network
	servers int
}

// newBubble returns the bubble that t is in.
func newBubble(t *testing.T) *bubble { return &bubble{T: t, net: memnet.New()} }

// inBubble runs f for each kind, in a bubble of its own.
func inBubble(t *testing.T, kinds []kind, f func(b *bubble, k kind)) {
	forEach(t, kinds, func(t *testing.T, k kind) {
		synctest.Test(t, func(t *testing.T) { f(newBubble(t), k) })
	})
}

// serve is serve on the bubble's network.
func (b *bubble) serve(k kind, h http.HandlerFunc, tune ...func(*http.Server)) *httptest.Server {
	b.Helper()
	return start(b.T, k, &httptest.Server{Listener: b.listen(), Config: &http.Server{Handler: h}}, tune) //nolint:gosec // no timeouts
}

func (b *bubble) listen() net.Listener {
	b.Helper()
	b.servers++
	l, err := b.net.Listen(fmt.Sprintf("127.0.0.1:%d", b.servers)) // the name in httptest's certificate
	require.NoError(b, err)
	return l
}

// raw is newRawHTTP2 on the bubble's network.
func (b *bubble) raw(answer func(c *rawConn, n int, stream uint32), tune ...func(*rawHTTP2)) *rawHTTP2 {
	b.Helper()
	return rawHTTP2On(b.T, b.listen(), answer, tune)
}

// silence returns the address of a server that accepts, and reads, and says
// nothing.
func (b *bubble) silence() string {
	b.Helper()
	return listenOn(b.T, b.listen(), func(c net.Conn) {
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	})
}

// client is newClient on the bubble's network.
func (b *bubble) client(k kind, s *httptest.Server, cfg httpconn.Config, tune ...func(*http.Transport)) *client {
	b.Helper()
	w := newWires()
	w.connect = b.net.DialContext
	return newClientOn(b.T, w, k, s, cfg, tune)
}
