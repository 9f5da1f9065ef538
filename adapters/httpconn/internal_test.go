package httpconn

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/h2"
)

func TestHostStringHidesThePassword(t *testing.T) {
	for want, h := range map[string]Host{
		"https://a:443":                       {Scheme: "https", Addr: "a:443"},
		"https://a:443 (HTTP/1)":              {Scheme: "https", Addr: "a:443", OnlyHTTP1: true},
		"http://* by http://me:xxxxx@proxy:1": {Scheme: "http", Proxy: "http://me:word@proxy:1"},
		"https://a:443 by socks5://proxy:1":   {Scheme: "https", Addr: "a:443", Proxy: "socks5://proxy:1"},
	} {
		assert.Equal(t, want, h.String())
	}
}

func TestMemoryForgetsTheLeastRecentHost(t *testing.T) {
	m := newMemory()
	host := func(i int) Host { return Host{Scheme: "https", Addr: fmt.Sprint(i)} }
	for i := range memorySize {
		m.learnHTTP1(host(i))
	}
	assert.Equal(t, 1, m.streams(host(0))) // now the most recent
	m.learnHTTP1(host(memorySize))
	assert.Equal(t, 1, m.streams(host(0)))
	assert.Equal(t, h2.InitialStreams, m.streams(host(1)), "forgotten, so as if never met")
	assert.Equal(t, 1, m.streams(host(2)))
	assert.Len(t, m.mu.entries, memorySize)
	assert.Equal(t, memorySize, m.mu.recent.Len())
}

func TestMemoryKeepsWhatTheServerSaidBeforeANewConnectionHasHeard(t *testing.T) {
	m := newMemory()
	h := Host{Scheme: "https", Addr: "a:443"}
	m.learnHTTP1(h)
	m.learnHTTP2(h)
	assert.Equal(t, h2.InitialStreams, m.streams(h), "it spoke HTTP/1 and now HTTP/2")
	for _, n := range []int{250, 1} {
		m.learnStreams(h, n)
		m.learnHTTP2(h)
		assert.Equal(t, n, m.streams(h))
	}
}

func TestPingInterval(t *testing.T) {
	for _, tt := range []struct{ base, config, want time.Duration }{
		{0, 0, 30 * time.Second},
		{time.Second, 0, time.Second},
		{time.Second, time.Minute, time.Minute},
		{time.Second, NoLimit, 0},
	} {
		base := &http.Transport{HTTP2: &http.HTTP2Config{SendPingTimeout: tt.base}}
		s := newSettings(base, limits{pingTime: tt.config})
		assert.Equal(t, tt.want, s.auto.HTTP2.SendPingTimeout)
		assert.Equal(t, tt.base, base.HTTP2.SendPingTimeout)
	}
}

func TestConnectionKnowsHowLongItMayBeIdle(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	tr, err := New(Config{Base: &http.Transport{IdleConnTimeout: time.Minute}})
	require.NoError(t, err)
	defer func() { assert.NoError(t, tr.Close()) }()
	c, err := tr.dial(t.Context(), Host{Scheme: "http", Addr: s.Listener.Addr().String()})
	require.NoError(t, err)
	assert.Equal(t, time.Minute, c.serial.idleTime)
	require.NoError(t, c.close())
}

// The pool asks for the capacity and then what to expect. The second answer must
// not change what the connection thinks it has said, or the hook says nothing of
// what has happened between the two.
func TestExpectSaysNothingToThePool(t *testing.T) {
	s := &serial{} // with a connection it would look
	s.told.Store(false)
	assert.Zero(t, (&conn{serial: s}).expect())
	assert.False(t, s.told.Load())
}
