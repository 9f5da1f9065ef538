package httpconn

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
