package httpconn_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// The looks at a connection on which all streams are long ones hold nobody up when its server
// allows more of them. What a look sends falls asleep by chance, hence the rounds.
func TestRequestBeginsAtOnceWhenAFullConnectionGetsRoom(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			b := newBubble(t)
			raise := func() {}
			s := b.raw(func(c *rawConn, n int, stream uint32) {
				if n > 0 {
					c.ok(stream)
					return
				}
				raise = func() { c.streams(10) }
				c.begin(stream)
			}, func(s *rawHTTP2) {
				s.begin = func(c *rawConn) { c.streams(1) }
			})
			c := b.client(plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
			long, err := c.RoundTrip(request(t.Context(), t, http.MethodGet, s.url, nil))
			require.NoError(t, err)
			time.Sleep(45 * time.Second) // a look has found it full
			raise()
			synctest.Wait()
			began := time.Now()
			resp, err := c.RoundTrip(request(t.Context(), t, http.MethodGet, s.url, nil))
			require.NoError(t, err)
			assert.Less(t, time.Since(began), time.Second)
			require.NoError(t, resp.Body.Close())
			require.NoError(t, long.Body.Close())
		})
	}
}
