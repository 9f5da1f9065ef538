package httpconn_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/berth-go/berth/adapters/httpconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait in these tests. It is for failures only: nothing
// here takes a noticeable part of it.
const patience = 20 * time.Second

// wires counts the connections of a client, from before the dial until Close has
// returned, which is what a cap promises to bound.
type wires struct {
	connect dialFunc

	mu     sync.Mutex
	dials  int
	open   int
	most   int
	byAddr map[string]int // open, by address
	peaks  map[string]int // the most of these
	conns  []net.Conn
	hold   chan struct{} // not nil: dials wait for it or the context
	refuse chan struct{} // not nil: dials fail until it is closed
	began  chan string   // gets the address of each dial, if there is room
}

func newWires() *wires {
	return &wires{
		connect: (&net.Dialer{}).DialContext,
		byAddr:  map[string]int{}, peaks: map[string]int{}, began: make(chan string, 1000),
	}
}

func (w *wires) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	w.dials++
	w.open++
	w.byAddr[addr]++
	w.most = max(w.most, w.open)
	w.peaks[addr] = max(w.peaks[addr], w.byAddr[addr])
	hold, refuse := w.hold, w.refuse
	w.mu.Unlock()
	select {
	case w.began <- addr:
	default:
	}
	var err error
	if refuse != nil {
		select {
		case <-refuse:
		default:
			err = errors.New("refused")
		}
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	var c net.Conn
	if err == nil {
		c, err = w.connect(ctx, network, addr)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.open--
		w.byAddr[addr]--
		return nil, err
	}
	w.conns = append(w.conns, c)
	return &countedConn{Conn: c, closed: sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open--
		w.byAddr[addr]--
	})}, nil
}

func (w *wires) dialled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials
}

func (w *wires) mostOpen() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most
}

func (w *wires) openNow() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}

func (w *wires) mostByAddr() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.peaks)
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.closed()
	return err
}

// kind is a protocol that a test server and its clients speak.
type kind struct {
	name  string
	start func(*httptest.Server)
	tune  func(*http.Transport, *httptest.Server)
}

var (
	plain1 = kind{
		"http/1.1",
		func(s *httptest.Server) { s.Start() },
		func(*http.Transport, *httptest.Server) {},
	}
	tls1 = kind{
		"https/1.1",
		func(s *httptest.Server) { s.StartTLS() },
		trust,
	}
	tls2 = kind{
		"https/2",
		func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
		trust,
	}
	plain2 = kind{
		"h2c",
		func(s *httptest.Server) {
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
		},
		func(tr *http.Transport, _ *httptest.Server) {
			tr.Protocols = new(http.Protocols)
			tr.Protocols.SetUnencryptedHTTP2(true)
		},
	}
	allKinds = []kind{plain1, tls1, tls2, plain2}
	http1    = []kind{plain1, tls1}
	http2    = []kind{tls2, plain2}
)

func trust(tr *http.Transport, s *httptest.Server) {
	tr.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	tr.TLSClientConfig.NextProtos = nil
	tr.ForceAttemptHTTP2 = true
}

func forEach(t *testing.T, kinds []kind, f func(*testing.T, kind)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { f(t, k) })
	}
}

// serve starts a server of the kind, which is gone when the test ends.
func serve(t *testing.T, k kind, h http.HandlerFunc, tune ...func(*http.Server)) *httptest.Server {
	t.Helper()
	return start(t, k, httptest.NewUnstartedServer(h), tune)
}

func start(t *testing.T, k kind, s *httptest.Server, tune []func(*http.Server)) *httptest.Server {
	t.Helper()
	s.Config.ErrorLog = silent
	for _, f := range tune {
		f(s.Config)
	}
	k.start(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// client is a Transport under test with its connections in view.
type client struct {
	*httpconn.Transport
	http  *http.Client
	wires *wires
	t     *testing.T
}

// newClient returns a client for the server. It checks, when the test ends, that
// the transport shuts down and leaves no connection open.
func newClient(t *testing.T, k kind, s *httptest.Server, cfg httpconn.Config, tune ...func(*http.Transport)) *client {
	t.Helper()
	return newClientOn(t, newWires(), k, s, cfg, tune)
}

func newClientOn(t *testing.T, w *wires, k kind, s *httptest.Server, cfg httpconn.Config, tune []func(*http.Transport)) *client {
	t.Helper()
	base := &http.Transport{DialContext: w.dial}
	k.tune(base, s)
	for _, f := range tune {
		f(base)
	}
	cfg.Base = base
	tr, err := httpconn.New(cfg)
	require.NoError(t, err)
	c := &client{Transport: tr, http: &http.Client{Transport: tr}, wires: w, t: t}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, tr.Shutdown(ctx))
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Zero(t, w.open, "connections left open")
	})
	return c
}

// get sends a GET and returns the body.
func (c *client) get(url string) (string, error) {
	resp, err := c.http.Get(url)
	if err != nil {
		return "", err
	}
	return read(resp)
}

func (c *client) mustGet(url string) string {
	c.t.Helper()
	body, err := c.get(url)
	require.NoError(c.t, err)
	return body
}

func read(resp *http.Response) (string, error) {
	b, err := io.ReadAll(resp.Body)
	return string(b), errors.Join(err, resp.Body.Close())
}

func request(ctx context.Context, t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	require.NoError(t, err)
	return req
}

// result is what a RoundTrip in another goroutine came to.
type result struct {
	body string
	err  error
}

// start sends a request in another goroutine.
func (c *client) start(req *http.Request) <-chan result {
	ch := make(chan result, 1)
	go func() {
		resp, err := c.RoundTrip(req)
		if err != nil {
			ch <- result{err: err}
			return
		}
		body, err := read(resp)
		ch <- result{body, err}
	}()
	return ch
}

// within returns what comes from ch, soon.
func within[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		require.FailNow(t, "waited in vain", what)
		panic("unreachable")
	}
}

// until waits for a condition that nothing announces.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, time.Millisecond, what)
}

// waiting waits until n requests are queued.
func (c *client) waiting(n int) {
	c.t.Helper()
	until(c.t, "requests queued", func() bool { return c.Stats().Waiting == n })
}

// gate is a handler that lets the test decide when each request is answered. It
// echoes the request's X-Name, or its path.
type gate struct {
	arrived chan string
	open    chan struct{}
}

func newGate() *gate {
	return &gate{arrived: make(chan string, 2000), open: make(chan struct{})}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	g.arrived <- name
	select {
	case <-g.open:
	case <-r.Context().Done():
		return
	}
	_, _ = io.WriteString(w, name)
}

// pass answers one request.
func (g *gate) pass(t *testing.T) {
	t.Helper()
	select {
	case g.open <- struct{}{}:
	case <-time.After(patience):
		require.FailNow(t, "no request is waiting for its answer")
	}
}

// functions returns the names of the functions of a stack.
func functions(stack []uintptr) string {
	var b strings.Builder
	for frames := runtime.CallersFrames(stack); ; {
		f, more := frames.Next()
		b.WriteString(f.Function + "\n")
		if !more {
			return b.String()
		}
	}
}
