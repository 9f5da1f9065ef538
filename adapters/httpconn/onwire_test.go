package httpconn_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/httpconn"
)

// writeCounter counts the writes to a connection.
type writeCounter struct {
	net.Conn
	writes *atomic.Int32
}

func (c *writeCounter) Write(p []byte) (int, error) {
	c.writes.Inc()
	return c.Conn.Write(p)
}

// onWire is what became of one request.
type onWire struct {
	failed                bool
	dials, writes, bodies int
	seen                  string // the method and the body, by the server
}

// seenBy returns the address of a server that tells what it has seen of each request.
func seenBy(t *testing.T) (addr string, seen <-chan string) {
	t.Helper()
	what := make(chan string, 10)
	return listen(t, func(c net.Conn) {
		defer func() { _ = c.Close() }()
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			what <- "nothing"
			return
		}
		body, err := io.ReadAll(r.Body)
		what <- fmt.Sprintf("%s %s, whole %t", r.Method, body, err == nil)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}), what
}

// sendOnWire sends a POST with a body in memory, changed.
func sendOnWire(t *testing.T, over func(*http.Transport) http.RoundTripper, change func(*http.Request)) (w onWire) {
	t.Helper()
	var dials, writes, bodies atomic.Int32
	addr, seen := seenBy(t)
	tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Inc()
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &writeCounter{c, &writes}, err
	}}
	t.Cleanup(tr.CloseIdleConnections)
	req := request(t.Context(), t, http.MethodPost, "http://"+addr, strings.NewReader("hello"))
	get := req.GetBody
	req.GetBody = func() (io.ReadCloser, error) {
		bodies.Inc()
		return get()
	}
	change(req)
	resp, err := over(tr).RoundTrip(req)
	if w.failed = err != nil; !w.failed {
		require.NoError(t, resp.Body.Close())
	}
	w.seen = within(t, seen, "request")
	w.dials, w.writes, w.bodies = int(dials.Load()), int(writes.Load()), int(bodies.Load())
	return w
}

// What goes out is what net/http sends: in as few writes, and once where it is the
// request that is wrong.
func TestRequestGoesOutAsFromNetHTTP(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   onWire
	}{
		"in memory": {
			func(*http.Request) {},
			onWire{dials: 1, writes: 1, seen: "POST hello, whole true"},
		},
		"in memory, and no other": {
			func(r *http.Request) { r.GetBody = nil },
			onWire{dials: 1, writes: 1, seen: "POST hello, whole true"},
		},
		"with a wrong length": {
			func(r *http.Request) { r.ContentLength = 7 },
			onWire{failed: true, dials: 1, seen: "nothing"},
		},
		"with a wrong length, and no other": {
			func(r *http.Request) { r.ContentLength, r.GetBody = 3, nil },
			onWire{failed: true, dials: 1, seen: "nothing"},
		},
		"with a length and no body": {
			func(r *http.Request) { r.Body, r.GetBody = nil, nil },
			onWire{failed: true, dials: 1, seen: "nothing"},
		},
		"by WriteTo": {
			func(r *http.Request) { r.Body, r.ContentLength = &writerTo{}, -1 },
			onWire{dials: 1, writes: 3, seen: "POST written, whole true"},
		},
		"by WriteTo that fails": {
			func(r *http.Request) { r.Body, r.ContentLength = &writerTo{err: errBody}, -1 },
			onWire{failed: true, dials: 1, writes: 2, seen: "POST written, whole false"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, sendOnWire(t, func(tr *http.Transport) http.RoundTripper { return tr }, tt.change), "net/http")
			assert.Equal(t, tt.want, sendOnWire(t, func(tr *http.Transport) http.RoundTripper {
				ours, err := httpconn.New(httpconn.Config{Base: tr})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, ours.Shutdown(context.Background())) })
				return ours
			}, tt.change), "httpconn")
		})
	}
}

var errBody = errors.New("the body fails")

// A writerTo writes something else than it reads.
type writerTo struct{ err error }

func (*writerTo) Read([]byte) (int, error) { return 0, io.EOF }
func (*writerTo) Close() error             { return nil }
func (b *writerTo) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, "written")
	return int64(n), errors.Join(err, b.err)
}

// A dial func that returns nothing at all, too late, is an error and no panic.
func TestDialThatReturnsNothingAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, err := httpconn.New(httpconn.Config{DialTimeout: time.Second, Base: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				time.Sleep(time.Millisecond)
				return nil, nil
			},
		}})
		require.NoError(t, err)
		_, err = tr.RoundTrip(request(t.Context(), t, http.MethodGet, "http://host.example", nil))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "panic")
		require.NoError(t, tr.Shutdown(context.Background()))
	})
}
