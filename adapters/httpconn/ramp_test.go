package httpconn_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// What a new connection can carry is known when the server's SETTINGS have come: net/http
// does not tell of a number below the one it has expected, nor that a connection takes no
// more requests.
func TestNewConnectionThatCarriesLittleHoldsUpNobody(t *testing.T) {
	for name, tt := range map[string]struct {
		streams byte
		last    bool // each request is to be the last one of its connection
	}{
		"one stream":    {streams: 1},
		"few streams":   {streams: 3},
		"enough":        {streams: 50},
		"Request.Close": {streams: 50, last: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const burst = 10
				b := newBubble(t)
				began := time.Now()
				var mu sync.Mutex
				var latest time.Duration
				s := b.raw(func(c *rawConn, _ int, stream uint32) {
					mu.Lock()
					latest = time.Since(began)
					mu.Unlock()
					time.AfterFunc(10*time.Second, func() { c.ok(stream) })
				}, func(s *rawHTTP2) { s.begin = func(c *rawConn) { c.streams(tt.streams) } })
				c := b.client(plain2, nil, httpconn.Config{})
				var results []<-chan result
				for range burst {
					req := request(t.Context(), t, http.MethodGet, s.url, nil)
					req.Close = tt.last
					results = append(results, c.start(req))
				}
				for _, r := range results {
					require.NoError(t, (<-r).err)
				}
				assert.LessOrEqual(t, latest, burst*2*time.Millisecond)
			})
		})
	}
}
