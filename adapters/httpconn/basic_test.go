package httpconn_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// silent is for servers whose connections are broken on purpose.
var silent = log.New(io.Discard, "", 0)

func proto(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }

func TestConnectionIsReusedForNextRequest(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		want := "HTTP/1.1"
		if k.name == "https/2" || k.name == "h2c" {
			want = "HTTP/2.0"
		}
		for range 10 {
			assert.Equal(t, want, c.mustGet(s.URL))
		}
		assert.Equal(t, 1, c.wires.dialled())
		st := c.Stats()
		assert.Equal(t, uint64(10), st.Acquires)
		assert.Equal(t, 1, st.Idle)
		assert.Zero(t, st.Leases)
	})
}

func TestResponseWithoutBodyEndsLeaseAtOnce(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodHead {
				w.WriteHeader(http.StatusNoContent)
			}
		})
		c := newClient(t, k, s, httpconn.Config{})
		for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodGet} {
			resp, err := c.RoundTrip(request(t.Context(), t, method, s.URL, nil))
			require.NoError(t, err)
			assert.Zero(t, c.Stats().Leases, "the body is not closed yet and need not be")
			require.NoError(t, resp.Body.Close())
		}
		assert.Equal(t, 1, c.wires.dialled())
	})
}

func TestRequestBodyIsSentAndClosed(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			_, _ = fmt.Fprint(w, n)
		})
		c := newClient(t, k, s, httpconn.Config{})
		body := &closeCounter{Reader: strings.NewReader(strings.Repeat("x", 1<<20))}
		req := request(t.Context(), t, http.MethodPost, s.URL, body)
		resp, err := c.RoundTrip(req)
		require.NoError(t, err)
		got, err := read(resp)
		require.NoError(t, err)
		assert.Equal(t, "1048576", got)
		until(t, "body closed", func() bool { return body.times() == 1 })
	})
}

func TestRequestIsNotChanged(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		body := io.NopCloser(strings.NewReader("x"))
		cancel := make(chan struct{})
		req := request(t.Context(), t, http.MethodPost, s.URL, nil)
		req.Body, req.Cancel = body, cancel //nolint:staticcheck // deprecated, and set by http.Client
		resp, err := c.RoundTrip(req)
		require.NoError(t, err)
		_, err = read(resp)
		require.NoError(t, err)
		assert.Same(t, req, resp.Request)
		assert.Equal(t, body, req.Body)
		assert.Empty(t, req.Header)
		assert.Equal(t, (<-chan struct{})(cancel), req.Cancel) //nolint:staticcheck // as above
	})
}

func TestClientFollowsRedirectsAndKeepsCookies(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/start":
				http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes", Path: "/"})
				http.Redirect(w, r, "/end", http.StatusFound)
			default:
				cookie, err := r.Cookie("seen")
				if err == nil {
					_, _ = io.WriteString(w, r.URL.Path+" "+cookie.Value)
				}
			}
		})
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		c.http.Jar = jar
		assert.Equal(t, "/end yes", c.mustGet(s.URL+"/start"))
		assert.Equal(t, 1, c.wires.dialled())
	})
}

func TestCompressedBodyIsDecodedAndEndsLease(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, gzipped)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		for range 3 {
			assert.Equal(t, strings.Repeat("zip ", 1000), c.mustGet(s.URL))
		}
		assert.Equal(t, 1, c.wires.dialled())
	})
}

func TestTrailersArrive(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "Sum")
			_, _ = io.WriteString(w, "body")
			w.Header().Set("Sum", "42")
		})
		c := newClient(t, k, s, httpconn.Config{})
		resp, err := c.http.Get(s.URL)
		require.NoError(t, err)
		_, err = read(resp)
		require.NoError(t, err)
		assert.Equal(t, "42", resp.Trailer.Get("Sum"))
	})
}

func TestConnectionCloseIsNotReused(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		for range 3 {
			req := request(t.Context(), t, http.MethodGet, s.URL, nil)
			req.Close = true
			r := within(t, c.start(req), "response")
			require.NoError(t, r.err)
		}
		assert.Equal(t, 3, c.wires.dialled())
	})
}

func TestDisableKeepAlivesUsesEachConnectionOnce(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 2}, func(tr *http.Transport) { tr.DisableKeepAlives = true })
		for range 5 {
			c.mustGet(s.URL)
		}
		assert.Equal(t, 5, c.wires.dialled())
		assert.Zero(t, c.Stats().Idle)
		c.burst(5, s.URL)
		assert.Equal(t, 10, c.wires.dialled(), "not even a shared one")
		assert.LessOrEqual(t, c.wires.mostOpen(), 2)
	})
}

func TestNegativeMaxIdleConnsPerHostClosesHTTP1Only(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{MaxIdleConnsPerHost: -1})
		for range 3 {
			c.mustGet(s.URL)
		}
		want := 3
		if k.name == "https/2" || k.name == "h2c" {
			want = 1
		}
		assert.Equal(t, want, c.wires.dialled())
	})
}

func TestAllTellsHostsApart(t *testing.T) {
	a, b := serve(t, plain1, proto), serve(t, plain1, proto)
	c := newClient(t, plain1, a, httpconn.Config{})
	c.mustGet(a.URL)
	c.mustGet(b.URL)
	got := map[string]int{}
	for h, st := range c.All() {
		got[h.String()] = st.Idle
	}
	assert.Equal(t, map[string]int{a.URL: 1, b.URL: 1}, got)
}

func TestDefaultTransportIsTheDefaultBase(t *testing.T) {
	s := serve(t, plain1, proto)
	tr, err := httpconn.New(httpconn.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, tr.Shutdown(context.Background())) }()
	resp, err := (&http.Client{Transport: tr}).Get(s.URL)
	require.NoError(t, err)
	_, err = read(resp)
	require.NoError(t, err)
}

// A body that makes no sense to the decompressor ends the exchange, and not only
// as the pool sees it: the server hears of it too, whether or not the caller closes
// what could not be read.
func TestBodyThatIsNotGzipEndsTheRequest(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		ended := make(chan struct{})
		s := serve(t, k, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "this is plain text")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			close(ended)
		})
		c := newClient(t, k, s, httpconn.Config{})
		resp, err := c.RoundTrip(request(t.Context(), t, http.MethodGet, s.URL, nil)) //nolint:bodyclose // that is the point
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.ErrorIs(t, err, gzip.ErrHeader)
		within(t, ended, "end of the request at the server")
		until(t, "no lease", func() bool { return c.Stats().Leases == 0 })
	})
}
