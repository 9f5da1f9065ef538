package httpconn

import (
	"net/http"
	"testing"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A burst to a host that was never met dials for as many requests as a connection may carry.
func TestConnectionIsExpectedToCarryNoMoreThanItMay(t *testing.T) {
	host := Host{Scheme: "https", Addr: "a.example:443"}
	for most, want := range map[int]int{0: h2.InitialStreams, 2: 2, 1_000: h2.InitialStreams} {
		tr, err := New(Config{Base: &http.Transport{ForceAttemptHTTP2: true}, MaxStreamsPerConn: most})
		require.NoError(t, err)
		assert.Equal(t, want, tr.shared(host), "MaxStreamsPerConn: %d", most)
		require.NoError(t, tr.Close())
	}
}

// net/http speaks HTTP/1 to a plain host where it may.
func TestConnectionOfPlainHTTPIsExpectedToCarryOneRequest(t *testing.T) {
	base := &http.Transport{Protocols: new(http.Protocols)}
	base.Protocols.SetHTTP1(true)
	base.Protocols.SetUnencryptedHTTP2(true)
	tr, err := New(Config{Base: base})
	require.NoError(t, err)
	assert.Equal(t, 1, tr.shared(Host{Scheme: "http", Addr: "a.example:80"}))
	require.NoError(t, tr.Close())
}
