package httpconn_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// noteSeen writes down what a proxy saw.
func (s *session) noteSeen(seen chan string) {
	for {
		select {
		case line := <-seen:
			s.note("proxy: %s", line)
		default:
			return
		}
	}
}

func TestSameByProxy(t *testing.T) {
	seen := make(chan string, 100)
	proxy := func(w http.ResponseWriter, r *http.Request) {
		seen <- fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Header)
		tunnel(w, r)
	}
	refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }
	plain, secure := serve(t, plain1, proxy), serve(t, tls1, proxy)
	angry := serve(t, plain1, refuse)
	socks := newSOCKS(t, seen)
	by := func(raw, user string, more ...func(*http.Transport)) func(*http.Transport) {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		if user != "" {
			u.User = url.UserPassword(user, "secret")
		}
		return func(tr *http.Transport) {
			tr.Proxy = http.ProxyURL(u)
			if u.Scheme == "https" && tr.TLSClientConfig == nil {
				trust(tr, secure)
			}
			for _, f := range more {
				f(tr)
			}
		}
	}
	get := func(s *session) {
		for range 2 {
			s.do(s.request("GET", "/path", nil))
		}
		s.noteSeen(seen)
	}
	header := http.Header{"X-Team": {"a"}}
	all := scenarios{
		{name: "HTTP", tune: by(plain.URL, "")},
		{name: "HTTP with a password", tune: by(plain.URL, "me")},
		{name: "HTTPS", tune: by(secure.URL, "me"), noWire: true},
		{name: "SOCKS5", tune: by("socks5://"+socks, "")},
		{name: "SOCKS5 with a password", tune: by("socks5h://"+socks, "me")},
		{name: "SOCKS5 with a wrong password", tune: by("socks5://"+socks, "you")},
		{name: "no scheme", tune: by("//"+plain.Listener.Addr().String(), "")},
		{name: "refused", tune: by(angry.URL, "me")},
		{name: "not there", tune: by("http://"+unused(t), "")},
		{name: "the func fails", tune: func(tr *http.Transport) {
			tr.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("no idea") }
		}},
		{name: "ProxyConnectHeader", tune: by(plain.URL, "me", func(tr *http.Transport) { tr.ProxyConnectHeader = header })},
		{name: "GetProxyConnectHeader", tune: by(plain.URL, "me", func(tr *http.Transport) {
			tr.GetProxyConnectHeader = func(_ context.Context, u *url.URL, target string) (http.Header, error) {
				return http.Header{"X-For": {u.Redacted() + " " + target}}, nil
			}
		})},
		{name: "GetProxyConnectHeader fails", tune: by(plain.URL, "me", func(tr *http.Transport) {
			tr.GetProxyConnectHeader = func(context.Context, *url.URL, string) (http.Header, error) {
				return nil, errors.New("no header")
			}
		})},
		{name: "OnProxyConnectResponse", tune: by(plain.URL, "me", func(tr *http.Transport) {
			tr.OnProxyConnectResponse = func(_ context.Context, u *url.URL, req *http.Request, resp *http.Response) error {
				seen <- fmt.Sprint("response ", u.Redacted(), " ", req.Method, " ", resp.StatusCode)
				return nil
			}
		})},
		{name: "OnProxyConnectResponse fails", tune: by(angry.URL, "me", func(tr *http.Transport) {
			tr.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
				return fmt.Errorf("the proxy says %d", resp.StatusCode)
			}
		})},
	}
	runSame(t, all.with([]kind{plain1, tls1}, describe).running(get))
	// For a second request by HTTP/2, net/http says that it looks for a connection
	// to the host, not to the proxy.
	for i := range all {
		all[i].kinds = []kind{tls2}
	}
	runSame(t, all.untraced())
}

func (all scenarios) running(f func(*session)) scenarios {
	for i := range all {
		all[i].run = f
	}
	return all
}

// unused returns an address on which nobody listens.
func unused(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return ln.Addr().String()
}

// tunnel serves a request to a proxy.
func tunnel(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		_, _ = io.WriteString(w, "by proxy: "+r.URL.Path)
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
	join(in, buffered, out)
}

// join copies both ways until one side ends.
func join(in io.WriteCloser, fromIn io.Reader, out net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(out, fromIn)
		_ = out.Close()
	})
	_, _ = io.Copy(in, out)
	_ = in.Close()
	wg.Wait()
}

// newSOCKS starts a SOCKS5 server, RFC 1928, that lets in whoever has no
// password to offer, and the user "me" with the right one (RFC 1929).
func newSOCKS(t *testing.T, seen chan string) (addr string) {
	return listen(t, func(c net.Conn) {
		defer func() { _ = c.Close() }()
		methods := block(c, 1)
		if len(methods) == 1 {
			_, _ = c.Write([]byte{5, 0})
		} else {
			_, _ = c.Write([]byte{5, 2})
			user, password := block(c, 1), block(c, 0)
			seen <- fmt.Sprintf("SOCKS user %s %s", user, password)
			if string(user) != "me" {
				_, _ = c.Write([]byte{1, 1})
				return
			}
			_, _ = c.Write([]byte{1, 0})
		}
		head := make([]byte, 4) // version, CONNECT, reserved, type of address: IPv4
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		target := make([]byte, 6)
		if _, err := io.ReadFull(c, target); err != nil {
			return
		}
		out, err := net.Dial("tcp", fmt.Sprintf("%v:%d", net.IP(target[:4]), binary.BigEndian.Uint16(target[4:])))
		if err != nil {
			return
		}
		seen <- "SOCKS connect"
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		join(c, c, out)
	})
}

// block reads skip bytes and then as many as the next one says.
func block(c net.Conn, skip int) []byte {
	head := make([]byte, skip+1)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil
	}
	b := make([]byte, head[skip])
	_, _ = io.ReadFull(c, b)
	return b
}

// listen serves connections with f until the test ends.
func listen(t *testing.T, f func(net.Conn)) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listenOn(t, ln, f)
}

func listenOn(t *testing.T, ln net.Listener, f func(net.Conn)) (addr string) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() {
		for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
			wg.Go(func() { f(c) })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	return ln.Addr().String()
}
