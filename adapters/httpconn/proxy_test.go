package httpconn_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// forwarding is a proxy for plain requests and for CONNECT.
func forwarding(t *testing.T, seen chan string) *httptest.Server {
	return serve(t, plain1, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Method + " " + r.Host + " " + r.Header.Get("Proxy-Authorization")
		if r.Method != http.MethodConnect {
			_, _ = io.WriteString(w, "by proxy: "+r.URL.String())
			return
		}
		out, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		in, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = out.Close()
			return
		}
		go func() {
			_, _ = io.Copy(out, buffered)
			_ = out.Close()
		}()
		_, _ = io.Copy(in, out)
		_ = in.Close()
	})
}

func by(proxy *httptest.Server) func(*http.Transport) {
	u, _ := url.Parse(proxy.URL)
	u.User = url.UserPassword("me", "secret")
	return func(tr *http.Transport) { tr.Proxy = http.ProxyURL(u) }
}

func TestOneConnectionToAProxyServesAllPlainHosts(t *testing.T) {
	seen := make(chan string, 10)
	p := forwarding(t, seen)
	c := newClient(t, plain1, nil, httpconn.Config{}, by(p))
	for _, host := range []string{"one.example", "two.example:8080"} {
		var asked string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(addr string) { asked = addr }})
		r := within(t, c.start(request(ctx, t, http.MethodGet, "http://"+host+"/", nil)), "response")
		require.NoError(t, r.err)
		assert.Equal(t, "by proxy: http://"+host+"/", r.body)
		assert.Equal(t, p.Listener.Addr().String(), asked)
		assert.Equal(t, "GET "+host+" Basic bWU6c2VjcmV0", <-seen)
	}
	assert.Equal(t, 1, c.wires.dialled())
	for h := range c.All() {
		assert.NotContains(t, h.String(), "secret")
		assert.Contains(t, h.String(), "http://* by http://me:")
	}
}

func TestTunnelThroughAProxySpeaksTheHostsProtocol(t *testing.T) {
	for _, k := range []kind{tls1, tls2} {
		t.Run(k.name, func(t *testing.T) {
			seen := make(chan string, 10)
			p := forwarding(t, seen)
			s := serve(t, k, proto)
			c := newClient(t, k, s, httpconn.Config{}, by(p))
			want := map[string]string{"https/1.1": "HTTP/1.1", "https/2": "HTTP/2.0"}[k.name]
			for range 3 {
				assert.Equal(t, want, c.mustGet(s.URL))
			}
			assert.Equal(t, "CONNECT "+s.Listener.Addr().String()+" Basic bWU6c2VjcmV0", <-seen)
			assert.Empty(t, seen, "one tunnel")
			assert.Equal(t, 1, c.wires.dialled())
			c.CloseIdleConnections()
			until(t, "tunnel closed", func() bool { return c.Stats().Closing == 0 && c.Stats().Open == 0 })
		})
	}
}

func TestProxyIsAskedWithTheRealRequest(t *testing.T) {
	s := serve(t, plain1, proto)
	asked := make(chan *http.Request, 1)
	c := newClient(t, plain1, s, httpconn.Config{}, func(tr *http.Transport) {
		tr.Proxy = func(r *http.Request) (*url.URL, error) {
			asked <- r
			return nil, nil
		}
	})
	req := request(t.Context(), t, http.MethodGet, s.URL+"/path", nil)
	require.NoError(t, within(t, c.start(req), "response").err)
	assert.Same(t, req, <-asked)
}

func TestSwitchedProtocolKeepsItsLeaseUntilTheBodyCloses(t *testing.T) {
	// With HTTP/2 to be had, so that the request must ask for HTTP/1.
	for _, k := range []kind{plain1, tls2} {
		t.Run(k.name, func(t *testing.T) {
			s := serve(t, k, switchToEcho)
			c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
			for i := range 20 {
				resp, err := c.RoundTrip(upgrade(t, s.URL))
				require.NoError(t, err)
				require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
				next := c.upgradesNext(s.URL)
				rw, ok := resp.Body.(io.ReadWriter)
				require.True(t, ok, "the body is the connection")
				r := bufio.NewReader(rw)
				for range 5 {
					_, err = io.WriteString(rw, "hello\n")
					require.NoError(t, err)
					line, err := r.ReadString('\n')
					require.NoError(t, err)
					assert.Equal(t, "echo hello\n", line)
				}
				assert.Equal(t, 1, c.Stats().InUse, "it counts although it is no HTTP connection any more")
				assert.Equal(t, 2*i+1, c.wires.dialled())
				require.NoError(t, resp.Body.Close())
				require.NoError(t, within(t, next, "response"))
			}
			assert.Equal(t, 40, c.wires.dialled())
			assert.Equal(t, 1, c.wires.mostOpen())
		})
	}
}

// A Proxy func made of a setting that is empty returns an empty URL. As with net/http,
// that is not taken for no proxy at all.
func TestEmptyProxyURLIsAnError(t *testing.T) {
	forEach(t, []kind{plain1, tls2}, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		u, err := url.Parse("")
		require.NoError(t, err)
		c := newClient(t, k, s, httpconn.Config{}, func(tr *http.Transport) { tr.Proxy = http.ProxyURL(u) })
		_, err = c.http.Get(s.URL)
		require.ErrorContains(t, err, "Base.Proxy")
		assert.Zero(t, c.wires.dialled())
	})
}

// No error says the password of the proxy, also where its URL is no URL.
func TestErrorsKeepTheProxysPassword(t *testing.T) {
	s := serve(t, plain1, proto)
	for name, u := range map[string]*url.URL{
		"no host":   {Scheme: "http", Host: "a b:1", User: url.UserPassword("me", "secret")},
		"no port":   {Scheme: "http", Host: "127.0.0.1:x", User: url.UserPassword("me", "secret")},
		"no scheme": {Host: "127.0.0.1:1", User: url.UserPassword("me", "secret")},
		"in Host":   {Scheme: "http", Host: "me:secret@proxy"},
		"unknown":   {Scheme: "gopher", Host: "127.0.0.1:1", User: url.UserPassword("me", "secret")},
		"refused":   {Scheme: "http", Host: "127.0.0.1:1", User: url.UserPassword("me", "secret")},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, plain1, s, httpconn.Config{}, func(tr *http.Transport) { tr.Proxy = http.ProxyURL(u) })
			_, err := c.http.Get(s.URL)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

// tls.Conn.Close waits for its goodbye to be sent, and a second Close does not wait for the
// first. What proxies such connections closes them in two goroutines.
func TestSwitchedProtocolClosedTwiceAtOnceKeepsTheCap(t *testing.T) {
	inBubble(t, []kind{tls1}, func(b *bubble, k kind) {
		s := b.serve(k, switchToEcho)
		hang := make(chan struct{})
		w := newWires()
		w.connect = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := b.net.DialContext(ctx, network, addr)
			return &slowToClose{conn, hang}, err
		}
		c := newClientOn(b.T, w, k, s, httpconn.Config{MaxConnsPerHost: 1}, nil)
		resp, err := c.RoundTrip(upgrade(b.T, s.URL))
		require.NoError(b, err)
		next := c.upgradesNext(s.URL)
		for range 2 {
			go func() { _ = resp.Body.Close() }()
		}
		synctest.Wait()
		close(hang)
		require.NoError(b, within(b.T, next, "the next request"))
		require.Equal(b, 1, c.wires.mostOpen())
	})
}

// switchToEcho takes any upgrade and sends back each line.
func switchToEcho(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
	w.Header().Set("Connection", "Upgrade")
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	for {
		line, err := rw.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "echo "+line)
	}
}

func upgrade(t *testing.T, url string) *http.Request {
	t.Helper()
	req := request(t.Context(), t, http.MethodGet, url, nil)
	req.Header.Set("Upgrade", "echo")
	req.Header.Set("Connection", "Upgrade")
	return req
}

// upgradesNext has an upgrade wait for a connection, and returns how it ended.
func (c *client) upgradesNext(url string) <-chan error {
	next, req := make(chan error, 1), upgrade(c.t, url)
	go func() {
		resp, err := c.RoundTrip(req)
		if err == nil {
			err = resp.Body.Close()
		}
		next <- err
	}()
	c.waiting(1)
	return next
}

type slowToClose struct {
	net.Conn
	hang chan struct{}
}

func (c *slowToClose) Close() error {
	<-c.hang
	return c.Conn.Close()
}
