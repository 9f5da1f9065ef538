package httpconn_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// An answer that makes no sense ends its connection, with the requests of others on it. The
// request may be one of those others, so it is sent again; but not on one connection after
// the other, for the answer may be its own. So may it be the request of which the server can
// make nothing, and says so as it ends the connection. One that just leaves says nothing of
// the request.
func TestRequestThatMakesNoSenseEndsTwoConnectionsAtMost(t *testing.T) {
	const used = 4
	for name, tt := range map[string]struct {
		answer func(c *rawConn, stream uint32)
		sent   int
		words  string
	}{
		"its answer": {func(c *rawConn, _ uint32) {
			c.frame(frameData, 0, connectionFrame, 'x') // belongs to no stream
		}, 2, "PROTOCOL_ERROR"},
		"the request": {func(c *rawConn, stream uint32) {
			c.goAway(stream, codeProtocol)
			_ = c.Close()
		}, 2, "PROTOCOL_ERROR"},
		"neither": {func(c *rawConn, stream uint32) {
			c.goAway(stream, codeNo)
			_ = c.Close()
		}, used + 1, "NO_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			arrived, goOn := make(chan struct{}), make(chan struct{})
			s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
				if n < used {
					arrived <- struct{}{}
					<-goOn
					c.ok(stream)
					return
				}
				tt.answer(c, stream)
			}, func(s *rawHTTP2) {
				s.begin = func(c *rawConn) { c.streams(1) }
			})
			c := newClient(t, plain2, nil, httpconn.Config{MaxIdleConnsPerHost: used})
			var ends [used]<-chan result
			for i := range ends {
				ends[i] = c.start(request(t.Context(), t, http.MethodGet, s.url, nil))
				within(t, arrived, "request")
			}
			close(goOn)
			for _, end := range ends {
				require.NoError(t, within(t, end, "response").err)
			}
			err := within(t, c.start(request(t.Context(), t, http.MethodGet, s.url, nil)), "error").err
			require.ErrorContains(t, err, tt.words)
			_, requests := s.counts()
			assert.Equal(t, used+tt.sent, requests)
		})
	}
}
