package httpconn_test

import (
	"net"
	"net/http"
	"testing"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The error names the field that the user has set.
func TestDialThatReturnsNothingIsNamedAsByNetHTTP(t *testing.T) {
	base := &http.Transport{Dial: func(string, string) (net.Conn, error) { return nil, nil }} //nolint:staticcheck // deprecated, and still honoured
	_, theirs := base.RoundTrip(request(t.Context(), t, http.MethodGet, "http://127.0.0.1:1/", nil))
	tr, err := httpconn.New(httpconn.Config{Base: base})
	require.NoError(t, err)
	_, ours := tr.RoundTrip(request(t.Context(), t, http.MethodGet, "http://127.0.0.1:1/", nil))
	assert.ErrorContains(t, ours, theirs.Error())
	require.NoError(t, tr.Shutdown(t.Context()))
}
