package httpconn_test

import (
	"net/http"
	"testing"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// To raise MaxIdleConnsPerHost, as the error once said, would change nothing.
func TestWarmSaysThatKeepAlivesAreOff(t *testing.T) {
	for _, idle := range []int{0, 5} {
		tr, err := httpconn.New(httpconn.Config{Base: &http.Transport{DisableKeepAlives: true}, MaxIdleConnsPerHost: idle})
		require.NoError(t, err)
		assert.EqualError(t, tr.Warm(t.Context(), "http://127.0.0.1:1/", 1),
			"httpconn: n is 1, and no connection is kept, as Base.DisableKeepAlives is set: ask Warm for 0, or unset that")
		assert.NoError(t, tr.Warm(t.Context(), "http://127.0.0.1:1/", 0))
		require.NoError(t, tr.Shutdown(t.Context()))
	}
}
