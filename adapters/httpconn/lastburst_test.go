package httpconn_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/adapters/httpconn"
)

// slowly returns a dial func that takes 70 ms, and the number of its calls.
func (b *bubble) slowly() (dialFunc, *atomic.Int32) {
	var dials atomic.Int32
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Inc()
		select {
		case <-time.After(70 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return b.net.DialContext(ctx, network, addr)
	}, &dials
}

// crowd sends requests to a server of HTTP/2 that is dialled slowly, says soon that it allows 100
// streams, and answers after a second.
type crowd struct {
	*testing.T

	rt    http.RoundTripper
	url   string
	dials *atomic.Int32
	ends  chan error
}

// eachCrowd runs f with each of the two transports.
func eachCrowd(t *testing.T, f func(*crowd)) {
	t.Helper()
	for _, which := range []string{"httpconn", "h2"} {
		t.Run(which, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				s := b.raw(func(c *rawConn, _ int, stream uint32) {
					time.AfterFunc(time.Second, func() { c.ok(stream) })
				}, func(s *rawHTTP2) {
					s.begin = func(c *rawConn) {
						time.Sleep(10 * time.Millisecond)
						c.streams(100)
					}
				})
				dial, dials := b.slowly()
				base := &http.Transport{DialContext: dial}
				plain2.tune(base, nil)
				rt, closeAll := transportOf(t, which, base)
				defer closeAll()
				f(&crowd{T: t, rt: rt, url: s.url, dials: dials, ends: make(chan error, 100)})
			})
		})
	}
}

func transportOf(t *testing.T, which string, base *http.Transport) (http.RoundTripper, func()) {
	t.Helper()
	if which == "h2" {
		tr, err := h2.New(h2.Config{Base: base})
		require.NoError(t, err)
		return tr, func() { require.NoError(t, tr.Shutdown(t.Context())) }
	}
	tr, err := httpconn.New(httpconn.Config{Base: base})
	require.NoError(t, err)
	return tr, func() { require.NoError(t, tr.Shutdown(t.Context())) }
}

// send sends n requests, which come in order. last says whether each is to be the last one of its
// connection.
func (c *crowd) send(ctx context.Context, n int, last bool) {
	c.Helper()
	for range n {
		req := request(ctx, c.T, http.MethodGet, c.url, nil)
		req.Close = last
		go func() {
			resp, err := c.rt.RoundTrip(req)
			if err == nil {
				_, err = read(resp)
			}
			c.ends <- err
		}()
		synctest.Wait()
	}
}

// answered waits for the answers to n requests.
func (c *crowd) answered(n int) {
	c.Helper()
	for range n {
		require.NoError(c, <-c.ends)
	}
}

// Each request with Close set needs an HTTP/2 connection of its own, so they are not dialled for
// one after the other; nor does one of them make the others dial for themselves.
func TestLastRequestsOfConnectionsAreDialledForAtOnce(t *testing.T) {
	for name, tt := range map[string]struct{ last, others, dials int }{
		"all":          {last: 20, dials: 20},
		"none":         {others: 20, dials: 1},
		"one of many":  {last: 1, others: 49, dials: 4},
		"half of them": {last: 10, others: 10, dials: 30},
	} {
		t.Run(name, func(t *testing.T) {
			eachCrowd(t, func(c *crowd) {
				began := time.Now()
				c.send(c.Context(), tt.others, false)
				c.send(c.Context(), tt.last, true)
				c.answered(tt.last + tt.others)
				assert.Less(c, time.Since(began), 1500*time.Millisecond, "few dials, one after the other")
				assert.LessOrEqual(c, int(c.dials.Load()), tt.dials)
			})
		})
	}
}

// Nor do they take away what those who come after them wait for.
func TestOthersDoNotWaitForASecondDialBehindALastRequest(t *testing.T) {
	eachCrowd(t, func(c *crowd) {
		began := time.Now()
		c.send(c.Context(), 1, true)
		c.send(c.Context(), 1, false)
		c.answered(2)
		assert.Less(c, time.Since(began), 1100*time.Millisecond)
		assert.EqualValues(c, 2, c.dials.Load())
	})
}

// A last request that does not wait yet needs no dial, however long its trace takes.
func TestLastRequestInATraceMakesNobodyDial(t *testing.T) {
	eachCrowd(t, func(c *crowd) {
		const burst = 10
		trace := &httptrace.ClientTrace{GetConn: func(string) { time.Sleep(time.Minute) }}
		c.send(httptrace.WithClientTrace(c.Context(), trace), burst, true)
		c.send(c.Context(), burst, false)
		c.answered(burst)
		assert.EqualValues(c, 1, c.dials.Load())
		c.answered(burst)
	})
}

// Nor does one that has ended.
func TestLastRequestsThatHaveEndedMakeNobodyDial(t *testing.T) {
	eachCrowd(t, func(c *crowd) {
		const burst = 10
		c.send(c.Context(), burst, true)
		c.answered(burst)
		c.dials.Store(0)
		c.send(c.Context(), burst, false)
		c.answered(burst)
		assert.EqualValues(c, 1, c.dials.Load())
	})
}

// A connection that is to carry few requests in its life is not expected to carry as many as
// its server allows.
func TestBurstBeyondMaxRequestsPerConnDialsAtOnce(t *testing.T) {
	inBubble(t, http2, func(b *bubble, k kind) {
		s := b.serve(k, echo)
		dial, dials := b.slowly()
		c := b.client(k, s, httpconn.Config{MaxRequestsPerConn: 2}, func(tr *http.Transport) { tr.DialContext = dial })
		for range 2 {
			began := time.Now()
			c.burst(20, s.URL)
			assert.Less(b, time.Since(began), 150*time.Millisecond)
		}
		assert.EqualValues(b, 20, dials.Load())
	})
}
