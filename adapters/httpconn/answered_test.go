package httpconn_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/httpconn"
)

// A server that answers an upload early and closes the connection has acted on it, although
// what net/http returns is the failure to write the rest.
func TestUploadThatWasAnsweredIsNotSentAgain(t *testing.T) {
	for name, answer := range map[string]string{
		"refused":   "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n",
		"malformed": "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				var uploads atomic.Int32
				addr := listenOn(t, b.listen(), func(c net.Conn) {
					defer func() { _ = c.Close() }()
					for r := bufio.NewReader(c); ; {
						req, err := http.ReadRequest(r)
						if err != nil {
							return
						}
						if req.Method == http.MethodGet {
							_, _ = io.WriteString(c, ok)
							continue
						}
						uploads.Inc()
						_, _ = io.WriteString(c, answer)
						time.Sleep(10 * time.Millisecond)
						return
					}
				})
				tr, err := httpconn.New(httpconn.Config{Base: &http.Transport{DialContext: b.net.DialContext}})
				require.NoError(t, err)
				resp, err := tr.RoundTrip(request(t.Context(), t, http.MethodGet, "http://"+addr, nil))
				require.NoError(t, err)
				_, err = read(resp)
				require.NoError(t, err)
				req := request(t.Context(), t, http.MethodPut, "http://"+addr, strings.NewReader(strings.Repeat("x", 1<<20)))
				req.Header.Set("Idempotency-Key", "1")
				if resp, err = tr.RoundTrip(req); err == nil {
					_, _ = read(resp)
				}
				require.EqualValues(t, 1, uploads.Load(), "sent, %v", err)
				require.NoError(t, tr.Shutdown(t.Context()))
			})
		})
	}
}
