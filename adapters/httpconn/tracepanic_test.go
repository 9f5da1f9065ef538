package httpconn_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// A panic in the caller's own trace must not cost the host its connection.
func TestPanicInATraceGivesTheConnectionBack(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	tr, err := httpconn.New(httpconn.Config{Base: &http.Transport{}, MaxConnsPerHost: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, tr.Shutdown(t.Context())) }()

	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { panic("trace") },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	require.NoError(t, err)
	assert.PanicsWithValue(t, "trace", func() { _, _ = tr.RoundTrip(req) }) //nolint:bodyclose // there is no response
	assert.Zero(t, tr.Stats().Leases)

	resp, err := tr.RoundTrip(req.WithContext(t.Context()))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}
