package httpconn_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A body that was read to its end leaves its connection free, whatever was in it.
func TestBodyThatIsNotGzipKeepsItsConnection(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "this is not what it says")
	}))
	defer s.Close()
	tr, err := httpconn.New(httpconn.Config{Base: &http.Transport{}})
	require.NoError(t, err)
	defer func() { require.NoError(t, tr.Shutdown(t.Context())) }()
	for range 3 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		require.NoError(t, err)
		resp, err := tr.RoundTrip(req)
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.Error(t, err)
		require.NoError(t, resp.Body.Close())
	}
	assert.EqualValues(t, 1, tr.Stats().Dials)
}
