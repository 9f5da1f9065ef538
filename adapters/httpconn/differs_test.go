package httpconn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// What docs/http.md says under "What differs", row by row, where no other test does.

// offers has a TLS server note what each client offers it.
func offers(s *httptest.Server) <-chan []string {
	seen := make(chan []string, 10)
	s.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		seen <- hello.SupportedProtos
		return nil, nil
	}}
	return seen
}

func TestUpgradeOffersATLSServerWhatWillBeSpoken(t *testing.T) {
	for name, tt := range map[string]struct {
		base, want []string
	}{
		"nothing said":      {nil, []string{"http/1.1"}},
		"a protocol beside": {[]string{"h2", "odd", "http/1.1"}, []string{"odd", "http/1.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(proto))
			seen := offers(s)
			start(t, tls2, s, nil)
			c := newClient(t, tls2, s, httpconn.Config{}, func(tr *http.Transport) { tr.TLSClientConfig.NextProtos = tt.base })
			require.NoError(t, within(t, c.start(upgrade(t, s.URL)), "response").err)
			assert.Equal(t, tt.want, within(t, seen, "hello"))
		})
	}
}

func TestEachHeaderOfAnUpgradeChoosesHTTP1(t *testing.T) {
	s := serve(t, tls2, proto)
	c := newClient(t, tls2, s, httpconn.Config{})
	assert.Equal(t, "HTTP/2.0", c.mustGet(s.URL))
	for name, value := range map[string]string{"Upgrade": "echo", "Connection": "upgrade"} {
		req := request(t.Context(), t, http.MethodGet, s.URL, nil)
		req.Header.Set(name, value)
		r := within(t, c.start(req), "response")
		require.NoError(t, r.err, name)
		assert.Equal(t, "HTTP/1.1", r.body, name)
	}
}

func TestProxyWithTLSIsOfferedHTTP1(t *testing.T) {
	p := httptest.NewUnstartedServer(http.HandlerFunc(proto))
	seen := offers(p)
	start(t, tls2, p, nil)
	u, err := url.Parse(p.URL)
	require.NoError(t, err)
	c := newClient(t, tls2, p, httpconn.Config{}, func(tr *http.Transport) { tr.Proxy = http.ProxyURL(u) })
	assert.Equal(t, "HTTP/1.1", c.mustGet("http://host.example/"))
	assert.Equal(t, []string{"http/1.1"}, within(t, seen, "hello"))
}

func TestTraceHandsOutWhatTheDialFuncReturned(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		var made net.Conn
		c := newClient(t, k, s, httpconn.Config{}, func(tr *http.Transport) {
			dial := tr.DialContext
			tr.DialContext = func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
				made, err = dial(ctx, network, addr)
				return made, err
			}
		})
		var got httptrace.GotConnInfo
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { got = info }})
		resp, err := c.RoundTrip(request(ctx, t, http.MethodGet, s.URL, nil))
		require.NoError(t, err)
		_, err = read(resp)
		require.NoError(t, err)
		assert.Same(t, made, got.Conn)
		assert.Equal(t, strings.HasPrefix(k.name, "https"), resp.TLS != nil)
	})
}

// A stale connection makes a second attempt.
func TestProxyIsAskedOnceForAllAttempts(t *testing.T) {
	var closes atomic.Bool
	p := serve(t, plain1, func(w http.ResponseWriter, _ *http.Request) {
		if closes.Swap(false) {
			conn, _, err := http.NewResponseController(w).Hijack()
			assert.NoError(t, err)
			_ = conn.Close()
			return
		}
		_, _ = io.WriteString(w, "by proxy")
	})
	u, err := url.Parse(p.URL)
	require.NoError(t, err)
	asked := 0
	c := newClient(t, plain1, p, httpconn.Config{}, func(tr *http.Transport) {
		tr.Proxy = func(*http.Request) (*url.URL, error) { asked++; return u, nil }
	})
	assert.Equal(t, "by proxy", c.mustGet("http://host.example/"))
	closes.Store(true)
	asked = 0
	var got []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(addr string) { got = append(got, addr) }})
	require.NoError(t, within(t, c.start(request(ctx, t, http.MethodGet, "http://host.example/", nil)), "response").err)
	assert.Equal(t, []string{u.Host, u.Host}, got)
	assert.Equal(t, 1, asked)
}

func TestDialsOfABurstHaveTheValuesOfWhoWaitsLongest(t *testing.T) {
	type key struct{}
	s := serve(t, plain1, proto)
	hold, values := make(chan struct{}), make(chan any, 3)
	c := newClient(t, plain1, s, httpconn.Config{}, func(tr *http.Transport) {
		dial := tr.DialContext
		tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			values <- ctx.Value(key{})
			<-hold
			return dial(ctx, network, addr)
		}
	})
	var ends []<-chan result
	for i := range 3 {
		ends = append(ends, c.start(request(context.WithValue(t.Context(), key{}, i), t, http.MethodGet, s.URL, nil)))
		c.waiting(i + 1)
		assert.Equal(t, 0, within(t, values, "dial"))
	}
	close(hold)
	for _, end := range ends {
		require.NoError(t, within(t, end, "response").err)
	}
}

func TestNamesAreDialledInLowerCaseAndBadOnesNot(t *testing.T) {
	s := serve(t, plain1, proto)
	c := newClient(t, plain1, s, httpconn.Config{}, func(tr *http.Transport) {
		dial := tr.DialContext
		tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			assert.Equal(t, "host.example:80", addr)
			return dial(ctx, network, s.Listener.Addr().String())
		}
	})
	c.mustGet("http://HOST.example")
	for _, host := range []string{"\u0378.example", "[::1", "::1]", "[::1]:80]"} {
		req := request(t.Context(), t, http.MethodGet, s.URL, nil)
		req.URL.Host = host
		require.Error(t, within(t, c.start(req), "error").err, host)
	}
	assert.Equal(t, 1, c.wires.dialled())
}

func TestStreamThatIsResetWithAProtocolErrorIsNotSentAgain(t *testing.T) {
	const protocolError = 1
	s := newRawHTTP2(t, func(c *rawConn, _ int, stream uint32) { c.reset(stream, protocolError) })
	c := newClient(t, plain2, nil, httpconn.Config{})
	require.Error(t, within(t, c.start(post(t, s.url)), "error").err)
	_, requests := s.counts()
	assert.Equal(t, 1, requests)
}

// As with net/http, which offers no other way.
func TestWhatComesUnaskedForIsLogged(t *testing.T) {
	var logged safeBuffer
	defer log.SetOutput(log.Writer())
	log.SetOutput(&logged)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = ln.Close() }()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		if _, err = conn.Read(make([]byte, 4096)); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\nunasked for")
		_, _ = conn.Read(make([]byte, 1))
	}()
	c := newClient(t, plain1, nil, httpconn.Config{})
	c.mustGet("http://" + ln.Addr().String())
	until(t, "a line in the log", func() bool { return strings.Contains(logged.String(), "unasked for") })
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
