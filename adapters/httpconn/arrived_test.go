package httpconn_test

import (
	"context"
	"io"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

func fiveBytes(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "12345") }

// getExactly reads as many bytes as the response announces. On HTTP/1 that is the end of the
// response; on HTTP/2 only EOF is, or Close.
func getExactly(b *bubble, rt http.RoundTripper, url string) {
	resp, err := rt.RoundTrip(request(b.Context(), b.T, http.MethodGet, url, nil)) //nolint:bodyclose // on purpose
	require.NoError(b, err)
	_, err = io.ReadFull(resp.Body, make([]byte, resp.ContentLength))
	require.NoError(b, err)
}

// net/http keeps no connection for a response that has arrived, on HTTP/2 too.
func TestResponseThatHasArrivedKeepsNoConnectionOpen(t *testing.T) {
	for how, idle := range map[string]time.Duration{"IdleConnTimeout": time.Minute, "CloseIdleConnections": 0} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, allKinds, func(b *bubble, k kind) {
				s := b.serve(k, fiveBytes)
				ours := b.client(k, s, httpconn.Config{}, func(tr *http.Transport) { tr.IdleConnTimeout = idle })
				wires := newWires()
				wires.connect = b.net.DialContext
				theirs := &http.Transport{DialContext: wires.dial, IdleConnTimeout: idle}
				k.tune(theirs, s)
				for rt, open := range map[http.RoundTripper]func() int{ours: ours.wires.openNow, theirs: wires.openNow} {
					getExactly(b, rt, s.URL)
					time.Sleep(time.Second)
					assert.Equal(b, 1, open())
					if idle == 0 {
						(&http.Client{Transport: rt}).CloseIdleConnections()
					}
					time.Sleep(2 * time.Minute)
					synctest.Wait()
					assert.Zero(b, open(), "%T", rt)
				}
			})
		})
	}
}

// Where the connection is to go, and another must not be opened beside it, everybody would wait.
func TestResponseThatHasArrivedHoldsNoSlot(t *testing.T) {
	for name, cfg := range map[string]httpconn.Config{
		"MaxConnLifetime":    {MaxConnsPerHost: 1, MaxConnLifetime: time.Minute},
		"MaxRequestsPerConn": {MaxConnsPerHost: 1, MaxRequestsPerConn: 1},
		"MaxConns":           {MaxConns: 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, http2, func(b *bubble, k kind) {
				s, other := b.serve(k, fiveBytes), b.serve(k, fiveBytes)
				c := b.client(k, s, cfg)
				getExactly(b, c, s.URL)
				time.Sleep(2 * time.Minute)
				url := s.URL
				if name == "MaxConns" {
					url = other.URL
				}
				ctx, cancel := context.WithTimeout(b.Context(), time.Second)
				defer cancel()
				resp, err := c.RoundTrip(request(ctx, b.T, http.MethodGet, url, nil))
				require.NoError(b, err)
				body, err := read(resp)
				require.NoError(b, err)
				assert.Equal(b, "12345", body)
			})
		})
	}
}

// What has arrived can be read when the connection is closed.
func TestResponseThatHasArrivedCanBeReadLater(t *testing.T) {
	inBubble(t, http2, func(b *bubble, k kind) {
		s := b.serve(k, fiveBytes)
		c := b.client(k, s, httpconn.Config{})
		ctx, cancel := context.WithCancel(b.Context())
		var got [2]*http.Response
		for i := range got {
			req := request(ctx, b.T, http.MethodGet, s.URL, nil)
			req.Cancel = make(chan struct{}) //nolint:staticcheck // so that the call has a context of its own
			var err error
			got[i], err = c.RoundTrip(req) //nolint:bodyclose // read does
			require.NoError(b, err)
		}
		time.Sleep(time.Second)
		assert.Zero(b, c.Stats().Leases)
		c.CloseIdleConnections()
		synctest.Wait()
		assert.Zero(b, c.wires.openNow())
		body, err := read(got[0])
		require.NoError(b, err)
		assert.Equal(b, "12345", body)
		cancel()
		_, err = read(got[1])
		require.ErrorIs(b, err, context.Canceled, "the end of a context is never a plain EOF")
	})
}

// Nobody knows which of the responses has arrived while others are on their way.
func TestResponseBesideOneThatComesKeepsItsLease(t *testing.T) {
	inBubble(t, http2, func(b *bubble, k kind) {
		s := b.serve(k, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/endless" {
				endless(w, r)
				return
			}
			fiveBytes(w, r)
		})
		c := b.client(k, s, httpconn.Config{})
		slow, err := c.RoundTrip(request(b.Context(), b.T, http.MethodGet, s.URL+"/endless", nil))
		require.NoError(b, err)
		getExactly(b, c, s.URL)
		time.Sleep(time.Minute)
		assert.Equal(b, 2, c.Stats().Leases)
		require.NoError(b, slow.Body.Close())
		time.Sleep(time.Minute)
		assert.Zero(b, c.Stats().Leases)
	})
}

// Who looks for bodies that nobody closes is told of those too, and only then they go.
func TestResponseThatHasArrivedIsReportedBeforeItGoes(t *testing.T) {
	inBubble(t, http2, func(b *bubble, k kind) {
		s := b.serve(k, fiveBytes)
		leaks := 0
		c := b.client(k, s, httpconn.Config{LeakAfter: time.Minute, Hooks: &pool.Hooks{Leak: func(pool.LeakEvent) { leaks++ }}})
		getExactly(b, c, s.URL)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(b, 1, leaks)
		assert.Equal(b, 1, c.Stats().Leases)
		time.Sleep(5 * time.Second)
		assert.Zero(b, c.Stats().Leases)
	})
}

// A LeakAfter may be as long as can be.
func TestResponseIsKeptForALongLeakAfter(t *testing.T) {
	inBubble(t, http2, func(b *bubble, k kind) {
		s := b.serve(k, fiveBytes)
		c := b.client(k, s, httpconn.Config{LeakAfter: math.MaxInt64 - time.Second})
		getExactly(b, c, s.URL)
		time.Sleep(time.Minute)
		assert.Equal(b, 1, c.Stats().Leases)
	})
}
