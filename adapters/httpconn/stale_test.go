package httpconn_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// forgetful is an HTTP/1 server that answers one request per connection and
// closes the connection when it has read the next one: what a client sees of a
// server whose keep-alive time is over, just as the request comes.
type forgetful struct {
	url     string
	arrived chan string   // gets the first line of each request that is answered
	answer  chan struct{} // not nil: each answer waits for it
	over    chan struct{} // closed when the test ends

	mu      sync.Mutex
	unheard []string // first lines of the requests that were read and not answered
	served  []string
}

func newForgetful(t *testing.T, answer chan struct{}) *forgetful {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &forgetful{url: "http://" + ln.Addr().String(), arrived: make(chan string, 100), answer: answer, over: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() { close(f.over); _ = ln.Close(); wg.Wait() })
	return f
}

func (f *forgetful) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for i := range 2 {
		line := readRequest(r)
		if line == "" {
			return
		}
		f.mu.Lock()
		if i == 0 {
			f.served = append(f.served, line)
		} else {
			f.unheard = append(f.unheard, line)
		}
		f.mu.Unlock()
		if i == 0 {
			f.arrived <- line
			if f.answer != nil {
				select {
				case <-f.answer:
				case <-f.over:
					return
				}
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}
}

// readRequest reads a request, body and all, and returns its method and path.
func readRequest(r *bufio.Reader) string {
	req, err := http.ReadRequest(r)
	if err != nil {
		return ""
	}
	_, _ = io.Copy(io.Discard, req.Body)
	return req.Method + " " + req.URL.Path
}

func (f *forgetful) counts() (served, unheard int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.served), len(f.unheard)
}

func TestGetOnStaleConnectionIsSentAgain(t *testing.T) {
	f := newForgetful(t, nil)
	c := newClient(t, plain1, nil, httpconn.Config{MaxConnsPerHost: 1})
	for range 5 {
		assert.Equal(t, "ok", c.mustGet(f.url))
	}
	served, unheard := f.counts()
	assert.Equal(t, 5, served)
	assert.Equal(t, 4, unheard)
}

func TestAfterOneStaleConnectionTheNextIsFresh(t *testing.T) {
	f := newForgetful(t, make(chan struct{}))
	c := newClient(t, plain1, nil, httpconn.Config{MaxConnsPerHost: 3})
	var results []<-chan result
	for range 3 {
		results = append(results, c.start(request(t.Context(), t, http.MethodGet, f.url, nil)))
	}
	for range 3 {
		within(t, f.arrived, "request")
	}
	close(f.answer)
	for _, ch := range results {
		require.NoError(t, within(t, ch, "response").err)
	}
	require.Equal(t, 3, c.Stats().Idle, "all of them stale")
	c.mustGet(f.url)
	_, unheard := f.counts()
	assert.Equal(t, 1, unheard, "not one after the other")
	assert.Equal(t, 3, c.wires.mostOpen())
}

func TestPostIsNotSentAgainOnceItWasWritten(t *testing.T) {
	f := newForgetful(t, nil)
	c := newClient(t, plain1, nil, httpconn.Config{MaxConnsPerHost: 1})
	c.mustGet(f.url)
	_, err := c.http.Post(f.url, "text/plain", strings.NewReader("x"))
	require.Error(t, err)
	served, unheard := f.counts()
	assert.Equal(t, 1, served)
	assert.Equal(t, 1, unheard, "sent once")
}

func TestPostWithIdempotencyKeyIsSentAgainWithItsBody(t *testing.T) {
	f := newForgetful(t, nil)
	c := newClient(t, plain1, nil, httpconn.Config{MaxConnsPerHost: 1})
	c.mustGet(f.url)
	req := request(t.Context(), t, http.MethodPost, f.url, strings.NewReader("x"))
	req.Header.Set("Idempotency-Key", "1")
	r := within(t, c.start(req), "response")
	require.NoError(t, r.err)
	served, unheard := f.counts()
	assert.Equal(t, 2, served)
	assert.Equal(t, 1, unheard)
}

// The next in line gets the connection, finds it stale, and is still the next in
// line although others wait, however long it takes to ask for another.
func TestRetryAfterStaleConnectionKeepsItsPlace(t *testing.T) {
	f := newForgetful(t, make(chan struct{}))
	c := newClient(t, plain1, nil, httpconn.Config{MaxConnsPerHost: 1})
	var results []<-chan result
	for i := range 4 {
		gets := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(string) {
			if gets++; gets == 2 {
				<-time.After(20 * time.Millisecond) // whoever could come between does
			}
		}})
		results = append(results, c.start(request(ctx, t, http.MethodGet, fmt.Sprintf("%s/%d", f.url, i), nil)))
		if i == 0 {
			assert.Equal(t, "GET /0", within(t, f.arrived, "request"))
		} else {
			c.waiting(i)
		}
	}
	for i := range 4 {
		f.answer <- struct{}{}
		require.NoError(t, within(t, results[i], "response").err)
		if i < 3 {
			assert.Equal(t, fmt.Sprintf("GET /%d", i+1), within(t, f.arrived, "request"))
		}
	}
	assert.Equal(t, 4, c.wires.dialled(), "none for nothing")
}

func TestIdleConnectionClosedByTheServerLeavesThePool(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		c.mustGet(s.URL)
		s.CloseClientConnections()
		until(t, "connection gone", func() bool { st := c.Stats(); return st.Open == 0 && st.Closing == 0 })
		c.mustGet(s.URL)
		assert.Equal(t, 2, c.wires.dialled())
	})
}

func TestIdleConnectionLostUnnoticedIsReplaced(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		for range 20 {
			c.mustGet(s.URL)
			s.CloseClientConnections() // and the next request may come first
		}
	})
}

func TestServerDyingInTheBodyIsAnErrorOfTheBody(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		die := make(chan struct{})
		s := serve(t, k, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "begin")
			_ = http.NewResponseController(w).Flush()
			<-die
			panic(http.ErrAbortHandler)
		})
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		resp, err := c.http.Get(s.URL)
		require.NoError(t, err)
		close(die)
		body, err := io.ReadAll(resp.Body)
		assert.Equal(t, "begin", string(body))
		require.Error(t, err)
		assert.Zero(t, c.Stats().Leases)
		require.NoError(t, resp.Body.Close())
		resp, err = c.http.Get(s.URL)
		require.NoError(t, err, "the capacity is free again")
		_ = resp.Body.Close()
	})
}

func TestRefusedDialIsTheDialersError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	c := newClient(t, plain1, nil, httpconn.Config{MaxConnsPerHost: 2})
	body := &closeCounter{Reader: http.NoBody}
	_, err = c.http.Do(request(t.Context(), t, http.MethodPost, "http://"+ln.Addr().String(), body))
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	assert.Equal(t, "dial", op.Op)
	assert.Equal(t, 1, body.times())
	assert.Equal(t, 1, c.wires.dialled(), "one request, one dial")
	st := c.Stats()
	assert.Equal(t, uint64(1), st.DialErrors)
	assert.Zero(t, st.Open+st.Dialing+st.Closing+st.Waiting)
}

func TestGracefulShutdownOfTheServerLosesNoRequest(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		g := newGate()
		old := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, old, httpconn.Config{MaxConnsPerHost: 1})
		inFlight := c.start(request(t.Context(), t, http.MethodGet, old.URL+"/a", nil))
		within(t, g.arrived, "request")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		stopped := make(chan error, 1)
		go func() { stopped <- old.Config.Shutdown(ctx) }()
		g.pass(t)
		r := within(t, inFlight, "response")
		require.NoError(t, r.err)
		assert.Equal(t, "a", r.body)
		require.NoError(t, within(t, stopped, "shutdown"))
		until(t, "connection gone", func() bool { st := c.Stats(); return st.Open == 0 && st.Closing == 0 })
	})
}

// GetBody may need a connection to the same host, and there may be but one.
func TestGetBodyMaySendARequest(t *testing.T) {
	f := newForgetful(t, nil)
	c := newClient(t, plain1, nil, httpconn.Config{MaxConnsPerHost: 1})
	c.mustGet(f.url)
	req := request(t.Context(), t, http.MethodPut, f.url, io.NopCloser(strings.NewReader("ok")))
	req.ContentLength = 2
	req.Header.Set("Idempotency-Key", "key")
	req.GetBody = func() (io.ReadCloser, error) {
		body, err := c.get(f.url)
		return io.NopCloser(strings.NewReader(body)), err
	}
	require.NoError(t, within(t, c.start(req), "response").err)
}
