package httpconn_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// A server may answer in full without reading the request. The stream of an upload that waits
// for its window is free when its context ends, although no body of a response is left that
// could be closed.
func TestAnsweredUploadWithoutAWindowEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		s := b.raw(func(c *rawConn, _ int, stream uint32) { c.ok(stream) }, func(s *rawHTTP2) {
			s.begin = func(c *rawConn) { c.streams(1) }
		})
		c := b.client(plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		resp, err := c.RoundTrip(request(ctx, t, http.MethodPost, s.url, strings.NewReader(strings.Repeat("x", 1<<20))))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		began := time.Now()
		require.NoError(t, within(t, c.start(request(t.Context(), t, http.MethodGet, s.url, nil)), "response").err)
		assert.Less(t, time.Since(began), 3*time.Second)
		conns, _ := s.counts()
		assert.Equal(t, 1, conns)
	})
}

// The end of the context is that of a response which its caller has dropped, although such an
// upload has a stream on the connection whose own context has ended.
func TestDroppedResponseBesideAnUploadWithoutAWindowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		s := b.raw(func(c *rawConn, n int, stream uint32) {
			if n > 0 {
				c.ok(stream)
				return
			}
			c.begin(stream)
			c.frame(frameData, flagEndStream, stream, 'o', 'k')
		})
		c := b.client(plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		dropped, err := c.RoundTrip(request(ctx, t, http.MethodGet, s.url, nil))
		require.NoError(t, err)
		upload, stop := context.WithCancel(t.Context())
		resp, err := c.RoundTrip(request(upload, t, http.MethodPost, s.url, strings.NewReader(strings.Repeat("x", 1<<20))))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		synctest.Wait()
		stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(t, c.Stats().Leases)
		require.NoError(t, dropped.Body.Close())
	})
}
