package httpconn_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// mute accepts connections and says nothing on them.
func mute(t *testing.T) (addr string) {
	t.Helper()
	return listen(t, func(c net.Conn) {
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	})
}

func TestShutdownEndsDialsInFlight(t *testing.T) {
	addr := mute(t)
	c := newClient(t, plain1, nil, httpconn.Config{})
	ch := c.start(request(t.Context(), t, http.MethodGet, "https://"+addr, nil))
	within(t, c.wires.began, "dial")
	require.NoError(t, c.Shutdown(t.Context()))
	require.ErrorIs(t, within(t, ch, "end of the request").err, pool.ErrClosed)
}

func TestMaxDialsPerHostBoundsDialsInFlight(t *testing.T) {
	s := serve(t, plain1, echo)
	c := newClient(t, plain1, s, httpconn.Config{MaxDialsPerHost: 2})
	c.wires.hold = make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.burst(10, s.URL)
	}()
	c.waiting(10)
	assert.Equal(t, 2, c.Stats().Dialing)
	close(c.wires.hold)
	within(t, done, "responses")
}

func TestDialFuncsOfBaseAreUsed(t *testing.T) {
	s := serve(t, tls2, proto)
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{"h2"}
	var calls int
	for name, tune := range map[string]func(*http.Transport){
		"Dial": func(tr *http.Transport) {
			tr.DialContext = nil
			tr.Dial = func(network, addr string) (net.Conn, error) { //nolint:staticcheck // deprecated, and still honoured
				calls++
				return net.Dial(network, addr)
			}
		},
		"DialTLSContext": func(tr *http.Transport) {
			tr.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				calls++
				return (&tls.Dialer{Config: config}).DialContext(ctx, network, addr)
			}
		},
		"DialTLS": func(tr *http.Transport) {
			tr.DialTLS = func(network, addr string) (net.Conn, error) { //nolint:staticcheck // deprecated, and still honoured
				calls++
				return tls.Dial(network, addr, config)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			calls = 0
			c := newClient(t, tls2, s, httpconn.Config{}, tune)
			for range 2 {
				assert.Equal(t, "HTTP/2.0", c.mustGet(s.URL))
			}
			assert.Equal(t, 1, calls)
			assert.Zero(t, c.wires.dialled())
		})
	}
}

// A tls.Conn that is closing says that it is closed. The slot is free when it is.
func TestOwnTLSThatIsSlowToCloseKeepsItsSlot(t *testing.T) {
	inBubble(t, []kind{tls2}, func(b *bubble, k kind) {
		s := b.serve(k, proto)
		hang := make(chan struct{})
		w := newWires()
		w.connect = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := b.net.DialContext(ctx, network, addr)
			return &slowToClose{conn, hang}, err
		}
		c := newClientOn(b.T, w, k, s, httpconn.Config{MaxConnsPerHost: 1}, []func(*http.Transport){func(tr *http.Transport) {
			config := tr.TLSClientConfig.Clone()
			config.NextProtos = []string{"h2"}
			config.ServerName = "127.0.0.1"
			tr.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := w.dial(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return tls.Client(conn, config), nil
			}
		}})
		require.Equal(b, "HTTP/2.0", c.mustGet(s.URL))
		s.CloseClientConnections() // and net/http closes this end, which takes its time
		synctest.Wait()
		next := c.start(request(b.Context(), b.T, http.MethodGet, s.URL, nil))
		synctest.Wait()
		close(hang)
		require.NoError(b, within(b.T, next, "the next request").err)
		require.Equal(b, 1, c.wires.mostOpen())
	})
}

// TLS of the user's own may agree on HTTP/2 where that is not to be spoken. The connection
// is of no use, and is closed.
func TestOwnTLSThatAgreesOnWhatIsNotSpokenLeavesNoConnection(t *testing.T) {
	s := serve(t, tls2, proto)
	w := newWires()
	c := newClientOn(t, w, plain1, s, httpconn.Config{}, []func(*http.Transport){func(tr *http.Transport) {
		tr.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			raw, err := w.dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}), nil //nolint:gosec // a test server's
		}
	}})
	for range 3 {
		_, err := c.get(s.URL)
		assert.ErrorContains(t, err, "have it offer http/1.1 alone, or turn HTTP/2 on")
	}
	assert.Equal(t, 3, w.dialled())
}
