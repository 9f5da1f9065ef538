package httpconn_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

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

// A server that carries few requests on a connection is dialled for all the others at once when
// the first connection has shown it.
func TestFirstConnectionTeachesHowManyDialsABurstNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst = 10
		b := newBubble(t)
		s := b.raw(func(c *rawConn, _ int, stream uint32) {
			time.AfterFunc(10*time.Second, func() { c.ok(stream) })
		}, func(s *rawHTTP2) { s.begin = func(c *rawConn) { c.streams(1) } })
		dial, dials := b.slowly()
		c := b.client(plain2, nil, httpconn.Config{}, func(tr *http.Transport) { tr.DialContext = dial })
		var results []<-chan result
		for range burst {
			results = append(results, c.start(request(t.Context(), t, http.MethodGet, s.url, nil)))
		}
		time.Sleep(100 * time.Millisecond)
		assert.EqualValues(t, burst, dials.Load())
		for _, r := range results {
			require.NoError(t, (<-r).err)
		}
	})
}

// A connection whose server has not said anything is expected to carry what the last one did,
// and no dial is given up for it.
func TestNewConnectionIsExpectedToCarryWhatTheLastOneDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst = 5
		b := newBubble(t)
		s := b.raw(func(c *rawConn, _ int, stream uint32) {
			time.AfterFunc(10*time.Second, func() { c.ok(stream) })
		}, func(s *rawHTTP2) {
			s.begin = func(c *rawConn) {
				time.Sleep(50 * time.Millisecond)
				c.streams(1)
			}
		})
		var dials atomic.Int32
		c := b.client(plain2, nil, httpconn.Config{IdleConnTimeout: time.Second}, func(tr *http.Transport) {
			dial := tr.DialContext
			tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				time.Sleep(time.Duration(dials.Inc()) * time.Millisecond) // one after the other is there
				return dial(ctx, network, addr)
			}
		})
		for range 2 {
			canceled := c.Stats().DialsCanceled
			var results []<-chan result
			for range burst {
				results = append(results, c.start(request(t.Context(), t, http.MethodGet, s.url, nil)))
			}
			for _, r := range results {
				require.NoError(t, (<-r).err)
			}
			if dials.Load() > burst {
				assert.Equal(t, canceled, c.Stats().DialsCanceled)
			}
			time.Sleep(time.Minute)
			require.Zero(t, c.Stats().Open)
		}
	})
}

// What is in flight when the server leaves is not what it allows: nobody dials more for that.
func TestGoodbyeBeforeTheFirstResponseTeachesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst = 40
		b := newBubble(t)
		s := b.raw(func(c *rawConn, n int, stream uint32) {
			time.AfterFunc(10*time.Second, func() { c.ok(stream) })
			if n == 0 {
				time.AfterFunc(time.Second, func() { c.goAway(stream, codeNo) })
			}
		}, func(s *rawHTTP2) { s.begin = func(c *rawConn) { c.streams(100) } })
		c := b.client(plain2, nil, httpconn.Config{})
		results := []<-chan result{c.start(request(t.Context(), t, http.MethodGet, s.url, nil))}
		time.Sleep(2 * time.Second)
		for range burst {
			results = append(results, c.start(request(t.Context(), t, http.MethodGet, s.url, nil)))
		}
		for _, r := range results {
			require.NoError(t, (<-r).err)
		}
		conns, _ := s.counts()
		assert.Equal(t, 2, conns)
	})
}
