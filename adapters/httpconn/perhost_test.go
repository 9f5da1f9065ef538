package httpconn_test

import (
	"net/http"
	"testing"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/require"
)

// PerHost is asked when a host is first used, so it is then that a wrong answer
// shows, under the name that the user knows.
func TestWrongPerHostIsNamed(t *testing.T) {
	for want, l := range map[string]pool.Limits{
		"httpconn: Config.PerHost: limits of http://127.0.0.1:1: MaxOpen is -1: use 0 for the limit per host, pool.NoLimit for none": {MaxOpen: -1},
		"httpconn: Config.PerHost: limits of http://127.0.0.1:1: MinIdle is -2: use 0 for the limit per host, pool.NoLimit for none": {MinIdle: -2},
	} {
		tr, err := httpconn.New(httpconn.Config{
			Base:    &http.Transport{},
			PerHost: func(httpconn.Host) pool.Limits { return l },
		})
		require.NoError(t, err)
		req := request(t.Context(), t, http.MethodGet, "http://127.0.0.1:1/", nil)
		_, err = tr.RoundTrip(req) //nolint:bodyclose // there is no response
		require.EqualError(t, err, want)
		require.EqualError(t, tr.Warm(t.Context(), "http://127.0.0.1:1/", 1), want)
		require.NoError(t, tr.Close())
	}
}

// So do those of SetLimits.
func TestWrongLimitsAreNamed(t *testing.T) {
	tr, err := httpconn.New(httpconn.Config{Base: &http.Transport{}, MaxIdleConnsPerHost: 2})
	require.NoError(t, err)
	h := httpconn.Host{Scheme: "http", Addr: "127.0.0.1:1"}
	for want, l := range map[string]pool.Limits{
		"httpconn: SetLimits: MaxDials is -1: use 0 for the limit per host, pool.NoLimit for none":                         {MaxDials: -1},
		"httpconn: SetLimits: limits of http://127.0.0.1:1: MinIdle is 5, above MaxIdle 2: lower MinIdle or raise MaxIdle": {MinIdle: 5},
	} {
		require.EqualError(t, tr.SetLimits(h, l), want)
	}
	require.NoError(t, tr.SetLimits(h, pool.Limits{MinIdle: 1}))
	require.NoError(t, tr.Close())
}
