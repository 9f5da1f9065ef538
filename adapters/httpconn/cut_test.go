package httpconn_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// ownContext is a context of a type that package context does not know. It counts
// the funcs that are to be called at its end.
type ownContext struct {
	context.Context
	done       chan struct{}
	registered atomic.Int32

	mu  sync.Mutex
	err error
}

func newOwnContext(under context.Context) *ownContext {
	return &ownContext{Context: under, done: make(chan struct{})}
}

func (c *ownContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.done)
	}
}

func (c *ownContext) Done() <-chan struct{} { return c.done }

func (c *ownContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// ownAfterFunc is an ownContext that also calls by itself what is to be called at
// its end.
type ownAfterFunc struct{ *ownContext }

func (c *ownAfterFunc) AfterFunc(f func()) (stop func() bool) {
	c.registered.Inc()
	stopped := make(chan struct{})
	var once sync.Once
	go func() {
		select {
		case <-c.done:
			once.Do(func() { c.registered.Dec(); f() })
		case <-stopped:
		}
	}()
	return func() (first bool) {
		once.Do(func() { c.registered.Dec(); first = true; close(stopped) })
		return first
	}
}

// wait is something that an HTTP/1 request may be waiting for.
type wait struct {
	request func(ctx context.Context, b *bubble, url string) *http.Request // nil: a GET
	answer  func(http.ResponseWriter)                                      // what the server says before it falls silent
}

func waits() map[string]wait {
	flush := func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
	zipped := func(w http.ResponseWriter) *gzip.Writer {
		w.Header().Set("Content-Encoding", "gzip")
		return gzip.NewWriter(w)
	}
	return map[string]wait{
		"for the header": {},
		"for 100 Continue": {request: func(ctx context.Context, b *bubble, url string) *http.Request {
			req := request(ctx, b.T, http.MethodPost, url, stream{strings.NewReader("body")})
			req.Header.Set("Expect", "100-continue")
			return req
		}},
		"for the server to read": {request: func(ctx context.Context, b *bubble, url string) *http.Request {
			return request(ctx, b.T, http.MethodPost, url, stream{bytes.NewReader(make([]byte, 1<<20))})
		}},
		"for the server to read memory": {request: func(ctx context.Context, b *bubble, url string) *http.Request {
			return request(ctx, b.T, http.MethodPost, url, bytes.NewReader(make([]byte, 1<<20)))
		}},
		"for the request's body": {request: func(ctx context.Context, b *bubble, url string) *http.Request {
			r, w := io.Pipe()
			b.Cleanup(func() { _ = w.Close() })
			return request(ctx, b.T, http.MethodPost, url, r)
		}},
		"after early hints": {answer: func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints) }},
		"for the body":      {answer: flush},
		"for the rest of the body, and a trailer": {answer: func(w http.ResponseWriter) {
			w.Header().Set("Trailer", "Later")
			_, _ = io.WriteString(w, "begin")
			flush(w)
		}},
		"for the header of gzip": {answer: func(w http.ResponseWriter) {
			zipped(w)
			flush(w)
		}},
		"for the rest of gzip": {answer: func(w http.ResponseWriter) {
			z := zipped(w)
			_, _ = io.WriteString(z, "begin")
			_ = z.Flush()
			flush(w)
		}},
		"in a tunnel": {
			request: func(ctx context.Context, b *bubble, url string) *http.Request {
				return request(ctx, b.T, http.MethodConnect, url, nil)
			},
			answer: flush,
		},
	}
}

// An end is a way in which a request may be ended, with errWhy, or after a second.
type end func(b *bubble) (ctx context.Context, end func())

var ends = map[string]end{
	"cause": func(b *bubble) (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(b.Context())
		return ctx, func() { cancel(errWhy) }
	},
	"deadline": func(b *bubble) (context.Context, func()) {
		ctx, cancel := context.WithTimeoutCause(b.Context(), time.Second, errWhy)
		b.Cleanup(cancel)
		return ctx, func() {}
	},
	"own Done": func(b *bubble) (context.Context, func()) {
		c := newOwnContext(b.Context())
		return c, func() { c.end(errWhy) }
	},
	"own AfterFunc": func(b *bubble) (context.Context, func()) {
		c := newOwnContext(b.Context())
		return &ownAfterFunc{c}, func() { c.end(errWhy) }
	},
	"Request.Cancel": func(b *bubble) (context.Context, func()) { return b.Context(), nil },
}

// The context ends wherever an HTTP/1 request may be waiting, and none waits a
// moment longer.
func TestContextOfAnyTypeEndsAnHTTP1RequestAtOnce(t *testing.T) {
	for what, w := range waits() {
		for how, e := range ends {
			t.Run(what+", "+how, func(t *testing.T) {
				inBubble(t, http1, func(b *bubble, k kind) { endsAtOnce(b, k, w, e) })
			})
		}
	}
}

func endsAtOnce(b *bubble, k kind, w wait, e end) {
	over := make(chan struct{})
	s := b.serve(k, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/other" {
			return
		}
		if w.answer != nil {
			w.answer(rw)
		}
		<-over
		panic(http.ErrAbortHandler)
	})
	c := b.client(k, s, httpconn.Config{MaxConnsPerHost: 1}, func(tr *http.Transport) {
		tr.ExpectContinueTimeout = time.Hour
	})
	defer close(over)
	ctx, end := e(b)
	var req *http.Request
	if w.request == nil {
		req = request(ctx, b.T, http.MethodGet, s.URL, nil)
	} else {
		req = w.request(ctx, b, s.URL)
	}
	why := errWhy.Error()
	if end == nil {
		why = "net/http: request canceled"
		cancel := make(chan struct{})
		req.Cancel = cancel //nolint:staticcheck // deprecated, and still honoured
		end = func() { close(cancel) }
	}
	var body *closeCounter
	if req.Body != nil && req.GetBody == nil {
		body = &closeCounter{Reader: req.Body}
		req.Body = struct {
			io.Reader
			io.Closer
		}{body, closers{body, req.Body}}
	}
	began := time.Now()
	defer time.AfterFunc(time.Second, end).Stop()
	err := within(b.T, c.start(req), "end of the request").err
	require.Equal(b, time.Second, time.Since(began))
	require.ErrorContains(b, err, why)
	if ended := ctx.Err(); ended != nil {
		require.ErrorIs(b, err, ended)
		require.ErrorIs(b, err, errWhy)
	}
	assert.Equal(b, errors.Is(ctx.Err(), context.DeadlineExceeded), timedOut(err))
	synctest.Wait()
	if body != nil {
		assert.Equal(b, 1, body.times())
	}
	if own, ok := ctx.(*ownAfterFunc); ok {
		assert.Zero(b, own.registered.Load())
	}
	st := c.Stats()
	assert.Zero(b, st.Leases+st.Open+st.Closing)
	c.mustGet(s.URL + "/other")
}

// closers is several that are closed together.
type closers []io.Closer

func (c closers) Close() error {
	for _, one := range c {
		_ = one.Close()
	}
	return nil
}

// lateContext ends just after it was asked whether it has ended, at the n-th time.
type lateContext struct {
	context.Context
	cancel context.CancelFunc
	left   atomic.Int32
}

func (c *lateContext) Err() error {
	err := c.Context.Err()
	if c.left.Dec() == 0 {
		c.cancel()
	}
	return err
}

// What is about to be closed in another goroutine looks well, and is not to be had
// by the next request.
func TestConnectionThatIsBeingCutIsNotUsedAgain(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the other goroutine comes later
	met := map[string]int{}
	for _, path := range []string{"/", "/body"} {
		for n := int32(1); n < 20; n++ {
			inBubble(t, http1, func(b *bubble, k kind) {
				s := b.serve(k, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(w, r.URL.Path[1:])
				})
				c := b.client(k, s, httpconn.Config{MaxConnsPerHost: 1})
				c.mustGet(s.URL)
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				late := &lateContext{Context: ctx, cancel: cancel}
				req := request(late, b.T, http.MethodGet, s.URL+path, nil)
				late.left.Store(n)
				resp, err := c.RoundTrip(req)
				if err == nil {
					_, err = read(resp)
				}
				late.left.Store(0)
				st := c.Stats()
				assert.Zero(b, st.Leases)
				switch {
				case err != nil:
					require.ErrorIs(b, err, context.Canceled)
				case ctx.Err() != nil:
					met[k.name+path]++
					assert.Zero(b, st.Idle, "%s %d", path, n)
				}
				// One that may not be sent twice.
				resp, err = c.RoundTrip(request(b.Context(), b.T, http.MethodPost, s.URL, stream{strings.NewReader("x")}))
				require.NoError(b, err, "%s %d", path, n)
				require.NoError(b, resp.Body.Close())
			})
		}
	}
	assert.Len(t, met, 4, "the end of the context was to come just too late")
}

// A caller may have one context for all its requests, and none of them leaves
// anything with it, whatever becomes of the request.
func TestNothingIsLeftWithTheContext(t *testing.T) {
	inBubble(t, http1, func(b *bubble, k kind) {
		s := b.serve(k, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/close":
				panic(http.ErrAbortHandler)
			case "/half":
				w.Header().Set("Content-Length", "10")
			case "/switch":
				w.Header().Set("Upgrade", "echo")
				w.Header().Set("Connection", "Upgrade")
				w.WriteHeader(http.StatusSwitchingProtocols)
				return
			}
			_, _ = io.WriteString(w, "body")
		})
		c := b.client(k, s, httpconn.Config{MaxConnsPerHost: 1})
		ctx := &ownAfterFunc{newOwnContext(b.Context())}
		for _, path := range []string{"/", "/", "/close", "/", "/close", "/half", "/switch", "/", "/"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				var body io.Reader
				if method == http.MethodPost {
					body = stream{strings.NewReader("x")}
				}
				req := request(ctx, b.T, method, s.URL+path, body)
				if path == "/switch" {
					req.Header.Set("Upgrade", "echo")
					req.Header.Set("Connection", "Upgrade")
				}
				resp, err := c.RoundTrip(req)
				if err == nil {
					if path != "/switch" {
						_, _ = io.ReadAll(resp.Body)
					} else if body == nil {
						assert.Zero(b, ctx.registered.Load(), "the connection is the caller's")
					}
					_ = resp.Body.Close()
				}
				synctest.Wait()
				assert.Zero(b, ctx.registered.Load(), "%s %s", method, path)
			}
		}
		c.wires.mu.Lock()
		c.wires.refuse = make(chan struct{})
		c.wires.mu.Unlock()
		c.CloseIdleConnections()
		_, err := c.RoundTrip(request(ctx, b.T, http.MethodGet, s.URL, nil))
		require.Error(b, err)
		assert.Zero(b, ctx.registered.Load())
	})
}

// A net.Conn whose Close panics leaves net/http without a way to end the request.
// A program that goes on would have a request that waits for ever, and its lease.
func TestPanicOfTheNetConnIsNotHushedUp(t *testing.T) {
	if os.Getenv("BERTH_PANIC") == "" {
		program := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$") //nolint:gosec,noctx // this one, which ends by itself
		program.Env = append(os.Environ(), "BERTH_PANIC=1")
		out, err := program.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "panic: of the net.Conn\n")
		return
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		s := b.serve(plain1, endless)
		c := b.client(plain1, s, httpconn.Config{Hooks: &pool.Hooks{Panic: func(any) {}}}, func(tr *http.Transport) {
			dial := tr.DialContext
			tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := dial(ctx, network, addr)
				return badConn{c}, err
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		resp, err := c.RoundTrip(request(ctx, t, http.MethodGet, s.URL, nil))
		require.NoError(t, err)
		_, _ = io.ReadAll(resp.Body)
	})
}

type badConn struct{ net.Conn }

func (badConn) Close() error { panic("of the net.Conn") }
