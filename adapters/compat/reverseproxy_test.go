package compat_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// throughProxy returns the URL of a reverse proxy before the handler, whose
// requests to the server behind it go over a transport under test.
func throughProxy(t *testing.T, secure bool, cfg httpconn.Config, h http.Handler) (string, *httpconn.Transport) {
	behind := serve(t, secure, h)
	target, err := url.Parse(behind.URL)
	require.NoError(t, err)
	tr := newTransport(t, behind, cfg)
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport:     tr,
		FlushInterval: -1,
	}
	return serve(t, false, proxy).URL, tr
}

func TestReverseProxyForwardsRequestsInParallel(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		front, tr := throughProxy(t, secure, httpconn.Config{MaxConnsPerHost: 4}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "Sum")
			b, _ := io.ReadAll(r.Body)
			_ = http.NewResponseController(w).Flush() // with a Content-Length there would be no trailer
			_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, b)
			w.Header().Set("Sum", fmt.Sprint(len(b)))
		}))
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				resp, err := http.Post(fmt.Sprint(front, "/", i), "text/plain", strings.NewReader(strings.Repeat("x", i)))
				if assert.NoError(t, err) {
					assert.Equal(t, fmt.Sprint("POST /", i, " ", strings.Repeat("x", i)), read(t, resp))
					assert.Equal(t, fmt.Sprint(i), resp.Trailer.Get("Sum"))
				}
			})
		}
		wg.Wait()
		assert.LessOrEqual(t, tr.Stats().Open, 4)
		http.DefaultClient.CloseIdleConnections()
	})
}

func TestReverseProxyPassesOnTheEndOfACaller(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		gone := make(chan struct{})
		front, _ := throughProxy(t, secure, httpconn.Config{MaxConnsPerHost: 1}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
				close(gone)
			}
		}))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, front+"/slow", nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		cancel()
		<-gone
		_ = resp.Body.Close()
		resp, err = http.Get(front + "/fast")
		require.NoError(t, err)
		read(t, resp)
		http.DefaultClient.CloseIdleConnections()
	})
}

// echo answers each message of a WebSocket with itself.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

// talk sends messages over a WebSocket to url and expects each back.
func talk(t *testing.T, url string, client *http.Client) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client})
	require.NoError(t, err)
	assert.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	for i := range 20 {
		want := strings.Repeat(fmt.Sprint(i), 1000)
		require.NoError(t, c.Write(ctx, websocket.MessageText, []byte(want)))
		_, got, err := c.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.NoError(t, c.Close(websocket.StatusNormalClosure, "bye"))
}

func TestWebSocketDialsThroughTheTransport(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		s := serve(t, secure, http.HandlerFunc(echo))
		tr := newTransport(t, s, httpconn.Config{MaxConnsPerHost: 1})
		for range 3 { // the connection of each is given back by its end
			talk(t, s.URL, &http.Client{Transport: tr})
		}
	})
}

func TestWebSocketPassesAReverseProxy(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		front, tr := throughProxy(t, secure, httpconn.Config{MaxConnsPerHost: 2}, http.HandlerFunc(echo))
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() { talk(t, front, http.DefaultClient) })
		}
		wg.Wait()
		assert.LessOrEqual(t, tr.Stats().Open, 2)
	})
}
