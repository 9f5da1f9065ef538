package httpconn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// What callers ask of an error without looking into it is what http.Transport says.
func TestErrorsAreTimeoutsAndTemporaryAsWithNetHTTP(t *testing.T) {
	dial := func(err error) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
	}
	for name, f := range map[string]func(context.Context, string, string) (net.Conn, error){
		"refused":     dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)),
		"no file":     dial(os.NewSyscallError("socket", syscall.EMFILE)),
		"timeout":     dial(os.ErrDeadlineExceeded),
		"name server": dial(&net.DNSError{Err: "server misbehaving", IsTemporary: true}),
		"no name":     dial(&net.DNSError{Err: "no such host", IsNotFound: true}),
		"deadline": func(ctx context.Context, _, _ string) (net.Conn, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Minute): // net/http does not end the dial
				return nil, errors.New("late")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := &http.Transport{DialContext: f}
				ours, err := httpconn.New(httpconn.Config{Base: base})
				require.NoError(t, err)
				answers := map[http.RoundTripper][]bool{}
				for _, rt := range []http.RoundTripper{base, ours} {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					_, err := (&http.Client{Transport: rt}).Do(request(ctx, t, http.MethodGet, "http://example.test/", nil))
					cancel()
					var outer *url.Error
					require.ErrorAs(t, err, &outer)
					_, isNet := outer.Err.(net.Error) //nolint:errorlint // as package net/url asks
					answers[rt] = []bool{outer.Timeout(), outer.Temporary(), os.IsTimeout(err), isNet}
				}
				assert.Equal(t, answers[base], answers[ours], "timeout, temporary, os.IsTimeout, a net.Error")
				assert.NoError(t, ours.Shutdown(t.Context()))
				time.Sleep(2 * time.Minute) // for that dial of net/http's
			})
		})
	}
}

func TestServerWithoutTLSIsNamed(t *testing.T) {
	s := serve(t, plain1, echo)
	c := newClient(t, plain1, nil, httpconn.Config{})
	got := within(t, c.start(request(t.Context(), t, http.MethodGet, "https"+s.URL[len("http"):], nil)), "error")
	require.ErrorIs(t, got.err, http.ErrSchemeMismatch)
	var header tls.RecordHeaderError
	require.ErrorAs(t, got.err, &header)

	other := listen(t, func(c net.Conn) {
		_, _ = c.Write([]byte("SSH-2.0-OpenSSH\r\n"))
		_ = c.Close()
	})
	got = within(t, c.start(request(t.Context(), t, http.MethodGet, "https://"+other, nil)), "error")
	require.ErrorAs(t, got.err, &header)
	assert.False(t, errors.Is(got.err, http.ErrSchemeMismatch))
}

// A connection that its request did not wait for is closed where none is to be kept.
func TestUnusedConnectionIsNotKeptWhereNoneIs(t *testing.T) {
	for name, tune := range map[string]func(*http.Transport){
		"DisableKeepAlives":         func(tr *http.Transport) { tr.DisableKeepAlives = true },
		"MaxIdleConnsPerHost below": func(tr *http.Transport) { tr.MaxIdleConnsPerHost = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, plain1, echo)
			c := newClient(t, plain1, s, httpconn.Config{}, tune)
			c.wires.hold = make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			ch := c.start(request(ctx, t, http.MethodGet, s.URL, nil))
			within(t, c.wires.began, "dial")
			cancel()
			require.ErrorIs(t, within(t, ch, "end of the request").err, context.Canceled)
			close(c.wires.hold)
			assert.Eventually(t, func() bool { st := c.Stats(); return st.Dialing+st.Open+st.Closing == 0 }, patience, time.Millisecond)
		})
	}
}

// The limits of PerHost go before that.
func TestPerHostMayKeepConnectionsAllTheSame(t *testing.T) {
	for name, tune := range map[string]func(*http.Transport){
		"DisableKeepAlives":         func(tr *http.Transport) { tr.DisableKeepAlives = true },
		"MaxIdleConnsPerHost below": func(tr *http.Transport) { tr.MaxIdleConnsPerHost = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, plain1, echo)
			c := newClient(t, plain1, s, httpconn.Config{PerHost: func(httpconn.Host) pool.Limits {
				return pool.Limits{MinIdle: 1}
			}}, tune)
			require.NoError(t, within(t, c.start(request(t.Context(), t, http.MethodGet, s.URL, nil)), "response").err)
			assert.Eventually(t, func() bool { return c.Stats().Idle == 1 }, patience, time.Millisecond)
		})
	}
}

func TestProxyWithoutTLSIsNotTakenForTheServer(t *testing.T) {
	s := serve(t, plain1, echo)
	proxy, err := url.Parse("https" + s.URL[len("http"):])
	require.NoError(t, err)
	c := newClient(t, plain1, nil, httpconn.Config{}, func(tr *http.Transport) { tr.Proxy = http.ProxyURL(proxy) })
	got := within(t, c.start(request(t.Context(), t, http.MethodGet, "http://example.test/", nil)), "error")
	var header tls.RecordHeaderError
	require.ErrorAs(t, got.err, &header)
	assert.NotErrorIs(t, got.err, http.ErrSchemeMismatch)
}
