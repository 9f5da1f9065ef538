package httpconn_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// docs/http.md: HTTP2.StrictMaxConcurrentRequests does not count, MaxConnsPerHost does.
func TestStrictMaxConcurrentRequestsDoesNotCount(t *testing.T) {
	const streams, requests = 2, 4
	for name, tt := range map[string]struct{ limit, conns int }{
		"no limit": {0, requests / streams},
		"one":      {1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			s := serve(t, tls2, g.ServeHTTP, func(s *http.Server) {
				s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams}
			})
			c := newClient(t, tls2, s, httpconn.Config{MaxConnsPerHost: tt.limit}, func(tr *http.Transport) {
				tr.HTTP2 = &http.HTTP2Config{StrictMaxConcurrentRequests: true}
			})
			start := func() <-chan result { return c.start(request(t.Context(), t, http.MethodGet, s.URL, nil)) }
			first := start() // after it the number of streams is known
			g.pass(t)
			require.NoError(t, within(t, first, "response").err)
			within(t, g.arrived, "request")

			var ends []<-chan result
			for range requests {
				ends = append(ends, start())
			}
			for range tt.conns * streams {
				within(t, g.arrived, "request")
			}
			assert.Equal(t, tt.conns, c.Stats().Open)
			for range requests {
				g.pass(t)
			}
			for _, end := range ends {
				require.NoError(t, within(t, end, "response").err)
			}
			assert.EqualValues(t, tt.conns, c.Stats().Dials)
		})
	}
}
