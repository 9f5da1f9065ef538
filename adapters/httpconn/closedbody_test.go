package httpconn_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// A connection that is done with a request closes its body, which ends a Read that waits. The
// body has not failed by that: the request is sent again with another one, as by net/http.
func TestReadThatTheConnectionEndsIsNoFailureOfTheBody(t *testing.T) {
	for name, refuse := range map[string]func(c *rawConn, stream uint32){
		"refused": func(c *rawConn, stream uint32) { c.reset(stream, codeRefused) },
		"goodbye": func(c *rawConn, stream uint32) { c.goAway(0, codeNo) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
				if n == 0 {
					refuse(c, stream)
					return
				}
				c.ok(stream)
			})
			base := &http.Transport{Protocols: new(http.Protocols)}
			base.Protocols.SetUnencryptedHTTP2(true)
			tr, err := httpconn.New(httpconn.Config{Base: base})
			require.NoError(t, err)
			defer func() { assert.NoError(t, tr.Close()) }()
			waits, in := io.Pipe()
			defer func() { _ = in.Close() }()
			req := request(t.Context(), t, http.MethodPost, s.url, waits)
			req.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
			resp, err := tr.RoundTrip(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
		})
	}
}
