package httpconn_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

func (c *client) hostOf(url string) httpconn.Host {
	c.t.Helper()
	h, err := c.HostOf(request(c.t.Context(), c.t, http.MethodGet, url, nil))
	require.NoError(c.t, err)
	return h
}

func TestMaxRequestsPerConnEndsTheConnection(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{MaxRequestsPerConn: 3})
		for range 7 {
			c.mustGet(s.URL)
		}
		assert.Equal(t, 3, c.wires.dialled())
		assert.Equal(t, uint64(2), c.Stats().Closes.Of(pool.ReasonUses))
	})
}

func TestResetHostReplacesItsConnections(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		a, b := serve(t, k, proto), serve(t, k, proto)
		c := newClient(t, k, a, httpconn.Config{})
		for range 2 {
			c.mustGet(a.URL)
			c.mustGet(b.URL)
			c.ResetHost(c.hostOf(a.URL))
		}
		assert.Equal(t, 3, c.wires.dialled(), "two to a, one to b")
		c.Reset()
		c.mustGet(b.URL)
		assert.Equal(t, 4, c.wires.dialled())
	})
}

func TestShutdownHostWaitsForItsBodiesOnly(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		a, b := serve(t, k, endless), serve(t, k, proto)
		c := newClient(t, k, a, httpconn.Config{})
		resp, err := c.http.Get(a.URL)
		require.NoError(t, err)
		h := c.hostOf(a.URL)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		err = c.ShutdownHost(ended, h)
		require.EqualError(t, err, fmt.Sprintf("httpconn: shutdown of %v: of the connections 1 in use, 0 dialing and 0 closing are left: context canceled", h))
		require.ErrorIs(t, err, context.Canceled)
		_, err = c.http.Get(a.URL)
		require.ErrorIs(t, err, pool.ErrClosed)
		c.mustGet(b.URL)
		done := make(chan error, 1)
		go func() { done <- c.ShutdownHost(t.Context(), h) }()
		require.NoError(t, resp.Body.Close())
		require.NoError(t, within(t, done, "shutdown"))
		resp, err = c.http.Get(a.URL)
		require.NoError(t, err, "as if it were new")
		require.NoError(t, resp.Body.Close())
	})
}

func TestWarmOpensConnectionsThatServeTheFirstRequests(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		require.NoError(t, c.Warm(t.Context(), s.URL+"/any/path", 2))
		assert.Equal(t, 2, c.wires.dialled())
		st, known := c.StatsFor(c.hostOf(s.URL))
		require.True(t, known)
		assert.Equal(t, 2, st.Idle)
		for range 5 {
			c.mustGet(s.URL)
		}
		assert.Equal(t, 2, c.wires.dialled())
	})
}

func TestWarmSaysWhyNot(t *testing.T) {
	c := newClient(t, plain1, nil, httpconn.Config{MaxConnsPerHost: 1})
	for url, want := range map[string]string{
		"http://%zz":         "invalid URL escape",
		"ftp://host.example": `unsupported protocol scheme "ftp"`,
		"http:///path":       "no Host",
	} {
		assert.ErrorContains(t, c.Warm(t.Context(), url, 1), want)
	}
	require.Error(t, c.Warm(t.Context(), "http://"+unused(t), 2), "beyond the cap")
	var dial *pool.DialError
	require.ErrorAs(t, c.Warm(t.Context(), "http://"+unused(t), 1), &dial)
}

func TestSetLimitsOfOneHost(t *testing.T) {
	g := newGate()
	s := serve(t, plain1, g.ServeHTTP)
	c := newClient(t, plain1, s, httpconn.Config{MaxConnsPerHost: 1})
	var results []<-chan result
	for i := range 3 {
		results = append(results, c.start(request(t.Context(), t, http.MethodGet, fmt.Sprintf("%s/%d", s.URL, i), nil)))
	}
	within(t, g.arrived, "request")
	c.waiting(2)
	require.NoError(t, c.SetLimits(c.hostOf(s.URL), pool.Limits{MaxOpen: 3}))
	for range 2 {
		within(t, g.arrived, "request")
	}
	close(g.open)
	for _, ch := range results {
		require.NoError(t, within(t, ch, "response").err)
	}
}

func TestHooksNameTheHost(t *testing.T) {
	keys := make(chan any, 10)
	s := serve(t, plain1, proto)
	c := newClient(t, plain1, s, httpconn.Config{Hooks: &pool.Hooks{
		Dialed: func(e pool.DialEvent) { keys <- e.Key },
	}})
	c.mustGet(s.URL)
	assert.Equal(t, c.hostOf(s.URL), within(t, keys, "hook"))
	_, known := c.StatsFor(httpconn.Host{Scheme: "http", Addr: "nowhere.example:80"})
	assert.False(t, known)
}

func TestReuseChoosesAmongHTTP2Connections(t *testing.T) {
	for reuse, want := range map[pool.Reuse][]int{
		pool.ReuseNewest:      {4}, // all on the oldest, as it has room
		pool.ReuseLeastLoaded: {2, 2},
	} {
		forEach(t, http2, func(t *testing.T, k kind) {
			from := make(chan string, 10)
			leave := make(chan struct{})
			s := serve(t, k, func(_ http.ResponseWriter, r *http.Request) {
				from <- r.RemoteAddr
				<-leave
			})
			c := newClient(t, k, s, httpconn.Config{Reuse: reuse})
			require.NoError(t, c.Warm(t.Context(), s.URL, 2))

			round := func() []int {
				counts := map[string]int{}
				var results []<-chan result
				for range 4 {
					results = append(results, c.start(request(t.Context(), t, http.MethodGet, s.URL, nil)))
					counts[within(t, from, "request")]++
				}
				for range 4 {
					leave <- struct{}{}
				}
				for _, ch := range results {
					require.NoError(t, within(t, ch, "response").err)
				}
				until(t, "leases ended", func() bool { return c.Stats().Leases == 0 })
				return slices.Collect(maps.Values(counts))
			}

			// Before the server's number of streams has come a connection takes one
			// request only, and the pool hears of that number in the background. But
			// once it was as wanted it was heard of, and must be so each time.
			for n := 0; n < 100 && !slices.Equal(want, round()); n++ {
			}
			for range 10 {
				require.Equal(t, want, round())
			}
		})
	}
}
