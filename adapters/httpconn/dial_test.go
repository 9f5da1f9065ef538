package httpconn_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// mute accepts connections and says nothing on them.
func mute(t *testing.T) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				for buf := make([]byte, 1024); ; {
					if _, err := c.Read(buf); err != nil {
						_ = c.Close()
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	return ln.Addr().String()
}

func TestDialTimeoutEndsEveryStepOfADial(t *testing.T) {
	for _, step := range []string{"connecting", "TLS handshake"} {
		t.Run(step, func(t *testing.T) {
			c := newClient(t, plain1, nil, httpconn.Config{DialTimeout: 20 * time.Millisecond})
			if step == "connecting" {
				c.wires.hold = make(chan struct{})
			}
			_, err := c.http.Get("https://" + mute(t))
			var dial *pool.DialError
			require.ErrorAs(t, err, &dial)
			assert.True(t, timedOut(err), "%v", err)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, uint64(1), c.Stats().DialErrors)
		})
	}
}

func TestDialTimeoutEndsThePrefaceOfHTTP2(t *testing.T) {
	// A peer that does not even read: net/http's first write on the connection
	// ends only when the connection is closed.
	c := newClient(t, plain2, nil, httpconn.Config{DialTimeout: 20 * time.Millisecond}, func(tr *http.Transport) {
		tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
			us, _ := net.Pipe()
			return us, nil
		}
	})
	_, err := c.http.Get("http://host.example")
	require.ErrorIs(t, err, context.DeadlineExceeded)
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
