package httpconn_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// What panics in a dial after the connection was made must not leave that open when its
// slot is free.
func TestPanicInADialLeavesNoConnection(t *testing.T) {
	s := serve(t, tls1, func(http.ResponseWriter, *http.Request) {})
	proxy := forwarding(t, make(chan string, 100))
	for how, end := range map[string]func(){
		"panic":  func() { panic("of the user's") },
		"Goexit": runtime.Goexit,
	} {
		trace := &httptrace.ClientTrace{}
		for where, tune := range map[string]func(*http.Transport){
			"GetProxyConnectHeader": func(tr *http.Transport) {
				tr.GetProxyConnectHeader = func(context.Context, *url.URL, string) (http.Header, error) {
					end()
					return nil, nil //nolint:nilnil // never
				}
			},
			"OnProxyConnectResponse": func(tr *http.Transport) {
				tr.OnProxyConnectResponse = func(context.Context, *url.URL, *http.Request, *http.Response) error {
					end()
					return nil
				}
			},
			"trace": func(*http.Transport) {
				trace.TLSHandshakeDone = func(tls.ConnectionState, error) { end() }
			},
		} {
			t.Run(how+" in "+where, func(t *testing.T) {
				c := newClient(t, tls1, s, httpconn.Config{MaxConnsPerHost: 1}, by(proxy), tune)
				req := request(httptrace.WithClientTrace(t.Context(), trace), t, http.MethodGet, s.URL, nil)
				require.Error(t, within(t, c.start(req), "error").err)
				assert.Zero(t, c.wires.openNow(), "connections left open")
				assert.Zero(t, c.Stats().Open)
			})
			trace.TLSHandshakeDone = nil
		}
	}
}
