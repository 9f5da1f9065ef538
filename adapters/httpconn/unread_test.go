package httpconn_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// With net/http the end of the context ends what the request holds, also of a response
// that the caller has dropped: ctx, cancel := ...; defer cancel(), and a return before
// Close.
func TestEndOfTheContextEndsAResponseThatNobodyReads(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		s := b.serve(k, endless)
		for name, rt := range transports(b, k, s, func(tr *http.Transport) { tr.MaxConnsPerHost = 1 }) {
			n := 300 // more than the server's streams
			if k.name == plain1.name || k.name == tls1.name {
				n = 3
			}
			for i := range n {
				ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
				resp, err := rt.RoundTrip(request(ctx, b.T, http.MethodGet, s.URL, nil)) //nolint:bodyclose // on purpose
				if !assert.NoError(b, err, "%s, request %d", name, i) {
					cancel()
					break
				}
				assert.Equal(b, http.StatusOK, resp.StatusCode)
				cancel()
			}
			if c, ok := rt.(*client); ok {
				time.Sleep(time.Second) // HTTP/2 is looked at now and then
				synctest.Wait()
				assert.Zero(b, c.Stats().Leases)
				ctx, cancel := context.WithTimeout(b.Context(), time.Second)
				defer cancel()
				assert.NoError(b, c.Shutdown(ctx))
			}
		}
	})
}

// On HTTP/2 net/http holds nothing of a response that has arrived, read or not.
func TestResponseThatHasArrivedHoldsNothing(t *testing.T) {
	inBubble(t, http2, func(b *bubble, k kind) {
		s := b.serve(k, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"a":1}`) })
		for name, rt := range transports(b, k, s, func(tr *http.Transport) { tr.MaxConnsPerHost = 1 }) {
			for i := range 600 {
				ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
				defer cancel()
				resp, err := rt.RoundTrip(request(ctx, b.T, http.MethodGet, s.URL, nil)) //nolint:bodyclose // on purpose
				if !assert.NoError(b, err, "%s, request %d", name, i) {
					break
				}
				var v struct{ A int }
				require.NoError(b, json.NewDecoder(resp.Body).Decode(&v))
			}
			if c, ok := rt.(*client); ok {
				assert.Equal(b, 1, c.Stats().Open)
			}
		}
	})
}

// A response that was dropped leaves no room on a connection that is for one request.
func TestConnectionForOneRequestCarriesNoOtherBesideAStray(t *testing.T) {
	inBubble(t, http2, func(b *bubble, k kind) {
		s := b.serve(k, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
		c := b.client(k, s, httpconn.Config{}, func(tr *http.Transport) { tr.DisableKeepAlives = true })
		for range 3 {
			_, err := c.RoundTrip(request(b.Context(), b.T, http.MethodGet, s.URL, nil)) //nolint:bodyclose // on purpose
			require.NoError(b, err)
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		assert.Equal(b, uint64(3), c.Stats().Dials)
	})
}

// transports are net/http's and ours on the same server.
func transports(b *bubble, k kind, s *httptest.Server, tune func(*http.Transport)) map[string]http.RoundTripper {
	theirs := &http.Transport{DialContext: b.net.DialContext}
	k.tune(theirs, s)
	tune(theirs)
	b.Cleanup(theirs.CloseIdleConnections)
	return map[string]http.RoundTripper{
		"net/http": theirs,
		"httpconn": b.client(k, s, httpconn.Config{}, tune),
	}
}

// The connection may be gone before the context ends: its server has closed it, or
// DrainTimeout has.
func TestEndOfTheContextEndsAResponseWhoseConnectionIsGone(t *testing.T) {
	for how, whole := range map[string]bool{"begun": false, "arrived": true} {
		inBubble(t, allKinds, func(b *bubble, k kind) {
			for why, lose := range map[string]func(*httptest.Server, *client){
				"closed by the server": func(s *httptest.Server, _ *client) { s.CloseClientConnections() },
				"drained":              func(_ *httptest.Server, c *client) { c.Reset() },
			} {
				s := b.serve(k, func(w http.ResponseWriter, r *http.Request) {
					if _, _ = io.WriteString(w, "hello"); !whole {
						endless(w, r)
					}
				})
				c := b.client(k, s, httpconn.Config{DrainTimeout: time.Second})
				ctx, cancel := context.WithCancel(b.Context())
				_, err := c.RoundTrip(request(ctx, b.T, http.MethodGet, s.URL, nil)) //nolint:bodyclose // on purpose
				require.NoError(b, err)
				time.Sleep(time.Second)
				lose(s, c)
				time.Sleep(time.Minute)
				held := 1
				if whole && (k.name == tls2.name || k.name == plain2.name) {
					held = 0 // it needs no connection any more
				}
				require.Equal(b, held, c.Stats().Leases, "%s, %s", how, why)
				cancel()
				synctest.Wait()
				assert.Zero(b, c.Stats().Leases, "%s, %s", how, why)
			}
		})
	}
}

// What a hook does to the goroutine that ends one response is nothing to the others.
func TestGoexitInAHookKeepsNoResponse(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		s := b.serve(k, endless)
		c := b.client(k, s, httpconn.Config{Hooks: &pool.Hooks{Released: func(pool.ReleasedEvent) { runtime.Goexit() }}})
		ctx, cancel := context.WithCancel(b.Context())
		for range 3 {
			_, err := c.RoundTrip(request(ctx, b.T, http.MethodGet, s.URL, nil)) //nolint:bodyclose // on purpose
			require.NoError(b, err)
		}
		cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(b, c.Stats().Leases)
	})
}
