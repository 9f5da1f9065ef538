package h2_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
)

// dialStreams returns a connection of net/http to a server with so many streams at once,
// and the server's URL.
func dialStreams(ctx context.Context, t *testing.T, streams int, handler http.HandlerFunc) (*http.ClientConn, string) {
	server := httptest.NewUnstartedServer(handler)
	server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	conn, err := server.Client().Transport.(*http.Transport).NewClientConn(ctx, "https", server.Listener.Addr().String())
	require.NoError(t, err)
	return conn, server.URL
}

// Between the claim and its turn somebody else has taken the stream, as when the server
// has lowered its number. The request must not wait for it on the connection, where it
// would hold up all others.
func TestRequestWhoseStreamIsGoneIsNotSentOnAConnectionOfNetHTTP(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	arrived, leave := make(chan struct{}), make(chan struct{})
	conn, url := dialStreams(ctx, t, 2, func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-leave
		}
	})
	r := h2.NewResource(conn, h2.Options{})
	defer r.Close()
	once := func(path string) error {
		defer r.End()
		return get(ctx, r, url+path)
	}
	require.NoError(t, r.Take())
	require.NoError(t, once("/")) // the server's number is known

	take(t, r, 2)
	ended := make(chan error, 2)
	go func() { ended <- once("/slow") }()
	<-arrived
	go func() { // beside r
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/slow", http.NoBody)
		if err == nil {
			var resp *http.Response
			if resp, err = conn.RoundTrip(req); err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
			}
		}
		ended <- err
	}()
	<-arrived
	require.ErrorIs(t, once("/"), h2.ErrNoStream)
	close(leave)
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	assert.NoError(t, r.Err())
}

// A connection that was lost before its first stream says that it has streams, also when
// it has had a lease that came to nothing.
func TestRequestOnALostFreshConnectionIsNotSent(t *testing.T) {
	for name, before := range map[string]int{"the first": 0, "the second": 1} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			conn, url := dialStreams(ctx, t, 2, func(http.ResponseWriter, *http.Request) {})
			r := h2.NewResource(conn, h2.Options{})
			defer r.Close()
			for range before {
				require.NoError(t, r.Take())
				r.Drop()
			}
			require.NoError(t, r.Take())
			require.NoError(t, conn.Close())
			defer r.End()
			require.ErrorIs(t, get(ctx, r, url), h2.ErrNoStream)
		})
	}
}

// A request whose context ends early returns before net/http has begun its stream, which
// may still begin. In between the connection must not look as if its server had said
// goodbye: nothing is available then, and nothing in flight.
func TestCanceledRequestIsNoGoodbye(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, url := dialStreams(ctx, t, 1, func(http.ResponseWriter, *http.Request) {})
	r := h2.NewResource(conn, h2.Options{})
	defer r.Close()
	require.NoError(t, r.Take())
	require.NoError(t, get(ctx, r, url))
	r.End()

	var stop atomic.Bool
	var drained atomic.Int32
	var looking sync.WaitGroup
	looking.Go(func() {
		for !stop.Load() {
			if r.Capacity() == pool.Draining {
				drained.Inc()
			}
		}
	})
	take := func() {
		for r.Take() != nil && ctx.Err() == nil {
			runtime.Gosched()
		}
	}
	for range 50_000 {
		take()
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		assert.Error(t, get(canceled, r, url))
		r.End()
		for range 5 { // the stream begins now, if at all
			runtime.Gosched()
		}
	}
	stop.Store(true)
	looking.Wait()
	assert.Zero(t, drained.Load())
	take()
	require.NoError(t, get(ctx, r, url))
	r.End()
}
