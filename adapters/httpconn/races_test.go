package httpconn_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// The races that this library was written against, at the level of requests.

// A connection that is taken out of the pool to be used, and put back, is missing
// for a moment, in which another request dials.
func TestShareableResourceNeverLeavesThePool(t *testing.T) {
	forEach(t, http2, func(t *testing.T, k kind) {
		g := newGate()
		s := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, s, httpconn.Config{})
		for range 50 {
			// The second request comes while the first is in every stage it can be
			// in: begun, in flight, being answered, just ended.
			a := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/a", nil))
			within(t, g.arrived, "request")
			b := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/b", nil))
			g.pass(t)
			d := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/d", nil))
			g.pass(t)
			g.pass(t)
			for _, ch := range []<-chan result{a, b, d} {
				require.NoError(t, within(t, ch, "response").err)
			}
			for range 2 {
				within(t, g.arrived, "request")
			}
		}
		assert.Equal(t, 1, c.wires.dialled())
	})
}

// If looking for an idle connection and registering to wait are two steps, one
// that is released between them sits idle beside a waiter.
func TestReleaseBetweenLookAndEnqueueIsNotMissed(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
		// Two requests on one connection: each waits for the end of the other, at
		// about the moment it looks. A lost one would wait for ever.
		for range 500 {
			a := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/a", nil))
			b := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/b", nil))
			require.NoError(t, within(t, a, "response").err)
			require.NoError(t, within(t, b, "response").err)
		}
		assert.Equal(t, 1, c.wires.mostOpen())
	})
}

// A delivery to a caller who is not receiving yet, or does not want it any more,
// must not be lost: here the contexts of waiting requests end while connections
// are handed to them.
func TestDeliveryBeforeTheReceiverWaitsIsNotLost(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
		for range 300 {
			ctx, cancel := context.WithCancel(t.Context())
			a := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/a", nil))
			b := c.start(request(ctx, t, http.MethodGet, s.URL+"/b", nil))
			d := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/d", nil))
			require.NoError(t, within(t, a, "response").err)
			cancel() // b has been delivered the connection, or is about to be
			if err := within(t, b, "response").err; err != nil {
				require.ErrorIs(t, err, context.Canceled)
			}
			require.NoError(t, within(t, d, "response").err, "what b did not take is d's")
		}
		assert.Zero(t, c.Stats().Leases)
		assert.LessOrEqual(t, c.wires.mostOpen(), 1)
	})
}

// The one slot of a host is claimed by the dial for a caller who then gives up.
// The claim is the dial's and not the caller's: the next caller gets what the dial
// brings, and the cap is neither passed nor used up.
func TestCapIsNotClaimedForACallerWhoTookAnotherBranch(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		hold := make(chan struct{})
		c.wires.hold = hold // the window stays open until it is closed
		ctx, cancel := context.WithCancel(t.Context())
		a := c.start(request(ctx, t, http.MethodGet, s.URL+"/a", nil))
		within(t, c.wires.began, "dial")
		cancel()
		require.ErrorIs(t, within(t, a, "response").err, context.Canceled)
		b := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/b", nil))
		c.waiting(1)
		close(hold)
		require.NoError(t, within(t, b, "response").err)
		assert.Equal(t, 1, c.wires.dialled(), "b got what was dialled for a")
		assert.Equal(t, 1, c.wires.mostOpen())
		_ = c.mustGet(s.URL + "/c")
	})
}
