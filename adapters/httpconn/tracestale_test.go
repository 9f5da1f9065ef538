package httpconn_test

import (
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The lease of a stale connection has not ended yet when the trace hears of the next.
func TestPanicInATraceAfterAStaleConnectionLeaksNothing(t *testing.T) {
	f := newForgetful(t, nil)
	tr, err := httpconn.New(httpconn.Config{Base: &http.Transport{}, MaxConnsPerHost: 1})
	require.NoError(t, err)
	defer func() { _ = tr.Close() }()
	asked := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(string) {
		if asked++; asked == 3 {
			panic("trace")
		}
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	require.NoError(t, err)
	resp, err := tr.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.PanicsWithValue(t, "trace", func() { _, _ = tr.RoundTrip(req) }) //nolint:bodyclose // there is no response
	assert.Zero(t, tr.Stats().Leases)
}
