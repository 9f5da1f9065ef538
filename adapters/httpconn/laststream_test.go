package httpconn_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/httpconn"
)

// A connection ends with its last stream where the server has said goodbye, or the request
// asked for it. That is no sign that the server did not see the request whose stream it has
// reset.
func TestStreamThatIsResetAsTheLastOneIsNotSentAgain(t *testing.T) {
	for _, asked := range []bool{false, true} {
		var bad atomic.Int32
		s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
			if n == 0 {
				c.ok(stream)
				return
			}
			bad.Add(1)
			if !asked {
				c.goAway(stream, codeNo)
			}
			c.reset(stream, codeInternal)
		})
		base := &http.Transport{Protocols: new(http.Protocols)}
		base.Protocols.SetUnencryptedHTTP2(true)
		tr, err := httpconn.New(httpconn.Config{Base: base})
		require.NoError(t, err)
		c := &http.Client{Transport: tr}
		resp, err := c.Get(s.url)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())

		req := request(t.Context(), t, "GET", s.url, nil)
		req.Close = asked
		_, err = c.Do(req)
		require.ErrorContains(t, err, "INTERNAL_ERROR")
		require.NoError(t, tr.Close())
		assert.EqualValues(t, 1, bad.Load(), "asked %v", asked)
	}
}
