package h2_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
)

// halfServer answers with one half of a body, and with the other once goOn was called.
func halfServer(t *testing.T) (url string, base *http.Transport, goOn func()) {
	rest := make(chan struct{})
	s, base := newServer(t, true, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one half, ")
		_ = http.NewResponseController(w).Flush()
		<-rest
		_, _ = io.WriteString(w, "the other")
	})
	goOn = sync.OnceFunc(func() { close(rest) })
	t.Cleanup(goOn)
	return s.URL, base, goOn
}

func open(t *testing.T, tr *h2.Transport, url string) *http.Response {
	resp, err := (&http.Client{Transport: tr}).Get(url)
	require.NoError(t, err)
	return resp
}

func finish(t *testing.T, resp *http.Response) {
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "one half, the other", string(b))
	require.NoError(t, resp.Body.Close())
}

// hostOf returns the Host of the server at url.
func hostOf(t *testing.T, tr *h2.Transport, url string) h2.Host {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	h, err := tr.HostOf(req)
	require.NoError(t, err)
	return h
}

func TestHostOfIsWhatRequestsArePooledUnder(t *testing.T) {
	tr := newTransport(t, h2.Config{})
	for url, want := range map[string]h2.Host{
		"https://Example.COM/a?b":      {Scheme: "https", Addr: "example.com:443"},
		"http://user:pw@bücher.test:8": {Scheme: "http", Addr: "xn--bcher-kva.test:8"},
	} {
		assert.Equal(t, want, hostOf(t, tr, url))
	}
	_, err := tr.HostOf(&http.Request{})
	assert.EqualError(t, err, "http: nil Request.URL")
}

func TestOneHostIsShutDownAndUsedAgain(t *testing.T) {
	url, base, goOn := halfServer(t)
	tr := newTransport(t, h2.Config{Base: base})
	host := hostOf(t, tr, url)
	_, known := tr.StatsFor(host)
	assert.False(t, known, "before the first request")
	first := open(t, tr, url)
	s, known := tr.StatsFor(host)
	assert.True(t, known)
	assert.Equal(t, 1, s.Leases)

	soon, cancel := context.WithCancel(t.Context())
	cancel()
	err := tr.ShutdownHost(soon, host)
	require.EqualError(t, err, "h2: shutdown of "+host.String()+": of the connections 1 in use, 0 dialing and 0 closing are left: context canceled")
	require.ErrorIs(t, err, context.Canceled)
	_, err = fetch(tr, url)
	require.ErrorIs(t, err, pool.ErrClosed)

	goOn()
	finish(t, first)
	require.NoError(t, tr.ShutdownHost(t.Context(), host))
	finish(t, open(t, tr, url))
	assert.EqualValues(t, 2, tr.Stats().Dials)
}

func TestLimitsOfOneHostWhileItRuns(t *testing.T) {
	url, base, goOn := halfServer(t)
	tr := newTransport(t, h2.Config{Base: base, MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
	host := hostOf(t, tr, url)
	require.EqualError(t, tr.SetLimits(host, pool.Limits{MaxDials: -1}), "h2: SetLimits: MaxDials is -1: use 0 for the limit per host, pool.NoLimit for none")
	require.NoError(t, tr.SetLimits(host, pool.Limits{MaxOpen: 2}))
	first, second := open(t, tr, url), open(t, tr, url)
	assert.Equal(t, 2, tr.Stats().InUse)
	goOn()
	finish(t, first)
	finish(t, second)
}

func TestShutdownTellsWhatIsLeft(t *testing.T) {
	url, base, goOn := halfServer(t)
	tr := newTransport(t, h2.Config{Base: base})
	host, resp := hostOf(t, tr, url), open(t, tr, url)
	why := io.ErrNoProgress
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	err := tr.Shutdown(ended)
	require.EqualError(t, err, "h2: shutdown: of the connections 1 in use, 0 dialing and 0 closing are left, to "+host.String()+" first: "+why.Error())
	require.ErrorIs(t, err, why)
	goOn()
	finish(t, resp)
}

func TestShutdownTellsOfAHook(t *testing.T) {
	called, rest := make(chan struct{}), make(chan struct{})
	tr := newTransport(t, h2.Config{
		Dial:  func(context.Context, h2.Host) (h2.Conn, error) { return nil, io.ErrUnexpectedEOF },
		Hooks: &pool.Hooks{DialFailed: func(pool.DialEvent) { close(called); <-rest }},
	})
	failed := make(chan error, 1)
	go func() {
		_, err := fetch(tr, "http://127.0.0.1:1")
		failed <- err
	}()
	<-called
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.EqualError(t, tr.Shutdown(ended), "h2: shutdown: a hook has not returned: context canceled")
	close(rest)
	require.Error(t, <-failed)
}
