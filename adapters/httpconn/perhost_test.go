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
	tr, err := httpconn.New(httpconn.Config{
		Base:    &http.Transport{},
		PerHost: func(httpconn.Host) pool.Limits { return pool.Limits{MaxOpen: -1} },
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, tr.Close()) }()
	req := request(t.Context(), t, http.MethodGet, "http://127.0.0.1:1/", nil)
	_, err = tr.RoundTrip(req) //nolint:bodyclose // there is no response
	require.ErrorContains(t, err, "httpconn: Config.PerHost")
	require.ErrorContains(t, err, "MaxOpen is -1")
}
