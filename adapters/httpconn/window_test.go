package httpconn_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// The end of the context ends an upload that waits for a window, also when the response has
// begun, whether or not somebody reads it.
func TestUploadWithoutAWindowEndsWithItsContext(t *testing.T) {
	for name, dropped := range map[string]bool{"read": false, "dropped": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				s := b.raw(func(c *rawConn, n int, stream uint32) {
					if n > 0 {
						c.ok(stream)
						return
					}
					c.begin(stream)
				})
				c := b.client(plain2, nil, httpconn.Config{MaxConnsPerHost: 1, MaxStreamsPerConn: 1})
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				resp, err := c.RoundTrip(request(ctx, t, http.MethodPost, s.url, strings.NewReader(strings.Repeat("x", 1<<20))))
				require.NoError(t, err)
				if !dropped {
					ended := make(chan error, 1)
					go func() {
						_, err := io.Copy(io.Discard, resp.Body)
						ended <- err
					}()
					select {
					case err := <-ended:
						assert.ErrorIs(t, err, context.DeadlineExceeded)
					case <-time.After(time.Minute):
						assert.Fail(t, "the body does not end")
					}
				}
				later, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				assert.NoError(t, within(t, c.start(request(later, t, http.MethodGet, s.url, nil)), "response").err)
				require.NoError(t, resp.Body.Close())
			})
		})
	}
}
