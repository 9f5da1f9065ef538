package h2_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/berth-go/berth/pool"
)

// The real connection, under load: a burst on a fresh connection to a server with
// few streams makes requests that reserved too early wait for one another until
// their contexts end.
func TestBurstOnFreshConnectionsNeverBlocks(t *testing.T) {
	var handling, most atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := handling.Inc()
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		_, _ = io.WriteString(w, "ok")
		handling.Dec()
	}))
	server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 10}
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	wire := server.Client().Transport.(*http.Transport)
	addr := server.Listener.Addr().String()

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 10 {
		p, err := pool.New(pool.Config[*h2.Resource]{
			Dial: func(ctx context.Context) (*h2.Resource, error) {
				conn, err := wire.NewClientConn(ctx, "https", addr)
				if err != nil {
					return nil, err
				}
				return h2.NewResource(conn, h2.Options{}), nil
			},
			Close:    (*h2.Resource).Close,
			Take:     (*h2.Resource).Take,
			Capacity: (*h2.Resource).Capacity,
			Expect:   (*h2.Resource).Expect,
			Watch:    (*h2.Resource).Watch,
			Shared:   h2.InitialStreams,
			MaxOpen:  1,
		})
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				err := unlessRefused(func() error {
					return p.Do(ctx, func(l pool.Lease[*h2.Resource]) error {
						defer l.Value().End()
						return get(ctx, l.Value(), server.URL)
					})
				})
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Equal(t, uint64(1), p.Stats().Dials)
		require.NoError(t, p.Shutdown(ctx))
	}
	assert.LessOrEqual(t, most.Load(), int32(10))
}

// unlessRefused calls f again while the server refuses its stream. A server can
// have sent the end of a stream and not have counted it yet when the client, which
// has seen it, begins the next; exchange repeats such requests.
func unlessRefused(f func() error) error {
	err := f()
	for range 5 {
		if err == nil || !exchange.Refused(err) {
			break
		}
		err = f()
	}
	return err
}

// get sends a request for which Take has been called, and reads the response.
func get(ctx context.Context, r *h2.Resource, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := r.RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}
