package httpconn_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// burst sends n requests at once and waits for all responses.
func (c *client) burst(n int, url string) {
	c.t.Helper()
	results := make([]<-chan result, n)
	for i := range results {
		results[i] = c.start(request(c.t.Context(), c.t, http.MethodGet, fmt.Sprintf("%s/%d", url, i), nil))
	}
	for i, ch := range results {
		r := within(c.t, ch, "response")
		require.NoError(c.t, r.err)
		require.Equal(c.t, fmt.Sprint(i), r.body)
	}
}

// echo answers with the path.
func echo(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.URL.Path[1:]) }

func TestColdBurstToHTTP2HostDialsOnce(t *testing.T) {
	forEach(t, http2, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{})
		c.wires.hold = make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.burst(50, s.URL)
		}()
		c.waiting(50)
		close(c.wires.hold)
		within(t, done, "responses")
		assert.Equal(t, 1, c.wires.dialled())
	})
}

func TestColdBurstToHTTP1HostDialsUpToTheCap(t *testing.T) {
	forEach(t, http1, func(t *testing.T, k kind) {
		g := newGate()
		s := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 8})
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.burst(50, s.URL)
		}()
		// All eight at once, although the first dial to an https host was expected
		// to bring HTTP/2.
		for range 8 {
			within(t, g.arrived, "request")
		}
		c.waiting(42)
		close(g.open)
		within(t, done, "responses")
		assert.Equal(t, 8, c.wires.dialled())
		assert.LessOrEqual(t, c.wires.mostOpen(), 8)
	})
}

func TestKnownHTTP1HostIsDialledForEachRequestAtOnce(t *testing.T) {
	g := newGate()
	s := serve(t, tls1, g.ServeHTTP)
	c := newClient(t, tls1, s, httpconn.Config{MaxConnsPerHost: 8})
	first := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/first", nil))
	g.pass(t)
	require.NoError(t, within(t, first, "response").err)
	c.CloseIdleConnections()
	until(t, "connection closed", func() bool { return c.Stats().Closing == 0 && c.Stats().Open == 0 })

	c.wires.hold = make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.burst(20, s.URL)
	}()
	until(t, "eight dials in flight", func() bool { return c.Stats().Dialing == 8 })
	close(c.wires.hold)
	close(g.open)
	within(t, done, "responses")
}

func TestServerWithFewStreamsGetsConnectionsToMatch(t *testing.T) {
	for _, streams := range []int{1, 2} {
		forEach(t, http2, func(t *testing.T, k kind) {
			t.Run(fmt.Sprint(streams), func(t *testing.T) {
				g := newGate()
				s := serve(t, k, g.ServeHTTP, func(s *http.Server) {
					s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams}
				})
				c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 3})
				done := make(chan struct{})
				go func() {
					defer close(done)
					c.burst(20, s.URL)
				}()
				for range 3 * streams {
					within(t, g.arrived, "request")
				}
				// On a very slow machine more may begin before the number is known;
				// the server refuses them and they wait with the others.
				until(t, "no stream beyond the server's number", func() bool { return c.Stats().Leases == 3*streams })
				close(g.open)
				within(t, done, "responses")
				assert.Equal(t, 3, c.wires.mostOpen())
			})
		})
	}
}

func TestMaxStreamsPerConnBoundsLeasesOfOneConnection(t *testing.T) {
	forEach(t, http2, func(t *testing.T, k kind) {
		g := newGate()
		s := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 2, MaxStreamsPerConn: 3})
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.burst(20, s.URL)
		}()
		for range 6 {
			within(t, g.arrived, "request")
		}
		c.waiting(14)
		assert.Equal(t, 6, c.Stats().Leases)
		close(g.open)
		within(t, done, "responses")
		assert.Equal(t, 2, c.wires.dialled())
	})
}
