package httpconn_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// closedAfter waits until the pool has closed a connection for the reason, and
// checks when that is. Times of the pool may be late by an eighth, and never
// early.
func (c *client) closedAfter(reason pool.Reason, d time.Duration) {
	c.t.Helper()
	had := c.Stats().Closes.Of(reason)
	time.Sleep(d - 1)
	synctest.Wait()
	require.Equal(c.t, had, c.Stats().Closes.Of(reason), "too early")
	time.Sleep(1 + d/8)
	synctest.Wait()
	require.Equal(c.t, had+1, c.Stats().Closes.Of(reason), "in time")
}

// took checks how long f takes.
func took(t *testing.T, want time.Duration, f func()) {
	t.Helper()
	began := time.Now()
	f()
	assert.Equal(t, want, time.Since(began))
}

func TestIdleConnectionIsClosedAtItsTime(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		s := b.serve(k, proto)
		c := b.client(k, s, httpconn.Config{IdleConnTimeout: 90 * time.Second})
		c.mustGet(s.URL)
		time.Sleep(89 * time.Second)
		c.mustGet(s.URL)
		require.Equal(b, 1, c.wires.dialled())
		c.closedAfter(pool.ReasonIdleTime, 90*time.Second)
		assert.Zero(b, c.Stats().Open)
	})
}

func TestMaxConnLifetimeEndsTheConnectionButNoRequest(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		g := newGate()
		s := b.serve(k, g.ServeHTTP)
		c := b.client(k, s, httpconn.Config{
			MaxConnsPerHost: 2, MaxConnLifetime: 5 * time.Minute, ConnLifetimeJitter: time.Minute,
		})
		send := func(name string) <-chan result {
			return c.start(request(b.Context(), b.T, http.MethodGet, s.URL+"/"+name, nil))
		}
		old := send("old")
		within(b.T, g.arrived, "request")
		time.Sleep(4*time.Minute - time.Second)
		synctest.Wait()
		assert.Equal(b, 1, c.Stats().InUse)

		time.Sleep(2 * time.Minute)
		young := send("young")
		within(b.T, g.arrived, "request")
		assert.Equal(b, 2, c.wires.dialled(), "not on the old one")
		g.pass(b.T)
		g.pass(b.T)
		for _, ch := range []<-chan result{old, young} {
			require.NoError(b, within(b.T, ch, "response").err)
		}
		synctest.Wait()
		assert.Equal(b, uint64(1), c.Stats().Closes.Of(pool.ReasonLifetime), "with its last request")
		assert.Equal(b, 1, c.Stats().Open)
	})
}

// With an overlap the request that comes after a connection's end finds the
// successor there, and does not wait for a dial.
func TestSuccessorIsDialledInTime(t *testing.T) {
	for overlap, ready := range map[time.Duration]bool{0: false, time.Minute: true} {
		inBubble(t, allKinds, func(b *bubble, k kind) {
			s := b.serve(k, proto)
			c := b.client(k, s, httpconn.Config{MaxConnLifetime: 10 * time.Minute, ConnOverlap: overlap})
			busy := func(d time.Duration) {
				for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
					c.mustGet(s.URL)
				}
				synctest.Wait()
			}
			busy(9*time.Minute - time.Second)
			require.Equal(b, 1, c.wires.dialled())
			busy(time.Minute - time.Second)
			want := 1
			if ready {
				want = 2
			}
			require.Equal(b, want, c.wires.dialled(), "before the end")
			busy(3 * time.Minute)
			require.Equal(b, 2, c.wires.dialled(), "after it")
			require.Equal(b, uint64(1), c.Stats().Closes.Of(pool.ReasonLifetime))
		})
	}
}

func TestWaitTimeoutNamesTheState(t *testing.T) {
	inBubble(t, http1, func(b *bubble, k kind) {
		g := newGate()
		s := b.serve(k, g.ServeHTTP)
		c := b.client(k, s, httpconn.Config{MaxConnsPerHost: 1, WaitTimeout: 2 * time.Second})
		first := c.start(request(b.Context(), b.T, http.MethodGet, s.URL, nil))
		within(b.T, g.arrived, "request")
		took(b.T, 2*time.Second, func() {
			_, err := c.http.Get(s.URL)
			require.ErrorIs(b, err, pool.ErrWaitTimeout)
			assert.True(b, timedOut(err))
			var wait *pool.WaitError
			require.ErrorAs(b, err, &wait)
			assert.Equal(b, 2*time.Second, wait.Waited)
		})
		g.pass(b.T)
		require.NoError(b, within(b.T, first, "response").err)
	})
}

// A request whose deadline is nearer than the wait it has to expect is told so at
// once.
func TestLateRequestIsShed(t *testing.T) {
	for mode, atOnce := range map[pool.Shed]bool{pool.ShedOff: false, pool.ShedDryRun: false, pool.ShedOn: true} {
		inBubble(t, http1, func(b *bubble, k kind) {
			s := b.serve(k, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
			c := b.client(k, s, httpconn.Config{MaxConnsPerHost: 1, ShedLate: mode})
			for range 20 {
				c.mustGet(s.URL) // so long does one take
			}
			var queue []<-chan result
			for range 5 {
				queue = append(queue, c.start(request(b.Context(), b.T, http.MethodGet, s.URL, nil)))
			}
			synctest.Wait()
			ctx, cancel := context.WithTimeout(b.Context(), 500*time.Millisecond)
			defer cancel()
			want := 500 * time.Millisecond
			if atOnce {
				want = 0
			}
			took(b.T, want, func() {
				_, err := c.RoundTrip(request(ctx, b.T, http.MethodGet, s.URL, nil)) //nolint:bodyclose // there is no response
				require.ErrorIs(b, err, context.DeadlineExceeded)
				var shed *pool.ShedError
				assert.Equal(b, atOnce, errors.As(err, &shed), "%v", err)
			})
			for _, ch := range queue {
				require.NoError(b, within(b.T, ch, "response").err)
			}
			wantShed := uint64(1)
			if mode == pool.ShedOff {
				wantShed = 0
			}
			assert.Equal(b, wantShed, c.Stats().Shed)
		})
	}
}

// The limits over all hosts hold over all hosts.
func TestTotalsBoundWaitersAndDials(t *testing.T) {
	inBubble(t, http1, func(b *bubble, k kind) {
		g := newGate()
		urls := []string{b.serve(k, g.ServeHTTP).URL, b.serve(k, g.ServeHTTP).URL, b.serve(k, g.ServeHTTP).URL}
		c := b.client(plain1, nil, httpconn.Config{MaxConnsPerHost: 1, MaxWaiters: 2, MaxDials: 2}, func(tr *http.Transport) {
			tr.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // of a test server
		})
		c.wires.hold = make(chan struct{})
		send := func(url string) <-chan result {
			ch := c.start(request(b.Context(), b.T, http.MethodGet, url, nil))
			synctest.Wait()
			return ch
		}
		var served []<-chan result
		for _, url := range urls[:2] {
			served = append(served, send(url))
		}
		// Those whom a dial will serve do not count as waiting.
		require.Equal(b, 2, c.Stats().Dialing)
		served = append(served, send(urls[2]))
		require.Equal(b, 2, c.Stats().Dialing, "the third host's dial waits")
		served = append(served, send(urls[0]))
		require.ErrorIs(b, (<-send(urls[1])).err, pool.ErrWaitLimit, "two wait, of two hosts")
		close(c.wires.hold)
		close(g.open)
		for _, ch := range served {
			require.NoError(b, within(b.T, ch, "response").err)
		}
		assert.Equal(b, 3, c.wires.dialled())
	})
}

func TestTimeoutsOfTheClientEndARequestWhereverItIs(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		g := newGate()
		s := b.serve(k, g.ServeHTTP)
		c := b.client(k, s, httpconn.Config{MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
		hurried := &http.Client{Transport: c, Timeout: time.Second}
		fails := func(where string) {
			b.Helper()
			began := time.Now()
			_, err := hurried.Get(s.URL + "/hurried")
			require.Error(b, err, where)
			assert.True(b, timedOut(err), "%s: %v", where, err)
			assert.Contains(b, err.Error(), "Client.Timeout exceeded while awaiting headers", where)
			assert.Equal(b, time.Second, time.Since(began), where)
		}
		c.wires.hold = make(chan struct{})
		fails("dialling")
		close(c.wires.hold)
		fails("in flight")
		within(b.T, g.arrived, "the hurried one")

		first := c.start(request(b.Context(), b.T, http.MethodGet, s.URL+"/first", nil))
		require.Equal(b, "first", within(b.T, g.arrived, "request"))
		fails("queued")
		close(g.open)
		require.NoError(b, within(b.T, first, "response").err)
	})
}

func TestTimeoutOfTheClientEndsTheReadingOfTheBody(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		s := b.serve(k, endless)
		c := b.client(k, s, httpconn.Config{})
		hurried := &http.Client{Transport: c, Timeout: time.Second}
		took(b.T, time.Second, func() {
			resp, err := hurried.Get(s.URL)
			require.NoError(b, err)
			_, err = read(resp)
			require.Error(b, err)
			assert.True(b, timedOut(err), "%v", err)
			assert.Contains(b, err.Error(), "Client.Timeout or context cancellation while reading body")
		})
	})
}

func TestConnectionIsClosedBeforeTheServersTimeIsOver(t *testing.T) {
	for _, tt := range []struct{ margin, want time.Duration }{
		{0, 4 * time.Second},
		{2 * time.Second, 3 * time.Second},
		{time.Hour, 2500 * time.Millisecond}, // half of it at most
	} {
		inBubble(t, http1, func(b *bubble, k kind) {
			s := b.serve(k, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Keep-Alive", "timeout=5")
				_, _ = io.WriteString(w, "ok")
			})
			c := b.client(k, s, httpconn.Config{KeepAliveMargin: tt.margin})
			c.mustGet(s.URL)
			time.Sleep(tt.want - 1)
			c.mustGet(s.URL)
			require.Equal(b, 1, c.wires.dialled(), "in time, and it starts anew")
			c.closedAfter(pool.ReasonCapacity, tt.want)
			assert.Zero(b, c.Stats().Open)
		})
	}
}

// A connection that was given back unused has not been heard by its server, whose
// time goes on.
func TestUnusedLeaseDoesNotProlongTheServersTime(t *testing.T) {
	inBubble(t, http1, func(b *bubble, k kind) {
		s := b.serve(k, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Keep-Alive", "timeout=5")
			proto(w, r)
		})
		c := b.client(k, s, httpconn.Config{})
		c.mustGet(s.URL)
		for range 3 {
			time.Sleep(1100 * time.Millisecond)
			ctx, cancel := context.WithCancel(b.Context())
			ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { cancel() }})
			_, err := c.RoundTrip(request(ctx, b.T, http.MethodGet, s.URL, nil)) //nolint:bodyclose // there is no response
			require.ErrorIs(b, err, context.Canceled)
		}
		require.Equal(b, 1, c.wires.dialled())
		c.closedAfter(pool.ReasonCapacity, 4*time.Second-3*1100*time.Millisecond)
	})
}

// What is left of a body is read in a goroutine that nobody waits for, and the
// hook of the lease that ends there may panic like any other.
func TestPanicInAHookWhileTheRestIsRead(t *testing.T) {
	inBubble(t, http1, func(b *bubble, k kind) {
		s := b.serve(k, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "begin")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
			_, _ = io.WriteString(w, "end")
		})
		got := make(chan any, 10)
		c := b.client(k, s, httpconn.Config{Hooks: &pool.Hooks{
			Released: func(pool.ReleasedEvent) { panic("of the hook") },
			Panic:    func(v any) { got <- v },
		}})
		resp, err := c.http.Get(s.URL)
		require.NoError(b, err)
		func() {
			defer func() { // where net/http reads the rest, the lease ends in Close
				if v := recover(); v != nil {
					got <- v
				}
			}()
			_ = resp.Body.Close()
		}()
		time.Sleep(time.Second)
		require.Len(b, got, 1)
		require.Equal(b, "of the hook", <-got)
	})
}

func TestBodyClosedEarlyKeepsTheConnectionIfLittleIsLeft(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int
		late time.Duration // between the first byte and the others
		kept bool
	}{
		{"little", 10_000, 0, true},
		{"as much as is read", 256 << 10, 0, true},
		{"more than is read", 1 << 20, 0, false},
		{"soon", 10_000, 49 * time.Millisecond, true},
		{"not so soon", 10_000, 51 * time.Millisecond, false},
	} {
		inBubble(t, http1, func(b *bubble, k kind) {
			for _, chunked := range []bool{false, true} {
				what := fmt.Sprint(tt.name, ", chunked ", chunked)
				s := b.serve(k, func(w http.ResponseWriter, _ *http.Request) {
					if !chunked {
						w.Header().Set("Content-Length", fmt.Sprint(tt.size))
					}
					body := strings.Repeat("x", tt.size)
					_, _ = io.WriteString(w, body[:1])
					_ = http.NewResponseController(w).Flush()
					time.Sleep(tt.late)
					_, _ = io.WriteString(w, body[1:])
				})
				c := b.client(k, s, httpconn.Config{MaxConnsPerHost: 1})
				for range 3 {
					resp, err := c.http.Get(s.URL)
					require.NoError(b, err)
					began := time.Now()
					require.NoError(b, resp.Body.Close())
					require.NoError(b, resp.Body.Close(), "also the second time")
					assert.LessOrEqual(b, time.Since(began), 50*time.Millisecond)
					_, err = resp.Body.Read(make([]byte, 1))
					require.Error(b, err)
				}
				if tt.kept {
					assert.Equal(b, 1, c.wires.dialled(), what)
				} else {
					assert.Equal(b, 3, c.wires.dialled(), what)
				}
			}
		})
	}
}

func TestBodyThatDoesNotEndIsNotWaitedForLong(t *testing.T) {
	inBubble(t, http1, func(b *bubble, k kind) {
		s := b.serve(k, endless)
		c := b.client(k, s, httpconn.Config{MaxConnsPerHost: 1})
		resp, err := c.http.Get(s.URL)
		require.NoError(b, err)
		began := time.Now()
		require.NoError(b, resp.Body.Close())
		assert.LessOrEqual(b, time.Since(began), 50*time.Millisecond)
		time.Sleep(time.Until(began.Add(50 * time.Millisecond)))
		synctest.Wait()
		st := c.Stats()
		assert.Zero(b, st.Leases+st.Open+st.Closing)
	})
}

func TestBodyLeftOpenIsReportedWithItsStack(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		leaks := make(chan pool.LeakEvent, 10)
		s := b.serve(k, endless)
		c := b.client(k, s, httpconn.Config{
			LeakAfter: 5 * time.Minute,
			Hooks:     &pool.Hooks{Leak: func(e pool.LeakEvent) { leaks <- e }},
		})
		resp, err := c.http.Get(s.URL)
		require.NoError(b, err)
		time.Sleep(5*time.Minute - 1)
		synctest.Wait()
		require.Empty(b, leaks)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(b, leaks, 1)
		leak := <-leaks
		assert.Equal(b, c.hostOf(s.URL), leak.Key)
		assert.Contains(b, functions(leak.Stack), "TestBodyLeftOpenIsReportedWithItsStack")
		require.NoError(b, resp.Body.Close())
	})
}

// An HTTP/2 connection whose server has fallen silent is left after the time for
// a ping, with requests in flight on it or without.
func TestSilentConnectionIsGivenUp(t *testing.T) {
	for _, tt := range []struct {
		name             string
		interval, answer time.Duration
		want             time.Duration
	}{
		{"by default", 0, 0, 45 * time.Second},
		{"as set", 10 * time.Second, 2 * time.Second, 12 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				s := b.raw(func(c *rawConn, n int, stream uint32) {
					if n != 1 {
						c.ok(stream)
					}
				}, func(s *rawHTTP2) { s.mute = true })
				c := b.client(plain2, nil, httpconn.Config{PingInterval: tt.interval}, func(tr *http.Transport) {
					tr.HTTP2 = &http.HTTP2Config{PingTimeout: tt.answer}
				})
				require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
				synctest.Wait()
				took(t, tt.want, func() {
					// It may have been heard, and cannot be sent again.
					require.ErrorContains(t, (<-c.start(post(t, s.url))).err, "http2:")
				})
				require.NoError(t, (<-c.start(post(t, s.url))).err, "on a new one")
				synctest.Wait()
				require.Equal(t, 1, c.Stats().Open)
				time.Sleep(tt.want)
				synctest.Wait()
				assert.Zero(t, c.Stats().Open, "also an idle one")
				conns, requests := s.counts()
				assert.Equal(t, []int{2, 3}, []int{conns, requests})
			})
		})
	}
}

func TestConnectionThatRefusesTwiceIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		s := b.raw(func(c *rawConn, n int, stream uint32) {
			if c.number == 0 && n > 0 {
				c.reset(stream, codeRefused)
				return
			}
			c.ok(stream)
		})
		c := b.client(plain2, nil, httpconn.Config{})
		began := time.Now()
		for range 2 {
			require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
		}
		assert.GreaterOrEqual(t, time.Since(began), time.Second, "a pause before the second repetition")
		assert.Less(t, time.Since(began), 1100*time.Millisecond)
		conns, requests := s.counts()
		assert.Equal(t, 2, conns)
		assert.Equal(t, 4, requests)
	})
}

func TestDrainTimeoutEndsAConnectionThatDoesNotEnd(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: time.Hour, time.Minute: time.Minute} {
		inBubble(t, http2, func(b *bubble, k kind) {
			s := b.serve(k, endless)
			c := b.client(k, s, httpconn.Config{DrainTimeout: timeout})
			resp, err := c.http.Get(s.URL)
			require.NoError(b, err)
			c.Reset()
			began := time.Now()
			_, err = io.Copy(io.Discard, resp.Body)
			require.Error(b, err)
			assert.GreaterOrEqual(b, time.Since(began), want)
			assert.LessOrEqual(b, time.Since(began), want*9/8)
			require.NoError(b, resp.Body.Close())
			assert.Equal(b, uint64(1), c.Stats().Closes.Total())
		})
	}
}

func TestFailedDialHoldsUpTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		s := b.serve(plain1, proto)
		c := b.client(plain1, s, httpconn.Config{BackoffBase: time.Second, BackoffMax: 4 * time.Second})
		c.wires.refuse = make(chan struct{})
		for i, most := range []time.Duration{0, 1, 2, 4, 4} {
			began := time.Now()
			_, err := c.http.Get(s.URL)
			require.Error(t, err)
			assert.LessOrEqual(t, time.Since(began), most*time.Second, i)
			assert.GreaterOrEqual(t, time.Since(began), most*time.Second/2, i)
			assert.Equal(t, i+1, c.wires.dialled())
		}
		close(c.wires.refuse)
		c.mustGet(s.URL)
	})
}

func TestBreakerFailsRequestsAtOnceAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		s := b.serve(plain1, proto)
		c := b.client(plain1, s, httpconn.Config{BackoffBase: time.Second, BackoffMax: 10 * time.Second, BreakAfter: 2})
		c.wires.refuse = make(chan struct{})
		for range 2 {
			_, err := c.http.Get(s.URL)
			require.Error(t, err)
		}
		for range 100 {
			took(t, 0, func() {
				_, err := c.http.Get(s.URL)
				var dial *pool.DialError
				require.ErrorAs(t, err, &dial)
				assert.True(t, dial.FailFast)
			})
			time.Sleep(time.Second)
		}
		assert.Equal(t, uint64(1), c.Stats().Breaks)
		assert.Less(t, c.wires.dialled(), 30, "one at a time, and seldom")
		close(c.wires.refuse)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		c.mustGet(s.URL)
	})
}

func TestDialTimeoutEndsEveryStepOfADial(t *testing.T) {
	for _, step := range []string{"connecting", "TLS handshake", "preface of HTTP/2"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				k, url := plain1, "https://"+b.silence()
				if step == "preface of HTTP/2" {
					k, url = plain2, "http://host.example"
				}
				c := b.client(k, nil, httpconn.Config{DialTimeout: 3 * time.Second}, func(tr *http.Transport) {
					if k.name != plain2.name {
						return
					}
					tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
						// A peer that does not even read: net/http's first write on the
						// connection ends only when the connection is closed.
						us, _ := net.Pipe()
						return us, nil
					}
				})
				if step == "connecting" {
					c.wires.hold = make(chan struct{})
				}
				took(t, 3*time.Second, func() {
					_, err := c.http.Get(url)
					var dial *pool.DialError
					require.ErrorAs(t, err, &dial)
					assert.True(t, timedOut(err), "%v", err)
					require.ErrorIs(t, err, context.DeadlineExceeded)
				})
				assert.Equal(t, uint64(1), c.Stats().DialErrors)
			})
		})
	}
}

// The timeouts of Base end what they end in net/http, at the same moment and with
// the same words.
func TestSameTimeouts(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/expect" {
			time.Sleep(time.Second) // and then 100 Continue, as the body is read
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		select {
		case <-time.After(time.Minute):
		case <-r.Context().Done():
		}
	}
	timed := func(method, expect string) func(*session) {
		return func(s *session) {
			var body io.Reader
			if method == http.MethodPost {
				body = stream{strings.NewReader("body")}
			}
			path := "/"
			if expect != "" {
				path = "/expect"
			}
			req := s.request(method, path, body)
			if expect != "" {
				req.Header.Set("Expect", expect)
			}
			began := time.Now()
			s.do(req)
			s.note("took %v", time.Since(began).Round(100*time.Millisecond)) // s looks for some ends once in a millisecond
		}
	}
	runSame(t, scenarios{
		{name: "the header of the response", run: timed("GET", ""), tune: func(tr *http.Transport) { tr.ResponseHeaderTimeout = 3 * time.Second }},
		{name: "the header after a body", run: timed("POST", ""), tune: func(tr *http.Transport) { tr.ResponseHeaderTimeout = 3 * time.Second }},
		{name: "no 100 Continue", run: timed("POST", "100-continue"), tune: func(tr *http.Transport) { tr.ExpectContinueTimeout = 300 * time.Millisecond }},
		{name: "100 Continue in time", run: timed("POST", "100-continue"), tune: func(tr *http.Transport) { tr.ExpectContinueTimeout = 3 * time.Second }},
	}.untraced().inBubbles().with(allKinds, slow))
}

// What a server keeps silent about is given up at the time that Base says.
func TestServerThatNeverSpeaksIsLeftInTime(t *testing.T) {
	for _, tt := range []struct {
		k      kind
		scheme string
		tune   func(*http.Transport)
	}{
		{plain1, "http", func(tr *http.Transport) { tr.ResponseHeaderTimeout = 3 * time.Second }},
		{plain2, "http", func(tr *http.Transport) { tr.ResponseHeaderTimeout = 3 * time.Second }},
		{plain1, "https", func(tr *http.Transport) { tr.TLSHandshakeTimeout = 3 * time.Second }},
	} {
		t.Run(tt.k.name+" to "+tt.scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				c := b.client(tt.k, nil, httpconn.Config{}, tt.tune)
				took(t, 3*time.Second, func() {
					_, err := c.http.Get(tt.scheme + "://" + b.silence())
					require.Error(t, err)
					assert.True(t, timedOut(err), "%v", err)
				})
				synctest.Wait()
				assert.Zero(t, c.Stats().Leases)
			})
		})
	}
}

// A connection that was dialled in advance and has been idle since may be stale when
// the first request comes, like one that has carried a request.
func TestConnectionDialledInAdvanceMayBeStale(t *testing.T) {
	for warm, wantErr := range map[bool]error{true: nil, false: io.EOF} {
		t.Run(fmt.Sprint("warm ", warm), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				var conns atomic.Int32
				url := "http://" + listenOn(t, b.listen(), func(c net.Conn) {
					defer func() { _ = c.Close() }()
					if n := conns.Inc(); readRequest(bufio.NewReader(c)) != "" && n > 1 {
						_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
					}
				})
				c := b.client(plain1, nil, httpconn.Config{MaxConnsPerHost: 1})
				if warm {
					require.NoError(t, c.Warm(t.Context(), url, 1))
					time.Sleep(time.Second)
				}
				_, err := c.get(url)
				require.ErrorIs(t, err, wantErr)
			})
		})
	}
}
