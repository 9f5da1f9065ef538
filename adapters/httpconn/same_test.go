package httpconn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// The tests named TestSame... are run twice against the same server, with an
// http.Transport and with an httpconn.Transport made of it, and everything that
// a user could see is written down: the responses, the errors, the trace, what
// became of the request's body, what the server saw, and, without TLS, the bytes
// and the writes on the wire. Both must have written down the same.

// A scenario is one such test.
type scenario struct {
	name  string
	kinds []kind
	serve http.HandlerFunc
	tune  func(*http.Transport) // nil: nothing more than the kind does
	run   func(*session)

	noTrace bool // the order of the trace is a matter of timing
	noWire  bool // and so is what is on the wire
	timed   bool // times matter: it runs in a bubble
}

// session is one run of a scenario.
type session struct {
	*testing.T
	url  string
	host string
	rt   http.RoundTripper
	wire *wiretap
	ours bool

	bubble *bubble // nil unless the scenario is timed

	untraced bool

	mu    sync.Mutex
	notes []string
}

func (s *session) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

type scenarios []scenario

func (all scenarios) inBubbles() scenarios {
	for i := range all {
		all[i].timed = true
	}
	return all
}

func (all scenarios) untraced() scenarios {
	for i := range all {
		all[i].noTrace = true
	}
	return all
}

// with sets what is the same for all. A handler of nil leaves each its own, and
// who has kinds keeps them.
func (all scenarios) with(kinds []kind, handler http.HandlerFunc) scenarios {
	for i := range all {
		if all[i].kinds == nil {
			all[i].kinds = kinds
		}
		if handler != nil {
			all[i].serve = handler
		}
	}
	return all
}

func runSame(t *testing.T, scenarios scenarios) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			forEach(t, sc.kinds, func(t *testing.T, k kind) { sc.compare(t, k) })
		})
	}
}

func (sc *scenario) compare(t *testing.T, k kind) {
	if !sc.timed {
		sc.compareOn(t, k, serve(t, k, sc.serve), (&net.Dialer{}).DialContext, nil)
		return
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		sc.compareOn(t, k, b.serve(k, sc.serve), b.net.DialContext, b)
	})
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

func (sc *scenario) compareOn(t *testing.T, k kind, server *httptest.Server, dial dialFunc, b *bubble) {
	base := func(w *wiretap) *http.Transport {
		w.connect = dial
		tr := &http.Transport{DialContext: w.dial}
		k.tune(tr, server)
		if sc.tune != nil {
			sc.tune(tr)
		}
		return tr
	}
	run := func() (theirs, ours *session) {
		theirs = sc.session(t, b, server, func(w *wiretap) (http.RoundTripper, func()) {
			tr := base(w)
			return tr, tr.CloseIdleConnections
		})
		ours = sc.session(t, b, server, func(w *wiretap) (http.RoundTripper, func()) {
			tr, err := httpconn.New(httpconn.Config{Base: base(w)})
			require.NoError(t, err)
			return tr, func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				require.NoError(t, tr.Shutdown(ctx))
			}
		})
		return theirs, ours
	}
	theirs, ours := run()
	for range 3 {
		// Just after the first request on a new HTTP/2 connection, net/http may miss
		// the connection and dial another.
		if k.name == plain1.name || k.name == tls1.name || assert.ObjectsAreEqual(theirs.notes, ours.notes) {
			break
		}
		theirs, ours = run()
	}
	assert.Equal(t, theirs.notes, ours.notes)
	if k.name == plain1.name && !sc.noWire {
		assert.Equal(t, theirs.wire.text(), ours.wire.text(), "bytes on the wire")
	}
}

func (sc *scenario) session(t *testing.T, b *bubble, server *httptest.Server, open func(*wiretap) (http.RoundTripper, func())) *session {
	s := &session{T: t, url: server.URL, host: server.Listener.Addr().String(), wire: &wiretap{}, bubble: b}
	var done func()
	s.rt, done = open(s.wire)
	_, theirs := s.rt.(*http.Transport)
	s.ours, s.untraced = !theirs, sc.noTrace
	sc.run(s)
	done()
	return s
}

// wiretap writes down what is sent on the connections that it dials, a line for
// each Write.
type wiretap struct {
	connect dialFunc

	mu     sync.Mutex
	writes []string
	dials  int
}

func (w *wiretap) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := w.connect(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dials++
	return &tapped{Conn: c, tap: w, n: w.dials}, nil
}

func (w *wiretap) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.writes, "\n")
}

type tapped struct {
	net.Conn
	tap *wiretap
	n   int // of the connection, from 1
}

func (c *tapped) Write(p []byte) (int, error) {
	c.tap.mu.Lock()
	c.tap.writes = append(c.tap.writes, fmt.Sprintf("%d: %q", c.n, p))
	c.tap.mu.Unlock()
	return c.Conn.Write(p)
}

// request returns a request to the server that the session traces.
func (s *session) request(method, path string, body io.Reader) *http.Request {
	return request(s.Context(), s.T, method, s.url+path, body)
}

// do sends req and writes down all there is to see.
func (s *session) do(req *http.Request) {
	if resp := s.send(req); resp != nil {
		s.read(resp)
	}
}

// send sends req and writes down everything up to the response's header.
func (s *session) send(req *http.Request) *http.Response {
	body := &closeCounter{Reader: req.Body}
	counted := req.Body != nil && req.Body != http.NoBody && req.GetBody == nil
	if counted {
		req.Body = body
	}
	trace := &events{}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace.hooks(s.host)))
	resp, err := s.rt.RoundTrip(req)
	if counted {
		until(s.T, "request body closed", func() bool { return body.times() > 0 })
	}
	if err != nil {
		s.note("error: %s", errorClass(err))
		s.noteTrace(trace.beforeSending())
		return nil
	}
	if s.ours {
		assert.Same(s, req, resp.Request) // net/http gives a copy here for HTTP/2
	}
	s.note("status: %s %q, length %d, uncompressed %v, close %v, %v, TLS %v", resp.Proto, resp.Status,
		resp.ContentLength, resp.Uncompressed, resp.Close, resp.TransferEncoding, tlsOf(resp.TLS))
	resp.Header.Del("Date")
	s.note("header: %v", resp.Header)
	resp.Body = &notedBody{ReadCloser: resp.Body, end: func() {
		until(s.T, "WroteRequest", trace.complete)
		s.noteTrace(trace.list())
	}}
	return resp
}

func (s *session) noteTrace(events []string) {
	if !s.untraced {
		s.note("trace: %v", events)
	}
}

// read reads the response's body to its end, and writes down what came.
func (s *session) read(resp *http.Response) {
	b, err := io.ReadAll(resp.Body)
	s.note("body: %q %s", b, errorClass(err))
	s.note("close: %v", resp.Body.Close())
	s.note("trailer: %v", resp.Trailer)
}

// notedBody calls end when it is closed.
type notedBody struct {
	io.ReadCloser
	end func()
}

func (b *notedBody) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}

func tlsOf(cs *tls.ConnectionState) string {
	if cs == nil {
		return "none"
	}
	return cs.NegotiatedProtocol + " " + cs.ServerName
}

// errorClass is what two errors must have in common: text, and what errors.Is and
// Timeout say of it. What a pool adds is taken away: docs/http.md tells of it.
func errorClass(err error) string {
	if err == nil {
		return "ok"
	}
	var dial *pool.DialError
	if errors.As(err, &dial) {
		err = dial.Err
	}
	var wait *pool.WaitError
	text := err.Error()
	if errors.As(err, &wait) {
		text = "ended while waiting"
	}
	for _, theirs := range []string{"net/http: request canceled while waiting for connection"} {
		if text == theirs {
			text = "ended while waiting"
		}
	}
	var op *net.OpError
	opText := ""
	if errors.As(err, &op) {
		opText = ", op " + op.Op
		text = portless(text)
	}
	return fmt.Sprintf("%s (timeout %v%s)", text, timedOut(err), opText)
}

// portless removes the ports of an error's text: those of clients are random.
func portless(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "127.0.0.1:") {
		if i > 0 {
			b.WriteString("127.0.0.1:*")
			part = strings.TrimLeft(part, "0123456789")
		}
		b.WriteString(part)
	}
	return b.String()
}

// events are what httptrace tells of one request, in order. What may come before
// or after the response is told apart.
type events struct {
	mu    sync.Mutex
	all   []string
	wrote []string
}

func (e *events) add(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := fmt.Sprintf(format, args...)
	if strings.HasPrefix(next, "GetConn ") && slices.Contains(e.all, next) {
		return // net/http tells of GetConn twice where it looks into two pools
	}
	e.all = append(e.all, next)
}

func (e *events) addWrote(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wrote = append(e.wrote, fmt.Sprintf(format, args...))
}

// complete reports whether the end of the request's body has been told.
func (e *events) complete() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.wrote, func(s string) bool { return strings.HasPrefix(s, "WroteRequest") })
}

func (e *events) list() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	slices.Sort(e.wrote)
	return slices.Concat(e.all, e.wrote)
}

// beforeSending is the list up to the first byte that was sent. When a request has
// failed, what followed is a matter of timing.
func (e *events) beforeSending() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	sent := slices.IndexFunc(e.all, func(s string) bool { return strings.HasPrefix(s, "WroteHeaderField") })
	if sent < 0 {
		sent = len(e.all)
	}
	return slices.Clone(e.all[:sent])
}

func (e *events) hooks(server string) *httptrace.ClientTrace {
	named := func(addr string) string { return strings.ReplaceAll(addr, server, "server") }
	return &httptrace.ClientTrace{
		GetConn: func(hostPort string) { e.add("GetConn %s", named(hostPort)) },
		GotConn: func(i httptrace.GotConnInfo) {
			e.add("GotConn %v %v %v %v", i.Reused, i.WasIdle, i.IdleTime > 0, named(i.Conn.RemoteAddr().String()))
		},
		PutIdleConn:          func(err error) { e.add("PutIdleConn %v", err) },
		GotFirstResponseByte: func() { e.add("GotFirstResponseByte") },
		Got100Continue:       func() { e.add("Got100Continue") },
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			e.add("Got1xxResponse %d %v", code, slices.Sorted(maps.Keys(h)))
			return nil
		},
		ConnectStart:      func(_, addr string) { e.add("ConnectStart %s", named(addr)) },
		ConnectDone:       func(_, addr string, err error) { e.add("ConnectDone %s %v", named(addr), err == nil) },
		TLSHandshakeStart: func() { e.add("TLSHandshakeStart") },
		TLSHandshakeDone: func(cs tls.ConnectionState, err error) {
			e.add("TLSHandshakeDone %s %v", cs.NegotiatedProtocol, err == nil)
		},
		WroteHeaderField: func(k string, v []string) { e.add("WroteHeaderField %s %s", k, named(strings.Join(v, ","))) },
		WroteHeaders:     func() { e.addWrote("WroteHeaders") },
		Wait100Continue:  func() { e.addWrote("Wait100Continue") },
		WroteRequest:     func(i httptrace.WroteRequestInfo) { e.addWrote("WroteRequest %v", i.Err == nil) },
	}
}
