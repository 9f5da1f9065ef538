package httpconn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type closesConn struct {
	net.Conn
	n *atomic.Int32
}

func (c closesConn) Close() error { c.n.Add(1); return c.Conn.Close() }

// What a dial func returned is closed as often as net/http closes it when the rest of the
// dial fails: once, also by net/http's own TestOnProxyConnectResponse.
func TestConnOfAFailedDialIsClosedAsByNetHTTP(t *testing.T) {
	angry := serve(t, plain1, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
	secure := serve(t, tls1, echo)
	proxy, err := url.Parse(angry.URL)
	require.NoError(t, err)
	for name, tune := range map[string]func(*http.Transport){
		"CONNECT is refused": func(tr *http.Transport) { tr.Proxy = http.ProxyURL(proxy) },
		"OnProxyConnectResponse fails": func(tr *http.Transport) {
			tr.Proxy = http.ProxyURL(proxy)
			tr.OnProxyConnectResponse = func(context.Context, *url.URL, *http.Request, *http.Response) error { return errors.New("no") }
		},
		"an unknown certificate": func(tr *http.Transport) { tr.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12} },
	} {
		t.Run(name, func(t *testing.T) {
			closes := map[bool]int32{}
			for _, ours := range []bool{false, true} {
				var n atomic.Int32
				base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
					return closesConn{c, &n}, err
				}}
				tune(base)
				var rt http.RoundTripper = base
				if ours {
					tr, err := httpconn.New(httpconn.Config{Base: base})
					require.NoError(t, err)
					defer func() { require.NoError(t, tr.Shutdown(context.Background())) }()
					rt = tr
				}
				_, err := rt.RoundTrip(request(t.Context(), t, http.MethodGet, secure.URL, nil))
				require.Error(t, err)
				closes[ours] = n.Load()
			}
			assert.Equal(t, closes[false], closes[true], "times that the conn was closed")
		})
	}
}
