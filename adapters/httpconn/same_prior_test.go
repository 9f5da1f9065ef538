package httpconn_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// With HTTP/1 off and UnencryptedHTTP2 on, HTTP/2 is spoken to whoever net/http sees no TLS
// of: a host, one behind TLS of the user's own, and an HTTP proxy.
func TestSameByPriorKnowledge(t *testing.T) {
	ownTLS := func(wrapped bool) dialFunc {
		return func(ctx context.Context, network, addr string) (net.Conn, error) {
			d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}} //nolint:gosec // a test server's
			c, err := d.DialContext(ctx, network, addr)
			if err == nil && wrapped {
				c = struct{ net.Conn }{c} // net/http knows nothing of it
			}
			return c, err
		}
	}
	says := func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Proto, " ", r.Host, " ", r.URL.Path)
	}
	by := func(k kind) func(*http.Transport) {
		u, err := url.Parse(serve(t, k, says).URL)
		require.NoError(t, err)
		return func(tr *http.Transport) { tr.Proxy = http.ProxyURL(u) }
	}
	byProxy := by(plain2)
	only := func(protocols ...func(*http.Protocols, bool)) func(*http.Transport) {
		return func(tr *http.Transport) {
			tr.Protocols = new(http.Protocols)
			for _, set := range protocols {
				set(tr.Protocols, true)
			}
		}
	}
	prior := (*http.Protocols).SetUnencryptedHTTP2
	both := func(f, g func(*http.Transport)) func(*http.Transport) {
		return func(tr *http.Transport) { f(tr); g(tr) }
	}
	get := func(s *session) {
		for range 2 {
			s.do(s.request("GET", "/path", nil))
		}
	}
	all := scenarios{
		{name: "host", kinds: []kind{plain2}, tune: only(prior)},
		{name: "own TLS", kinds: []kind{tls2}, tune: both(only(prior), func(tr *http.Transport) { tr.DialTLSContext = ownTLS(true) })},
		{name: "own TLS that agrees", kinds: []kind{tls2}, tune: both(only(prior), func(tr *http.Transport) { tr.DialTLSContext = ownTLS(false) })},
		{name: "own TLS, without a context", kinds: []kind{tls2}, tune: both(only(prior), func(tr *http.Transport) {
			tr.DialTLS = func(network, addr string) (net.Conn, error) { //nolint:staticcheck // deprecated, and still counts
				return ownTLS(true)(context.Background(), network, addr)
			}
		})},
		{name: "own TLS and HTTP/1", kinds: []kind{tls1}, tune: both(only(prior, (*http.Protocols).SetHTTP1), func(tr *http.Transport) {
			tr.DialTLSContext = ownTLS(true)
		})},
		{name: "proxy", kinds: []kind{plain2}, tune: both(only(prior), byProxy)},
		{name: "proxy, own TLS", kinds: []kind{plain2}, tune: both(both(only(prior), by(tls2)), func(tr *http.Transport) { tr.DialTLSContext = ownTLS(true) })},
		{name: "proxy, and HTTP/2 with TLS", kinds: []kind{plain2}, tune: both(only(prior, (*http.Protocols).SetHTTP2), byProxy)},
	}
	runSame(t, all.with(nil, says).untraced().running(get))
}

// An upgrade is asked for on HTTP/1.1, which a server may speak beside HTTP/2 on the same
// port.
func TestUpgradeIsNotAskedForByPriorKnowledge(t *testing.T) {
	both := kind{name: "both", start: func(s *httptest.Server) {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetHTTP1(true)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}, tune: plain2.tune}
	s := serve(t, both, proto)
	c := newClient(t, both, s, httpconn.Config{})
	text, err := c.get(s.URL)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/2.0", text)
	req := request(t.Context(), t, http.MethodGet, s.URL, nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "other")
	resp, err := c.RoundTrip(req)
	require.NoError(t, err)
	text, err = read(resp)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1", text)
}

// Where a proxy is offered nothing but HTTP/1.1, an upgrade has the same Host as all else.
func TestUpgradeByAProxyThatSpeaksOnlyHTTP1HasNoHostOfItsOwn(t *testing.T) {
	tr := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "https", Host: "proxy.example"}), Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	c, err := httpconn.New(httpconn.Config{Base: tr})
	require.NoError(t, err)
	req := request(t.Context(), t, http.MethodGet, "http://host.example", nil)
	plain, err := c.HostOf(req)
	require.NoError(t, err)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "other")
	upgrade, err := c.HostOf(req)
	require.NoError(t, err)
	assert.Equal(t, plain, upgrade)
}
