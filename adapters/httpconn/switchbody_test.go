package httpconn_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// Where the protocol was switched, the connection is the caller's, and outlives the context of
// the request also if that had a body, which net/http may have in hand itself.
func TestSwitchedConnectionOfARequestWithABodyOutlivesTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		s := b.serve(plain1, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			raw, rw, err := http.NewResponseController(w).Hijack()
			if !assert.NoError(t, err) {
				return
			}
			defer raw.Close()
			_, _ = io.WriteString(raw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
			_, _ = io.Copy(raw, rw)
		})
		c := b.client(plain1, s, httpconn.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req := request(ctx, t, http.MethodPost, s.URL, strings.NewReader("start"))
		req.Header.Set("Upgrade", "echo")
		req.Header.Set("Connection", "Upgrade")
		resp, err := c.RoundTrip(req)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
		cancel()
		synctest.Wait()
		_, err = io.WriteString(resp.Body.(io.Writer), "hello\n")
		require.NoError(t, err)
		line, err := bufio.NewReader(resp.Body).ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "hello\n", line)
		require.NoError(t, resp.Body.Close())
	})
}
