package httpconn_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/adapters/httpconn"
)

// dam holds up what is written to a connection while it is shut, and then lets it
// through bit by bit.
type dam struct {
	net.Conn
	shut *atomic.Pointer[chan struct{}] // nil: it is open
}

func (d *dam) Write(p []byte) (int, error) {
	if shut := d.shut.Load(); shut != nil {
		<-*shut
		<-time.After(5 * time.Millisecond)
	}
	return d.Conn.Write(p)
}

// A server may lower its number of streams while requests for which it had one are
// still being written. With those waiting inside of the connection for one another
// nobody could help them (go.dev/issue/70809).
func TestFewerStreamsThanAreBegunBlockNobody(t *testing.T) {
	var first atomic.Pointer[rawConn]
	s := newRawHTTP2(t, func(c *rawConn, _ int, stream uint32) { c.ok(stream) }, func(s *rawHTTP2) {
		s.begin = func(c *rawConn) {
			first.CompareAndSwap(nil, c)
			c.streams(10)
		}
	})
	var shut atomic.Pointer[chan struct{}]
	c := newClient(t, plain2, nil, httpconn.Config{MaxConnsPerHost: 1}, func(tr *http.Transport) {
		dial := tr.DialContext
		tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			return &dam{conn, &shut}, err
		}
	})
	require.NoError(t, (<-c.start(post(t, s.url))).err)
	until(t, "request written", func() bool { return c.Stats().Leases == 0 })

	open := make(chan struct{})
	shut.Store(&open)
	var results []<-chan result
	for range 8 {
		results = append(results, c.start(post(t, s.url)))
	}
	until(t, "requests in flight", func() bool { return c.Stats().Leases == 8 })
	first.Load().streams(1)
	close(open)
	for _, ch := range results {
		require.NoError(t, within(t, ch, "response").err)
	}
	conns, requests := s.counts()
	assert.Equal(t, []int{1, 9}, []int{conns, requests})
}

// hookedContext is a context whose late func runs when net/http is about to give the request
// a stream number, which is after its stream was reserved.
type hookedContext struct {
	context.Context
	late func()
}

func (c *hookedContext) Done() <-chan struct{} {
	stack := make([]uintptr, 8)
	stack = stack[:runtime.Callers(2, stack)]
	if strings.Contains(functions(stack), "writeRequest") {
		c.late()
	}
	return c.Context.Done()
}

// A server may want no more streams for a while, or fewer than it has, just when a request has
// reserved one. The connection does not tell the request that it wants more again, or none
// any more.
func TestStreamsThatComeBackAreSeen(t *testing.T) {
	for name, tt := range map[string]struct {
		long  bool // a stream without an end is in flight
		leave bool // the server says goodbye instead
		soon  time.Duration
		conns int
	}{
		"none in flight":          {soon: time.Second, conns: 1},
		"a stream without an end": {long: true, soon: time.Second, conns: 1},
		"goodbye":                 {leave: true, soon: time.Minute, conns: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				var first atomic.Pointer[rawConn]
				s := b.raw(func(c *rawConn, n int, stream uint32) {
					if n == 0 && tt.long {
						c.begin(stream)
						return
					}
					c.ok(stream)
				}, func(s *rawHTTP2) {
					s.acked = make(chan struct{}, 10)
					s.begin = func(c *rawConn) {
						first.CompareAndSwap(nil, c)
						c.streams(10)
					}
				})
				c := b.client(plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
				resp, err := c.RoundTrip(post(t, s.url))
				require.NoError(t, err)
				defer func() { _ = resp.Body.Close() }()
				within(t, s.acked, "acknowledgement of the first SETTINGS")

				fewer := sync.OnceFunc(func() {
					first.Load().streams(0)
					<-s.acked
				})
				sleeper := c.start(post(t, s.url).WithContext(&hookedContext{t.Context(), fewer}))
				synctest.Wait()
				behind := c.start(post(t, s.url))
				synctest.Wait()
				if tt.leave {
					first.Load().goAway(1, codeNo)
				} else {
					first.Load().streams(10)
				}
				late := time.After(tt.soon)
				for _, ch := range []<-chan result{sleeper, behind} {
					select {
					case r := <-ch:
						require.NoError(t, r.err)
					case <-late:
						require.FailNow(t, "a request sleeps on")
					}
				}
				conns, requests := s.counts()
				assert.Equal(t, []int{tt.conns, 3}, []int{conns, requests})
			})
		})
	}
}

// A hundred streams are what net/http takes for granted before it knows, so a
// server that says just that looks as if it had said nothing.
func TestRefusalsOfAServerWithAHundredStreamsCount(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			b := newBubble(t)
			s := b.raw(func(c *rawConn, _ int, stream uint32) {
				if c.number == 0 {
					time.Sleep(delay)
					c.reset(stream, codeRefused)
					return
				}
				c.ok(stream)
			}, func(s *rawHTTP2) { s.begin = func(c *rawConn) { c.streams(100) } })
			c := b.client(plain2, nil, httpconn.Config{})
			began := time.Now()
			require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
			assert.Less(t, time.Since(began), 2*delay+1200*time.Millisecond)
			conns, requests := s.counts()
			assert.Equal(t, []int{2, 3}, []int{conns, requests})
		})
	}
}

// Requests lost together, twice, must find the connection that one of them has
// dialled, and not have it closed for a newer one.
func TestRequestsLostTwiceShareTheNextConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		var on [3]atomic.Int32
		s := b.raw(func(c *rawConn, _ int, stream uint32) {
			n := on[min(c.number, 2)].Inc()
			switch {
			case c.number >= 2:
				c.begin(stream) // and goes on and on
			case n == 1:
				if c.number == 1 {
					c.frame(frameSettings, 0, connectionFrame)
				}
				c.ok(stream)
			case c.number == 0 && n == 10, c.number == 1 && n == 9:
				_ = c.Close()
			}
		}, func(s *rawHTTP2) {
			s.begin = func(c *rawConn) {
				if c.number != 1 { // where one request goes first, before the others know that they may
					c.frame(frameSettings, 0, connectionFrame)
				}
			}
		})
		c := b.client(plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
		require.NoError(t, (<-c.start(request(t.Context(), t, http.MethodGet, s.url, nil))).err)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		type answer struct {
			resp *http.Response
			err  error
		}
		answers := make(chan answer, 9)
		for range 9 {
			go func() {
				resp, err := c.RoundTrip(request(ctx, t, http.MethodGet, s.url, nil))
				answers <- answer{resp, err}
			}()
		}
		for range 9 {
			a := within(t, answers, "response")
			require.NoError(t, a.err)
			defer func() { _ = a.resp.Body.Close() }()
		}
		cancel()
		assert.LessOrEqual(t, c.wires.dialled(), 3)
	})
}

// A server that leaves while requests are in flight does not thereby say how many
// streams it allows: the next burst dials as before, once.
func TestGoodbyeIsNotANumberOfStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		answers := make(chan func(), 10)
		s := b.raw(func(c *rawConn, n int, stream uint32) {
			if n == 0 || c.number > 0 {
				c.ok(stream)
				return
			}
			answers <- func() {
				c.goAway(stream+100, codeNo)
				c.ok(stream)
			}
		}, func(s *rawHTTP2) { s.begin = func(c *rawConn) { c.streams(100) } })
		c := b.client(plain2, nil, httpconn.Config{})
		require.NoError(t, (<-c.start(post(t, s.url))).err)
		var results []<-chan result
		for range 5 {
			results = append(results, c.start(post(t, s.url)))
		}
		for _, ch := range results {
			synctest.Wait()
			(<-answers)()
			_ = ch
		}
		for _, ch := range results {
			require.NoError(t, within(t, ch, "response").err)
		}
		synctest.Wait()
		require.Zero(t, c.Stats().Open)

		c.wires.hold = make(chan struct{})
		results = nil
		for range 30 {
			results = append(results, c.start(post(t, s.url)))
		}
		synctest.Wait()
		close(c.wires.hold)
		for _, ch := range results {
			require.NoError(t, within(t, ch, "response").err)
		}
		assert.Equal(t, 2, c.wires.dialled())
	})
}

// A server that has said goodbye is left although a stream of it does not end, and
// also where nothing is in flight and nobody asks.
func TestGoodbyeIsNoticedWithoutARequest(t *testing.T) {
	for name, endless := range map[string]bool{"idle": false, "with a stream without an end": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				s := b.raw(func(c *rawConn, n int, stream uint32) {
					switch {
					case n == 1 && endless:
						c.begin(stream)
						c.goAway(stream, codeNo)
					case n == 1:
						c.ok(stream)
						time.Sleep(time.Second)
						c.goAway(stream, codeNo)
					default:
						c.ok(stream)
					}
				})
				c := b.client(plain2, nil, httpconn.Config{MaxConnsPerHost: 1, DrainTimeout: 10 * time.Minute})
				require.NoError(t, (<-c.start(post(t, s.url))).err)
				resp, err := c.RoundTrip(post(t, s.url))
				require.NoError(t, err)
				synctest.Wait() // until the goodbye is read
				if endless {
					began := time.Now()
					require.NoError(t, (<-c.start(post(t, s.url))).err, "as DrainTimeout makes room")
					assert.LessOrEqual(t, time.Since(began), 13*time.Minute)
				}
				require.NoError(t, resp.Body.Close())
				time.Sleep(time.Minute)
				synctest.Wait()
				want := 0
				if endless {
					want = 1 // the second
				}
				assert.Equal(t, want, c.Stats().Open)
			})
		})
	}
}

// Whatever a request's body says about itself, it says nothing about the
// connection that the request goes out on.
func TestRefusalInTheRequestsBodyIsNotTheConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		from := b.raw(func(c *rawConn, _ int, stream uint32) {
			c.begin(stream)
			time.Sleep(time.Second)
			c.reset(stream, codeRefused)
		})
		to := b.raw(func(c *rawConn, n int, stream uint32) {
			if n == 0 {
				c.ok(stream)
			}
		})
		c := b.client(plain2, nil, httpconn.Config{})
		require.NoError(t, (<-c.start(post(t, to.url))).err)
		for range 3 {
			resp, err := c.RoundTrip(post(t, from.url))
			require.NoError(t, err)
			require.Error(t, (<-c.start(request(t.Context(), t, http.MethodPost, to.url, resp.Body))).err)
		}
		host, err := c.HostOf(post(t, to.url))
		require.NoError(t, err)
		st, _ := c.StatsFor(host)
		assert.Equal(t, uint64(1), st.Dials)
		assert.Equal(t, 1, st.Open)
	})
}

// A dial that hangs is shared by all who come later, and must not hold them up for
// long, nor for ever where no other is to be made beside it.
func TestDialThatHangsHoldsUpNobodyForLong(t *testing.T) {
	for name, tt := range map[string]struct {
		redial, within time.Duration
	}{
		"default": {0, 5 * time.Second},
		"sooner":  {2 * time.Second, 2 * time.Second},
		"never":   {httpconn.NoLimit, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, []kind{tls1, tls2}, func(b *bubble, k kind) {
				s := b.serve(k, proto)
				c := b.client(k, s, httpconn.Config{RedialAfter: tt.redial}, silentFirst(b.silence()))
				ctx, cancel := context.WithTimeout(b.Context(), time.Second)
				defer cancel()
				began := time.Now()
				require.Error(b, (<-c.start(request(ctx, b.T, http.MethodGet, s.URL, nil))).err)
				_, err := c.get(s.URL)
				require.NoError(b, err)
				assert.Equal(b, tt.within, time.Since(began))
				assert.EqualValues(b, 2, c.wires.dialled())
			})
		})
	}
}

// A burst of which the one dial of an HTTP/2 host hangs has one more.
func TestBurstWhoseDialHangsHasOneMore(t *testing.T) {
	inBubble(t, []kind{tls2}, func(b *bubble, k kind) {
		s := b.serve(k, proto)
		c := b.client(k, s, httpconn.Config{}, silentFirst(b.silence()))
		began := time.Now()
		var all []<-chan result
		for range 50 {
			all = append(all, c.start(request(b.Context(), b.T, http.MethodGet, s.URL, nil)))
		}
		for _, r := range all {
			require.NoError(b, (<-r).err)
		}
		assert.Equal(b, 5*time.Second, time.Since(began))
		assert.EqualValues(b, 2, c.wires.dialled())
	})
}

// silentFirst makes the first dial reach another address.
func silentFirst(silence string) func(*http.Transport) {
	return func(tr *http.Transport) {
		dial, dials := tr.DialContext, atomic.NewInt32(0)
		tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Inc() == 1 {
				addr = silence
			}
			return dial(ctx, network, addr)
		}
	}
}

// The state hook of net/http does not report what comes and goes while it runs. A
// stream that outlives its lease must be seen to end all the same.
func TestStreamThatEndsDuringAHookIsNotMissed(t *testing.T) {
	s := newRawHTTP2(t, func(c *rawConn, _ int, stream uint32) { c.ok(stream) },
		func(s *rawHTTP2) { s.begin = func(c *rawConn) { c.streams(1) } })
	tr := &http.Transport{}
	plain2.tune(tr, nil)
	conn, err := tr.NewClientConn(t.Context(), "http", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	r := h2.NewResource(conn, h2.Options{})
	defer func() { _ = r.Close() }()
	var calls, hold atomic.Int32
	inHook, goOn := make(chan struct{}), make(chan struct{})
	r.Watch(func() {
		calls.Inc()
		if hold.CompareAndSwap(1, 0) {
			close(inHook)
			<-goOn
		}
	})
	// The stream outlives its lease until the returned func is called.
	exchange := func() (end func() error) {
		body, sending := io.Pipe()
		require.NoError(t, r.Take())
		resp, err := r.RoundTrip(request(t.Context(), t, http.MethodPost, s.url, body))
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
		r.End()
		return sending.Close
	}
	end := exchange()
	require.Zero(t, r.Capacity())
	hold.Store(1)
	require.NoError(t, end())
	<-inHook
	require.Equal(t, 1, r.Capacity())
	end = exchange()
	require.Zero(t, r.Capacity())
	before := calls.Load()
	require.NoError(t, end())
	until(t, "end of the stream", func() bool { return conn.Available() == 1 })
	close(goOn)
	until(t, "another look", func() bool { return calls.Load() > before })
	assert.Equal(t, 1, r.Capacity())
}
