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
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSameEndOfTheContext(t *testing.T) {
	arrived := make(chan struct{}, 100)
	slow := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			endless(w, r)
			panic(http.ErrAbortHandler) // as below
		}
		if r.URL.Path == "/warm" {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not look for the end
		if r.URL.Path != "/silent" {
			arrived <- struct{}{}
		}
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // an answer could reach the client in time
	}
	// during sends a request and ends it once it is in flight.
	during := func(s *session, req *http.Request, end func()) {
		done := make(chan struct{})
		go func() { defer close(done); s.do(req) }()
		within(s.T, arrived, "request")
		end()
		within(s.T, done, "end of the request")
	}
	client := func(s *session, path string) {
		s.do(s.request("GET", "/warm", nil))
		c := &http.Client{Transport: s.rt, Timeout: 150 * time.Millisecond}
		resp, err := c.Get(s.url + path)
		if err == nil {
			_, err = read(resp)
		}
		// At the very moment of its deadline, a Client does not yet count it as over,
		// and in a bubble time stands there. It says so in real time.
		text := errorClass(err)
		for _, remark := range []string{"(Client.Timeout exceeded while awaiting headers) ", "(Client.Timeout or context cancellation while reading body) "} {
			text = strings.ReplaceAll(text, remark, "")
		}
		s.note("%s", text)
	}
	runSame(t, scenarios{
		{name: "before it begins", run: func(s *session) {
			ctx, cancel := context.WithCancelCause(s.Context())
			cancel(errWhy)
			s.do(s.request("POST", "/", stream{strings.NewReader("x")}).WithContext(ctx))
		}},
		{name: "in flight", run: func(s *session) {
			ctx, cancel := context.WithCancel(s.Context())
			during(s, s.request("GET", "/", nil).WithContext(ctx), cancel)
		}},
		{name: "in flight with a cause", kinds: http1, run: func(s *session) {
			ctx, cancel := context.WithCancelCause(s.Context())
			during(s, s.request("POST", "/", stream{strings.NewReader("x")}).WithContext(ctx), func() { cancel(errWhy) })
		}},
		{name: "a deadline in flight", run: func(s *session) {
			s.do(s.request("GET", "/warm", nil))
			ctx, cancel := context.WithTimeout(s.Context(), 50*time.Millisecond)
			defer cancel()
			s.do(s.request("GET", "/silent", nil).WithContext(ctx))
		}},
		{name: "Request.Cancel in flight", run: func(s *session) {
			cancel := make(chan struct{})
			req := s.request("GET", "/", nil)
			req.Cancel = cancel //nolint:staticcheck // deprecated, and still honoured
			during(s, req, func() { close(cancel) })
		}},
		{name: "in the body", run: func(s *session) {
			ctx, cancel := context.WithCancel(s.Context())
			resp := s.send(s.request("GET", "/body", nil).WithContext(ctx))
			_, err := io.ReadFull(resp.Body, make([]byte, 5))
			s.note("%v", err)
			cancel()
			_, err = io.ReadAll(resp.Body)
			s.note("%s %v", errorClass(err), resp.Body.Close())
		}},
		{name: "http.Client's timeout in flight", run: func(s *session) { client(s, "/silent") }},
		{name: "http.Client's timeout in the body", run: func(s *session) { client(s, "/body") }},
	}.untraced().inBubbles().with(allKinds, slow))
}

func TestSameSwitchOfProtocols(t *testing.T) {
	shout := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(c, strings.ToUpper(line))
	}
	switching := func(s *session) {
		req := s.request("GET", "/", nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "websocket")
		resp := s.send(req)
		body := resp.Body.(*notedBody).ReadCloser
		rw, ok := body.(io.ReadWriteCloser)
		_, half := body.(interface{ CloseWrite() error })
		s.note("%v %v", ok, half)
		_, err := io.WriteString(rw, "hello\n")
		s.note("%v", err)
		line, err := bufio.NewReader(rw).ReadString('\n')
		s.note("%q %v", line, err)
		s.note("%v", resp.Body.Close())
	}
	// Not with tls1: there httpconn asks for HTTP/1.1 where net/http asks for nothing.
	runSame(t, scenarios{{name: "101", run: switching}}.with([]kind{plain1, tls2}, shout))
	runSame(t, scenarios{{name: "not switched", run: func(s *session) {
		req := s.request("GET", "/", nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "websocket")
		s.do(req)
	}}}.with([]kind{plain1, tls2}, describe))
}

func TestSameTunnelOfTheCallers(t *testing.T) {
	echoes := func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.WriteHeader(http.StatusOK)
		_ = rc.Flush()
		if c, rw, err := rc.Hijack(); err == nil {
			_, _ = io.Copy(c, rw)
			_ = c.Close()
			return
		}
		line, _ := bufio.NewReader(r.Body).ReadString('\n')
		_, _ = io.WriteString(w, line)
	}
	runSame(t, scenarios{{name: "CONNECT", run: func(s *session) {
		r, w := io.Pipe()
		req := s.request("CONNECT", "", r)
		req.Host = "far.example:80"
		resp, err := s.rt.RoundTrip(req)
		require.NoError(s, err)
		s.note("%s %d %v", resp.Status, resp.ContentLength, resp.TransferEncoding)
		_, err = io.WriteString(w, "hello\n")
		require.NoError(s, err)
		line, err := bufio.NewReader(resp.Body).ReadString('\n')
		s.note("%q %v", line, err)
		require.NoError(s, w.Close())
		s.note("%v", resp.Body.Close())
	}, noWire: true}}.with(allKinds, echoes))
}

func TestSameSchemes(t *testing.T) {
	type registrar interface {
		RegisterProtocol(string, http.RoundTripper)
	}
	answer := func(body string, err error) http.RoundTripper {
		return roundTripFunc(func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				_, _ = r.Body.Read(make([]byte, 1))
			}
			if err != nil {
				return nil, err
			}
			return &http.Response{StatusCode: 299, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})
	}
	send := func(scheme, body string) func(*session) {
		return func(s *session) {
			r := s.rt.(registrar)
			r.RegisterProtocol("odd", answer("odd", nil))
			r.RegisterProtocol("bad", answer("", errors.New("never")))
			r.RegisterProtocol("http", answer("", http.ErrSkipAltProtocol))
			assert.Panics(s, func() { r.RegisterProtocol("odd", answer("", nil)) })
			req := s.request("POST", "/", strings.NewReader(body))
			req.URL.Scheme = scheme
			if body == "upgrade" {
				req.Header.Set("Connection", "Upgrade")
				req.Header.Set("Upgrade", "websocket")
			}
			resp, err := s.rt.RoundTrip(req)
			if err != nil {
				s.note("%v", err)
				return
			}
			b, err := read(resp)
			s.note("%d %q %v", resp.StatusCode, b, err)
		}
	}
	var all scenarios
	for _, scheme := range []string{"odd", "bad", "http", "none", ""} {
		for _, body := range []string{"", "x", "upgrade"} {
			all = append(all, scenario{name: scheme + " " + body, run: send(scheme, body)})
		}
	}
	runSame(t, all.with([]kind{plain1}, describe))
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSameDials(t *testing.T) {
	get := func(s *session) {
		for range 2 {
			s.do(s.request("GET", "/", nil))
		}
	}
	named := func(host string) func(s *session) {
		return func(s *session) {
			req := s.request("GET", "/", nil)
			req.URL.Host = host
			req.Host = ""
			s.do(req)
		}
	}
	nobody := unused(t)
	runSame(t, scenarios{
		{name: "a name in another script", run: func(s *session) { named("bücher.example:" + portOf(s.host))(s) }, tune: toLoopback},
		{name: "nobody listens", run: named(nobody)},
		{name: "the dial func fails", run: get, tune: func(tr *http.Transport) {
			tr.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no net") }
		}},
		{name: "HTTP/2 only", run: get, tune: func(tr *http.Transport) {
			tr.Protocols = new(http.Protocols)
			tr.Protocols.SetHTTP2(true)
		}},
		{name: "both kinds of plain HTTP", run: get, tune: func(tr *http.Transport) {
			tr.Protocols = new(http.Protocols)
			tr.Protocols.SetHTTP1(true)
			tr.Protocols.SetUnencryptedHTTP2(true)
		}},
		{name: "HTTP/1 only", run: get, tune: func(tr *http.Transport) {
			tr.Protocols = new(http.Protocols)
			tr.Protocols.SetHTTP1(true)
		}},
	}.with([]kind{plain1, tls1, tls2}, describe))
	runSame(t, scenarios{
		{name: "an unknown certificate", run: get, tune: func(tr *http.Transport) { tr.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12} }},
		{name: "a ServerName", run: get, tune: func(tr *http.Transport) { tr.TLSClientConfig.ServerName = "example.com" }},
		{name: "a wrong ServerName", run: get, tune: func(tr *http.Transport) { tr.TLSClientConfig.ServerName = "example.net" }},
		{name: "DialTLSContext", run: get, tune: func(tr *http.Transport) {
			config := tr.TLSClientConfig
			tr.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				return (&tls.Dialer{Config: config}).DialContext(ctx, network, addr)
			}
		}},
		{name: "DialTLSContext without a handshake", run: get, tune: func(tr *http.Transport) {
			config := tr.TLSClientConfig.Clone()
			config.NextProtos = []string{"h2", "http/1.1"}
			tr.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return tls.Client(c, config), err
			}
		}},
	}.with([]kind{tls1, tls2}, describe))
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func toLoopback(tr *http.Transport) {
	dial := tr.DialContext
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if !strings.HasPrefix(addr, "xn--bcher-kva.example:") {
			return nil, fmt.Errorf("asked to dial %q", addr)
		}
		return dial(ctx, network, "127.0.0.1:"+portOf(addr))
	}
	if tr.TLSClientConfig != nil {
		tr.TLSClientConfig.ServerName = "example.com"
	}
}

func TestSameTargetsOfOptions(t *testing.T) {
	runSame(t, scenarios{{name: "OPTIONS *", run: func(s *session) {
		req := s.request("OPTIONS", "/", nil)
		req.URL = &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Opaque: "*"}
		s.do(req)
	}}}.with(allKinds, describe))
}
