package h2_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
)

// newServer starts a server that speaks HTTP/2, and returns a Base for it.
func newServer(t *testing.T, secure bool, h http.HandlerFunc) (*httptest.Server, *http.Transport) {
	s := httptest.NewUnstartedServer(h)
	base := &http.Transport{}
	if secure {
		s.EnableHTTP2 = true
		s.StartTLS()
		base.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	} else {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, base
}

func newTransport(t *testing.T, cfg h2.Config) *h2.Transport {
	tr, err := h2.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, tr.Shutdown(ctx))
	})
	return tr
}

func fetch(rt http.RoundTripper, url string) (string, error) {
	resp, err := (&http.Client{Transport: rt}).Get(url)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(resp.Body)
	return string(b), errors.Join(err, resp.Body.Close())
}

func both(t *testing.T, f func(*testing.T, bool)) {
	t.Run("TLS", func(t *testing.T) { f(t, true) })
	t.Run("h2c", func(t *testing.T) { f(t, false) })
}

func TestZeroTransportSaysWhatItIs(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", http.NoBody)
	require.NoError(t, err)
	zero := &h2.Transport{}
	for name, call := range map[string]func(){
		"RoundTrip": func() { _, _ = zero.RoundTrip(req) },
		"Warm":      func() { _ = zero.Warm(t.Context(), "http://localhost/", 1) },
		"Reset":     zero.Reset,
		"ResetHost": func() { zero.ResetHost(h2.Host{}) },
		"CloseIdle": zero.CloseIdleConnections,
		"Close":     func() { _ = zero.Close() },
		"Shutdown":  func() { _ = zero.Shutdown(t.Context()) },
		"Stats":     func() { _ = zero.Stats() },
		"All":       func() { _ = zero.All() },
	} {
		assert.PanicsWithValue(t, "h2: this is the zero Transport: make it with New", call, name)
	}
}

func TestBurstIsServedByOneConnection(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		s, base := newServer(t, secure, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto+r.URL.Path) })
		tr := newTransport(t, h2.Config{Base: base})
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				got, err := fetch(tr, fmt.Sprint(s.URL, "/", i))
				assert.NoError(t, err)
				assert.Equal(t, fmt.Sprint("HTTP/2.0/", i), got)
			})
		}
		wg.Wait()
		st := tr.Stats()
		assert.Equal(t, uint64(1), st.Dials)
		assert.Zero(t, st.Leases)
		for h := range tr.All() {
			assert.Equal(t, s.URL, h.String())
		}
		tr.ResetHost(h2.Host{Scheme: strings.Split(s.URL, ":")[0], Addr: s.Listener.Addr().String()})
		_, err := fetch(tr, s.URL)
		require.NoError(t, err)
		assert.Equal(t, uint64(2), tr.Stats().Dials)
	})
}

func TestHostWithoutHTTP2IsAnError(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	base := s.Client().Transport.(*http.Transport)
	_, err := fetch(newTransport(t, h2.Config{Base: base}), s.URL)
	var dial *pool.DialError
	require.ErrorAs(t, err, &dial)
}

func TestStreamsBeyondMaxStreamsPerConnTakeAnotherConnection(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		arrived, leave := make(chan struct{}, 100), make(chan struct{})
		s, base := newServer(t, secure, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-leave })
		tr := newTransport(t, h2.Config{Base: base, MaxStreamsPerConn: 2, MaxConnsPerHost: 2})
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() { _, err := fetch(tr, s.URL); assert.NoError(t, err) })
		}
		for range 4 {
			<-arrived
		}
		assert.Eventually(t, func() bool { return tr.Stats().Waiting == 2 }, 10*time.Second, time.Millisecond)
		assert.Equal(t, 4, tr.Stats().Leases)
		close(leave)
		wg.Wait()
		assert.Equal(t, uint64(2), tr.Stats().Dials)
	})
}

func TestBodyOfABidirectionalRequestIsSentWhileTheResponseComes(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		s, base := newServer(t, secure, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			for b := make([]byte, 1); ; {
				if _, err := r.Body.Read(b); err != nil {
					return
				}
				_, _ = w.Write(b)
				_ = http.NewResponseController(w).Flush()
			}
		})
		tr := newTransport(t, h2.Config{Base: base})
		pr, pw := io.Pipe()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, pr)
		require.NoError(t, err)
		resp, err := tr.RoundTrip(req)
		require.NoError(t, err)
		for _, c := range "ping" {
			_, err = io.WriteString(pw, string(c))
			require.NoError(t, err)
			b := make([]byte, 1)
			_, err = io.ReadFull(resp.Body, b)
			require.NoError(t, err)
			assert.Equal(t, string(c), string(b))
		}
		require.NoError(t, pw.Close())
		rest, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Empty(t, rest)
		require.NoError(t, resp.Body.Close())
	})
}

func TestDroppedResponseEndsWithItsContext(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		s, base := newServer(t, secure, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		tr := newTransport(t, h2.Config{Base: base, MaxConnsPerHost: 1})
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, http.NoBody)
		require.NoError(t, err)
		_, err = tr.RoundTrip(req) //nolint:bodyclose // on purpose
		require.NoError(t, err)
		assert.Equal(t, 1, tr.Stats().Leases)
		cancel()
		assert.Eventually(t, func() bool { return tr.Stats().Leases == 0 }, 20*time.Second, time.Millisecond)
	})
}

// A Conn of a user's own stands for a protocol that net/http does not speak.
func TestDialMayReturnAnyConn(t *testing.T) {
	var hosts []h2.Host
	tr := newTransport(t, h2.Config{Dial: func(_ context.Context, h h2.Host) (h2.Conn, error) {
		hosts = append(hosts, h)
		c := newConn()
		c.max = 7
		return &endingConn{c}, nil
	}})
	require.NoError(t, tr.Warm(t.Context(), "https://Example.com/x", 1))
	for range 3 {
		_, err := fetch(tr, "https://example.com")
		require.NoError(t, err)
	}
	assert.Equal(t, []h2.Host{{Scheme: "https", Addr: "example.com:443"}}, hosts)
}

// endingConn is a fakeConn whose responses end at once.
type endingConn struct{ *fakeConn }

func (c *endingConn) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.fakeConn.RoundTrip(req)
	if err == nil {
		c.streamEnds()
	}
	return resp, err
}

func TestRequestIsCheckedBeforeAnythingIsDialled(t *testing.T) {
	tr := newTransport(t, h2.Config{Dial: func(context.Context, h2.Host) (h2.Conn, error) {
		return nil, errors.New("should not be called")
	}})
	_, err := fetch(tr, "gopher://example.com")
	require.ErrorContains(t, err, `unsupported protocol scheme "gopher"`)
	require.ErrorContains(t, tr.Warm(t.Context(), "gopher://example.com", 1), `unsupported protocol scheme "gopher"`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://example.com", nil)
	require.NoError(t, err)
	_, err = tr.RoundTrip(req) //nolint:bodyclose // there is no response
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, tr.Stats().DialErrors)
}

func TestNewNamesTheWrongField(t *testing.T) {
	for field, cfg := range map[string]h2.Config{
		"MaxConnsPerHost":    {MaxConnsPerHost: -1},
		"MaxConns":           {MaxConns: -1},
		"MaxStreamsPerConn":  {MaxStreamsPerConn: -1},
		"WaitTimeout":        {WaitTimeout: -1},
		"DialTimeout":        {DialTimeout: -1},
		"RedialAfter":        {RedialAfter: -1},
		"IdleConnTimeout":    {IdleConnTimeout: -1},
		"MaxConnLifetime":    {MaxConnLifetime: -1},
		"ConnLifetimeJitter": {MaxConnLifetime: 1, ConnLifetimeJitter: 1},
		"DrainTimeout":       {DrainTimeout: -1},
		"Reuse":              {Reuse: 9},
		"Affinity":           {Affinity: -1},
	} {
		tr, err := h2.New(cfg)
		require.ErrorContains(t, err, "h2: Config."+field+" ", field)
		assert.Nil(t, tr)
	}
	for _, cfg := range []h2.Config{{DialTimeout: -1}, {RedialAfter: -1}, {DrainTimeout: -1}} {
		_, err := h2.New(cfg)
		require.ErrorContains(t, err, "is -1ns: use 0 for the default, pool.NoLimit for none")
	}
	b, err := pool.NewBudget(pool.BudgetLimits{})
	require.NoError(t, err)
	for field, cfg := range map[string]h2.Config{"MaxConns": {MaxConns: 1}, "Affinity": {Affinity: 1}} {
		cfg.Budget = b
		_, err = h2.New(cfg)
		require.ErrorContains(t, err, "h2: Config."+field+" is set together with Budget: set it in the Budget's limits")
	}
	_, err = h2.New(h2.Config{DialTimeout: pool.NoLimit, RedialAfter: pool.NoLimit, DrainTimeout: pool.NoLimit})
	require.NoError(t, err)
}

func TestClosedTransportAnswersErrClosed(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		s, base := newServer(t, secure, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		tr := newTransport(t, h2.Config{Base: base})
		resp, err := (&http.Client{Transport: tr}).Get(s.URL)
		require.NoError(t, err)
		require.NoError(t, tr.Close())
		_, err = fetch(tr, s.URL)
		require.ErrorIs(t, err, pool.ErrClosed)
		require.NoError(t, resp.Body.Close())
	})
}

func TestTraceTellsWhichConnectionARequestGot(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		s, base := newServer(t, secure, func(http.ResponseWriter, *http.Request) {})
		tr := newTransport(t, h2.Config{Base: base})
		addr := s.Listener.Addr().String()
		var asked []string
		var got []httptrace.GotConnInfo
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GetConn: func(hostPort string) { asked = append(asked, hostPort) },
			GotConn: func(info httptrace.GotConnInfo) {
				got = append(got, info)
				if len(got) == 2 {
					panic("of the trace")
				}
			},
		})
		send := func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
			require.NoError(t, err)
			resp, err := tr.RoundTrip(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
		}
		send()
		assert.PanicsWithValue(t, "of the trace", send)
		assert.Zero(t, tr.Stats().Leases, "the stream is given back")
		send()
		assert.Equal(t, []string{addr, addr, addr}, asked)
		require.Len(t, got, 3)
		for i, info := range got {
			assert.Equal(t, addr, info.Conn.RemoteAddr().String())
			assert.Equal(t, i > 0, info.Reused)
		}
		assert.Equal(t, uint64(1), tr.Stats().Dials)
	})
}
