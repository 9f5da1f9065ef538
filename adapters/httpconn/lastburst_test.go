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

// Each request with Close set needs an HTTP/2 connection of its own, so they are not dialled for
// one after the other; nor does one of them make the others dial for themselves.
func TestLastRequestsOfConnectionsAreDialledForAtOnce(t *testing.T) {
	for name, tt := range map[string]struct{ last, others, dials int }{
		"all":          {last: 20, dials: 20},
		"none":         {others: 20, dials: 1},
		"one of many":  {last: 1, others: 49, dials: 4},
		"half of them": {last: 10, others: 10, dials: 30},
	} {
		for _, which := range []string{"httpconn", "h2"} {
			t.Run(name+"/"+which, func(t *testing.T) {
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
					began := time.Now()
					ends := make(chan error, 100)
					for i := range tt.last + tt.others {
						req := request(t.Context(), t, http.MethodGet, s.url, nil)
						req.Close = i >= tt.others
						go func() { ends <- roundTrip(rt, req) }()
						synctest.Wait() // they come in order
					}
					for range tt.last + tt.others {
						require.NoError(t, <-ends)
					}
					assert.Less(t, time.Since(began), 1500*time.Millisecond, "few dials, one after the other")
					assert.LessOrEqual(t, int(dials.Load()), tt.dials)
				})
			})
		}
	}
}

// Nor do they take away what those who come after them wait for.
func TestOthersDoNotWaitForASecondDialBehindALastRequest(t *testing.T) {
	for _, which := range []string{"httpconn", "h2"} {
		t.Run(which, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				s := b.raw(func(c *rawConn, _ int, stream uint32) { c.ok(stream) }, func(*rawHTTP2) {})
				dial, dials := b.slowly()
				base := &http.Transport{DialContext: dial}
				plain2.tune(base, nil)
				rt, closeAll := transportOf(t, which, base)
				defer closeAll()
				began := time.Now()
				ends := make(chan error, 2)
				for i := range 2 {
					req := request(t.Context(), t, http.MethodGet, s.url, nil)
					req.Close = i == 0
					go func() { ends <- roundTrip(rt, req) }()
					synctest.Wait()
				}
				for range 2 {
					require.NoError(t, <-ends)
				}
				assert.Less(t, time.Since(began), 100*time.Millisecond)
				assert.EqualValues(t, 2, dials.Load())
			})
		})
	}
}

// A last request that does not wait yet needs no dial, however long its trace takes.
func TestLastRequestInATraceMakesNobodyDial(t *testing.T) {
	for _, which := range []string{"httpconn", "h2"} {
		t.Run(which, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const burst = 10
				b := newBubble(t)
				s := b.raw(func(c *rawConn, _ int, stream uint32) { c.ok(stream) }, func(*rawHTTP2) {})
				dial, dials := b.slowly()
				base := &http.Transport{DialContext: dial}
				plain2.tune(base, nil)
				rt, closeAll := transportOf(t, which, base)
				defer closeAll()
				trace := &httptrace.ClientTrace{GetConn: func(string) { time.Sleep(time.Minute) }}
				ends := make(chan error, 2*burst)
				for range burst {
					req := request(httptrace.WithClientTrace(t.Context(), trace), t, http.MethodGet, s.url, nil)
					req.Close = true
					go func() { ends <- roundTrip(rt, req) }()
				}
				synctest.Wait()
				for range burst {
					req := request(t.Context(), t, http.MethodGet, s.url, nil)
					go func() { ends <- roundTrip(rt, req) }()
				}
				for range burst {
					require.NoError(t, <-ends)
				}
				assert.EqualValues(t, 1, dials.Load())
				for range burst {
					require.NoError(t, <-ends)
				}
			})
		})
	}
}

// Nor does one that has ended.
func TestLastRequestsThatHaveEndedMakeNobodyDial(t *testing.T) {
	for _, which := range []string{"httpconn", "h2"} {
		t.Run(which, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const burst = 10
				b := newBubble(t)
				s := b.raw(func(c *rawConn, _ int, stream uint32) { c.ok(stream) }, func(*rawHTTP2) {})
				dial, dials := b.slowly()
				base := &http.Transport{DialContext: dial}
				plain2.tune(base, nil)
				rt, closeAll := transportOf(t, which, base)
				defer closeAll()
				ends := make(chan error, burst)
				for _, last := range []bool{true, false} {
					dials.Store(0)
					for range burst {
						req := request(t.Context(), t, http.MethodGet, s.url, nil)
						req.Close = last
						go func() { ends <- roundTrip(rt, req) }()
						synctest.Wait()
					}
					for range burst {
						require.NoError(t, <-ends)
					}
				}
				assert.EqualValues(t, 1, dials.Load())
			})
		})
	}
}

func roundTrip(rt http.RoundTripper, req *http.Request) error {
	resp, err := rt.RoundTrip(req)
	if err == nil {
		_, err = read(resp)
	}
	return err
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
