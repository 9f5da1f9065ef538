package httpconn_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

func TestCloseIdleConnectionsLeavesThoseInUse(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		g := newGate()
		s := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, s, httpconn.Config{MaxStreamsPerConn: 1})
		a := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/a", nil))
		b := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/b", nil))
		for range 2 {
			within(t, g.arrived, "request")
		}
		g.pass(t)
		until(t, "one idle", func() bool { return c.Stats().Idle == 1 })
		c.http.CloseIdleConnections() // http.Client finds the method
		until(t, "closed", func() bool { st := c.Stats(); return st.Idle == 0 && st.Closing == 0 })
		assert.Equal(t, 1, c.Stats().InUse)
		g.pass(t)
		require.NoError(t, within(t, a, "response").err)
		require.NoError(t, within(t, b, "response").err)
	})
}

func TestCloseFailsWaitersAndLetsRequestsInFlightEnd(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		g := newGate()
		s := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
		inFlight := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/a", nil))
		within(t, g.arrived, "request")
		queued := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/b", nil))
		c.waiting(1)
		require.NoError(t, c.Close())
		require.ErrorIs(t, within(t, queued, "end of the request").err, pool.ErrClosed)
		body := &closeCounter{Reader: http.NoBody}
		_, err := c.http.Do(request(t.Context(), t, http.MethodPost, s.URL, body))
		require.ErrorIs(t, err, pool.ErrClosed)
		assert.Equal(t, 1, body.times())
		g.pass(t)
		r := within(t, inFlight, "response")
		require.NoError(t, r.err)
		assert.Equal(t, "a", r.body)
		require.NoError(t, c.Close(), "also the second time")
	})
}

func TestShutdownWaitsForTheLastBody(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, endless)
		c := newClient(t, k, s, httpconn.Config{})
		resp, err := c.http.Get(s.URL)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, c.Shutdown(ctx), context.Canceled)
		done := make(chan error, 1)
		go func() { done <- c.Shutdown(t.Context()) }()
		_, err = io.ReadFull(resp.Body, make([]byte, 5))
		require.NoError(t, err, "the body can still be read")
		select {
		case err := <-done:
			require.FailNow(t, "shut down while a body was open", err)
		default:
		}
		require.NoError(t, resp.Body.Close())
		require.NoError(t, within(t, done, "shutdown"))
	})
}

func TestBodyNeverClosedHoldsItsLease(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
		resp, err := c.http.Get(s.URL + "/unread")
		require.NoError(t, err)
		assert.Equal(t, 1, c.Stats().Leases)
		next := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/next", nil))
		c.waiting(1)
		require.NoError(t, resp.Body.Close())
		r := within(t, next, "response")
		require.NoError(t, r.err)
		assert.Equal(t, "next", r.body)
	})
}

func TestBodyClosedEarlyFreesTheCapacity(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, endless)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
		for range 10 {
			resp, err := c.http.Get(s.URL)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			_, err = resp.Body.Read(make([]byte, 1))
			require.Error(t, err, "closed is closed")
			assert.NotErrorIs(t, err, io.EOF)
		}
	})
}

// What is left of a short body may be read by the connection after Close, which
// is of use again only then, or never.
func TestBodyClosedEarlyNearItsEndServesTheNextRequest(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		rest := make(chan struct{})
		s := serve(t, k, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				_, _ = io.WriteString(w, "begin")
				_ = http.NewResponseController(w).Flush()
				<-rest
			}
			echo(w, r)
		})
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
		for range 10 {
			resp, err := c.http.Get(s.URL + "/slow")
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			next := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/next", nil))
			rest <- struct{}{}
			require.NoError(t, within(t, next, "response").err)
		}
	})
}

func TestSlowBodyHoldsOnlyItsOwnLease(t *testing.T) {
	forEach(t, http2, func(t *testing.T, k kind) {
		s := serve(t, k, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				endless(w, r)
				return
			}
			echo(w, r)
		})
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		resp, err := c.http.Get(s.URL + "/slow")
		require.NoError(t, err)
		for range 10 {
			assert.Equal(t, "fast", c.mustGet(s.URL+"/fast"))
		}
		assert.Equal(t, 1, c.wires.dialled())
		assert.Equal(t, 1, c.Stats().Leases)
		require.NoError(t, resp.Body.Close())
	})
}
